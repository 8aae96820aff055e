//! WebSocket, as far as its opening handshakes go: what is in the pipe behind them is any bytes.

use super::client::Body;
use super::detached;
use super::upstream::{Reply, Upstream, text};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode};
use hyper::ext::Protocol;
use hyper::upgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy, split};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// A caller's extended CONNECT for this protocol.
pub fn ask(protocol: Option<&'static str>) -> Request<Body> {
    let mut request = Request::connect("http://p/chat?room=1")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "chat")
        .body(Body::default())
        .unwrap();
    if let Some(protocol) = protocol {
        request.extensions_mut().insert(Protocol::from_static(protocol));
    }
    request
}

/// An upstream that answers keys as RFC 6455 wants it and then sends back every byte. It tells of each pipe's end.
pub async fn echoing(tls: Option<TlsAcceptor>) -> (Upstream, mpsc::UnboundedReceiver<()>) {
    let (ended, ends) = mpsc::unbounded_channel();
    let upstream = Upstream::start(tls, move |mut request| {
        let ended = ended.clone();
        async move {
            let key = request.headers()["sec-websocket-key"].to_str().unwrap();
            let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
            let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()));
            let switched = upgrade::on(&mut request);
            detached(async move {
                let (mut from, mut to) = split(TokioIo::new(switched.await.unwrap()));
                let _ = copy(&mut from, &mut to).await;
                let _ = to.shutdown().await;
                // Not every test listens.
                let _ = ended.send(());
            });
            reply(StatusCode::SWITCHING_PROTOCOLS, &accept)
        }
    });
    (upstream.await, ends)
}

/// A yes or a no, with this proof.
pub fn reply(status: StatusCode, accept: &str) -> Reply {
    let mut reply = text("");
    *reply.status_mut() = status;
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", accept),
        ("sec-websocket-protocol", "chat"),
    ] {
        reply.headers_mut().insert(name, value.parse().unwrap());
    }
    reply
}
