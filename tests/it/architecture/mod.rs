//! The invariants of ARCHITECTURE.md that can be checked by reading the sources. `cli/demo/` is excepted from some, as it
//! plays the caller, the upstream and the AWS account.

mod imports;
mod sources;

use sources::{Source, read, rust_files, sources};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn one_folder_knows_aws_and_one_file_calls_it() {
    only(
        &["aws_sdk_sts", "aws_config", "aws_credential_types", "aws_smithy", "aws_types"],
        &["credential/sts/"],
    );
    only(&["get_web_identity_token"], &["credential/sts/mod.rs"]);
    only(&["get_caller_identity"], &["credential/sts/diagnosis.rs"]);
}

#[test]
fn credentials_know_no_request() {
    let of_credentials = |source: &&Source| source.part() == "credential";
    // How the SDK reaches AWS, and what AWS answers, is no request of a caller.
    let of_aws =
        ["credential/sts/transport.rs", "credential/sts/answer_size.rs", "credential/sts/refusal.rs"];
    // Neither is a request to a token endpoint.
    let of_parties = ["credential/exchange/call.rs", "credential/exchange/mod.rs"];
    let others = |source: &&Source| ![&of_aws[..], &of_parties].concat().contains(&&*source.path);
    for Source { path, code } in sources().iter().filter(of_credentials).filter(others) {
        let mentions = code.match_indices("http::").map(|(at, _)| &code[at..]);
        for mention in mentions {
            assert!(
                ["http::{HeaderMap, HeaderName, HeaderValue}", "http::header::AUTHORIZATION", "http::Uri"]
                    .iter()
                    .any(|known| mention.starts_with(known)),
                "{path} knows more of HTTP than the header of a credential and an endpoint's URL"
            );
        }
        for word in ["hyper", "http_body", "axum"] {
            assert!(!has_word(code, word), "{path} mentions {word}");
        }
    }
}

#[test]
fn no_import_escapes_the_reading_of_the_test_above() {
    only(&["super::super::", "crate::{", "pub use"], &[]);
    only(&["attache::cli"], &["main.rs"]);
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let readings = ["env::var", "env::args", "env::current", "env::home", "env::temp", "env::set_var"];
    only(&readings, &["tls/authorities.rs", "config/environment.rs"]);
    only(&["args_os", "current_exe"], &["cli/clean_start.rs"]);
    // These packages read it by themselves.
    only(&["listenfd", "sd_notify"], &["config/service_manager.rs"]);
    // So does this one, after `config/otel.rs` has judged what it finds.
    only(&["opentelemetry_otlp"], &["telemetry/push.rs"]);
}

#[test]
fn only_the_command_line_prints_and_only_the_logger_writes_beside_it() {
    only(&["println!", "print!", "eprintln!", "eprint!", "dbg!"], &[]);
    only(&["io::stderr()"], &["cli/report.rs"]);
    only(&["io::stdout()"], &["cli/report.rs", "telemetry/logs.rs"]);
}

#[test]
fn nothing_ends_the_process() {
    only(&["process::exit", "process::abort", "panic!", "todo!", "unimplemented!"], &[]);
}

#[test]
fn one_file_invents_what_callers_are_answered() {
    let invents = |code: &str| {
        let constants = code.match_indices("StatusCode::").map(|(at, _)| &code[at + 12..]);
        let mut constants = constants.filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
        // Compared with, never answered: these say that no body follows, or another protocol, or where something else is.
        let others =
            ["SWITCHING_PROTOCOLS", "NO_CONTENT", "NOT_MODIFIED", "CREATED", "ACCEPTED", "UPGRADE_REQUIRED"];
        constants.any(|name| !others.iter().any(|other| name.starts_with(other)))
    };
    for Source { path, code } in sources() {
        let exempt = ["admin/", "cli/", "emulator/"].iter().any(|part| path.starts_with(part));
        if !exempt && path != "proxy/response.rs" {
            // Written there is what others answer, and that a body may come.
            let writes = code.contains("\"HTTP/1.") && !path.starts_with("http1/");
            assert!(!invents(&code) && !writes, "{path} invents an answer");
        }
        assert!(path != "proxy/response.rs" || invents(&code), "answers are invented elsewhere now");
    }
}

