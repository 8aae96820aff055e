//! Each preset against its party: the exchange is taken, and the party's API takes its result.

use super::{Exchanging, Party, json};
use http::StatusCode;

const ORGANIZATION: &str = "00000000-0000-4000-8000-000000000001";
const PROVIDER: &str = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/emulator/providers/aws";

/// A preset's keys, and the audience of the JWT where the party leaves it to its customers.
struct Case {
    keys: &'static [(&'static str, &'static str)],
    audience: Option<&'static str>,
}

const CASES: [Case; 15] = [
    Case {
        keys: &[
            ("preset", "anthropic"),
            ("token-endpoint", "{party}/v1/oauth/token"),
            ("federation-rule-id", "fdrl_emulator"),
            ("organization-id", ORGANIZATION),
            ("service-account-id", "svac_emulator"),
            ("workspace-id", "wrkspc_emulator"),
        ],
        audience: None,
    },
    Case {
        keys: &[
            ("preset", "openai"),
            ("token-endpoint", "{party}/oauth/token"),
            ("identity-provider-id", "idp_emulator"),
            ("service-account-id", "svcacct-emulator"),
        ],
        audience: None,
    },
    Case {
        keys: &[
            ("preset", "openrouter"),
            ("token-endpoint", "{party}/api/v1/oauth/token"),
            ("federation-policy-id", "policy-emulator"),
            ("scope", "inference"),
        ],
        audience: Some("https://openrouter.ai"),
    },
    Case {
        keys: &[
            ("preset", "entra"),
            ("token-endpoint", "{party}/00000000-0000-4000-8000-0000000000aa/oauth2/v2.0/token"),
            ("tenant", "00000000-0000-4000-8000-0000000000aa"),
            ("client-id", "00000000-0000-4000-8000-0000000000cc"),
            ("scope", "https://cognitiveservices.azure.com/.default"),
        ],
        audience: None,
    },
    Case {
        keys: &[("preset", "google"), ("token-endpoint", "{party}/v1/token"), ("audience", PROVIDER)],
        audience: None,
    },
    Case {
        keys: &[
            ("preset", "google"),
            ("token-endpoint", "{party}/v1/token"),
            ("audience", PROVIDER),
            ("service-account", "attache@emulator.iam.gserviceaccount.com"),
            (
                "impersonation-endpoint",
                "{party}/v1/projects/-/serviceAccounts/attache@emulator.iam.gserviceaccount.com:generateAccessToken",
            ),
        ],
        audience: None,
    },
    Case {
        keys: &[("preset", "vault"), ("address", "{party}"), ("role", "attache")],
        audience: Some("vault"),
    },
    Case {
        keys: &[
            ("preset", "databricks"),
            ("token-endpoint", "{party}/oidc/v1/token"),
            ("host", "ws.example.com"),
            ("client-id", "00000000-0000-4000-8000-0000000000db"),
        ],
        audience: Some("databricks"),
    },
    Case {
        keys: &[
            ("preset", "dodo"),
            ("token-endpoint", "{party}/workload-identity/token"),
            ("identity-provider-id", "wip_emulator"),
        ],
        audience: None,
    },
    Case {
        keys: &[
            ("preset", "tailscale"),
            ("token-endpoint", "{party}/api/v2/oauth/token-exchange"),
            ("client-id", "emulator"),
        ],
        audience: None,
    },
    Case {
        keys: &[
            ("preset", "confluent"),
            ("token-endpoint", "{party}/sts/v1/oauth2/token"),
            ("identity-pool-id", "pool-emulator"),
        ],
        audience: Some("https://api.confluent.cloud"),
    },
    Case {
        keys: &[
            ("preset", "chainguard"),
            ("token-endpoint", "{party}/sts/exchange"),
            ("identity", "emulator/attache"),
        ],
        audience: None,
    },
    Case {
        keys: &[
            ("preset", "octo-sts"),
            ("token-endpoint", "{party}/sts/exchange"),
            ("scope", "emulator/attache"),
            ("identity", "attache"),
        ],
        audience: None,
    },
    Case {
        keys: &[
            ("preset", "kernel"),
            ("token-endpoint", "{party}/token"),
            ("federation-rule-id", "wifr_emulator"),
        ],
        audience: None,
    },
    Case {
        keys: &[
            ("preset", "buildkite"),
            ("token-endpoint", "{party}/oauth/token"),
            ("client-id", "emulator"),
        ],
        audience: Some("https://buildkite.com"),
    },
];

#[tokio::test]
async fn every_preset_gets_a_credential_that_the_partys_api_takes() {
    for Case { keys, audience } in CASES {
        let preset = keys[0].1;
        let world = Exchanging::start(keys, audience).await;
        let mine = [("authorization", "Bearer of-the-caller"), ("x-mine", "1")];
        let answer = world.get(&format!("/parties/{preset}/things"), &mine).await;
        assert_eq!(answer.status, StatusCode::OK, "{preset}: {}", answer.text());
        let party = Party::find(preset).unwrap();
        let hops =
            if keys.iter().any(|(key, _)| *key == "service-account") && preset == "google" { 2 } else { 1 };
        assert_eq!(world.sts.handle.parties().exchanged(party, "ok"), hops, "{preset}");
        assert_eq!(world.sts.handle.parties().api_calls(party, "ok"), 1, "{preset}");
        let answer = world.get(&format!("/parties/{preset}/others"), &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{preset}: the credential serves again");
        assert_eq!(world.sts.handle.parties().exchanged(party, "ok"), hops, "{preset}: it is kept");
    }
    let presets: std::collections::BTreeSet<_> = CASES.iter().map(|case| case.keys[0].1).collect();
    assert_eq!(presets.len(), Party::ALL.len());
}

#[tokio::test]
async fn the_api_sees_what_the_preset_adds_and_no_key_of_the_caller() {
    let world = Exchanging::start(CASES[0].keys, CASES[0].audience).await;
    let mine = [("x-api-key", "sk-of-the-caller"), ("anthropic-beta", "some-beta"), ("x-mine", "1")];
    let answer = world.get("/parties/anthropic/things", &mine).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let got = json(&answer).to_string();
    assert!(!got.contains("sk-of-the-caller"), "{got}");
    assert!(got.contains("some-beta") && got.contains("oauth-2025-04-20"), "{got}");
}

#[tokio::test]
async fn exchanges_are_counted_by_the_name_of_the_credential() {
    let world = Exchanging::start(CASES[1].keys, CASES[1].audience).await;
    assert_eq!(world.get("/parties/openai/things", &[]).await.status, StatusCode::OK);
    let ok = ["credential=\"of-test\"", "result=\"ok\""];
    assert_eq!(world.counted("credential_exchange_count_total", &ok).await, 1.0);
    assert!(world.counted("credential_expiry_timestamp_seconds", &ok[..1]).await > 1_700_000_000.0);
    assert_eq!(world.counted("credential_exchange_duration_seconds_count", &ok[..1]).await, 1.0);
    let minted = ["audience=\"https://api.openai.com/v1\"", "result=\"ok\""];
    assert_eq!(world.counted("token_fetch_count_total", &minted).await, 1.0);
}
