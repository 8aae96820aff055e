//! The only place that invents an answer. Each is marked with `Proxy-Status` (RFC 9209), so that a caller can tell
//! attache's 502 from the upstream's.

use super::error::{ProxyError, UpstreamError};
use super::grpc;
use super::response_body::ResponseBody;
use crate::dial::tunnel_error::TunnelError;
use crate::http1::error::Error;
use crate::model::policy::Denied;
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use std::borrow::Cow;
use std::io;

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// The whole answer to a connection beyond `--max-connections`.
pub const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Proxy-Status: attache; error=connection_limit_reached\r\n\
    Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 21\r\n\r\n\
    too many connections\n";

/// How HTTP/2 says that a protocol is switched to (RFC 8441, section 4): it has no `101`.
pub const SWITCHED_IN_HTTP2: StatusCode = StatusCode::OK;

/// What is forwarded. A caller may send any other method too, but for CONNECT and TRACE.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// What is said of a request that is no request, whether its header or its body shows it.
const MALFORMED: (StatusCode, &str, &str) =
    (StatusCode::BAD_REQUEST, "malformed request", "attache; error=http_request_error");

/// What a caller understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A status and a line of text.
    Http,
    /// A status of 200, and what matters in fields of its own.
    Grpc,
}

impl Language {
    /// The language of a request's sender.
    pub fn of<B>(request: &Request<B>) -> Self {
        if grpc::is_call(request.headers()) { Self::Grpc } else { Self::Http }
    }
}

/// What is said of what cannot be read as a request.
fn unreadable(error: &Error) -> (StatusCode, &'static str, &'static str) {
    match error {
        Error::HeaderTooLarge => {
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "request header too large", MALFORMED.2)
        }
        Error::Version => (StatusCode::HTTP_VERSION_NOT_SUPPORTED, "HTTP version not supported", MALFORMED.2),
        Error::TargetTooLong => (StatusCode::URI_TOO_LONG, "request target too long", MALFORMED.2),
        Error::Closed
        | Error::Incomplete
        | Error::Io(_)
        | Error::Malformed(_)
        | Error::TargetByte(_)
        | Error::Length => MALFORMED,
    }
}

/// The answer to `OPTIONS` of this proxy itself.
pub fn options() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::own(Bytes::new()));
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(METHODS));
    headers.insert(PROXY_STATUS, HeaderValue::from_static("attache"));
    response
}

struct Verdict {
    status: StatusCode,
    body: Cow<'static, str>,
    /// The error type of RFC 9209, section 2.3, and what follows it.
    proxy_status: &'static str,
}

impl ProxyError {
    /// The answer that the caller gets. It never carries AWS text, ARNs or request ids.
    pub fn response(&self, language: Language) -> Response<ResponseBody> {
        let Verdict { status, body, proxy_status } = self.verdict();
        let mut response = match language {
            Language::Http => Self::in_http(status, &body),
            Language::Grpc => self.in_grpc(&body),
        };
        let headers = response.headers_mut();
        headers.insert(PROXY_STATUS, self.proxy_status(proxy_status));
        if matches!(self, Self::Malformed | Self::Connect | Self::Upstream(_, UpstreamError::RequestBody(_)))
        {
            // What follows may be no request: a body that was framed in another way, or what was meant for a tunnel.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// `Proxy-Status`, with the status that an HTTP proxy on the way gave (RFC 9209, section 2.1.3).
    fn proxy_status(&self, kind: &'static str) -> HeaderValue {
        let received = match self {
            Self::Upstream(_, UpstreamError::ParentProxy(_, error)) => error.status(),
            Self::Malformed
            | Self::Unreadable(_)
            | Self::CrossSite
            | Self::NoRoute
            | Self::NoTarget(_)
            | Self::InvalidTarget
            | Self::Denied(..)
            | Self::Connect
            | Self::Trace
            | Self::Token(..)
            | Self::Upstream(..) => None,
        };
        received.map_or(HeaderValue::from_static(kind), |status| {
            let text = format!("{kind}; received-status={status}");
            HeaderValue::try_from(text).expect("an error type and a number are visible ASCII")
        })
    }

    fn in_http(status: StatusCode, body: &str) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::own(Bytes::from(format!("{body}\n"))));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static(METHODS));
        }
        response
    }

    fn in_grpc(&self, message: &str) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::own(Bytes::new()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(grpc::MEDIA_TYPE));
        grpc::state_failure(headers, self, message);
        response
    }

    fn verdict(&self) -> Verdict {
        let (status, body, proxy_status) = match self {
            Self::NoTarget(header) => {
                let body = format!("missing upstream: set --upstream-host or provide {header}");
                return Verdict {
                    status: StatusCode::BAD_REQUEST,
                    body: body.into(),
                    proxy_status: "attache; error=destination_not_found",
                };
            }
            Self::NoRoute => (StatusCode::NOT_FOUND, "no route", "attache; error=destination_not_found"),
            Self::Malformed => MALFORMED,
            Self::Unreadable(error) => unreadable(error),
            Self::InvalidTarget => {
                (StatusCode::BAD_REQUEST, "invalid upstream", "attache; error=http_request_error")
            }
            Self::CrossSite => {
                (StatusCode::FORBIDDEN, "cross-site request refused", "attache; error=http_request_denied")
            }
            Self::Denied(_, denied) => (StatusCode::FORBIDDEN, "upstream not allowed", denied.proxy_status()),
            Self::Connect => (
                StatusCode::METHOD_NOT_ALLOWED,
                "CONNECT is not supported",
                "attache; error=http_request_denied",
            ),
            Self::Trace => (
                StatusCode::METHOD_NOT_ALLOWED,
                "TRACE is not supported",
                "attache; error=http_request_denied",
            ),
            Self::Token(..) => (
                StatusCode::BAD_GATEWAY,
                "token unavailable",
                "attache; error=proxy_internal_error; details=\"token unavailable\"",
            ),
            Self::Upstream(_, error) => error.verdict(),
        };
        Verdict { status, body: body.into(), proxy_status }
    }
}

