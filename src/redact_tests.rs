use super::*;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

#[test]
fn a_value_cannot_move_the_terminal() {
    assert_eq!(shown("a\u{1b}[2Jerror: fake"), r#""a\u{1b}[2Jerror: fake""#);
    assert_eq!(shown("info\r\n"), r#""info\r\n""#);
}

#[test]
fn the_content_of_a_file_is_never_shown() {
    let der = [&[0x30, 0x81, 0x87][..], &[7; 0x87]].concat();
    let short = [&[0x30, 0x2e][..], &[7; 0x2e]].concat();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&der));
    for content in [
        pem.clone(),
        pem.replace('\n', " "),
        pem.replace('\n', "\\n"),
        STANDARD.encode(&pem),
        STANDARD.encode(&der),
        STANDARD.encode(&short),
        "hunter2\nhunter3".to_owned(),
    ] {
        assert!(is_file_content(&content), "{content}");
        assert_eq!(shown(&content), "the content of a file, which is not shown");
    }
    for path in ["/etc/attache/tls.key", "MIIB", "tls.key\r\n", "/run/secrets/TLSkey", "MDkw", ""] {
        assert!(!is_file_content(path), "{path}");
    }
}

#[test]
fn tokens_in_a_text_of_another_party_are_not_shown() {
    let jwt = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJhIn0.c2ln";
    for (text, expected) in [
        (format!("token {jwt} is denied"), "token *** is denied"),
        (format!("{jwt},{jwt}"), "***,***"),
        (format!("x={}", &jwt[..20]), "x=***"),
        (format!("Authorization: Bearer {jwt}"), "Authorization: Bearer ***"),
        ("authorization: bearer  b3BhcXVlLXNlY3JldA==!".to_owned(), "authorization: bearer  ***!"),
        ("a Bearer token is missing".to_owned(), "a Bearer token is missing"),
        (r#"Bearer error="invalid_token""#.to_owned(), r#"Bearer error="invalid_token""#),
        ("eyJ is no token, \u{fc} neither".to_owned(), "eyJ is no token, \u{fc} neither"),
        (String::new(), ""),
    ] {
        assert_eq!(without_secrets(&text), expected);
    }
}

#[test]
fn long_texts_are_not_shown() {
    assert_eq!(shown(&"e".repeat(201)), "a text of 201 characters, which is not shown");
    assert_eq!(shown(&"e".repeat(200)), "e".repeat(200));
}

#[test]
fn user_password_and_query_of_a_url_are_not_shown() {
    for (url, expected) in [
        ("https://user:hunter2@api.example.com", "https://***@api.example.com"),
        ("https://hunter2@api.example.com/v1", "https://***@api.example.com/v1"),
        ("https://user:hunt/er?2@x@a.example", "https://***@a.example"),
        ("user:hunter2@api.example.com", "***@api.example.com"),
        ("https://a.example/x?key=hunter2", "https://a.example/x?***"),
        ("what?", "what?"),
    ] {
        assert_eq!(shown(url), format!("{expected:?}"));
    }
}

#[test]
fn what_stands_behind_the_name_of_a_secret_is_not_shown() {
    for (text, expected) in [
        ("password=hunter2, user=ann", "password=***, user=ann"),
        (r#"{"SecretAccessKey": "hunter2", "n": 1}"#, r#"{"SecretAccessKey": "***", "n": 1}"#),
        ("x-api-key: hunter2", "x-api-key: ***"),
        ("\u{dc}password=hunter2", "\u{dc}password=***"),
        // What is beside the name may be of any length in UTF-8.
        ("\u{fc}=1 \u{2028}:\u{1f600}=", "\u{fc}=1 \u{2028}:\u{1f600}="),
        ("the password is wrong", "the password is wrong"),
        ("passwords=2", "passwords=2"),
        ("=", "="),
    ] {
        assert_eq!(without_secrets(text), expected);
    }
}

#[test]
fn the_body_of_pem_is_not_shown_though_its_end_is_missing() {
    let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    assert_eq!(without_secrets(&format!("a {begin}\nMIIB\n{end} b")), format!("a {begin}***{end} b"));
    assert_eq!(without_secrets(&format!("a {begin}\nMIIB")), format!("a {begin}***"));
}

#[test]
fn a_key_in_base64_is_not_shown_and_a_path_or_a_hash_is() {
    let key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1";
    assert_eq!(without_secrets(&format!("AWS_PROFILE={key}.")), "AWS_PROFILE=***");
    for text in [
        "/var/run/secrets/eks.amazonaws.com/serviceaccount/Token/Of/2026/November".to_owned(),
        "0123456789abcdef".repeat(4),
        "arn:aws:sts::123456789012:assumed-role/OrdersStack-TaskRoleOfTheOrders30462DF1-1XYZ/i-0".to_owned(),
    ] {
        assert_eq!(without_secrets(&text), text);
    }
}

#[test]
fn a_place_whose_host_or_path_is_called_secret_is_shown() {
    for text in [
        "vault-secret:8443",
        "https://vault-secret:8443",
        "https://my-api-key:9000/x",
        "secret:443, other",
        "error at vault-secret:8443: refused",
        "https://a.example/secret:rotate",
        "urn:acme:secret:orders",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db",
    ] {
        assert_eq!((&*without_secrets(text), &*without_keys(text)), (text, text));
    }
    for (text, expected) in [
        ("secret:84433x", "secret:***"),
        ("secret:99999", "secret:***"),
        ("password:8443", "password:***"),
        ("secret: 8443", "secret: ***"),
        (r#"{"secret":8443}"#, r#"{"secret":***}"#),
        ("https://secret:8443@a.example/", "https://***@a.example/"),
        ("https://secret:hunter2", "https://secret:***"),
    ] {
        assert_eq!(without_secrets(text), expected);
    }
}

#[test]
fn an_audience_in_the_log_keeps_its_query() {
    assert_eq!(field("audience", "https://a.example/?x=1#y,api://b"), "https://a.example/?x=1#y,api://b");
    assert_eq!(field("audience", "https://a.example/?api-key=hunter2"), "https://a.example/?api-key=***");
    assert_eq!(field("error", "https://a.example/?x=1"), "https://a.example/?***");
}

/// The name of a secret as programs write it.
fn secret_name() -> impl Strategy<Value = String> {
    let prefix = prop_oneof![Just(""), Just("x-"), Just("db_"), Just("vault-")];
    let write: [fn(&str) -> String; 3] =
        [str::to_owned, str::to_uppercase, |name| name.replace("key", "-Key").replace("token", "_token")];
    (prefix, prop::sample::select(&SECRET_NAMES[..]), prop::sample::select(write.to_vec()))
        .prop_map(|(prefix, name, write)| format!("{prefix}{}", write(name)))
}

proptest! {
    #[test]
    fn a_value_behind_the_name_of_a_secret_is_hidden(
        name in secret_name(), sign in prop::sample::select(vec!["=", ":", ": ", " = ", "\":\"", "\": "]),
        value in "[0-9A-Za-z]{0,8}[G-Z][0-9A-Za-z]{2,8}", before in "[a-z ]{0,8}", after in "[,; &\"]",
    ) {
        let text = format!("{before} {name}{sign}{value}{after}");
        for shown in [without_secrets(&text), without_keys(&text)] {
            prop_assert!(shown.contains(&format!("{sign}***{after}")) && !shown.contains(&value), "{}", shown);
        }
    }

    #[test]
    fn a_host_with_a_port_is_shown(
        host in "[a-z]{1,8}-(secret|api-key|access-token)", port in 1..=u16::MAX,
        before in prop::sample::select(vec!["", "https://", "to "]), after in prop::sample::select(vec!["", "/", ", x", ": refused"]),
    ) {
        let text = format!("{before}{host}:{port}{after}");
        prop_assert_eq!(without_secrets(&text), &*text);
        prop_assert_eq!(without_keys(&text), &*text);
    }

    #[test]
    fn userinfo_is_hidden_and_the_host_behind_it_is_shown(
        user in "[a-z]{0,8}", password in "[A-Z0-9:/?#@!]{1,12}", host in "[a-z]{1,8}", port in 1..=u16::MAX,
    ) {
        let text = format!("at https://{user}:{password}@{host}:{port}/");
        let expected = format!("at https://***@{host}:{port}/");
        prop_assert_eq!(without_secrets(&text), expected);
    }
}
