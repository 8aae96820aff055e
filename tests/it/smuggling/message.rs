//! A reader of requests that takes nothing but the plainest form: what it reads, every other reader reads alike.

use std::fmt;

/// One request as it stood on the wire.
pub struct Message {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(80).collect::<String>();
        write!(f, "{} {}", self.method, self.target)?;
        for (name, value) in self.headers.iter().chain(&self.trailers) {
            write!(f, " | {name}: {}", plain(value))?;
        }
        write!(f, " | {:?}", plain(&self.body))
    }
}

impl Message {
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let named = self.headers.iter().filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice()).collect()
    }
}

/// The request at the beginning of these bytes and its length; `None` where more bytes are needed; otherwise what makes
/// it one that another reader could take for something else.
pub fn read(bytes: &[u8]) -> Result<Option<(Message, usize)>, String> {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return if plausible(bytes) { Ok(None) } else { Err("a header without an end".to_owned()) };
    };
    let mut lines = split_lines(&bytes[..end])?.into_iter();
    let request_line = text(lines.next().unwrap_or_default())?;
    let [method, target, "HTTP/1.1"] = request_line.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("request line {request_line:?}"));
    };
    if !is_token(method.as_bytes()) || !target.bytes().all(|b| b > b' ' && b != 0x7f) {
        return Err(format!("request line {request_line:?}"));
    }
    let headers = lines.map(field).collect::<Result<Vec<_>, _>>()?;
    let message = Message {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: Vec::new(),
        trailers: Vec::new(),
    };
    read_body(message, bytes, end + 4)
}

fn read_body(mut message: Message, bytes: &[u8], start: usize) -> Result<Option<(Message, usize)>, String> {
    match (&message.values("content-length")[..], &message.values("transfer-encoding")[..]) {
        ([], []) => Ok(Some((message, start))),
        ([length], []) => {
            let length = number(length, 10)?;
            let Some(body) = bytes.get(start..start + length) else { return Ok(None) };
            message.body = body.to_vec();
            Ok(Some((message, start + length)))
        }
        ([], [b"chunked"]) => read_chunks(message, bytes, start),
        both => Err(format!("framing {both:?}")),
    }
}

fn read_chunks(
    mut message: Message,
    bytes: &[u8],
    mut at: usize,
) -> Result<Option<(Message, usize)>, String> {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(line) = find(rest, b"\r\n") else { return Ok(None) };
        let size = number(&rest[..line], 16)?;
        at += line + 2;
        if size == 0 {
            break;
        }
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        let Some(data) = chunk.strip_suffix(b"\r\n") else {
            return Err("a chunk without its end".to_owned());
        };
        message.body.extend(data);
        at += size + 2;
    }
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(line) = find(rest, b"\r\n") else { return Ok(None) };
        at += line + 2;
        if line == 0 {
            return Ok(Some((message, at)));
        }
        message.trailers.push(field(&rest[..line])?);
    }
}

/// Digits only, and none that could make it octal.
fn number(digits: &[u8], radix: u32) -> Result<usize, String> {
    let digits = text(digits)?;
    let plain =
        digits.bytes().all(|b| char::from(b).is_digit(radix)) && (digits == "0" || !digits.starts_with('0'));
    match usize::from_str_radix(digits, radix) {
        Ok(number) if plain => Ok(number),
        _ => Err(format!("number {digits:?}")),
    }
}

fn field(line: &[u8]) -> Result<(String, Vec<u8>), String> {
    let wrong = || format!("field {:?}", String::from_utf8_lossy(line));
    let colon = find(line, b":").ok_or_else(wrong)?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let sound = value.iter().all(|&b| b == b'\t' || (b >= b' ' && b != 0x7f));
    if is_token(name) && sound { Ok((text(name)?.to_owned(), value.to_vec())) } else { Err(wrong()) }
}

fn is_token(name: &[u8]) -> bool {
    let in_token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    !name.is_empty() && name.iter().all(in_token)
}

/// Lines that end in CRLF, with neither CR nor LF anywhere else.
fn split_lines(head: &[u8]) -> Result<Vec<&[u8]>, String> {
    let mut lines = Vec::new();
    let mut rest = head;
    while let Some(end) = find(rest, b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines.push(rest);
    let strays = lines.iter().any(|line| line.iter().any(|b| b"\r\n\0".contains(b)));
    if strays { Err("a stray CR, LF or NUL in the header".to_owned()) } else { Ok(lines) }
}

/// Whether a header that has not ended yet could still be sound.
fn plausible(bytes: &[u8]) -> bool {
    bytes.len() < 100_000 && !bytes.contains(&0)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| error.to_string())
}
