use super::*;
use crate::redact;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::error::Error;
use std::sync::{Arc, Mutex};
use tracing::subscriber::with_default;
use tracing::{debug, error, info, trace, warn};

/// What was written, one entry a write.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<String>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn config(level: LogLevel, format: LogFormat) -> LogConfig {
    LogConfig { level, format, access_log: false }
}

fn lines(config: &LogConfig, log: impl FnOnce()) -> Vec<String> {
    let captured = Captured::default();
    let writer = captured.clone();
    with_default(subscriber(config, move || writer.clone()).0, log);
    captured.0.lock().unwrap().clone()
}

fn json_line(log: impl FnOnce()) -> String {
    one(lines(&config(LogLevel::Info, LogFormat::Json), log))
}

/// A text line without its time.
fn text_line(log: impl FnOnce()) -> String {
    let line = one(lines(&config(LogLevel::Info, LogFormat::Text), log));
    let (time, rest) = line.split_once(' ').unwrap();
    assert!(time.starts_with("time=20"), "{time}");
    rest.to_owned()
}

fn one(mut lines: Vec<String>) -> String {
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

/// What log readers of different habits take for the ends of lines.
fn is_one_line(line: &str) -> bool {
    let breaks = |c: char| matches!(c, '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    line.strip_suffix('\n').is_some_and(|body| !body.contains(breaks))
}

#[test]
fn a_json_line_has_time_level_and_message_first_and_then_the_fields_in_order() {
    let line =
        json_line(|| info!(method = "GET", status = 200_u16, duration_ms = 1.5, retried = false, "request"));
    let (time, rest) = line.strip_prefix(r#"{"time":""#).unwrap().split_once('"').unwrap();
    assert_eq!(
        rest,
        ",\"level\":\"INFO\",\"msg\":\"request\",\"method\":\"GET\",\"status\":200,\"duration_ms\":1.5,\"retried\":false}\n"
    );
    let format = &time::format_description::well_known::Rfc3339;
    assert!(time.ends_with('Z') && time::OffsetDateTime::parse(time, format).is_ok(), "{time}");
}

#[test]
fn a_text_line_quotes_what_a_reader_could_not_tell_apart() {
    let line = text_line(|| {
        info!(plain = "a/b:c", blank = "a b", equals = "a=b", quote = "a\"b", none = "", n = 7, "hello");
    });
    assert_eq!(
        line,
        "level=INFO msg=hello plain=a/b:c blank=\"a b\" equals=\"a=b\" quote=\"a\\\"b\" none=\"\" n=7\n"
    );
    assert_eq!(text_line(|| warn!("two words")), "level=WARN msg=\"two words\"\n");
}

#[test]
fn displayed_and_debugged_values_are_strings() {
    let line = json_line(|| error!(shown = %"a", debugged = ?Some("b"), "{} {}", "formatted", 1));
    assert!(
        line.ends_with("\"msg\":\"formatted 1\",\"shown\":\"a\",\"debugged\":\"Some(\\\"b\\\")\"}\n"),
        "{line}"
    );
}

#[test]
fn numbers_that_json_does_not_know_are_strings() {
    let line: Value =
        serde_json::from_str(&json_line(|| info!(a = f64::NAN, b = f64::INFINITY, c = 1e300))).unwrap();
    assert_eq!((&line["a"], &line["b"], &line["c"]), (&json!("NaN"), &json!("inf"), &json!(1e300)));
}

#[test]
fn a_field_cannot_take_the_place_of_what_begins_the_line() {
    let line = json_line(|| info!(time = 1, level = "x", msg = "y", logger = "z", r#type = "t", "real"));
    assert!(line.ends_with(
        "\"level\":\"INFO\",\"msg\":\"real\",\"time_\":1,\"level_\":\"x\",\"msg_\":\"y\",\"logger_\":\"z\",\"type\":\"t\"}\n"
    ), "{line}");
}

#[test]
fn an_error_is_logged_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);
    let outer = Outer(io::Error::other("inner"));
    let line = text_line(|| error!(error = &outer as &dyn std::error::Error, "failed"));
    assert_eq!(line, "level=ERROR msg=failed error=\"outer: inner\"\n");
}

#[test]
fn another_crate_is_named() {
    assert_eq!(
        text_line(|| warn!(target: "hyper::proto", "odd")),
        "level=WARN msg=odd logger=hyper::proto\n"
    );
}

#[test]
fn what_opentelemetry_has_to_say_is_logged() {
    let line = json_line(|| {
        use opentelemetry::metrics::MeterProvider;
        let meter = opentelemetry_sdk::metrics::SdkMeterProvider::default().meter("test");
        meter.u64_counter("not a name").build();
    });
    assert!(line.contains("\"logger\":\"opentelemetry_sdk\"") && line.contains("not a name"), "{line}");
}

#[test]
fn a_level_keeps_what_is_below_it_out() {
    let log = || {
        debug!("debug");
        info!("info");
        warn!("warn");
        error!("error");
    };
    for (level, expected) in
        [(LogLevel::Debug, 4), (LogLevel::Info, 3), (LogLevel::Warn, 2), (LogLevel::Error, 1)]
    {
        assert_eq!(lines(&config(level, LogFormat::Json), log).len(), expected, "{level:?}");
    }
}

#[test]
fn other_crates_never_get_below_info() {
    let log = || {
        trace!(target: "rustls::conn", "authorization: ...");
        debug!(target: "rustls::conn", "authorization: ...");
        info!(target: "rustls::conn", "info");
        warn!(target: "rustls::conn", "warn");
        // A peer can cause as many of these as it likes.
        warn!(target: "h2::proto::ping_pong", "recv PING ack that we never sent");
        trace!(target: "attached", "a crate whose name begins like ours");
    };
    for (level, expected) in
        [(LogLevel::Debug, 2), (LogLevel::Info, 1), (LogLevel::Warn, 1), (LogLevel::Error, 0)]
    {
        assert_eq!(lines(&config(level, LogFormat::Json), log).len(), expected, "{level:?}");
    }
}

#[test]
fn the_access_log_passes_at_any_level_once_it_is_asked_for() {
    let log = || {
        info!(target: ACCESS, "request");
        info!("anything else");
    };
    let asked = LogConfig { access_log: true, ..config(LogLevel::Error, LogFormat::Text) };
    assert!(one(lines(&asked, log)).contains("msg=request"));
    assert_eq!(lines(&config(LogLevel::Error, LogFormat::Text), log).len(), 0);
}

#[test]
fn the_level_can_be_raised_to_debug_and_lowered_again() {
    let captured = Captured::default();
    let writer = captured.clone();
    let (subscriber, mut verbosity) =
        subscriber(&config(LogLevel::Error, LogFormat::Text), move || writer.clone());
    with_default(subscriber, || {
        for name in ["before", "between", "after"] {
            debug!("{name}");
            debug!(target: "rustls::conn", "authorization: ...");
            verbosity.toggle();
        }
    });
    let said = captured.0.lock().unwrap().concat();
    let said: Vec<&str> = said.lines().map(|line| line.split_once("msg=").unwrap().1).collect();
    assert_eq!(
        said,
        [
            "\"logging at debug until told again\"",
            "between",
            "\"logging at --log-level again\" level_=error",
            "\"logging at debug until told again\"",
        ]
    );
}

#[test]
fn disabled_levels_are_known_without_asking_the_subscriber() {
    for (level, hint) in [(LogLevel::Info, LevelFilter::INFO), (LogLevel::Error, LevelFilter::ERROR)] {
        let (subscriber, _) = subscriber(&config(level, LogFormat::Json), io::sink);
        assert_eq!(subscriber.max_level_hint(), Some(hint));
    }
}

#[test]
fn a_broken_writer_is_nobodys_problem() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let (subscriber, _) = subscriber(&config(LogLevel::Info, LogFormat::Json), || Broken);
    with_default(subscriber, || info!("into the void"));
}

#[test]
fn a_value_full_of_line_breaks_is_still_one_line() {
    let evil = "a\r\n{\"level\":\"ERROR\"}\u{85}\u{2028}\u{2029}\u{b}\u{c}\0\u{1b}[2K\u{7f}\u{202e}\\";
    let line = json_line(|| info!(path = evil, debugged = ?evil, "{evil}"));
    assert!(is_one_line(&line), "{line:?}");
    let parsed: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((parsed["path"].as_str(), parsed["msg"].as_str()), (Some(evil), Some(evil)));
    let line = text_line(|| info!(path = evil, "{evil}"));
    assert!(is_one_line(&line) && !line.contains(['\u{1b}', '\0', '\u{7f}', '\u{202e}']), "{line:?}");
}

proptest! {
    #[test]
    fn any_value_survives_json_and_stays_on_one_line(value in any::<String>()) {
        let line = json_line(|| info!(value = value.as_str(), "{value}"));
        prop_assert!(is_one_line(&line));
        let parsed: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(parsed["value"].as_str(), Some(&*redact::without_secrets(&value)));
        prop_assert_eq!(parsed["msg"].as_str(), Some(value.as_str()));
    }

    #[test]
    fn any_value_in_text_is_bare_without_blanks_or_one_quoted_string(value in any::<String>()) {
        let line = text_line(|| info!(value = value.as_str(), "m"));
        prop_assert!(is_one_line(&line));
        let written = line.strip_prefix("level=INFO msg=m value=").unwrap().strip_suffix('\n').unwrap();
        let value = redact::without_secrets(&value);
        if written.starts_with('"') {
            prop_assert_eq!(serde_json::from_str::<String>(written).unwrap(), value);
        } else {
            prop_assert_eq!(written, &*value);
            prop_assert!(!value.is_empty() && !value.contains([' ', '=', '"']));
        }
    }
}

#[test]
fn no_line_shows_a_secret_of_a_setting_or_of_another_party() {
    let error = io::Error::other("no proxy at http://user:hunter2@proxy:3128");
    let line = json_line(|| {
        warn!(a = "password=hunter2", b = %"https://a.example/?key=hunter2", c = ?["api_key: hunter2"], error = &error as &dyn Error, "m");
    });
    assert!(line.contains("http://***@proxy:3128") && !line.contains("hunter2"), "{line}");
    for format in [LogFormat::Json, LogFormat::Text] {
        let line =
            one(lines(&config(LogLevel::Info, format), || warn!(target: "hyper", "secret={}", "hunter2")));
        assert!(line.contains("secret=***") && line.contains("hyper"), "{line}");
    }
}

#[test]
fn a_line_fits_what_runtimes_cut_whatever_others_wrote_into_it() {
    let names = vec!["https://a.example/\"\n"; 20_000];
    let long = "x".repeat(200_000);
    for format in [LogFormat::Json, LogFormat::Text] {
        let line = one(lines(&config(LogLevel::Info, format), || {
            warn!(difference = ?names, a = long, b = long, c = %long, d = ?long, e = long, f = long, g = long, h = long,
                i = long, j = long, k = long, l = long, m = long, n = long, o = long, p = long, q = long, r = long,
                s = long, t = long, u = long, v = long, w = long, x = long, y = long, last = 7, "{long}");
        }));
        assert!(line.len() <= 16 * 1024 && is_one_line(&line), "{} bytes", line.len());
        match format {
            LogFormat::Json => {
                let line: Value = serde_json::from_str(&line).unwrap();
                let is_cut = line["b"].as_str().unwrap().ends_with('\u{2026}');
                assert_eq!((&line["last"], is_cut), (&json!(7), true));
            }
            LogFormat::Text => assert!(line.ends_with(" last=7\n"), "{line}"),
        }
    }
}
