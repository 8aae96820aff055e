//! What a client sees on the wire.

use super::world::{ABOUT, MINT, World};
use attache::emulator::Emulator;
use attache::emulator::options::Options;
use serde_json::json;
use std::io::ErrorKind;

#[tokio::test]
async fn a_token_verifies_and_says_what_aws_would_say() {
    let world = World::start().await;
    let token = world
        .minted(
            "AKIA1",
            &format!("{MINT}&DurationSeconds=900&Tags.member.1.Key=team&Tags.member.1.Value=data"),
        )
        .await;

    assert_eq!(token.header.kid.as_deref(), Some("RSA_0"));
    assert_eq!(token.header.typ.as_deref(), Some("JWT"));
    let claims = token.claims;
    let role = "arn:aws:iam::123456789012:role/demo/attache";
    assert_eq!(claims["aud"], "https://api.example.com");
    assert_eq!(claims["sub"], role);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert_eq!(
        claims[ABOUT],
        json!({
            "aws_account": "123456789012",
            "source_region": "eu-west-1",
            "org_id": "o-emulator01",
            "ou_path": ["o-emulator01/r-em01/ou-em01-workload/"],
            "principal_id": role,
            "request_tags": { "team": "data" },
        })
    );
    let mut names: Vec<&String> = claims.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["aud", "exp", ABOUT, "iat", "iss", "jti", "sub"]);
}

#[tokio::test]
async fn several_audiences_are_an_array_in_the_order_of_their_index() {
    let world = World::start().await;
    let token = world
        .minted(
            "AKIA1",
            "Audience.member.2=b&SigningAlgorithm=ES384&Action=GetWebIdentityToken&Audience.member.1=z&Version=2011-06-15",
        )
        .await;
    assert_eq!(token.claims["aud"], json!(["z", "b"]));
    assert_eq!(token.header.kid.as_deref(), Some("EC384_0"));
}

#[tokio::test]
async fn an_answer_has_the_headers_that_sdks_read() {
    let world = World::start().await;
    let answer = world.call(MINT).await;
    assert_eq!(answer.headers["content-type"], "text/xml");
    assert_eq!(answer.headers["x-amzn-requestid"], answer.element("RequestId"));
    assert!(answer.headers["date"].to_str().unwrap().ends_with(" GMT"));
    assert!(
        answer
            .body
            .starts_with("<GetWebIdentityTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">")
    );
}

#[tokio::test]
async fn an_error_is_the_document_that_sts_sends() {
    let world = World::start().await;
    let answer = world.call(&format!("{MINT}&DurationSeconds=30")).await;
    let id = answer.headers["x-amzn-requestid"].to_str().unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.body,
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n<Error>\n<Type>Sender</Type>\n<Code>ValidationError</Code>\n<Message>1 validation error detected: Value '30' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 60</Message>\n</Error>\n<RequestId>{id}</RequestId>\n</ErrorResponse>\n"
        )
    );
}

#[tokio::test]
async fn a_caller_is_known_before_the_parameters_are_looked_at() {
    let world = World::start().await;
    let wrong = format!("{MINT}&DurationSeconds=30");
    let unsigned = world.send("POST", "/", &[], &wrong).await.unwrap();
    assert_eq!(unsigned.error(), (403, "MissingAuthenticationToken"));
    let malformed = world.send("POST", "/", &[("authorization", "Bearer x")], &wrong).await.unwrap();
    assert_eq!(malformed.error(), (400, "IncompleteSignature"));
    let unknown = world.send("POST", "/", &[], "Action=Nothing&Version=2011-06-15").await.unwrap();
    assert_eq!(unknown.error(), (400, "InvalidAction"));
}

#[tokio::test]
async fn a_caller_learns_who_they_are() {
    let world = World::start().await;
    let answer = world.call("Action=GetCallerIdentity&Version=2011-06-15").await;
    assert_eq!(answer.element("Arn"), "arn:aws:sts::123456789012:assumed-role/attache/emulator");
    assert_eq!(answer.element("Account"), "123456789012");
    assert!(answer.element("UserId").starts_with("AROA"));
}

