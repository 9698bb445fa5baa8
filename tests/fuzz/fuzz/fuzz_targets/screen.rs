#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inox_fuzz::fuzz("screen", bytes));
