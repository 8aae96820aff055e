//! What a dirty environment gives attache for its calls to AWS: each oddity is named, and none ends a task.

use crate::support::certificates::Certificates;
use crate::support::client::{get, send};
use crate::support::program::{PATIENCE, Program, command, command_by_shell};
use crate::support::upstream::{Reply, Upstream, text};
use crate::support::{Sts, metric};
use http::StatusCode;
use serde_json::Value;
use std::process::Output;
use tokio::time::timeout;

/// Variables that take the place of those that a test's program has; `None` takes one away.
type Variables<'v> = &'v [(&'v str, Option<&'v str>)];

const NO_KEYS: [(&str, Option<&str>); 2] = [("AWS_ACCESS_KEY_ID", None), ("AWS_SECRET_ACCESS_KEY", None)];

fn with(url: &str, variables: Variables<'_>) -> tokio::process::Command {
    let mut command = command(url);
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// A proxy with these variables, and what it logs about its first token.
async fn no_token(url: &str, variables: Variables<'_>) -> (Program, Value) {
    let flags = ["--upstream-host", "localhost:9", "--upstream-scheme", "http"];
    let mut proxy = Program::start(with(url, variables), &flags).await;
    let line = proxy.logged(|line| line["msg"] == "no token").await;
    (proxy, line)
}

async fn command_output(url: &str, variables: Variables<'_>, arguments: &[&str]) -> (Output, String) {
    let mut command = with(url, variables);
    let output = command.args(arguments).stderr(std::process::Stdio::piped()).output();
    let output = timeout(PATIENCE, output).await.unwrap().unwrap();
    let told = [&output.stdout[..], &output.stderr[..]].concat();
    (output, String::from_utf8(told).unwrap())
}

async fn states(proxy: &Program) -> Vec<String> {
    let status: Value = serde_json::from_str(send(proxy.admin, get("/status", &[])).await.text()).unwrap();
    let sets = status["tokens"]["sets"].as_array().unwrap();
    sets.iter().map(|set| set["state"].as_str().unwrap().to_owned()).collect()
}

// smithy-lang/smithy-rs#4565, zhaofengli/attic#219
#[tokio::test]
async fn credentials_that_cannot_be_signed_with_are_named_and_nothing_is_asked_with_them() {
    let sts = Sts::start().await;
    for (variable, value, error) in [
        ("AWS_ACCESS_KEY_ID", "AKIATEST\n", "the access key id ends in a line break"),
        ("AWS_ACCESS_KEY_ID", "AKIATEST\r", "the access key id ends in a line break"),
        ("AWS_ACCESS_KEY_ID", "\"AKIATEST\"", "the access key id is in quotes"),
        ("AWS_SECRET_ACCESS_KEY", "test\n", "the secret access key ends in a line break"),
        ("AWS_SECRET_ACCESS_KEY", "te\tst", "the secret access key holds a control character"),
        ("AWS_SESSION_TOKEN", "to\nken", "the session token holds a line break"),
    ] {
        let variables = [(variable, Some(value))];
        let (proxy, line) = no_token(&sts.url, &variables).await;
        assert_eq!((&line["error"], &line["code"]), (&error.into(), &"credentials_invalid".into()), "{line}");
        assert_eq!(line["level"], "ERROR");
        let answer = send(proxy.proxy, get("/", &[])).await;
        assert_eq!(
            (answer.status, states(&proxy).await),
            (StatusCode::BAD_GATEWAY, vec!["failed".to_owned()])
        );
        for arguments in [&["token", "--token-audience", "a"][..], &["doctor", "--token-audience", "a"]] {
            let (output, told) = command_output(&sts.url, &variables, arguments).await;
            assert_eq!(output.status.code(), Some(1), "{told}");
            assert!(told.contains(error) && told.contains("credentials_invalid"), "{told}");
        }
    }
    assert_eq!(sts.mints(), 0);
}

#[tokio::test]
async fn a_fetch_that_panics_is_a_failed_fetch_with_one_line_of_its_place() {
    let certificates = Certificates::new("aws_settings_panic");
    let config = certificates.path("config");
    std::fs::write(
        &config,
        "[profile a]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = b\nregion = eu-central-1\n\
         [profile b]\naws_access_key_id = AKIATEST\naws_secret_access_key = test\n",
    )
    .unwrap();
    // The SDK asserts that no service's URL is empty, and asks for the role's credentials by itself.
    let variables =
        [("AWS_ENDPOINT_URL_STS", Some("")), ("AWS_PROFILE", Some("a")), ("AWS_CONFIG_FILE", Some(&*config))];
    let variables = [&NO_KEYS[..], &variables].concat();
    let (mut proxy, line) = no_token("http://127.0.0.1:9", &variables).await;
    assert_eq!((&line["code"], &line["level"]), (&"panicked".into(), &"ERROR".into()), "{line}");
    let caught = proxy.logged(|line| line["at"].is_string()).await;
    assert!(caught["at"].as_str().unwrap().contains(".rs:"), "{caught}");
    assert_eq!(caught["code"], "panicked");
    for _ in 0..2 {
        let answer = send(proxy.proxy, get("/", &[])).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "token unavailable\n"));
    }
    assert_eq!(states(&proxy).await, ["failed"]);
    let again = metric(&proxy, "token_fetch_count_total{").await;
    let more = async { while metric(&proxy, "token_fetch_count_total{").await <= again {} };
    timeout(PATIENCE, more).await.expect("it is tried again");
    let (output, told) =
        command_output("http://127.0.0.1:9", &variables, &["token", "--token-audience", "a"]).await;
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("code: panicked") && !told.contains("RUST_BACKTRACE"), "{told}");
}

