//! The commands as a person meets them: what they print, where, and how they end.

use attache::config::variable_names::variable_of;
use std::process::{Command, Output, Stdio};

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

#[test]
fn version_prints_name_number_and_platform_on_one_line() {
    let output = attache(&["version"]);
    let platform = format!("({}-{})", std::env::consts::ARCH, std::env::consts::OS);
    assert_eq!(stdout(&output), format!("attache {} {platform}\n", env!("CARGO_PKG_VERSION")));
    assert_done(&output);
}

#[test]
fn the_version_flag_prints_name_and_number() {
    for flag in ["--version", "-v", "-V"] {
        let output = attache(&[flag]);
        assert_eq!(stdout(&output), format!("attache {}\n", env!("CARGO_PKG_VERSION")));
        assert_done(&output);
    }
}

#[test]
fn help_groups_the_flags_under_their_headings() {
    let help = stdout(&attache(&["--help"]));
    let headings = [
        ("Configuration file:", "--config-file"),
        ("Listening:", "--listen-addr"),
        ("Upstream:", "--upstream-host"),
        ("Who may go where:", "--allow-host"),
        ("Tokens:", "--token-audience"),
        ("Logs:", "--log-level"),
        ("Metrics and health:", "--metrics-enabled"),
        ("Process:", "--shutdown-delay"),
    ];
    let mut rest = help.as_str();
    for (heading, first) in headings {
        let start = rest.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading} in order"));
        rest = &rest[start + heading.len() + 2..];
        assert!(rest.trim_start().starts_with(first), "{first} comes first under {heading}");
    }
}

#[test]
fn help_gives_each_setting_one_line_that_ends_with_its_variable() {
    let help = stdout(&attache(&["--help"]));
    let lines: Vec<&str> = help.lines().collect();
    let (_, settings) = help.split_once("\nConfiguration file:\n").unwrap();
    let flags: Vec<&str> = settings.lines().filter_map(|line| line.strip_prefix("      --")).collect();
    assert_eq!(flags.len(), 40);
    for flag in flags {
        let name = flag.split([' ', '[']).next().unwrap();
        let at = lines.iter().position(|line| line.starts_with(&format!("      --{flag}"))).unwrap();
        let variable = variable_of(name);
        assert!(lines[at + 1].ends_with(&format!(" [env: {variable}]")), "{name}: {}", lines[at + 1]);
    }
}

#[test]
fn help_fits_a_hundred_columns_and_ends_with_examples() {
    let help = stdout(&attache(&["--help"]));
    for line in help.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let (_, examples) = help.split_once("\nExamples:\n").unwrap();
    assert_eq!(examples.lines().filter(|line| line.starts_with("    attache ")).count(), 3);
}

#[test]
fn help_is_the_same_from_flag_and_command_and_goes_to_standard_output() {
    let by_flag = attache(&["--help"]);
    assert_done(&by_flag);
    assert_eq!(stdout(&by_flag), stdout(&attache(&["help"])));
    assert_eq!(stdout(&by_flag), stdout(&attache(&["-h"])));
}

#[test]
fn completion_knows_flags_and_commands_in_each_shell() {
    for shell in SHELLS {
        let output = attache(&["completion", shell]);
        assert_done(&output);
        for word in ["token-signing-algorithm", "upstream-host", "version", "completion"] {
            assert!(stdout(&output).contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn what_the_command_line_does_not_know_is_bad_usage() {
    let cases: [&[&str]; 6] = [
        &["--no-such-flag"],
        &["--listen-addr"],
        &["no-such-command"],
        &["completion", "tcsh"],
        &["completion"],
        &["version", "--listen-addr", ":80"],
    ];
    for arguments in cases {
        let output = attache(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).starts_with("error: "), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_secret_that_the_command_line_does_not_know_is_not_repeated() {
    let key = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----";
    let url = "https://me:hunter2@api.example.com";
    let cases: [&[&str]; 8] = [
        &["--tls-key", key],
        &["doctor", "--tls-key", key],
        &[key],
        &[url],
        &["completion", key],
        &["completion", url],
        &["doctor", "--probe-host", url],
        &["healthcheck", "--timeout", url],
    ];
    for arguments in cases {
        let output = attache(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
    }
}

#[test]
fn of_a_flag_given_twice_the_last_counts() {
    let output = attache(&["--log-level", "loud", "--log-level", "louder"]);
    assert!(stderr(&output).contains("is louder,"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("is loud,"));
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    for arguments in [&["completion", "bash"][..], &["version"], &["--help"], &["--version"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_done(&output);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn data_that_cannot_be_written_is_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command(&["completion", "bash"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: "), "{}", stderr(&output));
}

#[test]
fn an_address_that_is_taken_is_a_failure_with_a_cause_and_a_hint() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = attache(&["--listen-addr", &address, "--metrics-enabled=false"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("\n  cause: "), "{}", stderr(&output));
    assert!(stderr(&output).contains("\n  hint: another process listens there"), "{}", stderr(&output));
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
    command.env_clear().args(arguments);
    command
}

fn attache(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn assert_done(output: &Output) {
    assert_eq!((output.status.code(), stderr(output).as_str()), (Some(0), ""));
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
