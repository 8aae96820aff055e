//! The configuration file as an operator meets it: every problem at once, each with its place, and no secret.

use attache::config::file_keys::{SECTIONS, Section};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TWELVE: &str = "tests/it/config_files/twelve_mistakes.toml";
const GOOD: &str = "tests/it/config_files/three_routes.toml";

#[test]
fn twelve_mistakes_are_told_at_once_each_with_its_place() {
    let output = attache(&["config", "check", TWELVE], &[]);
    let report = stderr(&output);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{report}");
    let rules = report.lines().filter_map(|line| line.strip_prefix("error[")?.split_once("]: "));
    let places =
        report.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")?.strip_prefix(TWELVE));
    let found: Vec<String> = rules.zip(places).map(|((rule, _), place)| format!("{rule}{place}")).collect();
    let expected = [
        "unknown-key:4:1",
        "wrong-type:5:25",
        "bad-value:6:18",
        "syntax:10:13",
        "missing-key:12:1",
        "conflict:17:1",
        "bad-name:19:12",
        "same-address:23:11",
        "unknown-name:26:12",
        "bad-value:27:12",
        "duplicate-key:33:1",
        "tie:40:9",
    ];
    assert_eq!(found, expected, "{report}");
    assert!(!report.contains("hunter2"), "{report}");
    assert!(report.ends_with(&format!("\n{TWELVE} cannot be used: 12 errors\n")), "{report}");
}

#[test]
fn a_file_that_can_be_used_says_what_is_in_it() {
    let output = attache(&["config", "check", GOOD], &[]);
    let said = format!("{GOOD} can be used: 2 listeners, 3 routes, 1 credential\n");
    assert_eq!((output.status.code(), stderr(&output), stdout(&output).as_str()), (Some(0), said, ""));
}

#[test]
fn what_cannot_be_read_is_named_with_its_cause() {
    let folder = folder("config_file_unreadable");
    let pipe = folder.join("pipe");
    let _ = fs::remove_file(&pipe);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let large = folder.join("large.toml");
    fs::File::create(&large).unwrap().set_len((4 << 20) + 1).unwrap();
    let empty = folder.join("empty.toml");
    fs::write(&empty, "").unwrap();
    for (path, cause) in [
        (folder.clone(), "error[unreadable]: {} cannot be read: it is a directory"),
        (pipe, "error[unreadable]: {} cannot be read: it is a FIFO or a pipe"),
        (large, "error[unreadable]: {} cannot be read: it is longer than 4 MiB"),
        (folder.join("absent.toml"), "error[unreadable]: {} cannot be read: No such file"),
        (empty, "error[missing-key]: {} has no listeners"),
    ] {
        let path = path.to_str().unwrap();
        let output = attache(&["config", "check", path], &[]);
        let report = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{report}");
        assert!(report.starts_with(&cause.replace("{}", path)), "{report}");
    }
}

#[test]
fn a_file_is_printed_with_its_defaults_and_means_the_same() {
    let output = attache(&["config", "show", GOOD], &[]);
    let shown = stdout(&output);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    for line in ["upstream-timeout = \"5s\"", "upstream-connect-timeout = \"10s\"", "algorithm = \"RS256\""] {
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
    }
    let again = folder("config_file_shown").join("again.toml");
    fs::write(&again, &shown).unwrap();
    assert_eq!(stdout(&attache(&["config", "show", again.to_str().unwrap()], &[])), shown);
    let output = attache(&["config", "show", TWELVE], &[]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
}

#[test]
fn check_looks_at_flags_variables_and_the_file_that_they_name() {
    for (flags, variables) in
        [(&["check", "--config-file", GOOD][..], &[][..]), (&["check"], &[("ATTACHE_CONFIG_FILE", GOOD)])]
    {
        let output = attache(flags, variables);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stderr(&output).contains(&format!("{GOOD} can be used: 2 listeners")), "{}", stderr(&output));
    }
    let output = attache(&["check", "--upstream-host", "api.example.com"], &[("UPSTREM_SCHEME", "http")]);
    assert_eq!(output.status.code(), Some(0));
    let notice = "warning: UPSTREM_SCHEME is not used: it is no setting; UPSTREAM_SCHEME is one\n";
    assert_eq!(stderr(&output), format!("{notice}the settings can be used\n"));
    let output = attache(&["check", "--log-level", "loud", "--config-file", TWELVE], &[]);
    assert_eq!(output.status.code(), Some(2));
    let both = ["--log-level (LOG_LEVEL) is loud, must be debug", "cannot be used: 12 errors"];
    assert!(both.iter().all(|part| stderr(&output).contains(part)), "{}", stderr(&output));
}

#[test]
fn a_start_ends_where_the_file_has_a_mistake() {
    let output = attache(&["--config-file", TWELVE], &[]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(stderr(&output).ends_with("cannot be used: 12 errors\n"), "{}", stderr(&output));
}

#[test]
fn metrics_have_an_address_that_no_listener_of_the_file_has() {
    let file = folder("config_file_metrics").join("attache.toml");
    let route = "[routes.a]\nupstream = \"https://a.example\"";
    fs::write(&file, format!("[listeners.a]\naddress = \":9090\"\n{route}\n")).unwrap();
    let output = attache(&["check", "--config-file", file.to_str().unwrap()], &[]);
    assert_eq!(output.status.code(), Some(2));
    let rule = "must differ from --metrics-listen-addr, which is :9090";
    assert!(stderr(&output).contains(rule), "{}", stderr(&output));
    let elsewhere = ["check", "--config-file", file.to_str().unwrap(), "--metrics-listen-addr", ":8080"];
    assert_eq!(attache(&elsewhere, &[]).status.code(), Some(0));
}

#[test]
fn a_setting_that_the_file_has_a_key_for_is_refused_beside_it() {
    let mut tried = 0;
    let flags: std::collections::BTreeSet<&str> =
        SECTIONS.iter().flat_map(Section::keys).filter_map(|key| key.flag).collect();
    for flag in flags {
        let variable = attache::config::variable_names::variable_of(flag);
        let expected =
            "must not stand beside --config-file (ATTACHE_CONFIG_FILE), because the file has a key for it";
        for (flags, variables) in [
            (vec!["check".to_owned(), format!("--config-file={GOOD}"), format!("--{flag}=x")], vec![]),
            (vec!["check".to_owned(), format!("--config-file={GOOD}")], vec![(variable.as_str(), "x")]),
        ] {
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            let output = attache(&flags, &variables);
            let report = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{flag}: {report}");
            assert!(report.starts_with("error: 1 setting needs attention\n"), "{flag}: {report}");
            assert!(report.contains(&format!("--{flag}")) && report.contains(expected), "{flag}: {report}");
            tried += 1;
        }
    }
    assert!(tried >= 40, "{tried} settings were tried");
}

#[test]
fn the_schema_is_printed_as_it_is_committed() {
    let output = attache(&["config", "schema"], &[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), fs::read_to_string("docs/configuration-file.schema.json").unwrap());
}

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn attache(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
    command.env_clear().args(arguments).envs(environment.iter().copied()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
