#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vitra_watch::fuzzing::proof_file(bytes));