#[test]
fn only_telemetry_names_metrics() {
    only(&["opentelemetry", "opentelemetry_sdk", "prometheus::"], &["telemetry/"]);
    let names = ["http.server.", "http.client.", "token.", "policy.", "process.", "tokio.", "attache."]
        .map(|name| format!("\"{name}"));
    only(&names.each_ref().map(String::as_str), &["telemetry/"]);
}

/// Each complaint in the log is explained in docs/troubleshooting.md.
#[test]
fn every_warning_and_error_in_the_log_has_its_name_and_where_it_is_explained() {
    let mut complaints = 0;
    for Source { path, code } in sources() {
        for level in ["warn!(", "error!("] {
            for (at, _) in code.match_indices(level) {
                let event = code[at..].split(");").next().unwrap();
                for field in ["code", "see"] {
                    let named =
                        event.contains(&format!("{field} =")) || event.contains(&format!("{field}, "));
                    assert!(named, "{path} logs without {field}: {event}");
                }
                complaints += 1;
            }
        }
    }
    assert!(complaints > 10, "{complaints} were read");
}

#[test]
fn every_task_has_an_owner() {
    only(&["tokio::spawn", "task::spawn(", "spawn_local", "Handle::current"], &["tasks.rs"]);
    // Dropping a set ends its tasks.
    only(&["JoinSet"], &["small_server/mod.rs", "dial/dialer.rs"]);
    // These end by themselves, soon.
    only(
        &["spawn_blocking"],
        &[
            "admin/exposition.rs",
            "admin/mod.rs",
            "app/config_follower.rs",
            "emulator/issuer.rs",
            "tls/watched.rs",
            // What does not end here is bounded in number.
            "tasks.rs",
            "telemetry/last_push.rs",
        ],
    );
    only(
        &["thread::spawn", "thread::Builder"],
        &["cli/threads.rs", "dial/resolver.rs", "telemetry/writer.rs"],
    );
    // hyper spawns the streams of HTTP/2 connections through it; they end with their connection.
    only(&["TokioExecutor"], &["proxy/http2.rs", "server/connection.rs"]);
}

#[test]
fn one_file_asks_for_the_time_of_day() {
    only(&["SystemTime::now"], &["clock.rs"]);
    only(&["std::time::Instant"], &[]);
}

#[test]
fn upstream_certificates_are_verified_by_one_stack_and_always() {
    // It asks webpki, and takes one certificate more: the very one that is trusted.
    // Callers' certificates are verified likewise.
    only(&["ServerCertVerifier", "ClientCertVerifier"], &["tls/verifier.rs"]);
    only(&["danger"], &["tls/client.rs", "tls/verifier.rs"]);
    only(&["rustls::crypto::aws_lc_rs"], &["tls/client.rs", "tls/server.rs"]);
    only(&["rustls::crypto::ring"], &[]);
}

#[test]
fn a_request_is_judged_and_gets_its_token_before_it_is_sent() {
    let in_order = |path: &str, steps: [&str; 3]| {
        let code = sources().into_iter().find(|source| source.path == path).unwrap().code;
        let places = steps.map(|step| code.find(step).unwrap());
        assert!(places.is_sorted(), "{steps:?} are at {places:?} of {path}");
    };
    in_order("proxy/authorize.rs", ["route.check_host(", "self.loops.check(", "self.credential("]);
    in_order("proxy/mod.rs", ["self.authorizer.authorize(", "self.rewrite(", "route.upstream.send("]);
    // A command's own requests go the same way; where one carries a token, the same step puts it on.
    only(&["upstream.send("], &["proxy/mod.rs", "cli/fetch.rs"]);
    only(&["headers::for_upstream("], &["proxy/mod.rs", "cli/doctor/upstream.rs"]);
    only(&["try_send_request"], &["proxy/exchange.rs"]);
    // The demo is a caller with a credential of its own making, so that it can be seen to be replaced. A token endpoint may want
    // the JWT there, and a description of an exchange says so.
    only(
        &["AUTHORIZATION"],
        &[
            "credential/mod.rs",
            "credential/exchange/call.rs",
            "config/exchange/written_out.rs",
            "emulator/authorization.rs",
            "proxy/headers.rs",
            "cli/demo/",
        ],
    );
    // A token that may be missing would be a way to go without.
    only(&["Option<CredentialCache>", "Option<Arc<dyn CredentialSource>>"], &[]);
}

