use super::*;
use crate::credential::aws_code::AwsCode;
use crate::credential::error::CredentialError;
use crate::credential::setup_error::SetupError;
use crate::dial::connect_time::ConnectTime;
use crate::http1::client;
use crate::model::target::{Scheme, Target};
use crate::proxy::request_body::RequestBody;
use crate::tasks::Tasks;
use http::Request;
use http_body_util::BodyExt;
use rustls::AlertDescription;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// What AWS says, and no caller may see.
const SECRET: &str = "arn:aws:iam::123456789012:role/x is not authorized (request id 5f3e)";

fn target() -> Target {
    Target::new(Scheme::Https, "api.example.com".parse().unwrap())
}

fn upstream(error: UpstreamError) -> ProxyError {
    ProxyError::Upstream(target(), error)
}

fn parent_proxy(error: TunnelError) -> ProxyError {
    upstream(UpstreamError::ParentProxy("http://proxy".to_owned(), error))
}

fn connect(kind: io::ErrorKind) -> ProxyError {
    upstream(UpstreamError::Connect(io::Error::new(kind, SECRET)))
}

fn tls(error: rustls::Error) -> ProxyError {
    upstream(UpstreamError::Tls(io::Error::other(error)))
}

/// The error of a request that gets these bytes for an answer before the connection closes.
async fn exchange(answer: &'static [u8]) -> ProxyError {
    let (ours, mut theirs) = duplex(4096);
    Tasks::default().spawn(async move {
        // Only a request that has arrived can be answered wrongly.
        let _ = theirs.read(&mut [0; 1024]).await;
        let _ = theirs.write_all(answer).await;
    });
    let outcome = client::Connection::new(Box::new(ours)).send(&Request::new(()), RequestBody::empty()).await;
    upstream(UpstreamError::Exchange(outcome.err().unwrap().error.into()))
}

/// Status, body and `Proxy-Status` of the answer, all of it checked for form.
async fn answered(error: ProxyError) -> (u16, String, String) {
    let response = error.response(Language::Http);
    let status = response.status().as_u16();
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
    let proxy_status = response.headers()[PROXY_STATUS].to_str().unwrap().to_owned();
    assert!(is_list_of_one_item(&proxy_status), "{proxy_status}");
    assert_eq!(response.headers().contains_key(ALLOW), response.status() == 405);
    let text = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(!text.contains("arn:") && !proxy_status.contains("arn:") && !text.contains("request id"));
    (status, text, proxy_status)
}

/// Whether this is a list with one token and its parameters (RFC 8941, sections 3.1 and 3.1.2; RFC 9209, section 2).
fn is_list_of_one_item(text: &str) -> bool {
    let is_token = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '*')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&b))
    };
    let is_string = |text: &str| {
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        inner.is_some_and(|inner| inner.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'))
    };
    let is_integer = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_value = |text: &str| is_token(text) || is_string(text) || is_integer(text);
    let is_key = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase() || c == '*')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.*".contains(&b))
    };
    let mut parts = text.split(';');
    let item = parts.next().unwrap_or_default();
    let parameters: Vec<_> = parts.map(|part| part.trim_start_matches(' ').split_once('=')).collect();
    let keys: std::collections::BTreeSet<_> = parameters.iter().flatten().map(|(key, _)| key).collect();
    is_token(item)
        && keys.len() == parameters.len()
        && parameters.iter().all(|part| part.is_some_and(|(key, value)| is_key(key) && is_value(value)))
}

