//! One case: what a caller sends, and what may become of it.

/// What a caller sends before the marker, and what may become of it.
pub struct Case {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub outcome: Outcome,
}

/// What may become of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of it reaches the upstream, and the connection ends.
    Refused,
    /// It reaches the upstream with this body, and the marker follows.
    Forwarded(Vec<u8>),
    /// It reaches the upstream with this body, and then the connection ends.
    Last(Vec<u8>),
    /// Its body breaks off: it never looks complete, and the connection ends.
    Cut,
}

pub fn refused(name: &'static str, bytes: impl AsRef<[u8]>) -> Case {
    Case { name, bytes: bytes.as_ref().to_vec(), outcome: Outcome::Refused }
}

pub fn forwarded(name: &'static str, bytes: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Case {
    Case { name, bytes: bytes.as_ref().to_vec(), outcome: Outcome::Forwarded(body.as_ref().to_vec()) }
}

pub fn last(name: &'static str, bytes: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Case {
    Case { name, bytes: bytes.as_ref().to_vec(), outcome: Outcome::Last(body.as_ref().to_vec()) }
}

pub fn cut(name: &'static str, bytes: impl AsRef<[u8]>) -> Case {
    Case { name, bytes: bytes.as_ref().to_vec(), outcome: Outcome::Cut }
}

/// `POST /case` with these lines and this body.
pub fn post(lines: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Vec<u8> {
    request(b"POST /case HTTP/1.1\r\nhost: caller.example", lines, body)
}

/// `GET /case` with these lines.
pub fn get(lines: impl AsRef<[u8]>) -> Vec<u8> {
    request(b"GET /case HTTP/1.1\r\nhost: caller.example", lines, b"")
}

/// This request line, a `Host` and nothing else.
pub fn line(line: impl AsRef<[u8]>) -> Vec<u8> {
    request(line, b"host: caller.example", b"")
}

pub fn request(start: impl AsRef<[u8]>, lines: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Vec<u8> {
    let separator: &[u8] = if lines.as_ref().is_empty() { b"" } else { b"\r\n" };
    [start.as_ref(), separator, lines.as_ref(), b"\r\n\r\n", body.as_ref()].concat()
}

/// A chunked body that is `hello`.
pub const CHUNKS: &[u8] = b"5\r\nhello\r\n0\r\n\r\n";

/// What an attacker would like to have read as a request.
pub const SMUGGLED: &[u8] = b"GET /smuggled HTTP/1.1\r\nhost: evil.example\r\n\r\n";
