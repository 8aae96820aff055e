//! Upstreams that are reached through an HTTP proxy, as `HTTPS_PROXY` and its kin ask for: which they are, and the tunnel
//! to them (`CONNECT`, RFC 9110, section 9.3.6).

use super::bypass::Bypass;
use super::dialer::Socket;
use super::egress_error::EgressError;
use super::target::{Host, HostPort, Target};
use crate::tasks::Tasks;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::upgrade::{Upgraded, on};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use std::fmt;

/// The port of a proxy whose URL names none, as Go has it.
const DEFAULT_PORT: u16 = 80;
/// The most that is buffered of a proxy's answer.
const MOST_BUFFERED: usize = 16 * 1024;

/// An HTTP proxy on the way to upstreams, and which of them it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// The variable that names it.
    pub variable: &'static str,
    host: Host,
    port: u16,
    absolute: bool,
    credentials: Option<Credentials>,
    bypass: Bypass,
}

/// What is wrong with the URL of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressUrlError {
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
    fn read(userinfo: &str) -> Result<Self, EgressUrlError> {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let mut plain: Vec<u8> = percent_decode_str(user).collect();
        plain.push(b':');
        plain.extend(percent_decode_str(password));
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(plain)))
            .map_err(|_| EgressUrlError::Form)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl Egress {
    /// Reads `http://host:port` or `http://user:password@host:port`; the scheme may be missing.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn read(variable: &'static str, url: &str, bypass: Bypass) -> Result<Self, EgressUrlError> {
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(EgressUrlError::Scheme),
            None => url,
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (userinfo, place) = match authority.rsplit_once('@') {
            Some((userinfo, place)) => (Some(userinfo), place),
            None => (None, authority),
        };
        let HostPort { host, port, absolute } = place.parse().map_err(|_| EgressUrlError::Form)?;
        let credentials = userinfo.map(Credentials::read).transpose()?;
        Ok(Self { variable, host, port: port.unwrap_or(DEFAULT_PORT), absolute, credentials, bypass })
    }

    /// Where the proxy listens, and whether its name is looked up without search domains.
    pub fn place(&self) -> (&Host, u16, bool) {
        (&self.host, self.port, self.absolute)
    }

    /// Whether this target is reached through it.
    pub fn carries(&self, target: &Target) -> bool {
        !self.bypass.covers(target)
    }

    /// A tunnel to the target through a connection to the proxy, which a task of this group drives.
    ///
    /// # Errors
    /// When the proxy does not open one.
    pub async fn tunnel(
        &self,
        stream: Socket,
        target: &Target,
        tasks: &Tasks,
    ) -> Result<TokioIo<Upgraded>, EgressError> {
        let (mut sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .max_buf_size(MOST_BUFFERED)
            .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(EgressError::Exchange)?;
        tasks.spawn(async move {
            // The request that asked for the tunnel gets the error too, and reports it.
            let _ = connection.with_upgrades().await;
        });
        let answer = sender.send_request(self.connect(target)).await.map_err(EgressError::Exchange)?;
        let status = answer.status();
        match status.as_u16() {
            200..=299 => on(answer).await.map(TokioIo::new).map_err(EgressError::Exchange),
            407 if self.credentials.is_none() => Err(EgressError::NoCredentials),
            407 => Err(EgressError::Credentials),
            403 => Err(EgressError::Forbidden),
            502..=504 => Err(EgressError::NoWay(status)),
            _ => Err(EgressError::Refused(status)),
        }
    }

    fn connect(&self, target: &Target) -> Request<Empty<Bytes>> {
        // The port always stands here, the scheme's default too.
        let place = format!("{}:{}", target.host(), target.port());
        let host = HeaderValue::try_from(&place).expect("a parsed host is visible ASCII");
        let mut request =
            Request::connect(Uri::try_from(place).expect("a parsed host and a port are an authority"))
                .body(Empty::new())
                .expect("a method and an authority make a request");
        request.headers_mut().insert(HOST, host);
        if let Some(Credentials(value)) = &self.credentials {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value.clone());
        }
        request
    }
}

/// `http://proxy.example.com:3128`, without user and password.
impl fmt::Display for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::target::Scheme;

    fn read(url: &str) -> Result<Egress, EgressUrlError> {
        Egress::read("HTTPS_PROXY", url, Bypass::default())
    }

    #[test]
    fn a_proxy_is_named_with_or_without_scheme_and_port() {
        for (url, expected) in [
            ("http://proxy.example.com:3128", "http://proxy.example.com:3128"),
            ("HTTP://Proxy.example.com:3128/", "http://proxy.example.com:3128"),
            ("proxy.example.com:3128", "http://proxy.example.com:3128"),
            ("proxy.example.com", "http://proxy.example.com:80"),
            ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
            ("http://u:p@10.0.0.1:3128", "http://10.0.0.1:3128"),
        ] {
            assert_eq!(read(url).unwrap().to_string(), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_plain_http_proxy_is_refused() {
        for url in ["https://proxy.example.com", "socks5://proxy.example.com:1080", "socks5h://10.0.0.1"] {
            assert_eq!(read(url), Err(EgressUrlError::Scheme), "{url}");
        }
        for url in
            ["http://", "http://a b", "http://proxy:port", "http://proxy/path", "http://u:p@", "::1:80"]
        {
            assert_eq!(read(url), Err(EgressUrlError::Form), "{url}");
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

    #[test]
    fn a_tunnel_is_asked_for_with_its_port() {
        let egress = read("http://proxy").unwrap();
        for (target, expected) in
            [("API.example.com", "api.example.com:443"), ("[2001:db8::1]:1", "[2001:db8::1]:1")]
        {
            let target = Target::new(Scheme::Https, target.parse().unwrap());
            let request = egress.connect(&target);
            assert_eq!(
                (request.uri().to_string(), request.headers()[HOST].to_str().unwrap()),
                (expected.to_owned(), expected)
            );
            assert!(!request.headers().contains_key(PROXY_AUTHORIZATION));
        }
    }
}
