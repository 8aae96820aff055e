//! Known secrets go in by every way there is; none comes out where people and machines look.

use crate::support::Sts;
use crate::support::certificates::Certificates;
use crate::support::client::{get, send};
use crate::support::program::{Program, command};
use crate::support::upstream::{Upstream, text};
use attache::emulator::faults::Outage;
use http_body_util::BodyExt;
use serde_json::Value;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Part of every secret that is planted.
const PLANTED: &str = "planted";

const VARIABLES: [(&str, &str); 6] = [
    ("AWS_SECRET_ACCESS_KEY", "planted-secret-key"),
    ("AWS_SESSION_TOKEN", "planted-session-token"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=planted-otel-header"),
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-key=planted-otel-traces-header"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
    ("OTEL_BSP_SCHEDULE_DELAY", "100"),
];

const HEADERS: [(&str, &str); 5] = [
    ("authorization", "Bearer planted-authorization"),
    ("proxy-authorization", "Basic planted-proxy-authorization"),
    ("cookie", "session=planted-cookie"),
    ("x-api-key", "planted-api-key"),
    ("referer", "https://planted-referer"),
];

#[tokio::test]
async fn nothing_that_was_planted_is_logged_scraped_or_pushed() {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let pushed = Arc::new(Mutex::new(Vec::new()));
    let collector = collector(pushed.clone()).await;
    let mut command = command(&sts.url);
    command.envs(VARIABLES).env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.address));
    let flags =
        ["--upstream-scheme", "http", "--allow-address", "127.0.0.0/8", "--allow-host", "localhost:*"];
    let more = ["--allow-host", "127.0.0.1:*", "--allow-host", "127.0.0.2:*", "--token-tag", "team=payments"];
    let mut proxy = Program::start(command, &[&flags[..], &more].concat()).await;

    let vacant = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let good = upstream.authority();
    // One that succeeds, one that cannot connect, and ones that are refused.
    for host in [&good, &vacant, "other.example.com", "planted@host", ""] {
        let headers = [&HEADERS[..], &[("x-upstream-host", host)]].concat();
        send(proxy.proxy, get("/path?key=planted-query", &headers)).await;
    }
    sts.handle.update_faults(|faults| faults.outage = Some(Outage::try_from(503).unwrap()));
    let other = format!("127.0.0.2:{}", upstream.address.port());
    send(proxy.proxy, get("/path?key=planted-query", &[("x-upstream-host", &other)])).await;
    let token = upstream.only_request().token().to_owned();
    let (_, payload_and_signature) = token.split_once('.').unwrap();
    let payload = payload_and_signature.split('.').next().unwrap();

    let mut outputs = Vec::new();
    for page in ["/metrics", "/healthz", "/readyz", "/status", "/"] {
        outputs.push(send(proxy.admin, get(page, &[])).await.text().to_owned());
    }
    collector.requests(4).await;
    proxy.signal("TERM");
    assert!(proxy.ended().await.success());
    proxy.logged(|line| line["msg"] == "stopped").await;
    outputs.extend(proxy.log().iter().map(ToString::to_string));
    let pushed = pushed.lock().unwrap();
    assert!(pushed.iter().any(|(path, _)| path == "/v1/traces"));
    assert!(pushed.iter().any(|(path, _)| path == "/v1/metrics"));
    outputs.extend(pushed.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()));
    for output in outputs {
        assert!(!output.contains(PLANTED) && !output.contains(payload), "{output}");
    }
}

#[tokio::test]
async fn no_help_shows_what_the_environment_holds() {
    let help = |words: Vec<String>| async move {
        let mut command = command("http://127.0.0.1:1");
        command.envs(VARIABLES).env("ATTACHE_TOKEN_TAG", "a=planted-tag");
        let output = command.args(words).output().await.unwrap();
        assert!(output.status.success());
        let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!shown.contains(PLANTED), "{shown}");
        shown
    };
    let main = help(vec!["--help".to_owned()]).await;
    let (_, commands) = main.split_once("Commands:\n").unwrap();
    let commands = commands.split("\n\n").next().unwrap();
    let names = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<&str> = names.map(|line| line.split_whitespace().next().unwrap()).collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names.into_iter().filter(|name| *name != "help") {
        help(vec![name.to_owned(), "--help".to_owned()]).await;
    }
}