#[tokio::test]
async fn what_is_no_region_is_named_as_such() {
    for (region, error) in [
        ("\"eu-central-1\"", "the AWS region \"\\\"eu-central-1\\\"\" is in quotes"),
        ("eu-central-1 ", "the AWS region \"eu-central-1 \" holds a blank"),
        ("eu-central-1a", "the AWS region \"eu-central-1a\" is an availability zone, and not its region"),
    ] {
        let variables = [("AWS_REGION", Some(region))];
        let (_proxy, line) = no_token("http://127.0.0.1:9", &variables).await;
        assert_eq!((&line["error"], &line["code"]), (&error.into(), &"region_invalid".into()), "{line}");
        let (_, told) =
            command_output("http://127.0.0.1:9", &variables, &["doctor", "--token-audience", "a"]).await;
        assert!(told.contains("region           region_invalid: "), "{told}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_set_to_nothing_counts_as_not_set() {
    let sts = Sts::start().await;
    let variables = [("AWS_ENDPOINT_URL_STS", Some("")), ("AWS_ENDPOINT_URL", Some(&*sts.url))];
    let (output, told) = command_output("", &variables, &["token", "--token-audience", "a"]).await;
    assert_eq!((output.status.code(), sts.mints()), (Some(0), 1), "{told}");
    let variables = [("AWS_ENDPOINT_URL_STS", Some("")), ("AWS_ENDPOINT_URL", Some(""))];
    let (_, told) = command_output("", &variables, &["doctor", "--token-audience", "a"]).await;
    assert!(told.contains("https://sts.eu-central-1.amazonaws.com"), "{told}");
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_is_named() {
    for (url, error) in [
        (
            "sts.example.com",
            "the endpoint for STS is no URL: it begins with http:// or https://, a host follows",
        ),
        ("'http://127.0.0.1:9'", "the endpoint for STS is in quotes"),
        (
            "http://user:hunter2@127.0.0.1:9",
            "the endpoint for STS has a user in it, which AWS's calls have no use for",
        ),
    ] {
        let (proxy, line) = no_token(url, &[]).await;
        assert_eq!(
            (&line["error"], &line["code"]),
            (&error.into(), &"sts_endpoint_invalid".into()),
            "{line}"
        );
        assert!(!format!("{:?}", proxy.log()).contains("hunter2"));
        let (_, told) = command_output(url, &[], &["doctor", "--token-audience", "a"]).await;
        assert!(
            told.contains("STS endpoint     sts_endpoint_invalid: ") && !told.contains("hunter2"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn what_lacks_credentials_is_named_by_its_variable() {
    let missing = "/nowhere/token";
    let role = ("AWS_ROLE_ARN", Some("arn:aws:iam::123456789012:role/r"));
    for (variables, error, hint) in [
        (
            &[("AWS_SECRET_ACCESS_KEY", None)][..],
            "no AWS credentials: AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not",
            "set both",
        ),
        (
            &[NO_KEYS[0], NO_KEYS[1], ("AWS_PROFILE", Some("nope"))],
            "no AWS credentials: AWS_PROFILE is \"nope\", and that profile gives none: ",
            "AWS_CONFIG_FILE",
        ),
        (
            &[NO_KEYS[0], NO_KEYS[1], role, ("AWS_WEB_IDENTITY_TOKEN_FILE", Some(missing))],
            "no AWS credentials: AWS_WEB_IDENTITY_TOKEN_FILE: /nowhere/token cannot be read: No such file",
            "mounted there",
        ),
    ] {
        let (_proxy, line) = no_token("http://127.0.0.1:9", variables).await;
        assert!(line["error"].as_str().unwrap().starts_with(error), "{line}");
        assert!(line["hint"].as_str().unwrap().contains(hint), "{line}");
        assert_eq!(line["code"], "credentials_missing");
    }
}

#[tokio::test]
async fn the_content_of_a_file_in_the_place_of_its_path_is_not_shown() {
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJzdHMuYW1hem9uYXdzLmNvbSJ9.c2ln";
    let role = ("AWS_ROLE_ARN", Some("arn:aws:iam::123456789012:role/r"));
    for (variable, value) in [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", jwt),
        ("AWS_CA_BUNDLE", "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n"),
    ] {
        let variables = [NO_KEYS[0], NO_KEYS[1], role, (variable, Some(value))];
        let (proxy, line) = no_token("http://127.0.0.1:9", &variables).await;
        assert_eq!(line["error"], format!("{variable} holds the content of a file, and not its path"));
        let (_, told) =
            command_output("http://127.0.0.1:9", &variables, &["doctor", "--token-audience", "a"]).await;
        let said = format!("{told}{:?}", proxy.log());
        assert!(!said.contains("c2ln") && !said.contains("c2VjcmV0"), "{said}");
    }
}

/// An STS that refuses whatever it is asked for.
fn refusing(code: &str) -> Reply {
    let mut reply = text(format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error>\
         <RequestId>r</RequestId></ErrorResponse>"
    ));
    *reply.status_mut() = StatusCode::FORBIDDEN;
    reply
}

#[tokio::test]
async fn the_code_with_which_aws_refuses_credentials_is_told_and_counted() {
    let certificates = Certificates::new("aws_settings_refused");
    let token = certificates.path("token");
    std::fs::write(&token, "eyJ.eyJ.sig").unwrap();
    for code in ["InvalidIdentityToken", "AccessDenied"] {
        let sts = Upstream::scripted(move |_| async move { refusing(code) }).await;
        let variables = [
            ("AWS_ROLE_ARN", Some("arn:aws:iam::123456789012:role/r")),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", Some(&*token)),
        ];
        let variables = [&NO_KEYS[..], &variables].concat();
        let (proxy, line) = no_token(&format!("http://{}", sts.address), &variables).await;
        assert_eq!(line["code"], "credentials_refused", "{line}");
        assert!(line["error"].as_str().unwrap().ends_with(&format!("{code}: m")), "{line}");
        let series = format!("token_fetch_count_total{{audience=\"http://localhost\",error_class=\"{code}\"");
        assert!(metric(&proxy, &series).await >= 1.0);
    }
}

#[tokio::test]
async fn what_sts_says_moves_no_terminal_and_begins_no_line() {
    let hostile = "denied&#x1b;[2J&#10;error: nothing is wrong&#x202e;".to_owned() + &"x".repeat(100_000);
    let sts = Upstream::scripted(move |_| {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>Access&#x1b;Denied</Code><Message>{hostile}</Message></Error>\
             <RequestId>r</RequestId></ErrorResponse>"
        );
        async move {
            let mut reply = text(body);
            *reply.status_mut() = StatusCode::FORBIDDEN;
            reply
        }
    });
    let sts = sts.await;
    let url = format!("http://{}", sts.address);
    for arguments in [&["token", "--token-audience", "a"][..], &["doctor", "--token-audience", "a"]] {
        let (output, told) = command_output(&url, &[], arguments).await;
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("denied") && told.len() < 20_000, "{} bytes: {told}", told.len());
        assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
        assert!(!told.lines().any(|line| line.starts_with("error: nothing")), "{told}");
    }
    let (_proxy, line) = no_token(&url, &[]).await;
    assert!(line.to_string().len() < 16 * 1024);
}

#[tokio::test]
async fn calls_to_loopback_pass_by_the_http_proxy_of_the_environment() {
    let sts = Sts::start().await;
    // Nothing listens there.
    let nowhere = Some("http://127.0.0.1:9");
    let variables = [("HTTP_PROXY", nowhere), ("HTTPS_PROXY", nowhere), ("ALL_PROXY", nowhere)];
    let (output, told) = command_output(&sts.url, &variables, &["token", "--token-audience", "a"]).await;
    assert_eq!((output.status.code(), sts.mints()), (Some(0), 1), "{told}");
}

#[tokio::test]
async fn the_ca_bundle_of_aws_is_trusted_for_sts() {
    let certificates = Certificates::new("aws_settings_bundle");
    let sts = Upstream::start(Some(certificates.acceptor(&[])), async |_| refusing("AccessDenied")).await;
    let url = format!("https://localhost:{}", sts.address.port());
    let bundle = certificates.path("ca.pem");
    let (_proxy, line) = no_token(&url, &[("AWS_CA_BUNDLE", Some(&bundle))]).await;
    assert_eq!(line["code"], "sts_access_denied", "{line}");

    let broken = certificates.path("key.pem");
    for (bundle, problem) in [("/nowhere/ca.pem", "No such file"), (&broken, "holds no PEM certificate")] {
        let (_proxy, line) = no_token(&url, &[("AWS_CA_BUNDLE", Some(bundle))]).await;
        assert_eq!(line["code"], "ca_bundle_unusable", "{line}");
        assert!(line["error"].as_str().unwrap().contains(problem), "{line}");
    }
}

/// A system that trusts this authority, in a mount namespace of its own.
const SYSTEM: &str =
    r#"exec unshare -rm sh -c 'mount --bind "$SYSTEM" /etc/ssl/certs && exec "$0" "$@"' "$0" "$@""#;

#[tokio::test]
async fn an_authority_in_a_variable_is_trusted_besides_those_of_the_system() {
    let certificates = Certificates::new("aws_settings_system");
    let others = Certificates::new("aws_settings_others");
    let system = certificates.path("system");
    std::fs::create_dir_all(&system).unwrap();
    std::fs::copy(certificates.path("ca.pem"), format!("{system}/ca-certificates.crt")).unwrap();
    let sts = Upstream::start(Some(certificates.acceptor(&[])), async |_| refusing("AccessDenied")).await;
    let upstream = Upstream::start(Some(certificates.acceptor(&[])), async |_| text("")).await;
    let flags = ["--upstream-host", &upstream.authority(), "--token-fetch-timeout", "2s"];
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let mut command = command_by_shell(&format!("https://localhost:{}", sts.address.port()), SYSTEM);
        let added = if variable == "SSL_CERT_FILE" { others.path("ca.pem") } else { others.path("") };
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("SYSTEM", &system).env(variable, added);
        let mut proxy = Program::start(command, &flags).await;
        let line = proxy.logged(|line| line["msg"] == "no token").await;
        assert_eq!(line["code"], "sts_access_denied", "{variable}: {line}");
    }
}
