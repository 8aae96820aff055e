//! What keeps credentials from being had is named by its variable, and nothing of what that holds is shown.

use crate::support::aws_environment::{NO_KEYS, command_output, no_token};
use crate::support::certificates::Certificates;
use crate::support::client::{get, send};
use crate::support::program::{Program, command};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

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
            "no AWS credentials: AWS_PROFILE is nope, and that profile gives none: ",
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

/// The SDK takes such a variable for one that is not set, and shows its value.
#[tokio::test]
async fn a_variable_of_aws_that_is_not_utf8_is_named_and_not_shown() {
    for variable in
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ROLE_ARN"]
    {
        let mut command = command("http://127.0.0.1:9");
        command.env(variable, OsStr::from_bytes(b"planted\xa0"));
        let flags = ["--upstream-host", "localhost:9", "--upstream-scheme", "http"];
        let mut proxy = Program::start(command, &flags).await;
        let line = proxy.logged(|line| line["msg"] == "no token").await;
        assert_eq!(
            (&line["error"], &line["code"]),
            (&format!("{variable} is not UTF-8").into(), &"config_invalid".into()),
            "{line}"
        );
        assert!(!format!("{:?}", proxy.log()).contains("planted"));
    }
}

#[tokio::test]
async fn sts_that_cannot_be_reached_for_a_role_is_not_taken_for_its_tokens_file() {
    let token = Certificates::new("aws_credentials_role").path("token");
    std::fs::write(&token, "eyJ.eyJ.sig").unwrap();
    let role = ("AWS_ROLE_ARN", Some("arn:aws:iam::123456789012:role/r"));
    let variables = [NO_KEYS[0], NO_KEYS[1], role, ("AWS_WEB_IDENTITY_TOKEN_FILE", Some(&*token))];
    let (_proxy, line) = no_token("http://127.0.0.1:9", &variables).await;
    assert_eq!(line["code"], "sts_unreachable", "{line}");
    let error = line["error"].as_str().unwrap();
    assert!(
        error.starts_with("no AWS credentials: STS cannot be reached") && error.contains("refused"),
        "{line}"
    );
}

#[tokio::test]
async fn a_secret_in_a_variable_of_aws_is_not_shown() {
    let (jwt, key) =
        ("eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhIn0.planted", "planted7planted7PLANTED7planted7planted7PLANTED");
    let url = "https://ann:planted@a.example/?key=planted";
    for (variable, value) in [
        ("AWS_REGION", url),
        ("AWS_REGION", jwt),
        ("AWS_PROFILE", jwt),
        ("AWS_PROFILE", key),
        ("AWS_CONFIG_FILE", url),
        ("AWS_SHARED_CREDENTIALS_FILE", jwt),
        ("AWS_CA_BUNDLE", url),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", jwt),
    ] {
        let variables = [NO_KEYS[0], NO_KEYS[1], (variable, Some(value))];
        let (proxy, line) = no_token("http://127.0.0.1:9", &variables).await;
        assert_ne!(line["code"], "panicked", "{line}");
        let status = send(proxy.admin, get("/status", &[])).await;
        let (_, told) =
            command_output("http://127.0.0.1:9", &variables, &["doctor", "--token-audience", "a"]).await;
        let said = format!("{told}{}{:?}", status.text(), proxy.log());
        assert!(!said.to_lowercase().contains("planted"), "{variable}={value}: {said}");
    }
}

#[tokio::test]
async fn what_keeps_a_call_from_being_sent_is_named_by_its_variable() {
    let place = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", Some("http://127.0.0.1:9/"));
    for (variables, error, code) in [
        (
            &[("AWS_EXECUTION_ENV", Some("AWS_ECS\n"))][..],
            "AWS_EXECUTION_ENV ends in a line break, and is sent in a header of each call to AWS",
            "config_invalid",
        ),
        (
            &[NO_KEYS[0], NO_KEYS[1], place, ("AWS_CONTAINER_AUTHORIZATION_TOKEN", Some("a\nb"))],
            "no AWS credentials: AWS_CONTAINER_AUTHORIZATION_TOKEN holds what no header can hold, a line break perhaps",
            "credentials_missing",
        ),
        (
            &[
                NO_KEYS[0],
                NO_KEYS[1],
                place,
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Some("/nowhere/token")),
            ],
            "no AWS credentials: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: /nowhere/token cannot be read: ",
            "credentials_missing",
        ),
        (
            &[NO_KEYS[0], NO_KEYS[1], ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Some("v2"))],
            "no AWS credentials: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path: it begins with /",
            "credentials_missing",
        ),
    ] {
        let (_proxy, line) = no_token("http://127.0.0.1:9", variables).await;
        assert!(line["error"].as_str().unwrap().starts_with(error), "{line}");
        assert_eq!(line["code"], code, "{line}");
        let (_, told) =
            command_output("http://127.0.0.1:9", variables, &["doctor", "--token-audience", "a"]).await;
        assert!(told.contains(&format!("{code}: {error}")), "{told}");
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
