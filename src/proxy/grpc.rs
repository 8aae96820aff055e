//! How gRPC says that a call failed: in HTTP it always succeeds, and the status stands in two fields of its own
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).

use super::error::{ProxyError, UpstreamError};
use crate::http1::error::Error as Http1Error;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

/// The type of every gRPC message, whatever its encoding.
pub const MEDIA_TYPE: &str = "application/grpc";

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// What the protocol allows.
const MAX_TIMEOUT_DIGITS: usize = 8;
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Whether a request is a gRPC call. `application/grpc-web` is another protocol, whose clients read HTTP's status.
pub fn is_call(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) else { return false };
    match kind.split_at_checked(MEDIA_TYPE.len()) {
        Some((kind, rest)) => {
            kind.eq_ignore_ascii_case(MEDIA_TYPE.as_bytes())
                && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
        }
        None => false,
    }
}

/// How long the caller of a gRPC call waits for its end, where it says so.
pub fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(GRPC_TIMEOUT).filter(|_| is_call(headers))?.to_str().ok()?;
    let (number, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if number.is_empty() || number.len() > MAX_TIMEOUT_DIGITS || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Puts a call's failure into the header of an answer without a body ("Trailers-Only").
pub fn state_failure(headers: &mut HeaderMap, error: &ProxyError, message: &str) {
    headers.insert(GRPC_STATUS, HeaderValue::from(error.grpc_code() as u16));
    headers.insert(GRPC_MESSAGE, percent_encoded(message));
}

/// The codes that attache answers with (<https://grpc.io/docs/guides/status-codes/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
}

impl ProxyError {
    fn grpc_code(&self) -> Code {
        match self {
            Self::NoTarget(_) | Self::InvalidTarget => Code::InvalidArgument,
            // No program chose this: whatever frames its messages is at fault.
            Self::Malformed => Code::Internal,
            Self::Unreadable(error) => match error {
                Http1Error::HeaderTooLarge | Http1Error::TargetTooLong => Code::ResourceExhausted,
                Http1Error::Closed
                | Http1Error::Incomplete
                | Http1Error::Io(_)
                | Http1Error::Malformed(_)
                | Http1Error::TargetByte(_)
                | Http1Error::Version
                | Http1Error::Length => Code::Internal,
            },
            Self::CrossSite | Self::Denied(..) => Code::PermissionDenied,
            // gRPC takes 404 for this code, too.
            Self::NoRoute | Self::Connect | Self::Trace => Code::Unimplemented,
            Self::Token(..) => Code::Unavailable,
            Self::Upstream(_, error) => error.grpc_code(),
        }
    }
}

impl UpstreamError {
    fn grpc_code(&self) -> Code {
        match self {
            Self::AddressDenied => Code::PermissionDenied,
            Self::RequestBody(_) => Code::Internal,
            Self::HeaderTooLarge(_) => Code::ResourceExhausted,
            // Unlike `Unavailable` this invites no second try: the upstream may have done what was asked.
            Self::ResponseTimeout(_) => Code::DeadlineExceeded,
            Self::Dns(_)
            | Self::DnsTimeout(_)
            | Self::Loop
            | Self::Connect(_)
            | Self::Tls(_)
            | Self::ConnectTimeout(_)
            | Self::NoHttp2
            | Self::ParentProxy(..)
            | Self::OutOfFiles
            | Self::Upgrade
            | Self::InvalidHttp2(_)
            | Self::Exchange(_) => Code::Unavailable,
        }
    }
}

/// Visible ASCII and blanks as they are, every other byte and `%` as two digits.
fn percent_encoded(message: &str) -> HeaderValue {
    let encoded = message.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'%' | ..b' ' | 0x7f.. => encoded.push_str(&format!("%{byte:02X}")),
            b' '..=b'~' => encoded.push(char::from(byte)),
        }
        encoded
    });
    HeaderValue::try_from(encoded).expect("what is left is visible ASCII and blanks")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_media_type() {
        let is_call = |kind: &'static str| {
            is_call(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]))
        };
        for kind in
            ["application/grpc", "application/grpc+proto", "Application/gRPC;x=y", "application/grpc "]
        {
            assert!(is_call(kind), "{kind}");
        }
        for kind in ["", "application/json", "application/grp", "application/grpc-web", "application/grpcx"] {
            assert!(!is_call(kind), "{kind}");
        }
    }

    #[test]
    fn a_call_says_how_long_its_caller_waits() {
        let of = |kind, timeout: &'static str| {
            deadline(&HeaderMap::from_iter([
                (CONTENT_TYPE, HeaderValue::from_static(kind)),
                (GRPC_TIMEOUT, HeaderValue::from_static(timeout)),
            ]))
        };
        for (timeout, milliseconds) in
            [("2H", 7_200_000), ("3M", 180_000), ("10S", 10_000), ("7m", 7), ("5000u", 5), ("99999999n", 99)]
        {
            let deadline = of(MEDIA_TYPE, timeout).map(|deadline| deadline.as_millis());
            assert_eq!(deadline, Some(milliseconds), "{timeout}");
            assert_eq!(of("application/json", timeout), None, "only gRPC has deadlines");
        }
        for timeout in ["", "S", "10", "10s", "-1S", "+1S", "1.5S", "123456789S", "1 S"] {
            assert_eq!(of(MEDIA_TYPE, timeout), None, "{timeout:?}");
        }
    }

    #[test]
    fn a_message_is_visible_ascii() {
        for (message, encoded) in
            [("plain words: 1~", "plain words: 1~"), ("100%\n\u{e9}\x7f", "100%25%0A%C3%A9%7F")]
        {
            assert_eq!(percent_encoded(message), encoded);
        }
    }
}
