//! What may answer in place of STS: whatever it sends, it is a failed fetch or a warning, and no token is shown.

use crate::support::client::{get, send};
use crate::support::program::{Program, command};
use crate::support::upstream::{Reply, Upstream, text};
use crate::support::{claims, metric};
use attache::clock::{Clock, Rfc3339};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::stream::repeat_with;
use http::{Response, StatusCode};
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::body::Frame;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const AUDIENCE: &str = "https://api.example.com";

/// A proxy in front of an upstream, whose STS answers always so.
struct Posed {
    proxy: Program,
    upstream: Upstream,
    _sts: Upstream,
}

impl Posed {
    async fn as_sts(status: StatusCode, body: String) -> Self {
        Self::with(move || {
            let mut reply = text(body.clone());
            *reply.status_mut() = status;
            reply
        })
        .await
    }

    async fn with(answer: impl Fn() -> Reply + Send + Sync + 'static) -> Self {
        let sts = Upstream::scripted(move |_| std::future::ready(answer())).await;
        let upstream = Upstream::echo().await;
        let host = upstream.authority();
        let flags = ["--upstream-host", &host, "--upstream-scheme", "http", "--token-audience", AUDIENCE];
        let proxy = Program::start(command(&format!("http://{}", sts.address)), &flags).await;
        Self { proxy, upstream, _sts: sts }
    }

    async fn answer(&self) -> StatusCode {
        send(self.proxy.proxy, get("/", &[])).await.status
    }

    /// Ends in the failure of this code.
    async fn fails(mut self, code: &str) -> Value {
        assert_eq!(self.answer().await, StatusCode::BAD_GATEWAY);
        let line = self.proxy.logged(|line| line["msg"] == "no token").await;
        assert_eq!(line["code"], code, "{line}");
        assert!(self.upstream.seen().is_empty());
        line
    }
}

fn jwt(exp: Value) -> String {
    jwt_of(json!({"aud": AUDIENCE, "exp": exp}))
}

fn jwt_of(claims: Value) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2lnbmF0dXJl", part(json!({"alg": "RS256"})), part(claims))
}

fn minted(token: &str, expires: SystemTime) -> String {
    format!(
        "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult><WebIdentityToken>{token}</WebIdentityToken>\
         <Expiration>{}</Expiration></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>",
        Rfc3339(expires)
    )
}

fn in_an_hour() -> SystemTime {
    Clock::system().now() + Duration::from_secs(3600)
}

#[tokio::test]
async fn an_exp_that_no_clock_shows_is_a_difference() {
    let mut posed = Posed::as_sts(StatusCode::OK, minted(&jwt(json!(1_u64 << 63)), in_an_hour())).await;
    assert_eq!(posed.answer().await, StatusCode::OK);
    let line = posed.proxy.logged(|line| line["difference"].is_string()).await;
    assert_eq!(line["code"], "token_differs");
    assert!(!posed.proxy.log().iter().any(|line| line["code"] == "panicked"));
}