type Pushed = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

async fn collector(pushed: Pushed) -> Upstream {
    let script = move |request: http::Request<hyper::body::Incoming>| {
        let pushed = pushed.clone();
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            pushed.lock().unwrap().push((path, body.to_vec()));
            text("")
        }
    };
    Upstream::scripted(script).await
}

#[tokio::test]
async fn a_secret_in_a_variable_of_another_owner_is_not_logged() {
    let key = "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----\n";
    let url = "https://me:planted@sts.example.com";
    let settings = [("UPSTREAM_HOST", "127.0.0.1:1"), ("TOKEN_AUDIENCE", "a")];
    for (name, value) in
        [("AWS_CA_BUNDLE", key), ("AWS_REGION", url), ("SSL_CERT_FILE", key), ("SSL_CERT_DIR", key)]
    {
        let mut command = command("http://127.0.0.1:1");
        command.env(name, value).envs(settings);
        let mut program = Program::start(command, &[]).await;
        let wrong = program.logged(|line| line["level"] == "ERROR" || line["level"] == "WARN").await;
        assert!(!wrong.to_string().contains(PLANTED), "{name}");
        assert!(!program.log().iter().any(|line| line.to_string().contains(PLANTED)), "{name}");
    }
}

#[tokio::test]
async fn a_key_without_its_line_breaks_is_named_and_not_shown() {
    let certificates = Certificates::new("secrets_one_line");
    let (cert, line) = (certificates.path("cert.pem"), certificates.path("line.pem"));
    let key = std::fs::read_to_string(certificates.path("key.pem")).unwrap();
    let bytes = format!("{:?}", &key.as_bytes()[40..60]);
    let bytes = bytes.trim_matches(['[', ']']);
    for between in ["", " ", "\\n"] {
        std::fs::write(&line, key.replace('\n', between)).unwrap();
        for variables in [
            &[("ATTACHE_TLS_CERT", &cert), ("ATTACHE_TLS_KEY", &line)][..],
            &[("ATTACHE_TLS_CERT", &line), ("ATTACHE_TLS_KEY", &line)],
            &[("ATTACHE_UPSTREAM_CA_CERT", &line)],
            &[("ATTACHE_UPSTREAM_CLIENT_CERT", &cert), ("ATTACHE_UPSTREAM_CLIENT_KEY", &line)],
            &[("AWS_CA_BUNDLE", &line)],
        ] {
            let mut command = command("http://127.0.0.1:1");
            command.envs(variables.iter().copied()).env("UPSTREAM_HOST", "127.0.0.1:1");
            command.args(["doctor", "--listen-addr", "127.0.0.1:0", "--metrics-listen-addr", "127.0.0.1:0"]);
            let output = command.stderr(Stdio::piped()).output().await.unwrap();
            let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert!(told.contains("the line breaks of the file are missing"), "{variables:?} {told}");
            assert!(!told.contains(bytes) && !told.contains(&key[40..60]), "{variables:?} {told}");
        }
    }
}

/// A mask that hides the port of a host, or an audience, hides what an operator looks for.
#[tokio::test]
async fn a_host_whose_name_ends_as_a_secrets_does_is_shown_with_its_port() {
    let audiences = ["https://a.example/?x=1", "https://my-api-key:9000/", "vault-secret:8443"];
    let mut flags = vec!["--upstream-host", "vault-secret:8443"];
    flags.extend(audiences.iter().flat_map(|audience| ["--token-audience", *audience]));
    let mut proxy = Program::serve("http://127.0.0.1:1", &flags).await;
    let routing = proxy.logged(|line| line["msg"] == "routing").await;
    assert_eq!(routing["target"], "https://vault-secret:8443");
    for message in ["tokens", "no token"] {
        let line = proxy.logged(|line| line["msg"] == message).await;
        assert_eq!(line["audience"], audiences.join(","), "{line}");
    }
    let status: Value = serde_json::from_str(send(proxy.admin, get("/status", &[])).await.text()).unwrap();
    assert_eq!(status["settings"]["token-audience"], serde_json::json!(audiences));
    assert_eq!(status["settings"]["upstream-host"], "vault-secret:8443");
    assert!(!status.to_string().contains("***"), "{status}");
}