#[test]
fn one_file_dials_and_it_judges_the_address() {
    only(&["TcpStream::connect"], &["dial/dialer.rs"]);
    // What the client is sent to is the operator's choice, as a pinned upstream is, and gets no token. The probe asks a proxy for
    // its health.
    only(&[".dial("], &["proxy/connector.rs", "http_client.rs", "cli/health/probe.rs"]);
    only(&["check_address("], &["model/policy.rs", "proxy/connector.rs"]);
    only(&["lookup_host"], &["server/listener.rs"]);
    only(&["to_socket_addrs"], &["dial/resolver.rs"]);
}

#[test]
fn there_is_no_unsafe_code() {
    only(&["unsafe"], &[]);
    let manifest = read(Path::new("Cargo.toml"));
    for rule in ["unsafe_code = \"forbid\"", "await_holding_lock = \"deny\""] {
        assert!(manifest.contains(rule), "Cargo.toml no longer says {rule}");
    }
}

#[test]
fn no_file_is_too_long_to_be_read_at_once() {
    let files = ["src", "tests"].map(|folder| rust_files(Path::new(folder)));
    for path in files.iter().flatten() {
        let lines = read(path).lines().count();
        assert!(lines <= 300, "{} has {lines} lines", path.display());
    }
}

#[test]
fn there_is_one_tls_stack_and_one_http_stack() {
    let lock = read(Path::new("Cargo.lock"));
    let packages: Vec<Package<'_>> = lock.split("[[package]]").skip(1).map(Package::of).collect();
    assert!(packages.len() > 100, "{} packages were read", packages.len());
    let versions = |name: &str| packages.iter().filter(|package| package.name == name).count();
    for name in ["rustls", "tokio-rustls", "rustls-webpki", "aws-lc-rs", "hyper", "h2", "http", "http-body"] {
        assert_eq!(versions(name), 1, "{name}");
    }
    for name in ["openssl", "openssl-sys", "native-tls", "boring", "hyper-tls", "reqwest", "async-std"] {
        assert_eq!(versions(name), 0, "{name}");
    }
    // The lock file names what features could bring in; a package that used ring would stand here itself.
    let of_ring = packages.iter().filter(|package| package.dependencies.contains("ring"));
    assert_eq!(of_ring.map(|package| package.name).collect::<Vec<_>>(), ["rustls-webpki"]);
}

/// `cargo test` needs Rust and a C compiler. What else tests run is essential on every Debian, or the test is ignored.
#[test]
fn tests_run_no_program_that_a_machine_with_rust_may_lack() {
    let command = format!("Command::{}(", "new");
    for path in rust_files(Path::new("tests")) {
        let text = read(&path);
        for (at, _) in text.match_indices(&command) {
            let Some((program, _)) =
                text[at + command.len()..].strip_prefix('"').and_then(|rest| rest.split_once('"'))
            else {
                continue;
            };
            let known = ["/bin/sh", "attache", "mkfifo", "unshare"].contains(&program);
            assert!(known, "{} runs {program}", path.display());
        }
    }
}

struct Package<'l> {
    name: &'l str,
    dependencies: BTreeSet<&'l str>,
}

impl<'l> Package<'l> {
    fn of(text: &'l str) -> Self {
        let name = text.lines().find_map(|line| line.strip_prefix("name = ")).unwrap();
        let listed = text.lines().filter_map(|line| line.strip_prefix(" \""));
        let dependencies = listed.map(|line| line.split(['"', ' ']).next().unwrap()).collect();
        Self { name: name.trim_matches('"'), dependencies }
    }
}

/// Asserts that each word stands in these files and folders and in no others, and in each of these at all.
fn only(words: &[&str], places: &[&str]) {
    let mut unused: BTreeSet<&str> = places.iter().copied().collect();
    for Source { path, code } in sources() {
        let place =
            places.iter().find(|place| path == **place || place.ends_with('/') && path.starts_with(**place));
        for word in words.iter().filter(|word| has_word(&code, word)) {
            let place =
                place.unwrap_or_else(|| panic!("{path} has {word:?}, which belongs in {places:?} only"));
            unused.remove(place);
        }
    }
    assert!(unused.is_empty(), "{unused:?} has none of {words:?} any more");
}

/// Whether `word` stands in `code` and is not the end of a longer one.
fn has_word(code: &str, word: &str) -> bool {
    let in_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| !word.starts_with(in_a_name) || !code[..at].ends_with(in_a_name))
}
