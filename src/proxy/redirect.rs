//! References of an upstream to itself. A caller that follows one to the upstream's own address leaves attache, and has no token
//! there; a path leads it back here.

use crate::model::route_match::PathPrefix;
use crate::model::target::{HostPort, Scheme, Target};
use http::header::{CONTENT_LOCATION, Entry, LOCATION};
use http::{HeaderName, HeaderValue, Response, StatusCode};

/// Leaves only the path of a `Location` or `Content-Location` whose origin is the target's. What was taken off the path of the request
/// is put before it, and before one that is a path already.
pub fn keep_here<B>(response: &mut Response<B>, target: &Target, stripped: Option<&PathPrefix>) {
    let stripped = stripped.map_or("", PathPrefix::as_str);
    if has_location(response.status()) {
        shorten(response, &LOCATION, target, stripped);
    }
    shorten(response, &CONTENT_LOCATION, target, stripped);
}

/// The statuses that give `Location` a meaning (RFC 9110, section 10.2.2), and 202, which APIs use with it for jobs.
fn has_location(status: StatusCode) -> bool {
    status.is_redirection() || matches!(status, StatusCode::CREATED | StatusCode::ACCEPTED)
}

fn shorten<B>(response: &mut Response<B>, name: &HeaderName, target: &Target, stripped: &str) {
    // An entry makes room for a field, which is more work than most responses are worth.
    if response.headers().contains_key(name)
        && let Entry::Occupied(mut fields) = response.headers_mut().entry(name)
    {
        // Programs differ in which of several they follow.
        for value in fields.iter_mut() {
            let path = match rest_of(value.as_bytes(), target) {
                // Behind other segments, two slashes begin no authority.
                Some(rest) if stripped.is_empty() => [prefix(rest), rest].concat(),
                Some(rest) if rest.starts_with(b"/") => [stripped.as_bytes(), rest].concat(),
                Some(rest) => [stripped.as_bytes(), b"/", rest].concat(),
                None if is_path(value.as_bytes()) => [stripped.as_bytes(), value.as_bytes()].concat(),
                None => continue,
            };
            *value = HeaderValue::from_bytes(&path).expect("what is behind an authority is a header value");
        }
    }
}

/// Whether a reference is a path from the root. Clients take two slashes, or what they read as such, for an authority.
fn is_path(reference: &[u8]) -> bool {
    reference.starts_with(b"/") && prefix(reference).is_empty()
}

/// What stands behind the origin of this reference, if that is the target's.
fn rest_of<'v>(reference: &'v [u8], target: &Target) -> Option<&'v [u8]> {
    let slashes = reference.windows(2).position(|two| two == b"//")?;
    let (scheme, reference) = (&reference[..slashes], &reference[slashes + 2..]);
    let scheme = match scheme.to_ascii_lowercase().as_slice() {
        b"" => target.scheme(),
        b"http:" => Scheme::Http,
        b"https:" => Scheme::Https,
        _ => return None,
    };
    let end = reference.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(reference.len());
    let (authority, rest) = reference.split_at(end);
    let name: HostPort = std::str::from_utf8(authority).ok()?.parse().ok()?;
    (name.host == *target.host() && is_same_port(scheme, name.port, target)).then_some(rest)
}

/// An upstream behind something that ends TLS for it may take itself for one of `http`. The other way round, a reference to
/// `https` asks for what the target is not.
fn is_same_port(scheme: Scheme, port: Option<u16>, target: &Target) -> bool {
    let stated = port.unwrap_or(scheme.default_port());
    match (scheme, target.scheme()) {
        (Scheme::Http, Scheme::Http) | (Scheme::Https, Scheme::Https) => stated == target.port(),
        (Scheme::Http, Scheme::Https) => {
            stated == target.port() || (stated == scheme.default_port() && target.explicit_port().is_none())
        }
        (Scheme::Https, Scheme::Http) => false,
    }
}

