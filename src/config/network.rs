//! Parsers for hosts, headers that name hosts, address ranges, URLs and paths.

use super::problems::Fault;
use crate::model::ascii_name::ascii;
use crate::model::policy::{HostPattern, PatternError};
use crate::model::routing_header::RoutingHeader;
use crate::model::target::{HostPort, Scheme, Target};
use http::Uri;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// Paths of the metrics listener that are taken.
const RESERVED_PATHS: [&str; 3] = ["/healthz", "/readyz", "/status"];

/// Parses the pinned upstream, `host` or `host:port`.
///
/// # Errors
/// When the text is anything else. For a URL, the error has a hint.
pub fn upstream_host(text: &str) -> Result<HostPort, Fault> {
    ascii(text).parse().map_err(|_| {
        let fault = Fault::new("must be host[:port]");
        if let Some((scheme, _)) = text.split_once("://") {
            let scheme = if scheme == "http" { "http" } else { "https" };
            fault.hint(format!("the scheme has its own setting, --upstream-scheme {scheme}"))
        } else if text.contains('@') {
            fault.hint("leave out user and password, the token takes their place")
        } else if text.contains(['/', '?', '#']) {
            fault.hint("leave out the path, each request brings its own")
        } else if text.parse::<Ipv6Addr>().is_ok() {
            fault.hint(format!("an IPv6 address stands in brackets, [{text}]"))
        } else {
            fault
        }
    })
}

/// Parses the URL of an upstream, `https://host` or `http://host:port`. A slash at its end changes nothing.
///
/// # Errors
/// When the text is anything else, or has a user, a path, a query or a fragment.
pub fn upstream_url(text: &str) -> Result<Target, Fault> {
    let fault = || Fault::new("must be a URL such as https://api.example.com, without a path");
    let (scheme, rest) = match text.split_once("://") {
        Some(("https", rest)) => (Scheme::Https, rest),
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(_) => return Err(fault().hint("the scheme is https or http")),
        None if upstream_host(text).is_ok() => return Err(fault().hint(format!("https://{text}"))),
        None => return Err(fault()),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    match ascii(rest).parse() {
        Ok(place) => Ok(Target::new(scheme, place)),
        Err(_) if rest.contains('@') => {
            Err(fault().hint("leave out user and password, the token takes their place"))
        }
        Err(_) if rest.contains(['/', '?', '#']) => {
            Err(fault().hint("leave out what follows the host, each request brings its own path and query"))
        }
        Err(_) => Err(fault()),
    }
}

/// Parses the name of the header in which a request names its upstream.
///
/// # Errors
/// When the text is no header name, or the name of a header with another meaning.
pub fn host_header(text: &str) -> Result<RoutingHeader, Fault> {
    let header: RoutingHeader =
        text.parse().map_err(|_| Fault::new("must be the name of a header, such as X-Upstream-Host"))?;
    match header.name().as_str() {
        "authorization" => Err(Fault::new("must be another header, because the token goes into this one")),
        "connection"
        | "keep-alive"
        | "proxy-authenticate"
        | "proxy-authorization"
        | "proxy-connection"
        | "te"
        | "trailer"
        | "transfer-encoding"
        | "upgrade" => Err(Fault::new("must be another header, because this one belongs to the connection")),
        "content-encoding" | "content-length" | "content-type" | "expect" => {
            Err(Fault::new("must be another header, because this one describes the body"))
        }
        "forwarded" | "via" | "x-forwarded-for" | "x-forwarded-proto" => {
            Err(Fault::new("must be another header, because proxies write this one"))
        }
        "cdn-loop" | "max-forwards" | "origin" | "traceparent" | "tracestate" => Err(of_another_meaning()),
        name if name.starts_with("sec-") => Err(of_another_meaning()),
        _ => Ok(header),
    }
}

fn of_another_meaning() -> Fault {
    Fault::new("must be another header, because this one tells attache something else")
}

/// Parses one `--allow-host` rule.
///
/// # Errors
/// When the text has none of the forms of [`HostPattern`].
pub fn host_pattern(text: &str) -> Result<HostPattern, Fault> {
    ascii(text).parse().map_err(|error: PatternError| {
        let fault = Fault::new(error.to_string());
        if text.contains("://") { fault.hint("leave out the scheme") } else { fault }
    })
}

/// Parses a range of addresses, `10.0.0.0/8`, or one address.
///
/// # Errors
/// When the text is neither.
pub fn address_range(text: &str) -> Result<IpNet, Fault> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| Fault::new("must be a range of addresses such as 10.0.0.0/8, or one address"))
}

/// Parses the base URL of an STS, `http://` or `https://` with a host.
///
/// # Errors
/// When the text is anything else, or has a user, a query or a fragment.
pub fn endpoint_url(text: &str) -> Result<String, Fault> {
    let sound = |url: &Uri| {
        let host = url.authority().is_some_and(|authority| authority.as_str().parse::<HostPort>().is_ok());
        matches!(url.scheme_str(), Some("http" | "https"))
            && host
            && url.query().is_none()
            && !text.contains('#')
    };
    match text.parse::<Uri>() {
        Ok(url) if sound(&url) => Ok(text.to_owned()),
        _ => Err(Fault::new("must be an http or https URL such as https://sts.eu-west-1.amazonaws.com")),
    }
}

