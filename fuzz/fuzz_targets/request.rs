//! A request's way to its target: what passes has one framing and one host, and goes to an upstream that it names itself,
//! once, in a form that is read the same again.
#![no_main]

use attache::config::Config;
use attache::model::routing_header::RoutingHeader;
use attache::model::target::{HostPort, Scheme, Target};
use attache::proxy::destinations::Destinations;
use attache::proxy::validate;
use http::header::{HOST, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Method, Request, Uri, Version};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

fuzz_target!(|bytes: &[u8]| {
    let Some(request) = request(bytes) else { return };
    if validate::check(&request).is_err() {
        return;
    }
    framed_once(&request);
    for (header, destinations) in ROUTES.iter() {
        if let Ok(destination) = destinations.of(&request) {
            named_once(&request, header.name(), destination.target());
        }
    }
});

static ROUTES: LazyLock<[(RoutingHeader, Destinations); 2]> = LazyLock::new(|| {
    ["X-Upstream-Host", "Host"].map(|header| {
        let config = Config::from_args(["--host-header", header]).expect("the flag is valid");
        (header.parse().expect("this is the name of a header"), Destinations::new(&config.route().routing))
    })
});

fn framed_once(request: &Request<()>) {
    let headers = request.headers();
    assert!(
        headers
            .get_all(TRANSFER_ENCODING)
            .iter()
            .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
    );
    assert!(headers.get_all(TRANSFER_ENCODING).iter().count() <= 1);
    assert!(headers.get_all(HOST).iter().count() <= 1);
    assert!(headers.contains_key(HOST) || request.version() != Version::HTTP_11);
    assert!(request.uri().path() != "*" || request.method() == Method::OPTIONS);
}

/// The target is what the header says, or the request target where the header is silent.
fn named_once(request: &Request<()>, header: &HeaderName, target: &Target) {
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let mut values = request.headers().get_all(header).iter().map(HeaderValue::as_bytes);
    let said = values.next().filter(|value| !value.is_empty());
    let name = match said {
        Some(_) if header == HOST && authority.is_some() => authority.expect("there is one"),
        Some(value) => std::str::from_utf8(value).expect("a name is ASCII"),
        None => authority.expect("something names the upstream"),
    };
    assert!(values.next().is_none());
    let read: HostPort = name.parse().expect("the name is one");
    assert_eq!(&Target::new(Scheme::Https, read), target);
}

/// The first line is `METHOD TARGET VERSION`, each further line a field; what is none of these is left out.
fn request(bytes: &[u8]) -> Option<Request<()>> {
    let mut lines = bytes.split(|b| *b == b'\n');
    let mut words = lines.next()?.split(|b| *b == b' ');
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(words.next()?).ok()?;
    *request.uri_mut() = Uri::try_from(words.next()?).ok()?;
    *request.version_mut() = match words.next()? {
        b"HTTP/1.0" => Version::HTTP_10,
        b"HTTP/2" => Version::HTTP_2,
        _ => Version::HTTP_11,
    };
    for line in lines.take(100) {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            request.headers_mut().append(name, value);
        }
    }
    Some(request)
}
