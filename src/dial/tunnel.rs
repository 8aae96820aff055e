//! The tunnel to an upstream through an HTTP proxy (`CONNECT`, RFC 9110, section 9.3.6).

use super::dialer::Socket;
use super::tunnel_error::TunnelError;
use crate::model::parent_proxy::ParentProxy;
use crate::model::target::Target;
use crate::tasks::Tasks;
use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::upgrade::{Upgraded, on};
use hyper_util::rt::TokioIo;

/// The most bytes of a proxy's response that are buffered.
const MAX_BUFFERED: usize = 16 * 1024;

/// Opens a tunnel to the target through a connection to the proxy, which a task of `tasks` drives.
///
/// # Errors
/// When the proxy does not open one.
pub async fn open(
    parent_proxy: &ParentProxy,
    stream: Socket,
    target: &Target,
    tasks: &Tasks,
) -> Result<TokioIo<Upgraded>, TunnelError> {
    let (mut sender, connection) = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(MAX_BUFFERED)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(TunnelError::Exchange)?;
    tasks.spawn(async move {
        // The request that asked for the tunnel gets the error too, and reports it.
        let _ = connection.with_upgrades().await;
    });
    let answer = sender.send_request(connect(parent_proxy, target)).await.map_err(TunnelError::Exchange)?;
    let status = answer.status();
    match status.as_u16() {
        200..=299 => on(answer).await.map(TokioIo::new).map_err(TunnelError::Exchange),
        407 if parent_proxy.authorization().is_none() => Err(TunnelError::NoCredentials),
        407 => Err(TunnelError::Credentials),
        403 => Err(TunnelError::Forbidden),
        502..=504 => Err(TunnelError::NoWay(status)),
        _ => Err(TunnelError::Refused(status)),
    }
}

fn connect(parent_proxy: &ParentProxy, target: &Target) -> Request<Empty<Bytes>> {
    // The port always stands here, the scheme's default too.
    let place = format!("{}:{}", target.host(), target.port());
    let host = HeaderValue::try_from(&place).expect("a parsed host is visible ASCII");
    let mut request =
        Request::connect(Uri::try_from(place).expect("a parsed host and a port are an authority"))
            .body(Empty::new())
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
