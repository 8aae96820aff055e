//! What AWS's configuration and credentials files say wrongly: each fault is named with its place, and mended without a restart.

use crate::inbound::make_fifo;
use crate::support::Sts;
use crate::support::aws_environment::{NO_KEYS, command_output};
use crate::support::certificates::Certificates;
use crate::support::program::{Program, command};
use serde_json::Value;
use std::fs;

const UPSTREAM: [&str; 4] = ["--upstream-host", "localhost:9", "--upstream-scheme", "http"];
const KEYS: &str = "aws_access_key_id = AKIATEST\naws_secret_access_key = test\n";

/// A home directory with these files of AWS's.
fn home(name: &str, files: &[(&str, &[u8])]) -> String {
    let home = Certificates::new(name).path("home");
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(format!("{home}/.aws")).unwrap();
    for (file, content) in files {
        fs::write(format!("{home}/.aws/{file}"), content).unwrap();
    }
    home
}

/// What a proxy and `attache doctor` say whose only settings of AWS are the files of this home directory, and these variables.
async fn told(home: &str, variables: &[(&str, &str)]) -> (Program, Value, String) {
    let removed = [&NO_KEYS[..], &[("AWS_ENDPOINT_URL_STS", None), ("AWS_REGION", None)]].concat();
    let set: Vec<_> = variables.iter().map(|(name, value)| (*name, Some(*value))).collect();
    let all =
        [&removed[..], &[("HOME", Some(home)), ("AWS_EC2_METADATA_DISABLED", Some("true"))], &set].concat();
    let mut command = command("");
    for (name, value) in &all {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut proxy = Program::start(command, &UPSTREAM).await;
    let line = proxy.logged(|line| line["msg"] == "no token").await;
    let (_, doctor) = command_output("", &all, &["doctor", "--token-audience", "a"]).await;
    (proxy, line, doctor)
}

#[tokio::test]
async fn an_endpoint_of_a_profile_that_is_no_url_is_named_with_its_place() {
    let region = "region = eu-central-1\n";
    let services = "services = dev\n[services dev]\nsts =\n  endpoint_url = \"http://127.0.0.1:9\"\n";
    for (number, (file, content, profile, place)) in [
        (
            "config",
            format!("[default]\n{region}endpoint_url = \"http://127.0.0.1:9\"\n"),
            "",
            "[default] of HOME/.aws/config, the endpoint for STS, is in quotes",
        ),
        (
            "config",
            format!("[profile dev]\n{region}endpoint_url = http://user:planted@127.0.0.1:9\n"),
            "dev",
            "[profile dev] of HOME/.aws/config, the endpoint for STS, has a user in it",
        ),
        (
            "credentials",
            format!("[dev]\nendpoint_url = 127.0.0.1:9\n{region}"),
            "dev",
            "[dev] of HOME/.aws/credentials, the endpoint for STS, is no URL",
        ),
        (
            "config",
            format!("[default]\n{region}endpoint_url =\n"),
            "",
            "[default] of HOME/.aws/config, the endpoint for STS, is empty",
        ),
        (
            "config",
            format!("[default]\nendpoint_url = http://127.0.0.1:9\n{region}{services}"),
            "",
            "[services dev] of HOME/.aws/config, the endpoint for STS, is in quotes",
        ),
        (
            "config",
            format!("[default]\n{region}endpoint_url = http://127.0.0.1:99999\n"),
            "",
            "[default] of HOME/.aws/config, the endpoint for STS, has no port behind its host",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let home = home(&format!("aws_files_endpoint_{number}"), &[(file, content.as_bytes())]);
        let profile = [("AWS_PROFILE", profile)];
        let profile = if profile[0].1.is_empty() { &[][..] } else { &profile };
        let (proxy, line, doctor) = told(&home, profile).await;
        let expected = format!("endpoint_url in {}", place.replace("HOME", &home));
        assert_eq!(line["code"], "sts_endpoint_invalid", "{line}");
        assert!(line["error"].as_str().unwrap().starts_with(&expected), "{expected}: {line}");
        assert!(line["hint"].as_str().unwrap().contains("without quotes"), "{line}");
        assert!(
            doctor.contains("STS endpoint     sts_endpoint_invalid: ") && doctor.contains(&expected),
            "{doctor}"
        );
        assert!(!doctor.contains("planted") && !format!("{:?}", proxy.log()).contains("planted"), "{doctor}");
    }
}

/// A variable counts before the profile, and a flag before both.
#[tokio::test]
async fn an_endpoint_of_a_profile_that_does_not_count_is_not_judged() {
    let sts = Sts::start().await;
    let config = format!("[default]\nregion = eu-central-1\n{KEYS}endpoint_url = \"http://127.0.0.1:9\"\n");
    let home = home("aws_files_unjudged", &[("config", config.as_bytes())]);
    let of_files = [&NO_KEYS[..], &[("AWS_REGION", None), ("HOME", Some(&*home))]].concat();
    let mint = ["token", "--token-audience", "a"];
    let (output, told) = command_output(&sts.url, &of_files, &mint).await;
    assert!(output.status.success(), "{told}");
    let of_files = [&of_files[..], &[("AWS_ENDPOINT_URL_STS", None)]].concat();
    let flag = ["--sts-endpoint-url", &sts.url];
    let (output, told) = command_output("", &of_files, &[&mint[..], &flag].concat()).await;
    assert!(output.status.success(), "{told}");
}

/// The flag moves the calls for tokens alone, so a role's credentials are still asked for there.
#[tokio::test]
async fn an_endpoint_that_only_a_roles_credentials_are_asked_at_is_named_too() {
    let sts = Sts::start().await;
    let token = Certificates::new("aws_files_role").path("token");
    fs::write(&token, "eyJ.eyJ.sig").unwrap();
    let role = "arn:aws:iam::111122223333:role/r";
    let config = format!(
        "[default]\nrole_arn = {role}\nweb_identity_token_file = {token}\nendpoint_url = \"http://127.0.0.1:9\"\n"
    );
    let of_profile = home("aws_files_role_profile", &[("config", config.as_bytes())]);
    let nothing = home("aws_files_role_variable", &[]);
    let of_variable = [
        ("AWS_ENDPOINT_URL_STS", Some("'http://127.0.0.1:9'")),
        ("AWS_ROLE_ARN", Some(role)),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", Some(&*token)),
    ];
    for (home, variables, named) in [
        (
            &of_profile,
            &[("AWS_ENDPOINT_URL_STS", None)][..],
            format!("endpoint_url in [default] of {of_profile}/.aws/config"),
        ),
        (&nothing, &of_variable, "AWS_ENDPOINT_URL_STS".to_owned()),
    ] {
        let all = [&NO_KEYS[..], &[("HOME", Some(home.as_str()))], variables].concat();
        let arguments = ["token", "--token-audience", "a", "--sts-endpoint-url", &sts.url];
        let (_, told) = command_output("", &all, &arguments).await;
        assert!(told.contains(&format!("{named}, the endpoint for STS, is in quotes")), "{told}");
        assert!(told.contains("code: sts_endpoint_invalid"), "{told}");
    }
}

#[tokio::test]
async fn a_profiles_identity_token_that_cannot_be_read_is_named() {
    let pipe = Certificates::new("aws_files_identity_pipe").path("pipe");
    make_fifo(&pipe);
    for (number, (file, problem)) in [
        ("/nowhere/token", "/nowhere/token cannot be read: No such file"),
        ("/etc", "/etc cannot be read: it is a directory"),
        ("/dev/zero", "/dev/zero cannot be read: it is a device"),
        (&*pipe, "is not a regular file and was not read to its end"),
    ]
    .into_iter()
    .enumerate()
    {
        for (section, source) in [
            ("default", ""),
            (
                "profile base",
                "[default]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = base\n",
            ),
        ] {
            let config = format!(
                "{source}[{section}]\nregion = eu-central-1\nrole_arn = arn:aws:iam::111122223333:role/r\nweb_identity_token_file = {file}\n"
            );
            let home = home(
                &format!("aws_files_identity_{number}_{}", source.len()),
                &[("config", config.as_bytes())],
            );
            let (_proxy, line, doctor) =
                told(&home, &[("AWS_REGION", "eu-central-1"), ("TOKEN_FETCH_TIMEOUT", "2s")]).await;
            let setting = format!("web_identity_token_file in [{section}] of {home}/.aws/config");
            let error = line["error"].as_str().unwrap();
            assert_eq!(line["code"], "credentials_missing", "{line}");
            assert!(error.contains(&setting) && error.contains(problem), "{line}");
            assert!(doctor.contains(&setting), "{doctor}");
        }
    }
}

/// The SDK takes a file that is not UTF-8 for an empty one.
#[tokio::test]
async fn a_file_in_another_encoding_is_named_with_the_cure() {
    let text = format!("[default]\nregion = eu-central-1\n{KEYS}");
    let wide: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = format!("\u{feff}{text}").into_bytes();
    let latin = [b"# f\xfcr\n", text.as_bytes()].concat();
    for (number, (content, problem)) in [
        (&wide, "it is UTF-16, as some programs on Windows write it: save it as UTF-8"),
        (&marked, "it begins with a byte order mark: save it as UTF-8 without one"),
        (&latin, "it is not UTF-8: save it as UTF-8"),
    ]
    .into_iter()
    .enumerate()
    {
        for file in ["config", "credentials"] {
            let sts = Sts::start().await;
            let home = home(&format!("aws_files_encoding_{number}_{file}"), &[(file, content)]);
            let path = format!("{home}/.aws/{file}");
            let named = if file == "config" { "AWS_CONFIG_FILE" } else { "AWS_SHARED_CREDENTIALS_FILE" };
            for variables in [&[("AWS_REGION", "eu-central-1")][..], &[(named, &*path)]] {
                let endpoint = [("AWS_ENDPOINT_URL_STS", &*sts.url)];
                let (mut proxy, line, doctor) = told(&home, &[variables, &endpoint].concat()).await;
                let expected = format!("{path} cannot be read: {problem}");
                assert!(line["error"].as_str().unwrap().contains(&expected), "{expected}: {line}");
                assert!(doctor.contains(&expected), "{doctor}");
                fs::write(&path, &text).unwrap();
                proxy.logged(|line| line["msg"] == "token obtained again").await;
                fs::write(&path, content).unwrap();
            }
        }
    }
}
