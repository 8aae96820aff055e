//! A call's body: whatever comes is a call or a refusal, never a panic.
#![no_main]

use attache::emulator::query::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let _ = parse(body);
});
