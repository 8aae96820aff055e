//! Tests of the reading of whole files.
use super::report::{Finding, Report};
use super::*;

const GOOD: &str = "[listeners.a]\naddress = \"127.0.0.1:0\"\n[routes.a]\nupstream = \"https://a.example\"\n";

fn report(text: &str) -> Report {
    match ConfigFile::parse("attache.toml", text.as_bytes(), None) {
        Ok(file) => file.report,
        Err(report) => report,
    }
}

/// The problems as `line:column rule`.
fn places(text: &str) -> Vec<String> {
    let shown = |place: Option<usize>| place.map_or("-".to_owned(), |place| place.to_string());
    let line = |one: &Finding| format!("{}:{} {}", shown(one.line), shown(one.column), one.rule.as_str());
    report(text).findings().iter().map(line).collect()
}

/// The problems of a good file with these lines after it.
fn behind_a_good_file(lines: &str) -> Vec<String> {
    let skipped = GOOD.lines().count();
    let count = |place: &str| {
        let (line, rest) = place.split_once(':').unwrap();
        format!("{}:{rest}", line.parse::<usize>().unwrap() as i64 - skipped as i64)
    };
    places(&format!("{GOOD}{lines}")).iter().map(|place| count(place)).collect()
}

#[test]
fn a_good_file_has_no_problem() {
    assert_eq!(report(GOOD).to_string(), "");
    for text in [GOOD.replace('\n', "\r\n"), format!("\u{feff}{GOOD}"), format!("{GOOD}# \u{fc}")] {
        assert_eq!(report(&text).to_string(), "", "{text:?}");
    }
}

#[test]
fn an_empty_file_is_told_what_it_lacks() {
    for text in ["", "\n\n", "# nothing\n", "\u{feff}"] {
        assert_eq!(places(text), ["-:- missing-key", "-:- missing-key"], "{text:?}");
    }
}

#[test]
fn a_wrong_type_is_named_with_the_form_that_is_wanted() {
    for (lines, place) in [
        ("upstream-timeout = 30", "1:20 wrong-type"),
        ("upstream-timeout = 1.5", "1:20 wrong-type"),
        ("upstream-timeout = true", "1:20 wrong-type"),
        ("upstream-timeout = 1979-05-27", "1:20 wrong-type"),
        ("upstream-timeout = [\"30s\"]", "1:20 wrong-type"),
        ("upstream-timeout = { s = 30 }", "1:20 wrong-type"),
        ("strip-prefix = \"true\"\npath-prefix = \"/a\"", "1:16 wrong-type"),
        ("[credentials]\na = \"https://a\"", "2:5 wrong-type"),
        ("[[credentials]]\naudience = \"https://a\"", "1:1 wrong-type"),
    ] {
        assert_eq!(behind_a_good_file(lines), [place], "{lines}");
    }
    assert!(report(&format!("{GOOD}upstream-timeout = 30")).to_string().contains("write \"30s\""));
    assert_eq!(places("routes = 3\n[listeners.a]\naddress = \":1\"")[0], "1:10 wrong-type");
}