#[tokio::test]
async fn what_the_caller_did_wrong_is_told_as_such() {
    let missing = "missing upstream: set --upstream-host or provide X-Upstream-Host\n";
    let header = "X-Upstream-Host".parse().unwrap();
    let expected = [
        (ProxyError::NoTarget(header), 400, missing, "destination_not_found"),
        (ProxyError::NoRoute, 404, "no route\n", "destination_not_found"),
        (ProxyError::InvalidTarget, 400, "invalid upstream\n", "http_request_error"),
        (ProxyError::Malformed, 400, "malformed request\n", "http_request_error"),
        (ProxyError::Connect, 405, "CONNECT is not supported\n", "http_request_denied"),
        (ProxyError::CrossSite, 403, "cross-site request refused\n", "http_request_denied"),
        (ProxyError::Denied(target(), Denied::Host), 403, "upstream not allowed\n", "http_request_denied"),
        (
            ProxyError::Denied(target(), Denied::Address),
            403,
            "upstream not allowed\n",
            "destination_ip_prohibited",
        ),
        (upstream(UpstreamError::AddressDenied), 403, "upstream not allowed\n", "destination_ip_prohibited"),
    ];
    for (error, status, body, kind) in expected {
        let answer = answered(error).await;
        assert_eq!(answer, (status, body.to_owned(), format!("attache; error={kind}")));
    }
}

#[tokio::test]
async fn a_missing_token_is_told_without_its_reason() {
    let refused = |message: &str| CredentialError::Refused {
        code: AwsCode::read("AccessDenied").unwrap(),
        message: message.to_owned(),
        request_id: Some("5f3e".to_owned()),
    };
    let none = SetupError::NoCredentials(SECRET.to_owned());
    for error in [refused(SECRET), none.into(), SetupError::NoRegion.into()] {
        let answer = answered(ProxyError::Token(target(), Arc::new(error))).await;
        let proxy_status = "attache; error=proxy_internal_error; details=\"token unavailable\"";
        assert_eq!(answer, (502, "token unavailable\n".to_owned(), proxy_status.to_owned()));
    }
}

#[tokio::test]
async fn an_upstream_that_fails_is_502_and_says_how() {
    let certificate = rustls::CertificateError::UnknownIssuer;
    let expected = [
        (upstream(UpstreamError::Dns(io::Error::other(SECRET))), "dns_error"),
        (upstream(UpstreamError::Loop), "proxy_loop_detected"),
        (connect(io::ErrorKind::ConnectionRefused), "connection_refused"),
        (connect(io::ErrorKind::TimedOut), "connection_timeout"),
        (connect(io::ErrorKind::HostUnreachable), "destination_ip_unroutable"),
        (connect(io::ErrorKind::NetworkUnreachable), "destination_ip_unroutable"),
        (connect(io::ErrorKind::ConnectionReset), "connection_terminated"),
        (tls(rustls::Error::InvalidCertificate(certificate)), "tls_certificate_error"),
        (tls(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure)), "tls_alert_received"),
        (tls(rustls::Error::DecryptError), "tls_protocol_error"),
        (upstream(UpstreamError::Tls(io::Error::other(SECRET))), "tls_protocol_error"),
        (upstream(UpstreamError::NoHttp2), "http_protocol_error"),
        (
            parent_proxy(TunnelError::Dns(io::Error::other(SECRET))),
            "destination_unavailable; details=\"egress proxy\"",
        ),
        (
            parent_proxy(TunnelError::Connect(io::Error::other(SECRET))),
            "destination_unavailable; details=\"egress proxy\"",
        ),
        (
            parent_proxy(TunnelError::Credentials),
            "proxy_configuration_error; details=\"egress proxy\"; received-status=407",
        ),
        (
            parent_proxy(TunnelError::NoCredentials),
            "proxy_configuration_error; details=\"egress proxy\"; received-status=407",
        ),
        (
            parent_proxy(TunnelError::Tunnel(io::Error::other(SECRET))),
            "tls_protocol_error; details=\"behind the egress proxy\"",
        ),
        (
            parent_proxy(TunnelError::Forbidden),
            "http_request_denied; details=\"egress proxy\"; received-status=403",
        ),
        (
            parent_proxy(TunnelError::Refused(StatusCode::BAD_REQUEST)),
            "connection_terminated; details=\"egress proxy\"; received-status=400",
        ),
        (upstream(UpstreamError::Upgrade), "http_upgrade_failed"),
        (exchange(b"").await, "http_response_incomplete"),
        (exchange(b"HTTP/1.1 200 OK\r\ncontent-le").await, "http_response_incomplete"),
        (exchange(b"220 mail.example.com ESMTP\r\n\r\n").await, "http_protocol_error"),
        (
            exchange(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n").await,
            "http_protocol_error",
        ),
    ];
    for (error, kind) in expected {
        let answer = answered(error).await;
        assert_eq!(answer, (502, "upstream error\n".to_owned(), format!("attache; error={kind}")));
    }
}

