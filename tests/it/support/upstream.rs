//! A third-party API that a test scripts, and that remembers what it was sent.

use super::program::WAIT_LIMIT;
use attache::tasks::{Owned, Tasks};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

pub type Reply = Response<BoxBody<Bytes, std::io::Error>>;
type Script = Arc<dyn Fn(Request<Incoming>) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync>;

/// What the upstream saw of one request.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub uri: Uri,
    pub version: Version,
    pub headers: HeaderMap,
}

impl Seen {
    /// The one value of a header; a second one fails the test.
    pub fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} came more than once: {:?}", self.headers);
        value
    }

    /// The token that came as bearer.
    pub fn token(&self) -> &str {
        self.only("authorization").unwrap().strip_prefix("Bearer ").unwrap()
    }
}

/// A running upstream. Dropping it closes it.
pub struct Upstream {
    pub address: SocketAddr,
    pub scheme: &'static str,
    /// The name that its certificate is for.
    pub name: &'static str,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<Mutex<usize>>,
    grown: watch::Receiver<usize>,
    _task: Owned,
}

/// A reply that is this text.
pub fn text(body: impl Into<Bytes>) -> Reply {
    Response::new(Full::new(body.into()).map_err(|never| match never {}).boxed())
}

impl Upstream {
    /// Answers each request with its body, or with `hello` where it has none.
    pub async fn echo() -> Self {
        Self::scripted(echo).await
    }

    /// Answers as the script says.
    pub async fn scripted<F>(script: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        Self::start(None, script).await
    }

    /// Answers as the script says, on every loopback address.
    pub async fn on_every_address<F>(script: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        Self::listen("0.0.0.0:0", None, script).await
    }

    /// Answers as the script says, at an address that had no listener.
    pub async fn scripted_at<F>(
        address: SocketAddr,
        script: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        Self::listen(&address.to_string(), None, script).await
    }

    /// Answers over TLS as the script says.
    pub async fn start<F>(
        tls: Option<TlsAcceptor>,
        script: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        Self::listen("127.0.0.1:0", tls, script).await
    }

    async fn listen<F>(
        address: &str,
        tls: Option<TlsAcceptor>,
        script: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let script: Script = Arc::new(move |request| Box::pin(script(request)));
        let (growing, grown) = watch::channel(0);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = Server { tls, script, seen: seen.clone(), growing: Arc::new(growing) };
        let task = Tasks::default().spawn(accept(listener, server, connections.clone()));
        Self { address, scheme, name: "localhost", seen, connections, grown, _task: task.into() }
    }

    /// `host:port` for the proxy's flags and headers.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.name, self.address.port())
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request so far.
    pub fn only_request(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }

    /// Waits for this many requests.
    pub async fn requests(&self, wanted: usize) {
        let mut grown = self.grown.clone();
        timeout(WAIT_LIMIT, grown.wait_for(|requests| *requests >= wanted)).await.unwrap().unwrap();
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

/// The script of an upstream that echoes.
pub async fn echo(request: Request<Incoming>) -> Reply {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    text(if body.is_empty() { Bytes::from_static(b"hello") } else { body })
}

#[derive(Clone)]
struct Server {
    tls: Option<TlsAcceptor>,
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
    growing: Arc<watch::Sender<usize>>,
}

async fn accept(listener: TcpListener, server: Server, connections: Arc<Mutex<usize>>) {
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        *connections.lock().unwrap() += 1;
        let server = server.clone();
        tasks.spawn(async move {
            match server.tls.clone() {
                None => server.speak(stream).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        server.speak(stream).await;
                    }
                }
            }
        });
    }
}

impl Server {
    async fn speak(self, stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(move |request: Request<Incoming>| {
            let seen = Seen {
                method: request.method().clone(),
                uri: request.uri().clone(),
                version: request.version(),
                headers: request.headers().clone(),
            };
            self.seen.lock().unwrap().push(seen);
            self.growing.send_modify(|requests| *requests += 1);
            let reply = (self.script)(request);
            async move { Ok::<_, Infallible>(reply.await) }
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().max_headers(1000);
        builder.http2().max_header_list_size(1 << 20);
        // A proxy that goes away is not this upstream's failure.
        let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
    }
}
