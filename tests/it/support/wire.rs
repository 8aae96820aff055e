//! Both ends by hand: what a caller and an upstream send, byte for byte, with the built proxy between them.

use super::Sts;
use super::certificates::Certificates;
use super::program::{Program, WAIT_LIMIT};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// The end of a header.
pub const END: &str = "\r\n\r\n";
/// A caller that closes its half of the connection so long after its request has gone, with time to spare. One that does so within
/// 20 ms waits for its answer.
pub const NO_HALF_CLOSE: Duration = Duration::from_millis(250);

/// A proxy pinned to an upstream that is nothing but an open port.
pub struct Wire {
    pub proxy: Program,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    _sts: Sts,
}

impl Wire {
    pub async fn start(flags: &[&str]) -> Self {
        Self::with(None, "http", flags).await
    }

    /// The upstream's TLS is ended, these protocols on offer, and what is in it is by hand.
    pub async fn in_tls(certificates: &Certificates, protocols: &[&str]) -> Self {
        let tls = Some(certificates.acceptor(protocols));
        Self::with(tls, "https", &["--upstream-ca-cert", &certificates.path("ca.pem")]).await
    }

    async fn with(tls: Option<TlsAcceptor>, scheme: &str, flags: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("localhost:{}", listener.local_addr().unwrap().port());
        let sts = Sts::start().await;
        let flags = [&["--upstream-host", &host, "--upstream-scheme", scheme], flags].concat();
        Self { proxy: Program::serve(&sts.url, &flags).await, listener, tls, _sts: sts }
    }

    /// Where the upstream listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// A new connection of a caller, on which this has been sent.
    pub async fn caller(&self, text: &str) -> Line {
        let mut line = Line::to(self.proxy.proxy).await;
        line.send(text).await;
        line
    }

    /// The next connection that the upstream gets.
    pub async fn upstream(&self) -> Line {
        let (stream, _) = timeout(WAIT_LIMIT, self.listener.accept()).await.unwrap().unwrap();
        match &self.tls {
            None => Line::over(stream),
            Some(tls) => Line::over(tls.accept(stream).await.unwrap()),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One end of a connection. Dropping it closes the connection, without a word in TLS.
pub struct Line {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
}

impl Line {
    pub async fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    pub fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { stream: Box::new(stream), read: Vec::new() }
    }

    pub async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Sends what the other side may have enough of before its end.
    pub async fn offer(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes()).await;
        let _ = self.stream.flush().await;
    }

    /// What comes, up to this text and with it. Names of fields are in lower case.
    pub async fn until(&mut self, end: &str) -> String {
        in_lower_case(self.bytes(end).await)
    }

    /// What comes, up to this text and with it, byte for byte.
    pub async fn bytes(&mut self, end: &str) -> Vec<u8> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end.as_bytes()) {
                let rest = self.read.split_off(at + end.len());
                return std::mem::replace(&mut self.read, rest);
            }
            let more = timeout(WAIT_LIMIT, self.stream.read_buf(&mut self.read)).await;
            let more =
                more.unwrap_or_else(|_| panic!("no {end:?} in {:?}", String::from_utf8_lossy(&self.read)));
            assert!(more.is_ok_and(|more| more > 0), "closed before {end:?}");
        }
    }

    /// Closes the connection so long after the last bytes that the end cannot belong to them.
    pub async fn leave(self) {
        sleep(NO_HALF_CLOSE).await;
    }

    /// What comes until the connection ends, in whatever way. Names of fields are in lower case.
    pub async fn rest(self) -> String {
        self.ended().await.0
    }

    /// The same, and the error that ends the connection where it does not end well.
    pub async fn ended(mut self) -> (String, Option<io::ErrorKind>) {
        let end = timeout(WAIT_LIMIT, self.stream.read_to_end(&mut self.read)).await.unwrap();
        (in_lower_case(self.read), end.err().map(|error| error.kind()))
    }
}

/// The same text with the names of its fields in lower case.
pub fn in_lower_case(text: Vec<u8>) -> String {
    let text = String::from_utf8(text).unwrap();
    let lines = text.split_inclusive("\r\n").map(|line| match line.split_once(": ") {
        Some((name, value)) if !name.contains(' ') => format!("{}: {value}", name.to_ascii_lowercase()),
        Some(_) | None => line.to_owned(),
    });
    lines.collect()
}
