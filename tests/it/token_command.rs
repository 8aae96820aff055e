//! `attache token`: what a script gets, what a person reads, and how it fails.

use crate::support::program::{WAIT_LIMIT, command};
use crate::support::{Sts, claims, part};
use attache::emulator::faults::Faults;
use serde_json::Value;
use std::process::Output;
use tokio::time::timeout;

async fn token(sts: &Sts, arguments: &[&str]) -> Output {
    let output = command(&sts.url).arg("token").args(arguments).output();
    timeout(WAIT_LIMIT, output).await.unwrap().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[tokio::test]
async fn a_script_gets_the_token_and_nothing_else() {
    let sts = Sts::start().await;
    let flags = [
        "--token-audience",
        "https://b.example",
        "--token-duration",
        "10m",
        "--token-signing-algorithm",
        "ES384",
    ];
    let output = token(&sts, &flags).await;
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let jwt = stdout(&output).strip_suffix('\n').unwrap();
    assert_eq!(claims(jwt)["aud"], "https://b.example");
    assert_eq!(claims(jwt)["exp"].as_u64().unwrap() - claims(jwt)["iat"].as_u64().unwrap(), 600);
    assert_eq!(part(jwt, 0)["alg"], "ES384");
    assert_eq!(sts.mints(), 1);
}

#[tokio::test]
async fn a_pinned_upstream_gives_the_audience_and_without_either_there_is_none() {
    let sts = Sts::start().await;
    let output = token(&sts, &["--upstream-host", "api.example.com:8443"]).await;
    assert_eq!(claims(stdout(&output).trim_end())["aud"], "https://api.example.com");
    let output = token(&sts, &[]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--token-audience") && stdout(&output).is_empty(),
        "{}",
        stderr(&output)
    );
}

#[tokio::test]
async fn a_route_of_a_configuration_file_gives_the_credential() {
    let sts = Sts::start().await;
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/token_command_routes.toml");
    let route = |name: &str| {
        format!("[routes.{name}]\npath-prefix = \"/{name}\"\nupstream = \"https://{name}.example\"\n")
    };
    let routes = route("a") + &route("b") + "[routes.c]\nhost-header = \"Host\"\nallow-hosts = [\"c\"]\n";
    std::fs::write(file, format!("[listeners.a]\naddress = \":8080\"\n{routes}")).unwrap();
    let output = token(&sts, &["--config-file", file, "--route", "b"]).await;
    assert_eq!(claims(stdout(&output).trim_end())["aud"], "https://b.example", "{}", stderr(&output));
    for (flags, advice) in [
        (&[][..], "name one of the file's routes with --route: a, b, c"),
        (&["--route", "d"], "--route must be the name of a route: a, b, c"),
        (&["--route", "c"], "each request to route c names its upstream: give it a credential"),
    ] {
        let output = token(&sts, &[&["--config-file", file], flags].concat()).await;
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(advice), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn a_person_reads_header_claims_and_remaining_life_without_the_token() {
    let sts = Sts::start().await;
    let output = token(&sts, &["--token-audience", "https://api.example.com", "--decode"]).await;
    let text = stdout(&output);
    for line in
        ["header\n  alg  RS256\n", "claims\n", "  aud  https://api.example.com\n", "expires in 59 minutes"]
    {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
    assert!(!text.contains("eyJ"), "{text}");
}

#[tokio::test]
async fn a_program_gets_one_object() {
    let sts = Sts::start().await;
    let output = token(&sts, &["--token-audience", "a", "--json", "--verify"]).await;
    let object: Value = serde_json::from_str(stdout(&output)).unwrap();
    let jwt = object["token"].as_str().unwrap();
    assert_eq!((&object["claims"], &object["header"]), (&claims(jwt), &part(jwt, 0)));
    assert_eq!(object["verified"], true);
    assert!(object["expires"].as_u64().unwrap().abs_diff(object["claims"]["exp"].as_u64().unwrap()) <= 2);
}

#[tokio::test]
async fn a_token_that_does_not_verify_is_not_printed() {
    let sts = Sts::start().await;
    let flags = ["--token-audience", "a", "--token-audience", "b", "--verify"];
    assert_eq!(token(&sts, &flags).await.status.code(), Some(0));
    let cases = [
        (
            Faults { spoil_signature: true, ..Faults::default() },
            "token_unverifiable",
            "the signature does not match",
        ),
        (Faults { documents_down: true, ..Faults::default() }, "issuer_unreachable", "answered 503"),
    ];
    for (faults, code, cause) in cases {
        sts.handle.set_faults(faults);
        let output = token(&sts, &flags).await;
        assert_eq!((output.status.code(), stdout(&output)), (Some(1), ""));
        assert!(stderr(&output).contains(&format!("  code: {code}, see docs/troubleshooting.md#{code}\n")));
        assert!(stderr(&output).contains(cause), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_cause_hint_and_code() {
    let sts = Sts::start().await;
    sts.handle.set_federation_enabled(false);
    let output = token(&sts, &["--token-audience", "https://api.example.com"]).await;
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), ""));
    let told = stderr(&output);
    let mut lines = told.lines();
    assert_eq!(lines.next(), Some("error: there is no token for https://api.example.com"));
    assert!(
        lines.next().unwrap().starts_with("  cause: STS refused: OutboundWebIdentityFederationDisabled"),
        "{told}"
    );
    assert!(lines.next().unwrap().contains("aws iam enable-outbound-web-identity-federation"), "{told}");
    assert_eq!(
        lines.next(),
        Some("  code: federation_disabled, see docs/troubleshooting.md#federation_disabled")
    );
}

#[tokio::test]
async fn settings_that_make_no_sense_are_bad_usage() {
    let sts = Sts::start().await;
    for flags in [&["--token-duration", "1s"][..], &["--decode", "--json"], &["--no-such-flag"]] {
        let output = token(&sts, flags).await;
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", stderr(&output));
    }
}
