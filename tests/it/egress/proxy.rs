//! A proxy that opens tunnels, or does not, and what stands behind it.

use crate::support::certificates::{Certificates, ELSEWHERE};
use crate::support::program::{Program, command};
use crate::support::upstream::{Upstream, echo};
use crate::support::{Sts, detached, spawn};
use attache::tasks::Owned;
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A running proxy. Dropping it closes its listener.
pub(crate) struct HttpProxy {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _task: Owned,
}

impl HttpProxy {
    /// Whatever it is asked for, it leads there.
    pub(crate) async fn to(upstream: SocketAddr) -> Self {
        Self::saying("HTTP/1.1 200 Connection established\r\n\r\n", upstream).await
    }

    /// The same with this answer to CONNECT.
    pub(crate) async fn saying(answer: &'static str, upstream: SocketAddr) -> Self {
        Self::start(move |mut stream: TcpStream| async move {
            let mut upstream = TcpStream::connect(upstream).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            // Either side may go at any time.
            let _ = copy_bidirectional(&mut stream, &mut upstream).await;
        })
        .await
    }

    /// It answers with these bytes and hangs up, or waits for ever where there are none.
    pub(crate) async fn answering(answer: &[u8]) -> Self {
        let answer = Bytes::copy_from_slice(answer);
        Self::start(move |mut stream: TcpStream| {
            let answer = answer.clone();
            async move {
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
                stream.write_all(&answer).await.unwrap();
            }
        })
        .await
    }

    async fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        let task = spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let head = head(&mut stream).await;
                seen.lock().unwrap().push(head);
                detached(serve(stream));
            }
        });
        Self { address, heads, _task: task }
    }

    /// What it was asked for, each request's lines in lower case.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

/// An https upstream whose name only the proxy can resolve.
pub(crate) async fn elsewhere(test: &str) -> (Certificates, Upstream) {
    let certificates = Certificates::new(test);
    let upstream = Upstream::start(Some(certificates.acceptor(&["h2", "http/1.1"])), echo).await;
    (certificates, upstream)
}

/// attache with these variables, pinned to that name unless the flags say otherwise. STS is reached directly.
pub(crate) async fn attache(sts: &Sts, variables: &[(&str, &str)], flags: &[&str]) -> Program {
    let mut command = command(&sts.url);
    command.env("NO_PROXY", "127.0.0.1").envs(variables.iter().copied());
    Program::start(command, flags).await
}

/// The flags that pin it there.
pub(crate) fn pinned(certificates: &Certificates) -> Vec<String> {
    ["--upstream-host", ELSEWHERE, "--upstream-ca-cert", &certificates.path("ca.pem")]
        .map(str::to_owned)
        .to_vec()
}
