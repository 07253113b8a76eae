//! Has the linker give QuickJS our conversion of text to numbers; see `src/replay/engine/numbers.rs`.

fn main() {
    println!("cargo::rustc-link-arg=-Wl,--wrap=js_atod");
    println!("cargo::rerun-if-changed=build.rs");
}
