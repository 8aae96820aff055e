//! Where tokens come from, and what happens when they do not.

use crate::support::client::{Http1, get, send};
use crate::support::program::Program;
use crate::support::upstream::Upstream;
use crate::support::{Sts, World, claims, metric, part, scrape};
use attache::emulator::faults::Outage;
use attache::emulator::options::Options;
use http::StatusCode;
use std::time::Duration;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_token_says_what_was_configured() {
    let flags = [
        ["--token-audience", "https://b.example"],
        ["--token-audience", "https://a.example"],
        ["--token-signing-algorithm", "es384"],
        ["--token-duration", "10m"],
        ["--token-tag", "team=data"],
    ];
    let world = World::pinned(Upstream::echo().await, flags.as_flattened()).await;
    send(world.proxy.proxy, get("/", &[])).await;
    let claims = claims(world.upstream.only_request().token());
    assert_eq!(claims["aud"], serde_json::json!(["https://a.example", "https://b.example"]));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);
    let about = &claims["https://sts.amazonaws.com/"];
    assert_eq!(about["request_tags"], serde_json::json!({"team": "data"}));
    assert_eq!(about["source_region"], "eu-central-1");
    let header = part(world.upstream.only_request().token(), 0);
    assert_eq!(header["alg"], "ES384");
}

#[tokio::test]
async fn a_hundred_first_requests_make_one_call() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.hang = true);
    let world = World::pinned_with(sts, Upstream::echo().await, &[]).await;
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        callers.spawn(send(world.proxy.proxy, get("/", &[])));
    }
    while metric(&world.proxy, "http_server_active_requests{").await < 100.0 {
        tokio::task::yield_now().await;
    }
    world.sts.handle.update_faults(|faults| faults.hang = false);
    while let Some(answer) = callers.join_next().await {
        assert_eq!(answer.unwrap().status, StatusCode::OK);
    }
    assert_eq!((world.sts.mints(), world.upstream.seen().len()), (1, 100));
    // All came while the fetch ran, and each counts once.
    assert_eq!(metric(&world.proxy, "token_cache_miss_count_total{").await, 100.0);
    assert!(!scrape(&world.proxy).await.contains("token_cache_hit_count_total{"));
}

#[tokio::test]
async fn without_sts_the_answer_is_502_and_the_upstream_is_not_called() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.outage = Some(Outage::try_from(503).unwrap()));
    let world = World::pinned_with(sts, Upstream::echo().await, &[]).await;
    let answer = send(world.proxy.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "token unavailable\n"));
    let expected = "attache; error=proxy_internal_error; details=\"token unavailable\"";
    assert_eq!(answer.header("proxy-status"), Some(expected));
    assert_eq!(world.upstream.connections(), 0);
}

#[tokio::test]
async fn an_unreachable_sts_is_answered_the_same_way() {
    let upstream = Upstream::echo().await;
    let proxy = Program::serve("http://127.0.0.1:9", &["--upstream-host", &upstream.authority()]).await;
    let answer = send(proxy.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "token unavailable\n"));
}

#[tokio::test]
async fn a_refusal_is_logged_once_with_its_cure_and_never_told_to_the_caller() {
    let sts = Sts::with(Options { federation_enabled: false, ..Options::default() }).await;
    let mut world = World::pinned_with(sts, Upstream::echo().await, &[]).await;
    for _ in 0..5 {
        let answer = send(world.proxy.proxy, get("/", &[])).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "token unavailable\n"));
    }
    let line = world.proxy.logged(|line| line["msg"] == "no token").await;
    assert!(
        line["error"].as_str().unwrap().contains("OutboundWebIdentityFederationDisabledException"),
        "{line}"
    );
    assert!(
        line["hint"].as_str().unwrap().contains("aws iam enable-outbound-web-identity-federation"),
        "{line}"
    );
    assert_eq!(line["code"], "federation_disabled", "{line}");
    assert_eq!(line["see"], "docs/troubleshooting.md#federation_disabled", "{line}");
    let count = world.proxy.log().iter().filter(|line| line["msg"] == "no token").count();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn one_token_serves_all_until_it_is_renewed() {
    let world = World::start().await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    for _ in 0..10 {
        caller.send(get("/", &[])).await;
    }
    let tokens: std::collections::BTreeSet<_> =
        world.upstream.seen().iter().map(|seen| seen.token().to_owned()).collect();
    assert_eq!((tokens.len(), world.sts.mints()), (1, 1));
}

