//! Google's exchange, and the impersonation of a service account.

use super::{ACCESS_TYPE, EXCHANGE, FORM, JSON, JWT_TYPE, form};
use crate::emulator::world::{Answer, World};
use attache::emulator::faults::{Faults, PartyFaults};
use attache::emulator::party::Party;
use serde_json::json;

const PROVIDER: &str = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/emulator/providers/aws";
const PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
const IMPERSONATE: &str = "/parties/google/v1/projects/-/serviceAccounts/attache@emulator.iam.gserviceaccount.com:generateAccessToken";

impl World {
    /// Google's first hop, for a scope.
    async fn at_google(&self, scope: &str, headers: &[(&str, &str)]) -> Answer {
        let jwt = self.jwt(PROVIDER, "RS256", 300).await;
        let fields = form(&[
            ("grant_type", EXCHANGE),
            ("audience", PROVIDER),
            ("scope", scope),
            ("requested_token_type", ACCESS_TYPE),
            ("subject_token", &jwt),
            ("subject_token_type", JWT_TYPE),
        ]);
        self.exchange("/parties/google/v1/token", &[&[FORM], headers].concat(), &fields).await
    }
}

#[tokio::test]
async fn google_impersonates_with_the_result_of_the_first_hop_alone() {
    let world = World::start().await;
    let first = world.at_google(PLATFORM, &[]).await;
    assert_eq!(first.json()["expires_in"], "3600", "seconds are text");
    let refused = world.at_google(PLATFORM, &[("authorization", "Bearer x")]).await;
    assert_eq!((refused.status.as_u16(), refused.text("/error").as_str()), (400, "invalid_request"));

    let body = json!({ "scope": [PLATFORM], "lifetime": "900s", "delegates": null }).to_string();
    let impersonate = async |token: &str, body: &str| {
        let bearer = format!("Bearer {token}");
        world.exchange(IMPERSONATE, &[JSON, ("authorization", &bearer)], body).await
    };
    let second = impersonate(&first.text("/access_token"), &body).await;
    assert_eq!(second.status, 200, "{}", second.body);
    assert!(second.text("/expireTime").ends_with('Z'));
    let token = second.text("/accessToken");
    assert_eq!(world.calls("GET", "/parties/google/storage/v1/b", &token).await, 200);

    let narrow = world.at_google("https://www.googleapis.com/auth/devstorage.read_only", &[]).await;
    for (token, body, status, named) in [
        (token.as_str(), body.as_str(), 401, "UNAUTHENTICATED"),
        ("other", body.as_str(), 401, "UNAUTHENTICATED"),
        ("", body.as_str(), 401, "UNAUTHENTICATED"),
        (narrow.text("/access_token").as_str(), body.as_str(), 403, "PERMISSION_DENIED"),
        (first.text("/access_token").as_str(), r#"{"scope": "one"}"#, 400, "INVALID_ARGUMENT"),
        (first.text("/access_token").as_str(), r#"{"scope": [], "lifetime": "1h"}"#, 400, "INVALID_ARGUMENT"),
    ] {
        let answer = impersonate(token, body).await;
        let error = answer.json()["error"].clone();
        assert_eq!((&error["code"], &error["status"]), (&json!(status), &json!(named)), "{}", answer.body);
        assert_eq!(answer.status.as_u16(), status);
    }
}

#[tokio::test]
async fn a_fault_of_one_party_is_none_of_another() {
    let world = World::start().await;
    let down = PartyFaults { rubbish: true, ..PartyFaults::default() };
    world.handle.set_faults(Faults { parties: [(Party::Kernel, down)].into(), ..Faults::default() });
    assert_eq!(world.at_google(PLATFORM, &[]).await.status, 200);
    assert_eq!(
        world.exchange("/parties/kernel/token", &[FORM], "").await.headers["content-type"],
        "text/html"
    );
}
