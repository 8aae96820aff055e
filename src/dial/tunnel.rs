//! The tunnel to an upstream through an HTTP proxy (`CONNECT`, RFC 9110, section 9.3.6).

use super::dialer::Socket;
use super::tunnel_error::TunnelError;
use crate::http1::client::{Connection, ExchangeError};
use crate::http1::rewind::Rewind;
use crate::model::parent_proxy::ParentProxy;
use crate::model::target::Target;
use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Request, Uri};
use http_body_util::Empty;

/// Opens a tunnel to the target through a connection to the proxy.
///
/// # Errors
/// When the proxy does not open one.
pub async fn open(
    parent_proxy: &ParentProxy,
    stream: Socket,
    target: &Target,
) -> Result<Rewind, TunnelError> {
    let connection = Connection::new(Box::new(stream));
    let request = connect(parent_proxy, target);
    let answer =
        connection.send(&request, Empty::<Bytes>::new()).await.map_err(|failure| match failure.error {
            ExchangeError::Message(error) => TunnelError::Exchange(error),
            ExchangeError::Body(never) => match never {},
        })?;
    let status = answer.status();
    match status.as_u16() {
        // Any of them opens the tunnel, also one that has no content elsewhere.
        200..=299 => Ok(answer.into_body().into_stream()),
        407 if parent_proxy.authorization().is_none() => Err(TunnelError::NoCredentials),
        407 => Err(TunnelError::Credentials),
        403 => Err(TunnelError::Forbidden),
        502..=504 => Err(TunnelError::NoWay(status)),
        _ => Err(TunnelError::Refused(status)),
    }
}

fn connect(parent_proxy: &ParentProxy, target: &Target) -> Request<()> {
    // The port always stands here, the scheme's default too.
    let place = format!("{}:{}", target.host(), target.port());
    let host = HeaderValue::try_from(&place).expect("a parsed host is visible ASCII");
    let mut request =
        Request::connect(Uri::try_from(place).expect("a parsed host and a port are an authority"))
            .body(())
            .expect("a method and an authority make a request");
    request.headers_mut().insert(HOST, host);
    if let Some(value) = parent_proxy.authorization() {
        request.headers_mut().insert(PROXY_AUTHORIZATION, value.clone());
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::no_proxy::NoProxy;
    use crate::model::target::Scheme;

    #[test]
    fn a_tunnel_is_asked_for_with_its_port() {
        let parent_proxy = ParentProxy::read("HTTPS_PROXY", "http://proxy", NoProxy::default()).unwrap();
        for (target, expected) in
            [("API.example.com", "api.example.com:443"), ("[2001:db8::1]:1", "[2001:db8::1]:1")]
        {
            let target = Target::new(Scheme::Https, target.parse().unwrap());
            let request = connect(&parent_proxy, &target);
            assert_eq!(
                (request.uri().to_string(), request.headers()[HOST].to_str().unwrap()),
                (expected.to_owned(), expected)
            );
            assert!(!request.headers().contains_key(PROXY_AUTHORIZATION));
        }
    }
}
