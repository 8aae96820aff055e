//! An exchange in the configuration file, served by the built program.

use super::set_fault;
use crate::support::program::{Program, command};
use crate::support::{Sts, client, scrape};
use attache::emulator::faults::PartyFaults;
use attache::emulator::party::Party;
use http::StatusCode;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn write(name: &str, text: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("exchange");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// A file with a credential for Anthropic at the emulator, and one with the JWT itself.
fn two_routes(sts: &str) -> String {
    format!(
        r#"
[credentials.claude.exchange]
preset = "anthropic"
token-endpoint = "{sts}/parties/anthropic/v1/oauth/token"
federation-rule-id = "fdrl_emulator"
organization-id = "00000000-0000-4000-8000-000000000001"

[credentials.vault]
audience = "vault"
[credentials.vault.exchange]
grant = "none"
token-endpoint = "{sts}/parties/vault/v1/auth/jwt/login"
encoding = "json"
assertion-field = "jwt"
parameters = {{ role = "attache" }}
token = "/auth/client_token"
expiry = "lease-seconds /auth/lease_duration"
header = "X-Vault-Token"

[listeners.all]
address = "127.0.0.1:0"

[routes.claude]
path-prefix = "/parties/anthropic"
upstream = "{sts}"
credential = "claude"

[routes.vault]
path-prefix = "/parties/vault"
upstream = "{sts}"
credential = "vault"
"#
    )
}

#[tokio::test]
async fn a_file_has_routes_get_credentials_of_their_parties() {
    let sts = Sts::start().await;
    let file = write("two_routes.toml", &two_routes(&sts.url));
    let proxy = Program::start(command(&sts.url), &["--config-file", file.to_str().unwrap()]).await;
    for path in ["/parties/anthropic/things", "/parties/vault/v1/secret/data/demo"] {
        let answer = client::send(proxy.proxy, client::get(path, &[("authorization", "Bearer mine")])).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    }
    let scrape = scrape(&proxy).await;
    for name in ["claude", "vault"] {
        let begins = format!("credential_expiry_timestamp_seconds{{credential=\"{name}\"");
        assert!(scrape.contains(&begins), "{name}: {scrape}");
    }
}

#[tokio::test]
async fn a_refusal_is_logged_with_its_code_and_without_a_token() {
    let sts = Sts::start().await;
    let fault = PartyFaults { opaque_401: true, ..PartyFaults::default() };
    set_fault(&sts, Party::Anthropic, fault);
    let file = write("refused.toml", &two_routes(&sts.url));
    let mut proxy = Program::start(command(&sts.url), &["--config-file", file.to_str().unwrap()]).await;
    let line = proxy.logged(|line| line["code"] == "exchange_refused" && line["level"] != "DEBUG").await;
    assert_eq!(line["see"], "docs/troubleshooting.md#exchange_refused");
    let text = line.to_string();
    assert!(
        text.contains("the exchange with anthropic failed: it answers 401 authentication_error"),
        "{text}"
    );
    assert!(!proxy.log().iter().any(|line| line.to_string().contains("eyJ")), "{text}");
    let vault = client::send(proxy.proxy, client::get("/parties/vault/v1/secret/data/demo", &[])).await;
    assert_eq!(vault.status, StatusCode::OK, "a route without its credential harms no other");
}

#[test]
fn what_a_preset_expands_to_is_shown_and_means_the_same() {
    let file = write("shown.toml", &two_routes("http://127.0.0.1:4577"));
    let shown = show(&file);
    for line in [
        "[credentials.claude.exchange]",
        "audience = [\"https://api.anthropic.com\"]",
        "duration = \"30m\"",
        "# POST http://127.0.0.1:4577/parties/anthropic/v1/oauth/token",
        "# to the API as authorization: Bearer ..., with anthropic-beta: oauth-2025-04-20, without x-api-key",
        "parameters = { role = \"attache\" }",
        "# to the API as x-vault-token: ...",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
    }
    assert_eq!(show(&write("shown_again.toml", &shown)), shown);
}

fn show(file: &PathBuf) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_attache")).env_clear().args(["config", "show"]).arg(file).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The findings of doctor about a route, by their checks.
async fn findings(sts: &Sts, name: &str) -> Vec<serde_json::Value> {
    let file = write(name, &two_routes(&sts.url));
    let mut doctor = command(&sts.url);
    doctor.args(["doctor", "--metrics-listen-addr", "127.0.0.1:0", "--format", "json", "--config-file"]);
    let output = doctor.arg(file).output().await.unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report["findings"].as_array().or(report["checks"].as_array()).unwrap().clone()
}

#[tokio::test]
async fn doctor_exchanges_the_token_and_says_what_the_party_has_against_it() {
    let sts = Sts::start().await;
    let of = |all: &[serde_json::Value], check: &str| -> Vec<String> {
        all.iter().filter(|finding| finding["check"] == check).map(ToString::to_string).collect()
    };
    let all = findings(&sts, "doctor.toml").await;
    let exchanges = of(&all, "exchange");
    assert_eq!(exchanges.len(), 2, "{all:#?}");
    assert!(
        exchanges.iter().any(|line| line.contains("anthropic gives a credential for the token")),
        "{all:#?}"
    );
    assert_eq!(sts.handle.parties().exchanged(Party::Anthropic, "ok"), 1);
    let fault = PartyFaults { opaque_401: true, ..PartyFaults::default() };
    set_fault(&sts, Party::Anthropic, fault);
    let all = findings(&sts, "doctor.toml").await;
    let exchanges = of(&all, "exchange").join("\n");
    assert!(
        exchanges.contains("exchange_refused") && exchanges.contains("the party gives no reason"),
        "{exchanges}"
    );
}
