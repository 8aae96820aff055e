//! What a dirty environment gives attache for its calls to AWS: each oddity is named, and none ends a task.

use crate::support::aws_environment::{NO_KEYS, command_output, no_token};
use crate::support::certificates::Certificates;
use crate::support::client::{get, send};
use crate::support::program::{Program, command, command_by_shell};
use crate::support::upstream::{Reply, Upstream, text};
use crate::support::{Sts, metric};
use http::StatusCode;
use serde_json::Value;

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
async fn what_is_no_region_is_named_as_such() {
    for (region, error) in [
        ("\"eu-central-1\"", "the AWS region \"\\\"eu-central-1\\\"\" is in quotes"),
        ("eu-central-1 ", "the AWS region \"eu-central-1 \" holds a blank"),
        ("eu-central-1a", "the AWS region eu-central-1a is an availability zone, and not its region"),
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

/// Each is set to nothing beside a file of AWS's that has a region and keys, or beside keys in the environment.
#[tokio::test]
async fn variables_that_are_set_to_nothing_count_as_not_set() {
    let sts = Sts::start().await;
    let home = Certificates::new("aws_settings_home");
    let files = home.path(".aws");
    let _ = std::fs::create_dir(&files);
    let profile =
        "[default]\nregion = eu-central-1\naws_access_key_id = AKIATEST\naws_secret_access_key = test\n";
    std::fs::write(format!("{files}/credentials"), profile).unwrap();
    let home = files.trim_end_matches("/.aws");
    let names = [
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_ENDPOINT_URL",
        "AWS_CA_BUNDLE",
        "AWS_EXECUTION_ENV",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    ];
    let of_files = [&NO_KEYS[..], &[("AWS_REGION", None), ("HOME", Some(home))]].concat();
    for name in names {
        for value in ["", " "] {
            let variables = [&of_files[..], &[(name, Some(value))]].concat();
            let (output, told) =
                command_output(&sts.url, &variables, &["token", "--token-audience", "a"]).await;
            assert_eq!(output.status.code(), Some(0), "{name}={value:?}: {told}");
        }
    }
    let variables = [("AWS_REGION", Some("")), ("AWS_DEFAULT_REGION", Some("eu-west-1"))];
    let (_, told) = command_output(&sts.url, &variables, &["doctor", "--token-audience", "a"]).await;
    assert!(told.contains("eu-west-1"), "{told}");
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_is_named() {
    for (url, error) in [
        (
            "sts.example.com",
            "AWS_ENDPOINT_URL_STS, the endpoint for STS, is no URL: it begins with http:// or https://, a host follows",
        ),
        ("'http://127.0.0.1:9'", "AWS_ENDPOINT_URL_STS, the endpoint for STS, is in quotes"),
        (
            "http://user:hunter2@127.0.0.1:9",
            "AWS_ENDPOINT_URL_STS, the endpoint for STS, has a user in it, which AWS's calls have no use for",
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
async fn an_endpoint_that_does_not_go_with_a_choice_among_awss_own_is_named() {
    for (variable, kind) in [("AWS_USE_FIPS_ENDPOINT", "FIPS"), ("AWS_USE_DUALSTACK_ENDPOINT", "Dualstack")] {
        let (_proxy, line) = no_token("http://127.0.0.1:9", &[(variable, Some("true"))]).await;
        assert_eq!(line["code"], "sts_endpoint_invalid", "{line}");
        assert!(line["error"].as_str().unwrap().contains(kind), "{line}");
        assert!(line["hint"].as_str().unwrap().contains(variable), "{line}");
    }
}

/// The SDK writes the request that it could not send into its error.
#[tokio::test]
async fn a_request_that_cannot_be_sent_is_not_shown() {
    let mut command = command("http://127.0.0.1:9");
    command.env("AWS_USE_FIPS_ENDPOINT", "true");
    let flags = ["--upstream-host", "localhost:9", "--token-tag", "team=planted"];
    let mut proxy = Program::start(command, &flags).await;
    let line = proxy.logged(|line| line["msg"] == "no token").await;
    let error = line["error"].as_str().unwrap();
    assert!(error.contains("FIPS and custom endpoint are not supported"), "{line}");
    let status = send(proxy.admin, get("/status", &[])).await;
    let said = format!("{error}{}", status.text());
    assert!(!error.contains("planted") && !said.contains("SdkBody") && !said.contains("x-amz"), "{said}");
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