/// Parses the path of the metrics.
///
/// # Errors
/// When the text is no plain path, or a path that is taken.
pub fn metrics_path(text: &str) -> Result<String, Fault> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    if !text.starts_with('/') {
        return Err(Fault::new("must begin with /"));
    }
    if !text.bytes().all(plain) {
        return Err(Fault::new("must be made of letters, digits and / - . _ ~"));
    }
    if RESERVED_PATHS.contains(&text) {
        return Err(Fault::new("must not be /healthz, /readyz or /status, which serve something else"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice<T: std::fmt::Debug>(outcome: Result<T, Fault>) -> String {
        format!("{:?}", outcome.unwrap_err())
    }

    #[test]
    fn an_upstream_is_a_host_and_perhaps_a_port() {
        for good in ["api.example.com", "api.example.com:8443", "127.0.0.1:80", "[::1]", "[::1]:443"] {
            assert!(upstream_host(good).is_ok(), "{good}");
        }
        for bad in ["", ":443", "api.example.com:0", "api.example.com:http", "a b", "a..b", "*"] {
            assert!(upstream_host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_upstream_that_is_a_url_is_refused_with_the_next_step() {
        assert!(advice(upstream_host("https://a.example")).contains("--upstream-scheme https"));
        assert!(advice(upstream_host("http://a.example/v1")).contains("--upstream-scheme http\""));
        assert!(advice(upstream_host("a.example/v1")).contains("leave out the path"));
        assert!(advice(upstream_host("me:pw@a.example")).contains("leave out user and password"));
        assert!(advice(upstream_host("2001:db8::1")).contains("[2001:db8::1]"));
    }

    #[test]
    fn an_upstream_of_a_route_is_a_url_that_carries_nothing_but_a_place() {
        for (text, target) in [
            ("https://API.example.com", "https://api.example.com"),
            ("https://api.example.com/", "https://api.example.com"),
            ("https://api.example.com:8443", "https://api.example.com:8443"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://b\u{fc}cher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(upstream_url(text).unwrap().to_string(), target);
        }
        assert!(advice(upstream_url("api.example.com")).contains("https://api.example.com"));
        assert!(advice(upstream_url("ftp://a.example")).contains("https or http"));
        assert!(advice(upstream_url("https://me:pw@a.example")).contains("leave out user and password"));
        assert!(advice(upstream_url("https://a.example/v1")).contains("its own path"));
        for bad in
            ["", "https://", "https:///x", "HTTPS://a.example", "https://a b", "https://a:0", "https://a//"]
        {
            assert!(upstream_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_routing_header_keeps_its_hands_off_other_meanings() {
        for text in ["X-Upstream-Host", "X-API-Host", "x-to", "Host"] {
            assert_eq!(host_header(text).unwrap().to_string(), text);
        }
        assert!(advice(host_header("AUTHORIZATION")).contains("the token goes into this one"));
        assert!(advice(host_header("Connection")).contains("belongs to the connection"));
        assert!(advice(host_header("Transfer-Encoding")).contains("belongs to the connection"));
        assert!(advice(host_header("Content-Length")).contains("describes the body"));
        assert!(advice(host_header("X-Forwarded-For")).contains("proxies write this one"));
        for text in ["CDN-Loop", "Sec-Fetch-Site", "Origin", "Max-Forwards", "traceparent"] {
            assert!(advice(host_header(text)).contains("something else"), "{text}");
        }
        for bad in ["", "x upstream", "x:upstream", "\u{e9}", "x\n"] {
            assert!(advice(host_header(bad)).contains("the name of a header"), "{bad:?}");
        }
    }

    #[test]
    fn one_address_is_a_range_of_one() {
        assert_eq!(address_range("10.1.2.3"), Ok("10.1.2.3/32".parse().unwrap()));
        assert_eq!(address_range("fd00::/8"), Ok("fd00::/8".parse().unwrap()));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "localhost", "10.0.0.0-10.0.0.9"] {
            assert!(address_range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_endpoint_is_a_url_that_carries_nothing_but_a_place() {
        for good in ["http://127.0.0.1:4577", "https://sts.eu-west-1.amazonaws.com/", "http://[::1]:4577/sts"]
        {
            assert_eq!(endpoint_url(good), Ok(good.to_owned()));
        }
        let cases = [
            "",
            "127.0.0.1:4577",
            "sts.example.com",
            "ftp://a.example",
            "https://",
            "https:///x",
            "/sts",
            "https://me:pw@a.example",
            "https://a.example?x",
            "https://a.example/#x",
            "https://a.example:99999",
        ];
        for bad in cases {
            assert!(endpoint_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_metrics_path_is_plain_and_not_taken() {
        for good in ["/", "/internal/metrics-v1.0_~"] {
            assert_eq!(metrics_path(good), Ok(good.to_owned()));
        }
        assert!(advice(metrics_path("metrics")).contains("begin with /"));
        assert!(advice(metrics_path("")).contains("begin with /"));
        for bad in ["/a b", "/{x}", "/*", "/a?b", "/a#b", "/\u{e9}", "/%2e"] {
            assert!(advice(metrics_path(bad)).contains("letters, digits"), "{bad}");
        }
        for taken in RESERVED_PATHS {
            assert!(advice(metrics_path(taken)).contains("something else"), "{taken}");
        }
    }
}
