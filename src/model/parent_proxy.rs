//! The HTTP proxy on the way to upstreams, as `HTTPS_PROXY` and its kin name it: where it is, its credentials, and which
//! upstreams it carries.

use super::ascii_name::ascii;
use super::no_proxy::NoProxy;
use super::target::{Host, HostPort, Target};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use std::fmt;

/// The port of a proxy whose URL names none. Go uses the same.
const DEFAULT_PORT: u16 = 80;
/// An HTTP proxy on the way to upstreams, and which of them it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentProxy {
    /// The variable that names it.
    pub variable: &'static str,
    host: Host,
    port: u16,
    absolute: bool,
    credentials: Option<Credentials>,
    no_proxy: NoProxy,
}

/// What is wrong with the URL of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParentProxyUrlError {
    /// TLS, or SOCKS.
    #[error("attache speaks plain HTTP to a proxy, and no other protocol")]
    Scheme,
    /// Anything else.
    #[error("a user and a password stand before the @, each percent-encoded, and no path behind the port")]
    Form,
}

/// `Proxy-Authorization`, which is a secret.
#[derive(Clone, PartialEq, Eq)]
struct Credentials(HeaderValue);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

impl Credentials {
    /// From the part before the `@` of a URL (RFC 7617).
    fn read(userinfo: &str) -> Result<Self, ParentProxyUrlError> {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let mut plain: Vec<u8> = percent_decode_str(user).collect();
        plain.push(b':');
        plain.extend(percent_decode_str(password));
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(plain)))
            .map_err(|_| ParentProxyUrlError::Form)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl ParentProxy {
    /// Reads `http://host:port` or `http://user:password@host:port`; the scheme may be missing.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn read(variable: &'static str, url: &str, no_proxy: NoProxy) -> Result<Self, ParentProxyUrlError> {
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(ParentProxyUrlError::Scheme),
            None => url,
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (userinfo, place) = match authority.rsplit_once('@') {
            Some((userinfo, place)) => (Some(userinfo), place),
            None => (None, authority),
        };
        let HostPort { host, port, absolute } =
            ascii(place).parse().map_err(|_| ParentProxyUrlError::Form)?;
        let credentials = userinfo.map(Credentials::read).transpose()?;
        Ok(Self { variable, host, port: port.unwrap_or(DEFAULT_PORT), absolute, credentials, no_proxy })
    }

    /// Where the proxy listens, and whether its name is looked up without search domains.
    pub fn place(&self) -> (&Host, u16, bool) {
        (&self.host, self.port, self.absolute)
    }

    /// Whether this target is reached through it.
    pub fn carries(&self, target: &Target) -> bool {
        !self.no_proxy.covers(target)
    }

    /// The value of `Proxy-Authorization`, marked sensitive, where its URL has a user.
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.credentials.as_ref().map(|Credentials(value)| value)
    }
}

/// `http://proxy.example.com:3128`, without user and password.
impl fmt::Display for ParentProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<ParentProxy, ParentProxyUrlError> {
        ParentProxy::read("HTTPS_PROXY", url, NoProxy::default())
    }

    #[test]
    fn a_proxy_is_named_with_or_without_scheme_and_port() {
        for (url, expected) in [
            ("http://proxy.example.com:3128", "http://proxy.example.com:3128"),
            ("HTTP://Proxy.example.com:3128/", "http://proxy.example.com:3128"),
            ("proxy.example.com:3128", "http://proxy.example.com:3128"),
            ("proxy.example.com", "http://proxy.example.com:80"),
            ("http://bücher.example:3128", "http://xn--bcher-kva.example:3128"),
            ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
            ("http://u:p@10.0.0.1:3128", "http://10.0.0.1:3128"),
        ] {
            assert_eq!(read(url).unwrap().to_string(), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_plain_http_proxy_is_refused() {
        for url in ["https://proxy.example.com", "socks5://proxy.example.com:1080", "socks5h://10.0.0.1"] {
            assert_eq!(read(url), Err(ParentProxyUrlError::Scheme), "{url}");
        }
        for url in
            ["http://", "http://a b", "http://proxy:port", "http://proxy/path", "http://u:p@", "::1:80"]
        {
            assert_eq!(read(url), Err(ParentProxyUrlError::Form), "{url}");
        }
    }

    #[test]
    fn user_and_password_are_decoded_and_cannot_be_shown() {
        let value = |url: &str| {
            let Credentials(value) = read(url).unwrap().credentials.unwrap();
            assert!(value.is_sensitive());
            value.to_str().unwrap().to_owned()
        };
        // The example of RFC 7617, section 2, and one whose parts hold what separates them.
        assert_eq!(value("http://Aladdin:open%20sesame@proxy:80"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(value("u:p%40%3A%2F@proxy"), format!("Basic {}", STANDARD.encode("u:p@:/")));
        assert_eq!(value("u@proxy"), format!("Basic {}", STANDARD.encode("u:")));
        let shown = format!("{:?}", read("http://user:hunter2@proxy").unwrap());
        assert!(!shown.contains("hunter2") && !shown.contains("Basic"), "{shown}");
    }
}
