//! Settings that are lists.

use super::resolve;

#[test]
fn an_audience_flag_is_one_audience_and_the_variable_is_a_list() {
    let audiences = |arguments: &[&str], environment: &[(String, &str)]| {
        let spec = resolve(arguments, environment).unwrap().route().known_credential().unwrap();
        let set = spec.audiences();
        set.iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(audiences(&["--token-audience", "a,b"], &[]), ["a,b"]);
    assert_eq!(audiences(&["--token-audience", "b", "--token-audience=a"], &[]), ["a", "b"]);
    assert_eq!(audiences(&[], &[("TOKEN_AUDIENCE".into(), "b, a,b")]), ["a", "b"]);
}

#[test]
fn an_empty_entry_of_a_list_is_refused() {
    for text in ["a,", ",a", "a,,b"] {
        let report = resolve(&[], &[("TOKEN_AUDIENCE".into(), text)]).unwrap_err().to_string();
        assert!(
            report.contains("TOKEN_AUDIENCE (--token-audience) is empty, must name an audience"),
            "{report}"
        );
    }
    let report = resolve(&[], &[("ATTACHE_DENY_ADDRESS".into(), "10.0.0.0/8,")]).unwrap_err().to_string();
    assert!(report.contains("ATTACHE_DENY_ADDRESS (--deny-address) is empty, must be a range"), "{report}");
}

#[test]
fn more_audiences_or_tags_than_sts_takes_are_refused() {
    let many = |count: usize| (0..count).map(|n| format!("n{n}=v")).collect::<Vec<_>>().join(",");
    let report = resolve(&[], &[("TOKEN_AUDIENCE".into(), &many(11))]).unwrap_err().to_string();
    assert!(
        report.contains("TOKEN_AUDIENCE (--token-audience) is 11 audiences, must be at most 10"),
        "{report}"
    );
    let report = resolve(&[], &[("ATTACHE_TOKEN_TAG".into(), &many(51))]).unwrap_err().to_string();
    assert!(report.contains("ATTACHE_TOKEN_TAG (--token-tag) is 51 tags, must be at most 50"), "{report}");
    assert_eq!(
        resolve(&[], &[("ATTACHE_TOKEN_TAG".into(), &many(50))])
            .unwrap()
            .route()
            .credential
            .template()
            .tags
            .len(),
        50
    );
}

#[test]
fn a_tag_whose_key_was_given_before_is_refused() {
    let report = resolve(&["--token-tag", "a=1", "--token-tag", "a=2"], &[]).unwrap_err().to_string();
    assert!(
        report.contains(r#"--token-tag (ATTACHE_TOKEN_TAG) is "a=2", must not repeat a key"#),
        "{report}"
    );
}
