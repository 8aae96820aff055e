//! The request of the demo, with a credential that attache replaces.

use crate::http_client::{self, HttpError};
use bytes::Bytes;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request};

/// The path of the request.
pub(super) const PATH: &str = "/hello";
/// The `User-Agent` of the request.
pub(super) const CALLER: &str = "attache-demo";
/// The `Authorization` of the request, which names no real credential.
pub(super) const MADE_UP: &str = "Bearer caller-made-this-up";

/// The request to attache at `url`.
pub(super) fn to(url: &str) -> Result<Request<Bytes>, HttpError> {
    let mut request = http_client::get(&format!("{url}{PATH}"))?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(CALLER));
    headers.insert(AUTHORIZATION, HeaderValue::from_static(MADE_UP));
    Ok(request)
}
