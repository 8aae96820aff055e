//! The headers of both directions: whatever stands in them, the upstream gets one host and one token, both attache's, and
//! neither side gets anything that was for the other's hop.
#![no_main]

use attache::clock::Clock;
use attache::config::upstream::ForwardedFor;
use attache::credential::Credential;
use attache::model::caller::Caller;
use attache::model::target::{Scheme, Target};
use attache::proxy::headers::{for_caller, for_trailers, for_upstream, state_length};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

const ROUTING: HeaderName = HeaderName::from_static("x-upstream-host");
const OF_ONE_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "transfer-encoding",
    "upgrade",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, lines)) = bytes.split_first() else { return };
    let headers = map(lines);
    upstream(headers.clone(), *choice);
    let mut answer = headers.clone();
    for_caller(&mut answer);
    nothing_of_a_hop(&answer);
    let mut trailers = headers.clone();
    for_trailers(&mut trailers, Some(&ROUTING));
    nothing_of_a_hop(&trailers);
    assert!(!trailers.contains_key(ROUTING));
    for name in [AUTHORIZATION, CONTENT_LENGTH, HOST] {
        assert!(!trailers.contains_key(name));
    }
    length(headers, *choice);
});

fn upstream(mut headers: HeaderMap, choice: u8) {
    let clock = Clock::system();
    let token = Credential::bearer("a.b.c", clock.timestamp(), clock.now() + Duration::from_secs(300))
        .expect("a token");
    let target = Target::new(Scheme::Https, "api.example.com".parse().expect("a name"));
    let caller = Caller::new((choice & 1 == 0).then_some([192, 0, 2, 9].into()));
    let mode = [ForwardedFor::Append, ForwardedFor::Keep, ForwardedFor::Remove][usize::from(choice >> 1) % 3];
    let wish = for_upstream(&mut headers, Some(&ROUTING), mode, &caller, &target, &token);
    only(&headers, &AUTHORIZATION, b"Bearer a.b.c");
    only(&headers, &HOST, b"api.example.com");
    assert!(!headers.contains_key(ROUTING));
    nothing_of_a_hop(&headers);
    assert!(headers.get_all("te").iter().all(|te| te == "trailers"));
    if matches!(mode, ForwardedFor::Append) && caller.forwarded_for().is_some() {
        let list = headers.get("x-forwarded-for").expect("the caller's address");
        assert!(list.as_bytes().ends_with(b"192.0.2.9"));
    }
    if let Some(wish) = wish {
        assert!(!wish.as_bytes().to_ascii_lowercase().starts_with(b"h2"));
    }
}

fn length(headers: HeaderMap, choice: u8) {
    let length = [None, Some(5), Some(u64::MAX)][usize::from(choice) % 3];
    let stated = headers.contains_key(CONTENT_LENGTH) && length.is_some();
    let mut response = Response::new(());
    *response.headers_mut() = headers;
    state_length(&mut response, length);
    let headers = response.headers();
    match length {
        Some(length) if stated => only(headers, &CONTENT_LENGTH, length.to_string().as_bytes()),
        _ => assert!(!headers.contains_key(CONTENT_LENGTH)),
    }
}

fn only(headers: &HeaderMap, name: &HeaderName, value: &[u8]) {
    let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    assert_eq!(values, [value], "{name}");
}

fn nothing_of_a_hop(headers: &HeaderMap) {
    for name in OF_ONE_HOP {
        assert!(!headers.contains_key(name), "{name}");
    }
}

/// One field a line, as it stands on the wire; what is no field is left out.
fn map(lines: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.split(|b| *b == b'\n').take(1000) {
        let colon = line.iter().position(|b| *b == b':').unwrap_or(line.len());
        let (name, value) = (&line[..colon], line.get(colon + 1..).unwrap_or_default());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}
