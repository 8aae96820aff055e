//! The demo as a newcomer meets it: what it shows, what it lets them try, and how it ends.

use crate::support::client::{Answer, get, send};
use crate::support::program::{WAIT_LIMIT, send_signal};
use attache::clock::Clock;
use attache::credential::CredentialSource;
use attache::credential::sts::{Sts, credentials_source::AwsCredentialsSource};
use attache::model::audience_set::AudienceSet;
use attache::model::credential_spec::CredentialSpec;
use attache::model::token_request::{SigningAlgorithm, TokenRequest};
use http::StatusCode;
use serde_json::Value;
use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// An environment in which anything that listened to it would fail.
const HOSTILE: [(&str, &str); 12] = [
    ("HTTP_PROXY", "http://127.0.0.1:1"),
    ("http_proxy", "http://127.0.0.1:1"),
    ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ("ALL_PROXY", "http://127.0.0.1:1"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1"),
    ("AWS_USE_FIPS_ENDPOINT", "true"),
    ("AWS_PROFILE", "nobody"),
    ("AWS_CONFIG_FILE", "/nonexistent"),
    ("LISTEN_ADDR", "nowhere"),
    ("TOKEN_DURATION", "forever"),
    ("TOKEN_SIGNING_ALGORITHM", "none"),
];

#[tokio::test]
async fn once_shows_what_went_in_what_came_out_and_the_verdict() {
    let output = demo(&["--once"]).await;
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let told = stdout(&output);
    let in_order = [
        "authorization: Bearer caller-made-this-up",
        "GET /hello",
        "authorization: Bearer <RS256 token of ",
        "sub  arn:aws:iam::123456789012:role/demo/attache",
        "aud  https://api.demo.example",
        "aws_account    123456789012",
        "verified by the API with the issuer's public keys",
    ];
    let mut rest = told;
    for part in in_order {
        (_, rest) = rest.split_once(part).unwrap_or_else(|| panic!("no {part:?} in its place: {told}"));
    }
    assert!(!told.contains("curl"), "nothing can be tried any more: {told}");
}

#[tokio::test]
async fn no_token_is_ever_printed() {
    let output = demo(&["--once"]).await;
    let all = format!("{}{}", stdout(&output), stderr(&output));
    assert!(!all.contains("eyJ"), "{all}");
}

#[tokio::test]
async fn it_stays_for_more_requests_until_it_is_told_to_end() {
    let mut demo = Demo::start().await;
    let answer =
        send(demo.attache, get("/again?x=1", &[("x-mine", "1"), ("authorization", "Basic eA==")])).await;
    let body = json(&answer);
    assert_eq!((answer.status, &body["verdict"]), (StatusCode::OK, &"verified".into()), "{body}");
    assert_eq!(body["request"]["path"], "/again?x=1");
    assert_eq!(body["request"]["authorization_headers"], 1);
    assert_eq!(body["request"]["headers"]["x-mine"], "1");
    assert_eq!(body["claims"]["aud"], "https://api.demo.example");
    assert!(!answer.text().contains("eyJ"), "{}", answer.text());

    let metrics = send(demo.metrics, get("/metrics", &[])).await;
    assert!(metrics.text().contains("token_fetch_count_total"), "{}", metrics.text());

    send_signal(demo.child.id().unwrap(), "TERM");
    let end = timeout(WAIT_LIMIT, demo.child.wait()).await.unwrap().unwrap();
    assert_eq!(end.code(), Some(0));
}

#[tokio::test]
async fn the_api_refuses_who_shows_no_token_or_a_forged_one() {
    let demo = Demo::start().await;
    let nobody = send(demo.api, get("/hello", &[])).await;
    assert_eq!(
        (nobody.status, nobody.header("www-authenticate")),
        (StatusCode::UNAUTHORIZED, Some("Bearer"))
    );
    assert_eq!(json(&nobody)["reason"], "the request has no Authorization: Bearer");

    let forged = forged("https://api.demo.example").await;
    let refused = send(demo.api, get("/hello", &[("authorization", &forged)])).await;
    let challenge = Some("Bearer error=\"invalid_token\"");
    assert_eq!((refused.status, refused.header("www-authenticate")), (StatusCode::UNAUTHORIZED, challenge));
    assert_eq!(json(&refused)["reason"], "the token does not verify: the signature does not match");

    let twice =
        send(demo.api, get("/hello", &[("authorization", &forged), ("authorization", &forged)])).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_failure_with_a_cause_and_a_hint() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = demo(&["--listen-addr", &address]).await;
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), ""));
    let said = stderr(&output);
    assert!(said.starts_with(&format!("error: cannot listen on {address}\n  cause: ")), "{said}");
    assert!(said.contains("\n  hint: --listen-addr 127.0.0.1:0 takes any free port\n"), "{said}");
}

/// A demo that stays, once it has told where everything is. Dropping it kills it.
struct Demo {
    child: Child,
    attache: SocketAddr,
    api: SocketAddr,
    metrics: SocketAddr,
}

impl Demo {
    async fn start() -> Self {
        let mut child = command(&["--listen-addr", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut curls = Vec::new();
        while curls.len() < 3 {
            let line = timeout(WAIT_LIMIT, lines.next_line()).await.unwrap().unwrap();
            let line = line.expect("the demo ended instead of staying");
            curls.extend(line.trim_start().strip_prefix("curl ").and_then(address));
        }
        Self { child, attache: curls[0], api: curls[1], metrics: curls[2] }
    }
}

fn address(curl: &str) -> Option<SocketAddr> {
    let (_, url) = curl.split_once("http://")?;
    url.split('/').next()?.parse().ok()
}

/// A bearer of another issuer, signed by a key of the same name.
async fn forged(audience: &str) -> String {
    let issuer = crate::support::Sts::start().await;
    let token = TokenRequest {
        audiences: AudienceSet::new(vec![audience.to_owned()]).unwrap(),
        algorithm: SigningAlgorithm::Rs256,
        lifetime: Duration::from_secs(60),
        tags: Vec::new(),
    };
    let access = AwsCredentialsSource::keys("AKIATEST", "test", "us-east-1");
    let sts = Sts::new(access, Some(issuer.url.clone()), Duration::from_secs(10), Clock::system());
    let minted = sts.fetch(&CredentialSpec::new(token, Duration::from_secs(30))).await.unwrap();
    format!("Bearer {}", minted.credential.expose())
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
    command.env_clear().envs(HOSTILE).stdin(Stdio::null()).kill_on_drop(true).arg("demo").args(arguments);
    command
}

async fn demo(arguments: &[&str]) -> Output {
    timeout(WAIT_LIMIT, command(arguments).output()).await.unwrap().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}
