//! The responses of the Query protocol: XML bodies, and the headers that AWS sends with them.

use super::api_error::{ApiError, ErrorCode};
use super::call::{Api, Operation};
use super::faults::Outage;
use super::unix_seconds::UnixSeconds;
use crate::small_server::HangUp;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, DATE};
use axum::http::{HeaderValue, Response, StatusCode};

/// The outcome of a call.
pub(super) enum Reply {
    /// The operation succeeded.
    Done(Operation, Xml),
    /// STS or IAM refused the call.
    Refused(Api, ApiError),
    /// A gateway in front of STS answered.
    Gateway(Outage),
    /// The connection is closed without a response.
    HangUp,
}

impl Reply {
    /// The name under which the outcome is counted.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Done(..) => "ok",
            Self::Refused(_, error) => error.code.name(),
            Self::Gateway(Outage::GatewayTimeout) => "504",
            Self::Gateway(_) => "502",
            Self::HangUp => "closed",
        }
    }

    /// The reply to an outage: an XML error of STS itself, or the HTML page of a gateway.
    pub(super) fn outage(outage: Outage, api: Api) -> Self {
        match outage {
            Outage::InternalFailure => Self::Refused(api, ApiError::usual(ErrorCode::InternalFailure)),
            Outage::ServiceUnavailable => Self::Refused(api, ApiError::usual(ErrorCode::ServiceUnavailable)),
            Outage::BadGateway | Outage::GatewayTimeout => Self::Gateway(outage),
        }
    }

    /// Renders the response with `now` as its `Date`.
    pub(super) fn into_response(self, now: UnixSeconds) -> Response<Body> {
        let request_id = uuid::Uuid::new_v4().to_string();
        let (status, content_type, body) = match self {
            Self::Done(operation, result) => (200, "text/xml", success(operation, &result, &request_id)),
            Self::Refused(api, error) => (error.code.status(), "text/xml", failure(api, &error, &request_id)),
            Self::Gateway(outage) => (
                u16::from(outage),
                "text/html",
                "<html><body>no answer from upstream</body></html>".to_owned(),
            ),
            Self::HangUp => {
                let mut response = Response::default();
                response.extensions_mut().insert(HangUp);
                return response;
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(DATE, text_header(&now.http_date()));
        if content_type == "text/xml" {
            headers.insert("x-amzn-requestid", text_header(&request_id));
        }
        response
    }
}

fn text_header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("dates and UUIDs are visible ASCII")
}

/// A sequence of XML elements.
#[derive(Default)]
pub(super) struct Xml(String);

impl Xml {
    /// Adds an element that holds text.
    pub(super) fn text(mut self, tag: &str, text: &str) -> Self {
        self.0 = format!("{}<{tag}>{}</{tag}>\n", self.0, escape(text));
        self
    }

    /// Adds an element that holds elements.
    pub(super) fn nest(mut self, tag: &str, inner: Self) -> Self {
        self.0 = format!("{}<{tag}>\n{}</{tag}>\n", self.0, inner.0);
        self
    }

    fn rooted(self, tag: &str, namespace: &str) -> String {
        format!("<{tag} xmlns=\"{namespace}\">\n{}</{tag}>\n", self.0)
    }
}

fn success(operation: Operation, result: &Xml, request_id: &str) -> String {
    let name = operation.name();
    let mut body = Xml::default();
    if !result.0.is_empty() {
        body = body.nest(&format!("{name}Result"), Xml(result.0.clone()));
    }
    body.nest("ResponseMetadata", Xml::default().text("RequestId", request_id))
        .rooted(&format!("{name}Response"), operation.api().namespace())
}

fn failure(api: Api, error: &ApiError, request_id: &str) -> String {
    let fault = if error.code.status() < 500 { "Sender" } else { "Receiver" };
    let details =
        Xml::default().text("Type", fault).text("Code", error.code.name()).text("Message", &error.message);
    Xml::default()
        .nest("Error", details)
        .text("RequestId", request_id)
        .rooted("ErrorResponse", api.namespace())
}

/// Escapes text for XML 1.0; a character that XML forbids becomes U+FFFD.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' | '\n' => escaped.push(c),
            '\u{0}'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_breaks_out_of_its_element() {
        assert_eq!(escape("a<b>&\"\u{1}\n"), "a&lt;b&gt;&amp;&quot;\u{fffd}\n");
    }
}
