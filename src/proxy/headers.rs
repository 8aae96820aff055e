//! The headers of both directions: what is for this hop only is removed, what attache speaks for is replaced.

use crate::config::upstream::ForwardedFor;
use crate::credential::Credential;
use crate::http1::fields::members;
use crate::model::caller::Caller;
use crate::model::target::Target;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT,
    Entry, HOST, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LOCATION,
    MAX_FORWARDS, PRAGMA, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, RANGE, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Fields for one hop only (RFC 9110, section 7.6.1), besides those that `Connection` nominates. `Trailer` is not among
/// them, as trailers go through.
static HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What else may not come after a body.
static HEADER_ONLY: [HeaderName; 23] = [
    AUTHORIZATION,
    CACHE_CONTROL,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    COOKIE,
    EXPECT,
    HOST,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    LOCATION,
    MAX_FORWARDS,
    PRAGMA,
    PROXY_STATUS,
    RANGE,
    SET_COOKIE,
    TE,
    TRAILER,
    WWW_AUTHENTICATE,
    X_FORWARDED_FOR,
];

/// How the names of protocols begin that carry HTTP again: in itself (RFC 7540, section 3.2) or in TLS (RFC 2817).
const HTTP_AGAIN: [&[u8]; 4] = [b"h2", b"h3", b"http/", b"tls/"];

/// Makes a caller's header fit for the upstream: nothing of this hop, and only what attache itself says of the caller.
/// Returns the protocol that the caller wants to switch to, if any.
pub fn for_upstream(
    headers: &mut HeaderMap,
    routing_header: Option<&HeaderName>,
    forwarded_for: ForwardedFor,
    caller: &Caller,
    target: &Target,
    credential: &Credential,
) -> Option<HeaderValue> {
    let upgrade = wanted_upgrade(headers);
    let trailers_welcome = names(headers, &TE).any(|name| name.eq_ignore_ascii_case(b"trailers"));
    remove_hop_by_hop(headers);
    headers.remove(TE);
    if trailers_welcome {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if let Some(header) = routing_header {
        headers.remove(header);
    }
    state_caller(headers, forwarded_for, caller);
    headers.insert(HOST, target.authority().clone());
    // Last, so that no word of the caller's can have taken it away.
    if credential.apply(headers) {
        tracing::debug!(%target, "replaced the caller's authorization header");
    }
    upgrade
}

/// Makes an upstream's header fit for the caller.
pub fn for_caller(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
}

/// The same for a whole response to a caller of this version. A 426 keeps saying what to switch to, which HTTP/1.1 alone can say
/// (RFC 9110, section 15.5.22; RFC 9113, section 8.2.2).
pub fn response_for_caller<B>(response: &mut Response<B>, version: Version) {
    let says_protocol = response.status() == StatusCode::UPGRADE_REQUIRED && version == Version::HTTP_11;
    let protocol = if says_protocol { response.headers().get(UPGRADE).cloned() } else { None };
    for_caller(response.headers_mut());
    if let Some(protocol) = protocol {
        switch_to(response.headers_mut(), protocol);
    }
}

/// Leaves in the trailers of either direction what may stand in them. Length, route, identity, conditions, how to read the
/// body and everything about a hop are settled in the header (RFC 9110, section 6.5.1).
pub fn for_trailers(trailers: &mut HeaderMap, routing_header: Option<&HeaderName>) {
    remove_hop_by_hop(trailers);
    remove_all(trailers, &HEADER_ONLY);
    if let Some(header) = routing_header {
        trailers.remove(header);
    }
}

/// States the length of a body once, and not at all where it is only known at its end (RFC 9112, section 6.2). Where
/// there is no body, the length may be that of another: a response to HEAD says what GET would get. A 204 has no length at
/// all (RFC 9110, section 8.6), and a caller over HTTP/2 takes one for an error of the stream.
pub fn state_length<B>(response: &mut Response<B>, length: Option<u64>) {
    let has_none = response.status() == StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    match length.filter(|_| !has_none) {
        None => {
            headers.remove(CONTENT_LENGTH);
        }
        Some(0) => {}
        Some(length) => {
            if headers.contains_key(CONTENT_LENGTH) {
                headers.insert(CONTENT_LENGTH, length.into());
            }
        }
    }
}

/// Makes one field of the cookies that HTTP/2 lets a caller spread over several. HTTP/1.1 has but one, and many servers read
/// no other (RFC 9113, section 8.2.3).
pub fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let [_, _, ..] = crumbs[..] {
        let joined = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]));
        headers.insert(COOKIE, joined.expect("header values joined by a semicolon are a header value"));
    }
}

/// Asks for, demands or confirms the switch to another protocol. These two fields are for one hop, so each hop sets its own.
pub fn switch_to(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Says which fields of a request are for this hop, of those that are left (RFC 9110, sections 7.8 and 10.1.4). HTTP/2 has no
/// such field, and its library would remove what is named there.
pub fn state_hop(headers: &mut HeaderMap, is_http1: bool) {
    let named = match (headers.contains_key(UPGRADE), headers.contains_key(TE)) {
        (true, true) if is_http1 => "upgrade, te",
        (true, false) if is_http1 => "upgrade",
        (false, true) if is_http1 => "te",
        (true | false, true | false) => {
            headers.remove(CONNECTION);
            return;
        }
    };
    headers.insert(CONNECTION, HeaderValue::from_static(named));
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let nominated: Vec<HeaderName> =
            names(headers, &CONNECTION).filter_map(|name| HeaderName::from_bytes(name).ok()).collect();
        for name in nominated {
            headers.remove(name);
        }
    }
    remove_all(headers, &HOP_BY_HOP);
}

fn remove_all(headers: &mut HeaderMap, names: &[HeaderName]) {
    // One look at every name is less work than a search for each of these.
    if headers.keys().any(|name| names.contains(name)) {
        for name in names {
            headers.remove(name);
        }
    }
}

/// The protocol of a request to switch (RFC 9110, section 7.8), which `Connection` must nominate too. A switch to HTTP
/// itself is between the caller and attache: behind it, requests would pass unchecked.
fn wanted_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(UPGRADE)?;
    let nominated = names(headers, &CONNECTION).any(|name| name.eq_ignore_ascii_case(b"upgrade"));
    let is_http = |name: &[u8]| HTTP_AGAIN.iter().any(|http| starts_with(name, http));
    (nominated && !names(headers, &UPGRADE).any(is_http)).then(|| protocol.clone())
}

fn starts_with(text: &[u8], beginning: &[u8]) -> bool {
    text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

/// The members of a list that are not empty.
fn names<'h>(headers: &'h HeaderMap, list: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    members(headers, list).filter(|name| !name.is_empty())
}

fn state_caller(headers: &mut HeaderMap, mode: ForwardedFor, caller: &Caller) {
    match (mode, caller.forwarded_for()) {
        (ForwardedFor::Keep, _) | (ForwardedFor::Append, None) => {}
        (ForwardedFor::Remove, _) => {
            headers.remove(X_FORWARDED_FOR);
        }
        (ForwardedFor::Append, Some(address)) => match headers.entry(X_FORWARDED_FOR) {
            Entry::Vacant(entry) => {
                entry.insert(address.clone());
            }
            Entry::Occupied(mut entry) => {
                let mut list: Vec<&[u8]> = entry.iter().map(HeaderValue::as_bytes).collect();
                list.push(address.as_bytes());
                let joined = HeaderValue::from_bytes(&list.join(&b", "[..]));
                entry.insert(joined.expect("header values joined by a comma are a header value"));
            }
        },
    }
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
