//! The URL of a token endpoint, to which assertions are sent.

use super::flaw::EndpointFlaw;
use super::target::{Host, HostPort};
use http::Uri;
use std::fmt;
use std::str::FromStr;

/// The URL of a token endpoint: `https`, or `http` on this machine, because an assertion is worth as much as a credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenEndpoint(Uri);

/// Why a text is no token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenEndpointError {
    /// It is no URL with a host.
    #[error("{0}")]
    Url(EndpointFlaw),
    /// Anyone on the way could read the assertion.
    #[error("must be https, because the JWT is sent to it; http is for this machine alone")]
    Plain,
    /// A fragment is not sent.
    #[error("must have no fragment (#)")]
    Fragment,
}

impl TokenEndpoint {
    /// The URL.
    pub fn uri(&self) -> &Uri {
        &self.0
    }
}

impl FromStr for TokenEndpoint {
    type Err = TokenEndpointError;

    fn from_str(text: &str) -> Result<Self, TokenEndpointError> {
        if let Some(flaw) = EndpointFlaw::of(text) {
            return Err(TokenEndpointError::Url(flaw));
        }
        if text.contains('#') {
            return Err(TokenEndpointError::Fragment);
        }
        let no_url = |_| TokenEndpointError::Url(EndpointFlaw::NoUrl);
        let uri: Uri = text.parse().map_err(|_| TokenEndpointError::Url(EndpointFlaw::NoUrl))?;
        let HostPort { host, .. } =
            uri.authority().map(http::uri::Authority::as_str).unwrap_or_default().parse().map_err(no_url)?;
        let is_here = match host {
            Host::Address(address) => address.to_canonical().is_loopback(),
            Host::Name(name) => &*name == "localhost",
        };
        if uri.scheme_str() == Some("http") && !is_here {
            return Err(TokenEndpointError::Plain);
        }
        Ok(Self(uri))
    }
}

impl fmt::Display for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_goes_over_https_or_stays_on_this_machine() {
        for good in [
            "https://api.anthropic.com/v1/oauth/token",
            "https://vault.example.com:8200/v1/auth/jwt/login",
            "http://127.0.0.1:4577/token?tenant=a",
            "http://localhost:4577/token",
            "http://[::1]:4577/token",
        ] {
            assert_eq!(good.parse::<TokenEndpoint>().unwrap().to_string(), good);
        }
        for (bad, error) in [
            ("http://vault.example.com/login", TokenEndpointError::Plain),
            ("http://10.0.0.1/login", TokenEndpointError::Plain),
            ("https://a.example/login#now", TokenEndpointError::Fragment),
            ("https://user:hunter2@a.example/login", TokenEndpointError::Url(EndpointFlaw::User)),
            ("https://a..example/login", TokenEndpointError::Url(EndpointFlaw::NoUrl)),
            ("a.example/login", TokenEndpointError::Url(EndpointFlaw::NoUrl)),
            ("ftp://a.example", TokenEndpointError::Url(EndpointFlaw::NoUrl)),
            ("https://a.example:99999/", TokenEndpointError::Url(EndpointFlaw::Port)),
        ] {
            assert_eq!(bad.parse::<TokenEndpoint>(), Err(error), "{bad}");
        }
    }
}