/// What has to stand in front of the rest so that it is read as a path. After `/`, clients take `/` for the beginning of another
/// authority, some also `\`, and some drop controls before they look.
fn prefix(rest: &[u8]) -> &'static [u8] {
    match rest {
        [b'/', b'/' | b'\\', ..] => b"/.",
        [b'/', second, ..] if second.is_ascii_control() => b"/.",
        [b'/', ..] => b"",
        _ => b"/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a `Location` of this target.
    fn location(target: (Scheme, &str), location: &str) -> String {
        let target = Target::new(target.0, target.1.parse().unwrap());
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert(LOCATION, HeaderValue::from_bytes(location.as_bytes()).unwrap());
        keep_here(&mut response, &target, None);
        String::from_utf8(response.headers()[LOCATION].as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn what_has_the_origin_of_the_target_becomes_a_path() {
        let (plain, tls) = ((Scheme::Http, "api:8080"), (Scheme::Https, "api"));
        for (target, before, path) in [
            (tls, "https://api/items/?page=2#top", "/items/?page=2#top"),
            (tls, "HTTPS://API.:443/items", "/items"),
            (tls, "https://api", "/"),
            (tls, "https://api?page=2", "/?page=2"),
            (tls, "https://api#top", "/#top"),
            (tls, "//api/items", "/items"),
            (tls, "http://api/items", "/items"),
            (tls, "http://api:80/items", "/items"),
            (tls, "http://api:443/items", "/items"),
            ((Scheme::Https, "api:8443"), "http://api:8443/items", "/items"),
            ((Scheme::Https, "[2001:db8::1]"), "https://[2001:DB8:0::1]/items", "/items"),
            (plain, "http://api:8080/k\u{e4}se", "/k\u{e4}se"),
            (plain, "//api:8080/items", "/items"),
            (tls, "https://api//other.example/x", "/.//other.example/x"),
            (tls, "https://api/\\other.example/x", "/./\\other.example/x"),
            (tls, "https://api/\t/other.example/x", "/./\t/other.example/x"),
        ] {
            assert_eq!(location(target, before), path, "{before}");
        }
    }

    #[test]
    fn each_of_several_references_is_judged() {
        let target = Target::new(Scheme::Https, "api".parse().unwrap());
        let mut response = Response::new(());
        for reference in ["https://api/a", "https://other/b", "https://api/c"] {
            response.headers_mut().append(CONTENT_LOCATION, HeaderValue::from_static(reference));
        }
        keep_here(&mut response, &target, None);
        let left: Vec<_> = response.headers().get_all(CONTENT_LOCATION).iter().collect();
        assert_eq!(left, ["/a", "https://other/b", "/c"]);
    }

    #[test]
    fn what_leads_elsewhere_stays() {
        let (plain, tls) = ((Scheme::Http, "api:8080"), (Scheme::Https, "api"));
        for (target, reference) in [
            (tls, "https://other/items"),
            (tls, "https://api.other/items"),
            (tls, "https://api:8443/items"),
            (tls, "http://api:8080/items"),
            (tls, "https://user@api/items"),
            (tls, "https://api\\@other/items"),
            (tls, "//other/items"),
            (tls, "ftp://api/items"),
            (tls, "/items?next=https://api/"),
            (tls, "/go//api/items"),
            (tls, "items"),
            (tls, ""),
            (plain, "https://api:8080/items"),
            (plain, "http://api/items"),
            ((Scheme::Http, "api"), "https://api/items"),
        ] {
            assert_eq!(location(target, reference), reference);
        }
    }

    #[test]
    fn what_was_taken_off_the_path_is_put_before_paths_of_the_target() {
        let (target, prefix) = (Target::new(Scheme::Https, "api".parse().unwrap()), "/p".parse().unwrap());
        for (before, after) in [
            ("https://api/items?x#y", "/p/items?x#y"),
            ("https://api", "/p/"),
            ("https://api?page=2", "/p/?page=2"),
            ("https://api//items", "/p//items"),
            ("//api/items", "/p/items"),
            ("/items", "/p/items"),
            ("/", "/p/"),
            ("items", "items"),
            ("?page=2", "?page=2"),
            ("", ""),
            ("//other/items", "//other/items"),
            ("/\\other/items", "/\\other/items"),
            ("https://other/items", "https://other/items"),
        ] {
            let mut response = Response::new(());
            response.headers_mut().insert(CONTENT_LOCATION, HeaderValue::from_static(before));
            keep_here(&mut response, &target, Some(&prefix));
            assert_eq!(response.headers()[CONTENT_LOCATION], after);
        }
    }
}