impl Denied {
    fn proxy_status(self) -> &'static str {
        match self {
            Self::Host => "attache; error=http_request_denied",
            Self::Address => "attache; error=destination_ip_prohibited",
        }
    }
}

impl UpstreamError {
    fn verdict(&self) -> (StatusCode, &'static str, &'static str) {
        const FAILED: (StatusCode, &str) = (StatusCode::BAD_GATEWAY, "upstream error");
        const LATE: (StatusCode, &str) = (StatusCode::GATEWAY_TIMEOUT, "upstream timeout");
        let ((status, body), proxy_status) = match self {
            Self::AddressDenied => {
                ((StatusCode::FORBIDDEN, "upstream not allowed"), Denied::Address.proxy_status())
            }
            Self::RequestBody(_) => return MALFORMED,
            Self::Dns(_) => (FAILED, "attache; error=dns_error"),
            Self::Loop => (FAILED, "attache; error=proxy_loop_detected"),
            Self::Connect(error) => (FAILED, connect_proxy_status(error)),
            Self::ParentProxy(_, error) if error.is_timeout() => (LATE, error.proxy_status()),
            Self::ParentProxy(_, error) => (FAILED, error.proxy_status()),
            Self::Tls(error) => (FAILED, tls_proxy_status(error)),
            Self::NoHttp2 | Self::InvalidHttp2(_) => (FAILED, "attache; error=http_protocol_error"),
            Self::DnsTimeout(_) => (LATE, "attache; error=dns_timeout"),
            Self::ConnectTimeout(_) => (LATE, "attache; error=connection_timeout"),
            Self::ResponseTimeout(_) => (LATE, "attache; error=http_response_timeout"),
            Self::Exchange(error) if error.is_incomplete() => {
                (FAILED, "attache; error=http_response_incomplete")
            }
            Self::Exchange(error) if error.is_parse() => (FAILED, "attache; error=http_protocol_error"),
            Self::HeaderTooLarge(_) => (FAILED, "attache; error=http_response_header_section_size"),
            Self::OutOfFiles => (
                (StatusCode::SERVICE_UNAVAILABLE, "too many upstream connections"),
                "attache; error=proxy_internal_error; details=\"out of files\"",
            ),
            Self::Upgrade => (FAILED, "attache; error=http_upgrade_failed"),
            Self::Exchange(_) => (FAILED, "attache; error=connection_terminated"),
        };
        (status, body, proxy_status)
    }
}

impl TunnelError {
    /// Which side failed is told too, as an upstream that is down would look the same.
    fn proxy_status(&self) -> &'static str {
        match self {
            Self::Dns(_) | Self::Connect(_) => {
                "attache; error=destination_unavailable; details=\"egress proxy\""
            }
            Self::DnsTimeout(_) => "attache; error=dns_timeout; details=\"egress proxy\"",
            Self::Loop => "attache; error=proxy_loop_detected; details=\"egress proxy\"",
            Self::NoCredentials | Self::Credentials => {
                "attache; error=proxy_configuration_error; details=\"egress proxy\""
            }
            Self::Forbidden => "attache; error=http_request_denied; details=\"egress proxy\"",
            Self::NoWay(StatusCode::GATEWAY_TIMEOUT) => {
                "attache; error=connection_timeout; details=\"behind the egress proxy\""
            }
            Self::NoWay(_) => "attache; error=destination_unavailable; details=\"behind the egress proxy\"",
            Self::Refused(_) => "attache; error=connection_terminated; details=\"egress proxy\"",
            Self::Exchange(_) => "attache; error=http_protocol_error; details=\"egress proxy\"",
            Self::Tunnel(_) => "attache; error=tls_protocol_error; details=\"behind the egress proxy\"",
            Self::Timeout(_) => "attache; error=connection_timeout; details=\"egress proxy\"",
        }
    }
}

fn connect_proxy_status(error: &io::Error) -> &'static str {
    let kinds = [
        (io::ErrorKind::ConnectionRefused, "attache; error=connection_refused"),
        (io::ErrorKind::TimedOut, "attache; error=connection_timeout"),
        (io::ErrorKind::HostUnreachable, "attache; error=destination_ip_unroutable"),
        (io::ErrorKind::NetworkUnreachable, "attache; error=destination_ip_unroutable"),
    ];
    let known = kinds.iter().find(|(kind, _)| *kind == error.kind());
    known.map_or("attache; error=connection_terminated", |(_, status)| status)
}

fn tls_proxy_status(error: &io::Error) -> &'static str {
    let rustls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match rustls {
        Some(rustls::Error::InvalidCertificate(_)) => "attache; error=tls_certificate_error",
        Some(rustls::Error::AlertReceived(_)) => "attache; error=tls_alert_received",
        _ => "attache; error=tls_protocol_error",
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
