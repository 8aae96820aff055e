use super::*;
use crate::cli::fetch;
use crate::clock::Clock;
use crate::credential::CredentialSource;
use crate::credential::sts::{Sts, credentials_source::AwsCredentialsSource};
use crate::emulator::Emulator;
use crate::emulator::handle::EmulatorHandle;
use crate::emulator::options::Options;
use crate::model::audience_set::AudienceSet;
use crate::model::credential_spec::CredentialSpec;
use crate::model::token_request::{SigningAlgorithm, TokenRequest};
use crate::tasks::{Owned, Tasks};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(15);
const AUDIENCE: &str = "https://api.example.com";

struct Issuer {
    url: String,
    handle: EmulatorHandle,
    _task: Owned,
}

impl Issuer {
    async fn start() -> Self {
        let emulator = Emulator::bind(Options::default()).await.unwrap();
        let (url, handle) = (emulator.url(), emulator.handle());
        let task = Tasks::default().spawn(emulator.run(std::future::pending()));
        let issuer = Self { url, handle, _task: task.into() };
        // Making the keys takes longer on a slow machine than a call for a token may.
        issuer.verifier().learn_keys().await.unwrap();
        issuer
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(self.handle.issuer(), AUDIENCE, fetch::client().unwrap(), fetch::bounds(TIMEOUT))
    }

    async fn mint(&self, algorithm: SigningAlgorithm, audience: &str) -> String {
        let token = TokenRequest {
            audiences: AudienceSet::new(vec![audience.to_owned()]).unwrap(),
            algorithm,
            lifetime: Duration::from_secs(60),
            tags: Vec::new(),
        };
        let access = AwsCredentialsSource::keys("AKIATEST", "test", "us-east-1");
        let sts = Sts::new(access, Some(self.url.clone()), Duration::from_secs(10), Clock::system());
        let minted = sts.fetch(&CredentialSpec::new(token, Duration::from_secs(30))).await.unwrap();
        minted.credential.expose().to_owned()
    }

    async fn token(&self) -> String {
        self.mint(SigningAlgorithm::Rs256, AUDIENCE).await
    }
}

async fn refusal(verifier: &Verifier, jwt: &str) -> String {
    match verifier.verify(jwt).await {
        Ok(_) => "verified".to_owned(),
        Err(rejection) => rejection.to_string(),
    }
}

/// The token with another header and the same signature.
fn with_header(jwt: &str, header: &Value) -> String {
    let (_, rest) = jwt.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[tokio::test]
async fn tokens_of_both_algorithms_verify_and_say_who_calls() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier();
    for (algorithm, key) in [(SigningAlgorithm::Rs256, "RSA_0"), (SigningAlgorithm::Es384, "EC384_0")] {
        let Ok(verified) = verifier.verify(&issuer.mint(algorithm, AUDIENCE).await).await else {
            panic!("a good {} token was refused", algorithm.as_str());
        };
        assert_eq!(
            (format!("{:?}", verified.algorithm), verified.key.as_str()),
            (algorithm.as_str().to_owned(), key)
        );
        assert_eq!(verified.claims["sub"], "arn:aws:iam::123456789012:role/demo/attache");
    }
}

#[tokio::test]
async fn a_token_for_somebody_else_or_of_yesterday_is_refused() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier();
    let elsewhere = issuer.mint(SigningAlgorithm::Rs256, "https://other.example.com").await;
    assert_eq!(refusal(&verifier, &elsewhere).await, "it is meant for another audience");
    issuer.handle.update_faults(|faults| faults.clock_offset_seconds = -86_400);
    assert_eq!(refusal(&verifier, &issuer.token().await).await, "it has expired");
}

#[tokio::test]
async fn another_issuers_signature_is_refused_though_its_key_has_the_same_name() {
    let (issuer, other) = (Issuer::start().await, Issuer::start().await);
    assert_eq!(refusal(&issuer.verifier(), &other.token().await).await, "the signature does not match");
}

#[tokio::test]
async fn a_token_cannot_choose_how_it_is_checked() {
    let issuer = Issuer::start().await;
    let (verifier, jwt) = (issuer.verifier(), issuer.token().await);
    for algorithm in ["ES384", "HS256", "RS512", "PS256"] {
        let forged = with_header(&jwt, &json!({ "alg": algorithm, "kid": "RSA_0" }));
        assert_eq!(refusal(&verifier, &forged).await, "its algorithm does not fit the key", "{algorithm}");
    }
    let unsigned = with_header(&jwt, &json!({ "alg": "none", "kid": "RSA_0" }));
    assert_eq!(refusal(&verifier, &unsigned).await, "it is no JWT with a known algorithm");
}

#[tokio::test]
async fn a_key_that_is_new_is_asked_for_and_one_that_nobody_has_is_refused() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier();
    verifier.learn_keys().await.unwrap();
    issuer.handle.rotate_keys().await.unwrap();
    let jwt = issuer.token().await;
    assert_eq!(verifier.verify(&jwt).await.map(|verified| verified.key).ok().as_deref(), Some("RSA_1"));
    let unknown = with_header(&jwt, &json!({ "alg": "RS256", "kid": "RSA_9" }));
    assert_eq!(refusal(&verifier, &unknown).await, "the issuer has no such key");
    let nameless = with_header(&jwt, &json!({ "alg": "RS256" }));
    assert_eq!(refusal(&verifier, &nameless).await, "it does not say which key signed it");
}

#[tokio::test]
async fn without_the_issuer_nothing_verifies() {
    let issuer = Issuer::start().await;
    let jwt = issuer.token().await;
    let elsewhere = Verifier::new(&issuer.url, AUDIENCE, fetch::client().unwrap(), fetch::bounds(TIMEOUT));
    assert_eq!(refusal(&elsewhere, &jwt).await, "the issuer's keys cannot be had");
}