#[tokio::test]
async fn an_upstream_that_is_late_is_504() {
    let limit = Duration::from_secs(1);
    let time = ConnectTime { limit, lookup: Duration::ZERO };
    let expected = [
        (UpstreamError::DnsTimeout(limit), "dns_timeout"),
        (UpstreamError::ConnectTimeout(time), "connection_timeout"),
        (
            UpstreamError::ParentProxy("http://proxy".to_owned(), TunnelError::DnsTimeout(limit)),
            "dns_timeout; details=\"egress proxy\"",
        ),
        (
            UpstreamError::ParentProxy("http://proxy".to_owned(), TunnelError::Timeout(time)),
            "connection_timeout; details=\"egress proxy\"",
        ),
        (UpstreamError::ResponseTimeout(limit), "http_response_timeout"),
    ];
    for (error, kind) in expected {
        let answer = answered(upstream(error)).await;
        assert_eq!(answer, (504, "upstream timeout\n".to_owned(), format!("attache; error={kind}")));
    }
}

#[test]
fn only_a_request_that_hides_where_the_next_begins_costs_the_connection() {
    for error in [ProxyError::Malformed, ProxyError::Connect] {
        assert_eq!(error.response(Language::Http).headers()[CONNECTION], "close", "{error}");
    }
    for error in [ProxyError::InvalidTarget, upstream(UpstreamError::AddressDenied)] {
        assert!(!error.response(Language::Http).headers().contains_key(CONNECTION), "{error}");
    }
}

#[test]
fn the_answer_to_a_connection_too_many_is_a_whole_response() {
    let text = std::str::from_utf8(TOO_MANY_CONNECTIONS).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    assert_eq!(value("Content-Length: ").parse(), Ok(body.len()));
    assert!(is_list_of_one_item(value("Proxy-Status: ")));
}

#[tokio::test]
async fn a_grpc_call_fails_with_a_status_of_its_own() {
    let limit = Duration::from_secs(1);
    let header = "X-%".parse().unwrap();
    let expected = [
        (ProxyError::NoTarget(header), "3", "missing upstream: set --upstream-host or provide X-%25"),
        (ProxyError::NoRoute, "12", "no route"),
        (ProxyError::InvalidTarget, "3", "invalid upstream"),
        (ProxyError::Malformed, "13", "malformed request"),
        (ProxyError::Connect, "12", "CONNECT is not supported"),
        (ProxyError::CrossSite, "7", "cross-site request refused"),
        (ProxyError::Denied(target(), Denied::Host), "7", "upstream not allowed"),
        (ProxyError::Token(target(), Arc::new(SetupError::NoRegion.into())), "14", "token unavailable"),
        (upstream(UpstreamError::AddressDenied), "7", "upstream not allowed"),
        (upstream(UpstreamError::Dns(io::Error::other(SECRET))), "14", "upstream error"),
        (connect(io::ErrorKind::ConnectionRefused), "14", "upstream error"),
        (tls(rustls::Error::DecryptError), "14", "upstream error"),
        (exchange(b"").await, "14", "upstream error"),
        (upstream(UpstreamError::Upgrade), "14", "upstream error"),
        (upstream(UpstreamError::DnsTimeout(limit)), "14", "upstream timeout"),
        (upstream(UpstreamError::ResponseTimeout(limit)), "4", "upstream timeout"),
    ];
    for (error, code, message) in expected {
        let in_http = error.response(Language::Http);
        let response = error.response(Language::Grpc);
        let headers = response.headers();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(headers[CONTENT_TYPE], "application/grpc");
        assert_eq!(headers["grpc-status"], code, "{error}");
        assert_eq!(headers["grpc-message"], message, "{error}");
        assert_eq!(headers[PROXY_STATUS], in_http.headers()[PROXY_STATUS]);
        assert_eq!(headers.get(CONNECTION), in_http.headers().get(CONNECTION));
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty(), "{error}");
    }
}
