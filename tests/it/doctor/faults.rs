//! Each fault that AWS can have, and the finding that names it.

use super::examination::{Row, examine, row};
use crate::support::Sts;
use crate::support::upstream::Upstream;
use attache::emulator::api_error::ErrorCode;
use attache::emulator::call::Algorithm;
use attache::emulator::faults::{AppliesTo, Faults, Outage};

/// A fault of the emulator with the flags that show it.
type Fault = (Row, Faults, &'static [&'static str]);

fn error(code: ErrorCode) -> Faults {
    Faults { error: Some(code), ..Faults::default() }
}

fn everywhere(faults: Faults) -> Faults {
    Faults { actions: AppliesTo::All, ..faults }
}

const TWO_AUDIENCES: &[&str] =
    &["--token-audience", "https://a.example", "--token-audience", "https://b.example"];

fn refusals() -> Vec<Fault> {
    let none = Faults::default;
    vec![
        (
            row("the audience is denied", "sts_access_denied", "it is the audience, or the action itself"),
            Faults { deny_audiences: vec!["https://b.example".to_owned()], ..none() },
            &["--token-audience", "https://b.example"],
        ),
        (
            row(
                "one audience of two is denied",
                "sts_access_denied",
                "https://b.example: the policy does not allow",
            ),
            Faults { deny_audiences: vec!["https://b.example".to_owned()], ..none() },
            TWO_AUDIENCES,
        ),
        (
            row("the duration is denied", "sts_access_denied", "limits sts:DurationSeconds"),
            Faults { deny_duration_above: Some(600), ..none() },
            &[],
        ),
        (
            row("the algorithm is denied", "sts_access_denied", "--token-signing-algorithm ES384"),
            Faults { deny_algorithm: Some(Algorithm::Rs256), ..none() },
            &[],
        ),
        (
            row("tags are denied", "sts_access_denied", "allow it, or leave out --token-tag"),
            Faults { deny_tags: true, ..none() },
            &["--token-tag", "team=data"],
        ),
        (
            row("throttled", "sts_throttled", "tries go on more slowly"),
            Faults { throttle: true, ..none() },
            &[],
        ),
        (
            row(
                "the feature is off",
                "federation_disabled",
                "aws iam enable-outbound-web-identity-federation",
            ),
            error(ErrorCode::OutboundWebIdentityFederationDisabledException),
            &[],
        ),
        (
            row("too many tags", "token_too_large", "fewer or shorter --token-tag"),
            error(ErrorCode::JwtPayloadSizeExceededException),
            &[],
        ),
        (
            row("outside the limits", "sts_validation", "against the limits of STS"),
            error(ErrorCode::ValidationError),
            &[],
        ),
        (
            row("an unusual refusal", "sts_refused", "enable the region"),
            error(ErrorCode::RegionDisabledException),
            &[],
        ),
        (
            row("the session is refused", "session_too_short", "shorten --token-duration"),
            error(ErrorCode::SessionDurationEscalationException),
            &[],
        ),
        (
            row("expired credentials", "credentials_expired", "see what provides them"),
            everywhere(error(ErrorCode::ExpiredToken)),
            &[],
        ),
        (
            row("an unknown key", "access_key_unknown", "see where the credentials come from"),
            everywhere(error(ErrorCode::InvalidClientTokenId)),
            &[],
        ),
        (
            row("a wrong secret", "signature_rejected", "see that the secret key is right"),
            everywhere(error(ErrorCode::SignatureDoesNotMatch)),
            &[],
        ),
        (
            row("a wrong clock behind a refused signature", "clock_skew", "set this machine's clock by NTP"),
            Faults { clock_offset_seconds: 3600, ..everywhere(error(ErrorCode::SignatureDoesNotMatch)) },
            &[],
        ),
    ]
}

fn outages() -> Vec<Fault> {
    let none = Faults::default;
    vec![
        (
            row("minting is unwell", "sts_unwell", "until STS is well again"),
            Faults { outage: Some(Outage::ServiceUnavailable), ..none() },
            &[],
        ),
        (
            row("something before STS is unwell", "sts_unwell", "until STS is well again"),
            everywhere(Faults { outage: Some(Outage::BadGateway), ..none() }),
            &[],
        ),
        (
            row("STS hangs", "sts_unreachable", "check the route"),
            everywhere(Faults { hang: true, ..none() }),
            &[],
        ),
        (row("STS hangs up", "sts_unreachable", "check the route"), Faults { close: true, ..none() }, &[]),
        (
            row("STS is slower than allowed", "sts_timeout", "check the route"),
            Faults { latency_ms: 60_000, ..none() },
            &["--token-fetch-timeout", "1s"],
        ),
    ]
}

fn wrong_tokens() -> Vec<Fault> {
    let none = Faults::default;
    vec![
        (
            row("another audience", "token_differs", "see what answers in place of STS"),
            Faults { mint_audience: Some("https://elsewhere.example".to_owned()), ..none() },
            &[],
        ),
        (
            row("another algorithm", "token_differs", "see what answers in place of STS"),
            Faults { mint_algorithm: Some(Algorithm::Es384), ..none() },
            &[],
        ),
        (
            row("another expiry", "token_differs", "see what answers in place of STS"),
            Faults { exp_offset_seconds: -60, ..none() },
            &[],
        ),
        (
            row("another's signature", "token_unverifiable", "see the machine's clock"),
            Faults { spoil_signature: true, ..none() },
            &[],
        ),
        (
            row("a token of yesterday", "clock_skew", "set this machine's clock by NTP"),
            Faults { clock_offset_seconds: -86_400, ..none() },
            &[],
        ),
    ]
}

fn doubts() -> Vec<Fault> {
    let none = Faults::default;
    vec![
        (
            row("a shorter life", "token_differs", "a call to STS that much more often"),
            Faults { token_life_seconds: Some(120), ..none() },
            &[],
        ),
        (
            row("the clock is off", "clock_skew", "set this machine's clock by NTP"),
            Faults { clock_offset_seconds: 120, ..none() },
            &[],
        ),
        (
            row("the issuer is down", "issuer_unreachable", "whoever verifies the token does"),
            Faults { documents_down: true, ..none() },
            &[],
        ),
    ]
}

async fn each_is_named(faults: Vec<Fault>, verdict: &str) {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let host = upstream.authority();
    for (row, faults, flags) in faults {
        sts.handle.set_faults(faults);
        let all = [&["--upstream-scheme", "http", "--upstream-host", &host], flags].concat();
        examine(&sts.url, &all).await.assert_names(row, verdict);
    }
}

#[tokio::test]
async fn refusals_are_translated() {
    each_is_named(refusals(), "failed").await;
}

#[tokio::test]
async fn outages_are_told_from_refusals() {
    each_is_named(outages(), "failed").await;
}

#[tokio::test]
async fn a_token_that_is_not_what_was_asked_for_is_a_failure() {
    each_is_named(wrong_tokens(), "failed").await;
}

#[tokio::test]
async fn what_works_and_may_not_for_long_is_a_warning() {
    each_is_named(doubts(), "warning").await;
}