#[tokio::test]
async fn federation_is_turned_on_and_off_and_stays_the_same_issuer() {
    let world = World::with(Options { federation_enabled: false, ..Options::default() }).await;
    let iam = async |action: &str| {
        world.call(&format!("Action={action}OutboundWebIdentityFederation&Version=2010-05-08")).await
    };
    assert_eq!(world.call(MINT).await.error(), (403, "OutboundWebIdentityFederationDisabledException"));
    assert_eq!(iam("Disable").await.error(), (404, "FeatureDisabled"));
    let info = "Action=GetOutboundWebIdentityFederationInfo&Version=2010-05-08";
    assert_eq!(world.call(info).await.error(), (404, "FeatureDisabled"));

    let enabled = iam("Enable").await;
    assert!(enabled.body.contains("xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\""));
    assert_eq!(enabled.element("IssuerIdentifier"), world.issuer);
    assert_eq!(iam("Enable").await.error(), (409, "FeatureEnabled"));
    assert_eq!(world.call(info).await.element("JwtVendingEnabled"), "true");

    let token = world.call(MINT).await.element("WebIdentityToken").to_owned();
    assert_eq!(iam("Disable").await.status, 200);
    world.verified(&token).await;
    assert_eq!(iam("Enable").await.element("IssuerIdentifier"), world.issuer);
}

#[tokio::test]
async fn discovery_has_the_fields_of_aws_and_no_others() {
    let world = World::start().await;
    let path = world.issuer.strip_prefix(&format!("http://{}", world.addr)).unwrap();
    let (_, document) = world.json("GET", &format!("{path}/.well-known/openid-configuration"), "").await;
    assert_eq!(
        document,
        json!({
            "issuer": world.issuer,
            "jwks_uri": format!("{}/.well-known/jwks.json", world.issuer),
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "jti", ABOUT],
            "id_token_signing_alg_values_supported": ["RS256", "ES384"],
            "subject_types_supported": ["public"],
        })
    );
    let (_, keys) = world.json("GET", &format!("{path}/.well-known/jwks.json"), "").await;
    assert_eq!((&keys["keys"][0]["kid"], keys["keys"][0].get("alg")), (&json!("RSA_0"), None));
    assert_eq!((&keys["keys"][1]["kid"], &keys["keys"][1]["alg"]), (&json!("EC384_0"), &json!("ES384")));
}

#[tokio::test]
async fn after_a_rotation_old_tokens_still_verify() {
    let world = World::start().await;
    let old = world.call(MINT).await.element("WebIdentityToken").to_owned();
    let (status, rotated) = world.json("POST", "/_emulator/rotate", "").await;
    assert_eq!((status.as_u16(), &rotated["signing_keys"]), (200, &json!(["RSA_1", "EC384_1"])));
    assert_eq!(world.minted("AKIA1", MINT).await.header.kid.as_deref(), Some("RSA_1"));
    assert_eq!(world.verified(&old).await.header.kid.as_deref(), Some("RSA_0"));
}

#[tokio::test]
async fn a_body_beyond_64_kib_is_refused() {
    let world = World::start().await;
    assert_eq!(world.call(&"x".repeat(64 * 1024 + 1)).await.status, 413);
}

#[tokio::test]
async fn an_issuer_of_ones_own_is_served_at_its_path() {
    let issuer = "https://tokens.example.com/tenant/".to_owned();
    let world = World::with(Options { issuer: Some(issuer), ..Options::default() }).await;
    let (_, document) = world.json("GET", "/tenant/.well-known/openid-configuration", "").await;
    assert_eq!(document["issuer"], "https://tokens.example.com/tenant");
}

#[tokio::test]
async fn options_that_cannot_be_are_refused() {
    let issuer = |url: &str| Options { issuer: Some(url.to_owned()), ..Options::default() };
    for options in [
        Options { account: "12345".to_owned(), ..Options::default() },
        Options { role: "a b".to_owned(), ..Options::default() },
        Options { region: String::new(), ..Options::default() },
        issuer("ftp://x"),
        issuer("http://x/_emulator"),
        issuer("http://x/a?b"),
        issuer("http://x/{a}"),
        issuer("nonsense"),
    ] {
        let text = format!("{options:?}");
        let error = Emulator::bind(options).await.err().expect(&text);
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
    }
}