#[test]
fn what_tables_say_together_is_judged() {
    for (lines, expected) in [
        ("listener = \"b\"", &["1:12 unknown-name"][..]),
        ("credential = \"b\"", &["1:14 unknown-name"]),
        ("host-header = \"X-Host\"", &["1:1 conflict"]),
        ("allow-hosts = [\"a.example\"]", &["1:1 conflict"]),
        ("upstream-scheme = \"http\"", &["1:1 conflict"]),
        ("strip-prefix = true", &["1:1 conflict"]),
        ("upstream-client-cert = \"a.pem\"", &["1:1 conflict"]),
        ("[routes.b]", &["1:1 missing-key", "1:9 tie"]),
        ("[routes.b]\nhost = \"b\"", &["1:1 missing-key"]),
        ("[routes.b]\nupstream = \"https://b\"", &["1:9 tie"]),
        ("[routes.b]\nupstream = \"https://b\"\npath-prefix = \"b\"", &["3:15 bad-value"]),
        ("[routes.b]\nupstream = \"https://b\"\nlistener = \"a\"", &[]),
        ("[routes.b]\nhost = \"b\"\nhost-header = \"X-Host\"", &["3:15 open-policy"]),
        ("[routes.b]\nhost = \"b\"\nhost-header = \"X-Host\"\nallow-hosts = [\"*\"]", &[]),
        ("[listeners.b]", &["1:1 missing-key"]),
        ("[listeners.b]\naddress = \":0\"\ntls-client-ca = \"ca.pem\"", &["3:1 conflict"]),
        ("[credentials.b]\naudience = \"https://b\"", &["1:14 unused"]),
        ("[credentials.b]\naudience = []", &["1:14 unused", "2:12 bad-value"]),
        (
            "credential = \"b\"\n[credentials.b]\naudience = \"https://b\"\nduration = \"5m\"",
            &["4:12 bad-value"],
        ),
        ("[defaults]\ntoken-refresh-skew = \"1h\"", &["2:22 bad-value"]),
        ("[defaults]\ntoken-tags = [\"a=1\", \"b=1\", \"a=2\"]", &["2:29 bad-value"]),
    ] {
        assert_eq!(behind_a_good_file(lines), expected, "{lines}");
    }
}

#[test]
fn a_listener_without_a_route_is_warned_of() {
    let text =
        GOOD.replace("upstream", "listener = \"a\"\nupstream") + "[listeners.b]\naddress = \"127.0.0.1:0\"\n";
    assert_eq!(places(&text), ["6:12 unused"]);
    let report = report(&text);
    assert_eq!((report.errors(), report.warnings()), (0, 1));
    assert!(
        report.to_string().starts_with("warning[unused]: no route takes the requests of [listeners.b]"),
        "{report}"
    );
    assert!(report.to_string().ends_with("attache.toml can be used, with 1 warning\n"), "{report}");
}

#[test]
fn a_listener_has_another_address_than_metrics() {
    let text = GOOD.replace("127.0.0.1:0", "127.0.0.1:9090");
    let metrics = ListenAddr::Every(9090);
    let report = ConfigFile::parse("attache.toml", text.as_bytes(), Some(&metrics)).err().unwrap();
    assert!(
        report.to_string().contains("must differ from --metrics-listen-addr, which is :9090"),
        "{report}"
    );
}

#[test]
fn a_misspelt_key_or_name_is_led_to_the_one_that_was_meant() {
    for (lines, hint) in [
        ("upsteam-timeout = \"1s\"", "help: upstream-timeout is one"),
        ("upstreams = \"a\"", "help: upstream is one"),
        ("allow-host = [\"a\"]", "help: allow-hosts is one"),
        ("exchange = \"a\"", "help: known are listener, host, path-prefix, "),
        ("[credential.a]\naudience = \"a\"", "help: credentials is one"),
        ("[file.a]\npath = \"a\"", "help: known are defaults, credentials, listeners, routes"),
        ("listener = \"b\"", "help: a is one"),
        ("listener = \"elsewhere\"", "help: there are a"),
        ("credential = \"a\"", "help: the file has no table [credentials.NAME]"),
    ] {
        let report = report(&format!("{GOOD}{lines}"));
        assert!(report.to_string().contains(hint), "{lines}: {report}");
    }
}

#[test]
fn what_is_no_toml_is_told_line_by_line_and_nothing_that_follows_from_it() {
    for (lines, expected) in [
        ("upstream-timeout = 30s", &["1:20 syntax"][..]),
        ("upstream-timeout =", &["1:19 syntax"]),
        ("upstream-timeout", &["1:17 syntax"]),
        ("upstream-timeout = \"30s", &["1:24 syntax"]),
        ("upstream-timeout = tru\nforwarded-for = kep", &["1:20 syntax", "2:17 syntax"]),
        ("upstream-timeout = 30s\nforwarded-for = \"kep\"", &["1:20 syntax", "2:17 bad-value"]),
        ("[routes.b", &["1:10 syntax"]),
        ("[routes.a]\nhost = \"b\"", &["1:9 duplicate-key"]),
        ("upstream = \"https://b\"\nlistener = \"b\"", &["1:1 duplicate-key", "2:12 unknown-name"]),
        ("a b = 1", &["1:3 syntax"]),
    ] {
        assert_eq!(behind_a_good_file(lines), expected, "{lines}");
    }
    let twice = report(&format!("{GOOD}upstream = \"https://b\"\n"));
    assert!(twice.to_string().contains("help: the first stands in line 4"), "{twice}");
}

