#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| express_session_fuzz::disk_row::check(input));
