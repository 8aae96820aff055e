//! A duration: what is accepted is no longer than Go's longest, and means the same with a plus sign.
#![no_main]

use attache::config::duration::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(duration) = parse(text) else { return };
    assert!(duration.as_nanos() <= i64::MAX as u128);
    if !text.starts_with(['+', '-']) {
        assert_eq!(parse(&format!("+{text}")), Ok(duration));
    }
});
