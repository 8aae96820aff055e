use super::*;
use proptest::prelude::*;

fn shown(nanoseconds: u64) -> String {
    Shown(Duration::from_nanos(nanoseconds)).to_string()
}

#[test]
fn reads_what_go_reads() {
    let cases: [(&str, u64); 25] = [
        ("0", 0),
        ("+0", 0),
        ("-0", 0),
        ("-0s", 0),
        ("0s", 0),
        ("5s", 5_000_000_000),
        ("+5s", 5_000_000_000),
        ("5.s", 5_000_000_000),
        (".5s", 500_000_000),
        ("1.0s", 1_000_000_000),
        ("1.00400s", 1_004_000_000),
        ("10ns", 10),
        ("11us", 11_000),
        ("12\u{b5}s", 12_000),
        ("12\u{3bc}s", 12_000),
        ("13ms", 13_000_000),
        ("3m30.5s", 210_500_000_000),
        ("1h0m0s", 3_600_000_000_000),
        ("10.5s4m", 250_500_000_000),
        ("0.3333333333333333333h", 1_200_000_000_000),
        (".184467440737095516168s", 184_467_440),
        ("1.9ns", 1),
        ("0.100000000000000000000h", 360_000_000_000),
        ("9223372036854775807ns", 9_223_372_036_854_775_807),
        ("39h9m14.425s", 140_954_425_000_000),
    ];
    for (text, nanoseconds) in cases {
        assert_eq!(parse(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
    }
}

#[test]
fn refuses_what_go_refuses() {
    use DurationError::{Malformed, MissingUnit, TooLong, UnknownUnit};
    let cases = [
        ("", Malformed),
        ("+", Malformed),
        ("-", Malformed),
        ("s", Malformed),
        (".", Malformed),
        (".s", Malformed),
        ("+.s", Malformed),
        (" 5s", Malformed),
        ("--5s", Malformed),
        ("3", MissingUnit),
        ("00", MissingUnit),
        ("1h5", MissingUnit),
        ("1d", UnknownUnit),
        ("5S", UnknownUnit),
        ("5s ", UnknownUnit),
        ("5 s", UnknownUnit),
        ("1m-5s", UnknownUnit),
        ("5\u{b5}", UnknownUnit),
        ("3000000h", TooLong),
        ("9223372036854775808ns", TooLong),
        ("9223372036854775.808us", TooLong),
        ("99999999999999999999999s", TooLong),
    ];
    for (text, error) in cases {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}

#[test]
fn a_negative_duration_is_refused() {
    assert_eq!(parse("-1ns"), Err(DurationError::Negative));
    assert_eq!(parse("-1h30m"), Err(DurationError::Negative));
}

#[test]
fn shows_what_an_operator_would_type() {
    assert_eq!(shown(0), "0s");
    assert_eq!(shown(1), "1ns");
    assert_eq!(shown(1_500), "1.5us");
    assert_eq!(shown(500_000_000), "500ms");
    assert_eq!(shown(1_050_000_000), "1.05s");
    assert_eq!(shown(90_000_000_000), "1m30s");
    assert_eq!(shown(7_200_000_000_000), "2h");
    assert_eq!(shown(3_605_000_000_000), "1h5s");
}

proptest! {
    #[test]
    fn what_is_shown_reads_back(nanoseconds in 0..=i64::MAX as u64) {
        let text = shown(nanoseconds);
        prop_assert_eq!(parse(&text), Ok(Duration::from_nanos(nanoseconds)), "{}", text);
    }

    #[test]
    fn round_amounts_read_back(count in 0..10_000u64, unit in prop::sample::select(vec![1, 1_000, 1_000_000, 1_000_000_000])) {
        let text = shown(count * unit);
        prop_assert_eq!(parse(&text), Ok(Duration::from_nanos(count * unit)), "{}", text);
    }

    #[test]
    fn parts_add_up_in_any_order(hours in 0..1_000u64, minutes in 0..1_000u64, seconds in 0..1_000u64) {
        let expected = Ok(Duration::from_secs(hours * 3600 + minutes * 60 + seconds));
        prop_assert_eq!(parse(&format!("{hours}h{minutes}m{seconds}s")), expected);
        prop_assert_eq!(parse(&format!("{seconds}s{hours}h{minutes}m")), expected);
    }

    #[test]
    fn no_text_panics(text in "[-+]?[0-9.a-z\u{b5}\u{3bc} ]{0,40}") {
        let _ = parse(&text);
    }
}
