//! Cases about the inside of a chunked body.

use super::case::{CHUNKS, Case, SMUGGLED, cut, forwarded, post};

fn chunked(body: impl AsRef<[u8]>) -> Vec<u8> {
    post("transfer-encoding: chunked", body)
}

/// Chunk sizes, their ends and what stands behind them.
pub fn sizes() -> Vec<Case> {
    let first = |line: &[u8]| chunked([line, b"hello\r\n0\r\n\r\n"].concat());
    let mut cases: Vec<Case> = [
        ("a hexadecimal prefix", &b"0x5\r\n"[..]),
        ("a plus", b"+5\r\n"),
        ("a minus", b"-5\r\n"),
        ("a blank before", b" 5\r\n"),
        ("a tab before", b"\t5\r\n"),
        ("a second number", b"5 5\r\n"),
        ("a comma", b"5,5\r\n"),
        ("a letter beyond F", b"5g\r\n"),
        ("no digit", b"\r\n"),
        ("only an extension", b";a=b\r\n"),
        ("a full stop", b"5.0\r\n"),
        ("an underscore", b"5_\r\n"),
        ("quotes", b"\"5\"\r\n"),
        ("NUL after", b"5\0\r\n"),
        ("vertical tab after", b"5\x0b\r\n"),
        ("17 digits", b"10000000000000005\r\n"),
        ("the largest and one more digit", b"ffffffffffffffff5\r\n"),
        ("a bare LF", b"5\n"),
        ("a bare CR", b"5\r"),
        ("CR, CR, LF", b"5\r\r\n"),
        ("an extension with a bare LF", b"5;a\n"),
        ("an extension with a bare CR", b"5;a\rb\r\n"),
        ("an extension that hides a line", b"5;a\n\nx\r\n"),
    ]
    .map(|(name, line)| cut(name, first(line)))
    .into();
    let endless = [b"5;".as_slice(), &[b'a'; 20_000], b"\r\n"].concat();
    cases.push(cut("an overlong extension", first(&endless)));
    for (name, line) in [
        ("plain", &b"5\r\n"[..]),
        ("a zero in front", b"05\r\n"),
        ("many zeros in front", b"00000000000000000000000005\r\n"),
        ("a blank after", b"5 \r\n"),
        ("a tab after", b"5\t\r\n"),
        ("an empty extension", b"5;\r\n"),
        ("an extension", b"5;a=b;c=\"d\"\r\n"),
        ("a blank before the extension", b"5 ;a=b\r\n"),
        ("an extension with controls", b"5;a=\0\x01\x7f\xff\r\n"),
        ("an extension like a chunk", b"5;0\r\n"),
    ] {
        cases.push(forwarded(name, first(line), "hello"));
    }
    cases
}

/// The ends of chunks and of bodies.
pub fn ends() -> Vec<Case> {
    let whole = [b"2e\r\n", SMUGGLED, b"\r\n0\r\n\r\n"].concat();
    vec![
        cut("no CRLF after the data", chunked("5\r\nhello0\r\n\r\n")),
        cut("LF after the data", chunked("5\r\nhello\n0\r\n\r\n")),
        cut("CR after the data", chunked("5\r\nhello\r0\r\n\r\n")),
        cut("more data than said", chunked("5\r\nhello!\r\n0\r\n\r\n")),
        cut("less data than said", chunked("7\r\nhello\r\n0\r\n\r\n")),
        cut("two CRLFs after the data", chunked("5\r\nhello\r\n\r\n0\r\n\r\n")),
        cut("no CRLF after the last chunk", chunked("5\r\nhello\r\n0\r\n")),
        cut("LF after the last chunk", chunked("5\r\nhello\r\n0\r\n\n")),
        cut("LFs only", chunked("5\nhello\n0\n\n")),
        cut("no last chunk", chunked("5\r\nhello\r\n")),
        cut("nothing at all", chunked("")),
        cut("no chunks at all", chunked("hello")),
        cut("a request instead of chunks", chunked(SMUGGLED)),
        forwarded("a last chunk of many zeros", chunked("5\r\nhello\r\n000\r\n\r\n"), "hello"),
        forwarded("a last chunk with an extension", chunked("5\r\nhello\r\n0;a=b\r\n\r\n"), "hello"),
        forwarded("capital digits", chunked("A\r\nhellohello\r\n0\r\n\r\n"), "hellohello"),
        forwarded("a request in a chunk", chunked(whole), SMUGGLED),
        forwarded("chunks that spell the end", chunked("5\r\n0\r\n\r\n\r\n0\r\n\r\n"), "0\r\n\r\n"),
        forwarded(
            "many chunks with extensions",
            chunked([b"1;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\nx\r\n".repeat(300), b"0\r\n\r\n".to_vec()].concat()),
            "x".repeat(300),
        ),
        forwarded(
            "many chunks",
            chunked([&b"1\r\nx\r\n".repeat(300)[..], b"0\r\n\r\n"].concat()),
            "x".repeat(300),
        ),
    ]
}

/// Fields after the last chunk.
pub fn trailers() -> Vec<Case> {
    let with = |lines: &str, trailer: &[u8]| {
        post(
            ["transfer-encoding: chunked\r\n", lines].concat(),
            [b"5\r\nhello\r\n0\r\n", trailer, b"\r\n\r\n"].concat(),
        )
    };
    let mut cases = Vec::new();
    for name in ["content-length", "transfer-encoding", "host", "authorization", "connection", "te"] {
        let trailer = format!("{name}: 5");
        cases.push(forwarded("a field not for trailers", with("x: y", trailer.as_bytes()), "hello"));
        let announced = format!("trailer: {name}");
        cases.push(forwarded("the same, announced", with(&announced, trailer.as_bytes()), "hello"));
    }
    cases.push(forwarded("a field for trailers", with("trailer: x-sum", b"x-sum: 1"), "hello"));
    cases.push(forwarded("without announcement", with("x: y", b"x-sum: 1"), "hello"));
    for (name, trailer) in [
        ("a fold", &b"x-sum: 1\r\n content-length: 5"[..]),
        ("a name with a blank", b"x sum: 1"),
        ("a blank after a name", b"x-sum : 1"),
        ("a tab after a name", b"x-sum\t: 1"),
        ("quotes in a name", b"\"x\": 1"),
        ("no colon", b"x-sum"),
        ("NUL in the value", b"x-sum: \0"),
        ("a bare CR", b"x-sum: 1\rhost: evil"),
        ("a request", b"GET /smuggled HTTP/1.1\r\nhost: evil.example"),
    ] {
        cases.push(cut(name, with("trailer: x-sum", trailer)));
    }
    let many = "x-sum: 1\r\n".repeat(501);
    cases.push(cut("too many", with("trailer: x-sum", many.trim_end().as_bytes())));
    cases.push(forwarded("a whole body, to compare", post("transfer-encoding: chunked", CHUNKS), "hello"));
    cases
}