#[test]
fn an_array_without_an_end_is_one_mistake_and_hides_what_is_behind_it() {
    let found = places("[routes.a]\nallow-hosts = [\n  \"a\",\n  \"b\"\n[routes.b]\nupstream = 3\n");
    assert!(found.iter().all(|place| place.ends_with("syntax")), "{found:?}");
    assert!((1..=3).contains(&found.len()), "{found:?}");
}

#[test]
fn bytes_that_are_no_utf_8_have_a_place_and_the_rest_is_judged() {
    let content = [GOOD.as_bytes(), b"# gr\xfc\xdfe\nupstream-timeout = 3\n"].concat();
    let report = ConfigFile::parse("attache.toml", &content, None).err().unwrap();
    let found: Vec<String> = report.findings().iter().map(ToString::to_string).collect();
    assert_eq!(found[0], "5:5: unreadable: these bytes are no UTF-8, must be UTF-8");
    assert!(found[1].starts_with("6:20: wrong-type: "), "{found:?}");
    let utf_16: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let content = [&b"\xff\xfe"[..], &utf_16].concat();
    let report = ConfigFile::parse("attache.toml", &content, None).err().unwrap();
    assert_eq!((report.errors(), report.findings()[0].rule), (1, Rule::Unreadable));
}

#[test]
fn no_secret_is_shown_wherever_it_stands() {
    let key = "-----BEGIN PRIVATE KEY-----\nhunter2AAAA\nMIIhunter2BBBB\n-----END PRIVATE KEY-----";
    let jwt = "eyJhbGciOiJSUzI1NiJ9.hunter2hunter2.c2lnbmF0dXJl";
    for lines in [
        format!("upstream-ca-cert = \"\"\"{key}\"\"\""),
        format!("upstream-ca-cert = \"\"\"\n{key}\n\"\"\""),
        format!("upstream-ca-cert = {key}"),
        key.to_owned(),
        format!("upstream-ca-cert = \"{}\"", key.replace('\n', "\\n")),
        "host = \"https://ann:hunter2@a.example\"".to_owned(),
        "host = https://ann:hunter2@a.example".to_owned(),
        "upstream-timeout = \"ann:hunter2@a.example\"".to_owned(),
        "upstream-connect-to = \"a.example?password=hunter2\"".to_owned(),
        format!("credential = \"{jwt}\""),
        format!("{jwt} = 1"),
        format!("\"{jwt}\" = 1"),
        format!("[routes.\"{jwt}\"]\nupstream = 3"),
        "[routes.\"ann:hunter2@a.example\"]\nupstream = 3".to_owned(),
        "password = \"hunter2\"".to_owned(),
        "api-key = hunter2".to_owned(),
        format!("forwarded-for = \"{}hunter2\"", "x".repeat(200)),
        format!("upstream-timeout = [\"Bearer {jwt}\"]"),
    ] {
        let report = report(&format!("{GOOD}{lines}\n"));
        assert!(report.errors() > 0, "{lines}");
        let findings: String = report.findings().iter().map(ToString::to_string).collect();
        assert!(!format!("{report}{findings}{report:?}").contains("hunter2"), "{lines}\n{report}");
    }
}

#[test]
fn a_thousand_mistakes_are_counted_and_the_first_ones_shown() {
    let lines: String = (0..1000).map(|n| format!("key-{n} = {n}\n")).collect();
    let report = report(&format!("{GOOD}{lines}"));
    assert_eq!((report.errors(), report.findings().len()), (1000, 50));
    let text = report.to_string();
    assert!(
        text.ends_with("attache.toml cannot be used: 1000 errors, of which 950 are not shown\n"),
        "{text}"
    );
    assert!(text.len() < 50_000, "{} bytes", text.len());
}

