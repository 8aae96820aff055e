//! What is wrong with the upstream, or with what it makes of the token.

use super::examination::{Examination, examine, row};
use crate::support::Sts;
use crate::support::certificates::Certificates;
use crate::support::upstream::{Reply, Upstream, echo, text};
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

async fn pinned(sts: &Sts, scheme: &str, host: &str, more: &[&str]) -> Examination {
    let flags = ["--upstream-scheme", scheme, "--upstream-host", host];
    examine(&sts.url, &[&flags[..], more].concat()).await
}

fn reply(status: StatusCode, challenge: &'static str) -> Reply {
    let mut reply = text("no");
    *reply.status_mut() = status;
    if !challenge.is_empty() {
        reply.headers_mut().insert(WWW_AUTHENTICATE, challenge.parse().unwrap());
    }
    reply
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_told_by_what_stands_in_the_way() {
    let sts = Sts::start().await;
    let told = row("nobody listens", "upstream_connect", "name the HTTP proxy on the way");
    pinned(&sts, "http", "127.0.0.1:1", &[]).await.assert_names(told, "failed");

    let plain = Upstream::echo().await;
    let told = row("plain HTTP on that port", "upstream_tls", "--upstream-scheme http");
    pinned(&sts, "https", &plain.authority(), &[]).await.assert_names(told, "failed");

    let files = Certificates::new("doctor-upstream");
    let over_tls = Upstream::start(Some(files.acceptor(&["h2"])), echo).await;
    let told = row("an unknown authority", "upstream_tls", "--upstream-ca-cert");
    pinned(&sts, "https", &over_tls.authority(), &[]).await.assert_names(told, "failed");
    let trusting = ["--upstream-ca-cert", &files.path("ca.pem")];
    let examination = pinned(&sts, "https", &over_tls.authority(), &trusting).await;
    assert_eq!(examination.report["verdict"], "ok", "{:#}", examination.report);

    let silent = Upstream::scripted(|_| std::future::pending()).await;
    let told = row("it never answers", "upstream_timeout", "--probe-path");
    pinned(&sts, "http", &silent.authority(), &["--upstream-connect-timeout", "1s"])
        .await
        .assert_names(told, "failed");
}

#[tokio::test]
async fn another_place_to_connect_to_is_told_and_tried() {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let place = upstream.authority();
    let examination = pinned(&sts, "http", "api.example.test", &["--upstream-connect-to", &place]).await;
    assert_eq!(examination.report["verdict"], "ok", "{:#}", examination.report);
    let expected = format!("pinned to http://api.example.test, connected to at http://{place}, ");
    assert!(examination.report.to_string().contains(&expected), "{:#}", examination.report);
}

#[tokio::test]
async fn a_refusal_of_the_token_is_read() {
    let sts = Sts::start().await;
    let unauthorized = StatusCode::UNAUTHORIZED;
    let cases = [
        (
            row("it names the audience", "upstream_rejects_token", "--token-audience https://right.example"),
            (unauthorized, "Bearer error=\"invalid_token\", audience=\"https://right.example\""),
            "failed",
        ),
        (
            row("it speaks of the audience", "upstream_rejects_token", "the audience is http://localhost"),
            (unauthorized, "Bearer error=\"invalid_token\", error_description=\"wrong audience\""),
            "failed",
        ),
        (
            row(
                "it does not know the issuer",
                "upstream_rejects_token",
                "has to trust issuer http://127.0.0.1",
            ),
            (unauthorized, "Bearer error=\"invalid_token\""),
            "failed",
        ),
        (
            row("it wants a password", "upstream_rejects_token", "other credentials than a bearer token"),
            (unauthorized, "Basic realm=\"x\""),
            "failed",
        ),
        (row("it says nothing", "upstream_rejects_token", "gives no reason"), (unauthorized, ""), "failed"),
        (
            row(
                "it knows the caller and does not let it",
                "upstream_rejects_token",
                "grant it to arn:aws:iam::",
            ),
            (StatusCode::FORBIDDEN, "Bearer error=\"insufficient_scope\""),
            "warning",
        ),
        (
            row("it is unwell", "upstream_unwell", "ask whoever runs the upstream"),
            (StatusCode::SERVICE_UNAVAILABLE, ""),
            "warning",
        ),
    ];
    for (row, (status, challenge), verdict) in cases {
        let upstream = Upstream::scripted(move |_| async move { reply(status, challenge) }).await;
        pinned(&sts, "http", &upstream.authority(), &[]).await.assert_names(row, verdict);
    }
}

#[tokio::test]
async fn where_requests_name_their_upstream_one_is_tried_under_the_policy() {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let host = upstream.authority();
    let flags = ["--upstream-scheme", "http", "--probe-host", &host, "--probe-path", "/v1?x=1"];
    let told = row("the host is not listed", "host_not_allowed", "--allow-host");
    let listed = [&flags[..], &["--allow-host", "*.example.com"]].concat();
    examine(&sts.url, &listed).await.assert_names(told, "failed");

    let told = row("the address is refused", "address_not_allowed", "--allow-address");
    examine(&sts.url, &flags).await.assert_names(told, "failed");
    assert!(upstream.seen().is_empty());

    let open = [&flags[..], &["--allow-address", "127.0.0.0/8"]].concat();
    let examination = examine(&sts.url, &open).await;
    assert_eq!(examination.report["verdict"], "ok", "{:#}", examination.report);
    let seen: Vec<String> = upstream.seen().iter().map(|seen| seen.uri.to_string()).collect();
    assert_eq!(seen, ["/v1?x=1", "/v1?x=1"]);
    assert_eq!(upstream.seen()[0].only("authorization"), None);
    assert!(upstream.seen()[1].token().starts_with("ey"));

    let without = examine(&sts.url, &[]).await;
    assert_eq!((&without.report["verdict"], without.status), (&"ok".into(), Some(0)), "{:#}", without.report);
    assert_eq!(without.check("token")["verdict"], "skipped");
}
