//! The binary: parses arguments and calls the library.

fn main() -> std::process::ExitCode {
    vitra_watch::cli::main()
}