#[test]
fn a_line_of_any_length_is_shown_around_its_mistake() {
    let long = format!("{GOOD}allow-addresses = [{}\"10.0.0.0/99\"]\n", "\"10.0.0.0/8\", ".repeat(20_000));
    let report = report(
        &long.replace("upstream = \"https://a.example\"", "host-header = \"X-Host\"\nallow-hosts = [\"*\"]"),
    );
    let text = report.to_string();
    assert!(text.contains("\"10.0.0.0/99\"") && text.len() < 2_000, "{} bytes: {text:.2000}", text.len());
}

#[test]
fn controls_of_a_file_reach_no_terminal() {
    let report = report(&format!("{GOOD}host = \"\\u001b[2J\" # \u{202e}\nkey = 'a\tb' # \u{9b}2J\n"));
    let is_odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!report.to_string().contains(is_odd), "{report:?}");
    assert!(report.findings().iter().all(|finding| !finding.text.contains(is_odd)), "{report:?}");
}

#[test]
fn what_is_written_out_means_the_same() {
    let text = format!(
        "{GOOD}strip-prefix = true\npath-prefix = \"/a\"\nupstream-connect-to = \"b\"\n\
        credential = \"c\"\nforwarded-for = \"keep\"\n\
        [routes.b]\nhost = \"*.B.example\"\nhost-header = \"X-Host\"\nallow-hosts = [\"a:*\", \"*.b\"]\n\
        deny-addresses = [\"10.0.0.1\"]\nupstream-timeout = \"90s\"\n\
        [defaults]\nupstream-timeout = \"5s\"\ntoken-duration = \"10m\"\ntoken-tags = [\"a=1\"]\n\
        [credentials.c]\naudience = \"https://c\"\nalgorithm = \"es384\"\ntags = [\"t=\\u00fc\\\"\\\\\"]\n"
    );
    let text = text.replace("\\u00fc\\\"\\\\", "\u{fc} /=");
    let file =
        ConfigFile::parse("attache.toml", text.as_bytes(), None).unwrap_or_else(|report| panic!("{report}"));
    let expanded = file.expanded();
    let again = ConfigFile::parse("attache.toml", expanded.as_bytes(), None)
        .unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(again.expanded(), expanded);
    for line in [
        "path-prefix = \"/a\"",
        "upstream-connect-to = \"b:443\"",
        "upstream-timeout = \"5s\"",
        "upstream-timeout = \"1m30s\"",
        "upstream-protocol = \"auto\"",
        "duration = \"10m\"",
        "algorithm = \"ES384\"",
        "allow-hosts = [\"a:*\", \"*.b\"]",
        "deny-addresses = [\"10.0.0.1/32\"]",
        "host = \"*.b.example\"",
    ] {
        assert!(expanded.lines().any(|found| found == line), "{line}\n{expanded}");
    }
}

mod any_text {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn has_a_report_with_places_in_it(at in 0usize..2000, cut in 0usize..60, put in "\\PC{0,12}|[\\[\\]{}=\"'#,.\n\r ]{0,8}") {
            let text = include_str!("../../../tests/it/config_files/twelve_mistakes.toml");
            let start = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let end = (start..text.len()).find(|end| *end >= start + cut && text.is_char_boundary(*end)).unwrap_or(text.len());
            let text = [&text[..start], &put, &text[end..]].concat();
            let report = report(&text);
            let lines: Vec<&str> = text.split('\n').collect();
            for finding in report.findings() {
                let (Some(line), Some(column)) = (finding.line, finding.column) else { continue };
                prop_assert!(column <= lines[line - 1].chars().count() + 1, "{finding}");
            }
        }

        #[test]
        fn of_bytes_has_one(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = ConfigFile::parse("attache.toml", &bytes, None);
        }
    }
}