#[tokio::test]
async fn each_named_upstream_has_its_own_token_fetched_once() {
    let world = World::by_header(Upstream::echo().await, &[]).await;
    let port = world.upstream.address.port();
    for host in ["localhost", "127.0.0.1", "localhost", "127.0.0.1"] {
        let name = format!("{host}:{port}");
        let answer = send(world.proxy.proxy, get("/", &[("x-upstream-host", &name)])).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    assert_eq!(world.sts.mints(), 2);
    assert_eq!(metric(&world.proxy, "token_cached_audiences{").await, 2.0);
    assert_eq!(metric(&world.proxy, "token_cache_hit_count_total{audience=\"http://localhost\"").await, 1.0);
    assert_eq!(metric(&world.proxy, "token_cache_miss_count_total{audience=\"http://localhost\"").await, 1.0);
}

#[tokio::test]
async fn no_region_is_said_with_its_cure() {
    let sts = Sts::start().await;
    let mut command = crate::support::program::command(&sts.url);
    command.env_remove("AWS_REGION");
    let mut proxy = Program::start(command, &["--upstream-host", "localhost:9"]).await;
    let line = proxy.logged(|line| line["msg"] == "no token").await;
    assert_eq!(line["error"], "no AWS region");
    assert!(line["hint"].as_str().unwrap().contains("AWS_REGION"), "{line}");
}

#[tokio::test]
async fn no_credentials_is_said_with_its_cure() {
    let sts = Sts::start().await;
    let mut command = crate::support::program::command(&sts.url);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let mut proxy = Program::start(command, &["--upstream-host", "localhost:9"]).await;
    let line = proxy.logged(|line| line["msg"] == "no token").await;
    assert!(line["error"].as_str().unwrap().starts_with("no AWS credentials"), "{line}");
}

#[tokio::test]
async fn a_fetch_that_hangs_holds_a_request_no_longer_than_it_may() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.hang = true);
    let flags = ["--token-fetch-timeout", "1s"];
    let world = World::pinned_with(sts, Upstream::echo().await, &flags).await;
    let began = tokio::time::Instant::now();
    let answer = send(world.proxy.proxy, get("/", &[])).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_proxy_variable_that_leads_back_here_is_warned_of() {
    let sts = Sts::start().await;
    let mut command = crate::support::program::command(&sts.url);
    command.env("HTTPS_PROXY", "http://user:hunter2@localhost:18081").env("NO_PROXY", "127.0.0.1");
    let flags = ["--upstream-host", "localhost:9", "--listen-addr", "127.7.7.8:18081"];
    let mut proxy = Program::start(command, &flags).await;
    let line = proxy.logged(|line| line["variable"] == "HTTPS_PROXY").await;
    assert_eq!(line["level"], "WARN");
    assert!(!format!("{:?}", proxy.log()).contains("hunter2"));
}

#[tokio::test]
async fn what_was_minted_is_compared_with_what_was_asked() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.mint_audience = Some("https://other.example".to_owned()));
    let mut world = World::pinned_with(sts, Upstream::echo().await, &[]).await;
    let line = world.proxy.logged(|line| line["difference"].is_string()).await;
    assert!(line["difference"].as_str().unwrap().contains("https://other.example"), "{line}");
    let counted = "token_difference_count_total{audience=\"http://localhost\",field=\"aud\"";
    assert_eq!(metric(&world.proxy, counted).await, 1.0);
}

#[tokio::test]
async fn a_clock_that_differs_from_aws_is_measured_and_tokens_serve_all_the_same() {
    let sts = Sts::start().await;
    // To this machine such a token has expired before it is issued.
    sts.handle.update_faults(|faults| faults.clock_offset_seconds = -7200);
    let mut world = World::pinned_with(sts, Upstream::echo().await, &[]).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    let line = world.proxy.logged(|line| line["clock_skew_s"].is_number()).await;
    assert_eq!(line["level"], "WARN");
    let skew = metric(&world.proxy, "token_clock_skew_seconds{").await;
    assert!((-7203.0..=-7197.0).contains(&skew), "{skew}");
    assert_eq!(world.sts.mints(), 1);
}
