//! Requests that a page of another site has a browser send. A listener on loopback is meant for programs of this machine,
//! and a browser on it opens the pages of any site.

use super::error::ProxyError;
use http::{HeaderMap, HeaderName};

/// Set by browsers, and by no script of a page (Fetch Metadata Request Headers, section 2.3).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets pass what no page of another site has asked for.
///
/// # Errors
/// When a browser says that one has.
pub fn check(headers: &HeaderMap) -> Result<(), ProxyError> {
    match headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes()) {
        Some(b"cross-site" | b"same-site") => Err(ProxyError::CrossSite),
        Some(_) | None => Ok(()),
    }
}