#[tokio::test]
async fn an_expiration_beyond_the_calendar_is_shown() {
    // The last second that the calendar has, on a machine whose clock seems to be ahead.
    let last = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let mut posed = Posed::with(move || {
        let mut reply = text(minted(&jwt(json!(253_402_300_799_u64)), last));
        reply.headers_mut().insert("date", "Thu, 01 Jan 1970 00:00:00 GMT".parse().unwrap());
        reply
    })
    .await;
    posed.proxy.logged(|line| line["msg"] == "token obtained").await;
    assert_eq!(send(posed.proxy.admin, get("/status", &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_empty_token_is_a_failed_fetch() {
    let line = Posed::as_sts(StatusCode::OK, minted("", in_an_hour())).await.fails("token_unusable").await;
    assert_eq!(line["error"], "the token that came is empty");
}

#[tokio::test]
async fn a_token_serves_until_the_earlier_of_its_two_expiries() {
    let now = Clock::system().now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = jwt(json!(now + 120));
    let posed = Posed::as_sts(StatusCode::OK, minted(&token, in_an_hour())).await;
    assert_eq!(posed.answer().await, StatusCode::OK);
    assert_eq!(claims(posed.upstream.only_request().token())["exp"], now + 120);
    let expiry = metric(&posed.proxy, "token_expiry_timestamp_seconds{").await;
    assert!((now as f64 + 119.0..=now as f64 + 121.0).contains(&expiry), "{expiry}, now {now}");
}

/// Such as that of a middlebox, or of a machine image that starts with the clock of its build.
#[tokio::test]
async fn a_token_lives_no_longer_than_it_says_whatever_date_the_answer_has() {
    let now = Clock::system().now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = jwt_of(json!({"aud": AUDIENCE, "iat": now, "exp": now + 60}));
    let end = UNIX_EPOCH + Duration::from_secs(now + 60);
    let posed = Posed::with(move || {
        let mut reply = text(minted(&token, end));
        reply.headers_mut().insert("date", "Thu, 01 Jan 2026 00:00:00 GMT".parse().unwrap());
        reply
    })
    .await;
    assert_eq!(posed.answer().await, StatusCode::OK);
    let expiry = metric(&posed.proxy, "token_expiry_timestamp_seconds{").await;
    assert!(expiry <= now as f64 + 62.0, "{expiry}, now {now}");
}

#[tokio::test]
async fn a_token_that_is_over_by_its_own_exp_is_a_failed_fetch() {
    let body = minted(&jwt(json!(1000)), in_an_hour());
    Posed::as_sts(StatusCode::OK, body).await.fails("token_unusable").await;
}

#[tokio::test]
async fn a_token_in_what_sts_says_is_not_shown() {
    let token = jwt(json!(1000));
    let body = format!(
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>{token} and Bearer {} are denied</Message>\
         </Error><RequestId>{token}</RequestId></ErrorResponse>",
        "b3BhcXVlLXNlY3JldA=="
    );
    let mut posed = Posed::as_sts(StatusCode::FORBIDDEN, body).await;
    let line = posed.proxy.logged(|line| line["code"] == "sts_access_denied").await;
    assert_eq!(line["error"], "STS refused: AccessDenied: *** and Bearer *** are denied");
    let status = send(posed.proxy.admin, get("/status", &[])).await;
    for shown in [format!("{:?}", posed.proxy.log()), status.text().to_owned()] {
        assert!(!shown.contains("c2ln") && !shown.contains("b3Bh"), "{shown}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_a_failed_fetch() {
    let endless = || {
        let frames = repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b'<'; 64 * 1024]))));
        Response::new(BoxBody::new(StreamBody::new(frames)))
    };
    let line = Posed::with(endless).await.fails("not_sts").await;
    assert_eq!(line["error"], "what answers in the place of STS is not STS: its answer is longer than 1 MiB");
}

#[tokio::test]
async fn an_answer_that_is_not_of_sts_is_told_by_what_it_is() {
    let page = "<html><body>Sign in to the network</body></html>";
    let portal = "https://portal.example.com/login?session=planted";
    for (status, location, body, error) in [
        (302, Some(portal), "", "it answers 302 and redirects to https://portal.example.com/login?***"),
        (200, None, page, "it answers 200 with text/html"),
        (403, None, page, "it answers 403 with text/html"),
        (404, None, "{}", "it answers 404 with text/html"),
        (
            200,
            None,
            "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult/></GetWebIdentityTokenResponse>",
            "its answer holds no token",
        ),
    ] {
        let answer = move || {
            let mut reply = text(body);
            *reply.status_mut() = StatusCode::from_u16(status).unwrap();
            reply.headers_mut().insert("content-type", "text/html".parse().unwrap());
            if let Some(location) = location {
                reply.headers_mut().insert("location", location.parse().unwrap());
            }
            reply
        };
        let line = Posed::with(answer).await.fails("not_sts").await;
        assert_eq!(line["error"], format!("what answers in the place of STS is not STS: {error}"));
    }
}

#[tokio::test]
async fn an_answer_of_5xx_is_of_an_sts_that_is_unwell_whatever_it_says() {
    let line = Posed::as_sts(StatusCode::BAD_GATEWAY, "<html/>".to_owned()).await.fails("sts_unwell").await;
    assert_eq!(line["error"], "STS is unwell: status 502");
}
