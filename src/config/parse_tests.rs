use super::*;

fn rule<T: std::fmt::Debug>(outcome: Result<T, Fault>) -> String {
    format!("{:?}", outcome.unwrap_err())
}

#[test]
fn a_timeout_is_above_zero_and_a_delay_need_not_be() {
    assert_eq!(positive_duration("1ns"), Ok(Duration::from_nanos(1)));
    assert!(positive_duration("0s").is_err());
    assert_eq!(duration("0"), Ok(Duration::ZERO));
    assert!(duration("-1s").is_err());
}

#[test]
fn a_token_lives_from_one_minute_to_one_hour() {
    for good in ["60s", "1m", "3600s", "1h0m0s"] {
        assert!(token_duration(good).is_ok(), "{good}");
    }
    for bad in ["59.999999999s", "1h0m0.000000001s", "0", "-5m", "1d"] {
        assert!(token_duration(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_count_is_written_in_digits_and_bounded() {
    assert_eq!(count("1", 10).unwrap().get(), 1);
    assert_eq!(count("10", 10).unwrap().get(), 10);
    for bad in ["", "0", "11", "+1", "-1", "1.0", "1e1", " 1", "1_0", "99999999999999999999999"] {
        assert!(count(bad, 10).is_err(), "{bad}");
    }
}

#[test]
fn a_boolean_has_the_spellings_of_go_and_no_other() {
    for yes in ["1", "t", "T", "TRUE", "true", "True"] {
        assert_eq!(boolean(yes), Ok(true), "{yes}");
    }
    for no in ["0", "f", "F", "FALSE", "false", "False"] {
        assert_eq!(boolean(no), Ok(false), "{no}");
    }
    for bad in ["", "yes", "on", "tRUE", "2", " true"] {
        assert!(boolean(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_peer_s_words_are_read_in_any_case() {
    assert_eq!(signing_algorithm("rs256"), Ok(SigningAlgorithm::Rs256));
    assert_eq!(signing_algorithm("Es384"), Ok(SigningAlgorithm::Es384));
    assert_eq!(log_level("WARN"), Ok(LogLevel::Warn));
    assert_eq!(log_format("Text"), Ok(LogFormat::Text));
    assert!(signing_algorithm("RS512").is_err() && log_level("trace").is_err() && log_format("xml").is_err());
}

#[test]
fn other_words_are_read_in_lower_case_only() {
    assert_eq!(scheme("http"), Ok(Scheme::Http));
    assert_eq!(forwarded_for("remove"), Ok(ForwardedFor::Remove));
    assert!(scheme("HTTPS").is_err() && forwarded_for("Append").is_err());
}

#[test]
fn an_audience_that_sts_would_refuse_is_refused_with_the_rule() {
    assert_eq!(audience("https://api.example.com"), Ok("https://api.example.com".to_owned()));
    assert!(rule(audience("")).contains("must name an audience"));
    assert!(rule(audience("a b")).contains("must not contain white space"));
    assert!(rule(audience(&"x".repeat(1001))).contains("1000 characters"));
    assert!(rule(audience_set((0..11).map(|n| n.to_string()).collect())).contains("at most 10"));
}

#[test]
fn a_tag_is_split_at_its_first_equals_sign() {
    assert_eq!(tag("team=a=b"), Ok(("team".to_owned(), "a=b".to_owned())));
    assert_eq!(tag("team="), Ok(("team".to_owned(), String::new())));
    assert_eq!(tag("Größe 1:/+-@._=数 "), Ok(("Größe 1:/+-@._".to_owned(), "数 ".to_owned())));
}

#[test]
fn a_tag_s_limits_count_characters_not_bytes() {
    assert!(tag(&format!("{}={}", "ö".repeat(128), "ö".repeat(256))).is_ok());
    assert!(rule(tag(&format!("{}=v", "k".repeat(129)))).contains("1 to 128"));
    assert!(rule(tag(&format!("k={}", "v".repeat(257)))).contains("at most 256"));
    assert!(rule(tag("=v")).contains("1 to 128"));
    assert!(rule(tag("team")).contains("KEY=VALUE"));
    assert!(rule(tag("aws:team=a")).contains("does not begin with aws:"));
    assert!(rule(tag("AWS:team=a")).contains("does not begin with aws:"));
}

#[test]
fn a_tag_of_other_characters_is_refused() {
    for bad in
        ["a=b,c", "a=b;c", "a=\"b\"", "a=b\tc", "a=b\nc", "a=b\u{85}", "a=\u{1f600}", "a*=b", "a=\u{200b}"]
    {
        assert!(rule(tag(bad)).contains("letters, digits"), "{bad:?}");
    }
}
