//! Cases about the length of a body: `Content-Length`, `Transfer-Encoding`, both, and neither.

use super::case::{CHUNKS, Case, SMUGGLED, cut, forwarded, get, last, post, refused, request};

/// Both lengths at once: the coding decides, and the connection ends (RFC 9112, section 6.3).
pub fn both() -> Vec<Case> {
    let te = "transfer-encoding: chunked";
    let hidden = [b"0\r\n\r\n", SMUGGLED].concat();
    let chunk = [format!("{:x}\r\n", SMUGGLED.len()).as_bytes(), SMUGGLED, b"\r\n0\r\n\r\n"].concat();
    vec![
        last("CL.TE, one byte over", post(format!("content-length: 6\r\n{te}"), "0\r\n\r\nG"), ""),
        last("CL.TE, a request over", post(format!("content-length: 51\r\n{te}"), &hidden), ""),
        last("TE before CL, a request over", post(format!("{te}\r\ncontent-length: 51"), &hidden), ""),
        last("TE.CL, a request in a chunk", post(format!("content-length: 4\r\n{te}"), &chunk), SMUGGLED),
        last("TE.CL, the other order", post(format!("{te}\r\ncontent-length: 4"), &chunk), SMUGGLED),
        last("CL 0 with chunks", post(format!("content-length: 0\r\n{te}"), CHUNKS), "hello"),
        last("CL that agrees", post(format!("content-length: 15\r\n{te}"), CHUNKS), "hello"),
        refused(
            "two lengths after the coding",
            post(format!("{te}\r\ncontent-length: 1\r\ncontent-length: 2"), CHUNKS),
        ),
        refused("no length after the coding", post(format!("{te}\r\ncontent-length: x"), CHUNKS)),
        refused("no length before the coding", post(format!("content-length: x\r\n{te}"), CHUNKS)),
        last(
            "both on GET",
            get(format!("content-length: 0\r\n{te}")).into_iter().chain(CHUNKS.to_vec()).collect::<Vec<_>>(),
            "hello",
        ),
        refused(
            "both in HTTP/1.0",
            request("POST /case HTTP/1.0", format!("content-length: 5\r\n{te}"), CHUNKS),
        ),
        refused(
            "both, the coding disguised",
            post("content-length: 4\r\ntransfer-encoding: xchunked", &chunk),
        ),
    ]
}

/// Codings that one reader takes for `chunked` and another does not.
pub fn codings() -> Vec<Case> {
    let coded = |line: &[u8]| post(line, CHUNKS);
    let mut cases: Vec<Case> = DISGUISES.iter().map(|(name, line)| refused(name, coded(line))).collect();
    cases.push(refused("in HTTP/1.0", request("POST /case HTTP/1.0", "transfer-encoding: chunked", CHUNKS)));
    for (name, line) in [
        ("plain", &b"transfer-encoding: chunked"[..]),
        ("capital", b"transfer-encoding: Chunked"),
        ("shouted", b"TRANSFER-ENCODING: CHUNKED"),
        ("no blank", b"transfer-encoding:chunked"),
        ("blanks around", b"transfer-encoding: \t chunked \t "),
        ("after a bare LF", b"x: y\ntransfer-encoding: chunked"),
    ] {
        cases.push(forwarded(name, coded(line), "hello"));
    }
    // These are other fields, whatever they resemble.
    for (name, line) in [
        ("underscore", "transfer_encoding: chunked\r\ncontent-length: 5"),
        ("no hyphen", "transferencoding: chunked\r\ncontent-length: 5"),
        ("in a value", "x: transfer-encoding: chunked\r\ncontent-length: 5"),
        ("TE", "te: chunked\r\ncontent-length: 5"),
    ] {
        cases.push(forwarded(name, post(line, "hello"), "hello"));
    }
    cases
}

const DISGUISES: &[(&str, &[u8])] = &[
    ("blank before the colon", b"transfer-encoding : chunked"),
    ("tab before the colon", b"transfer-encoding\t: chunked"),
    ("vertical tab before the value", b"transfer-encoding: \x0bchunked"),
    ("form feed before the value", b"transfer-encoding: \x0cchunked"),
    ("vertical tab after the value", b"transfer-encoding: chunked\x0b"),
    ("NUL in the value", b"transfer-encoding: chun\0ked"),
    ("NUL after the value", b"transfer-encoding: chunked\0"),
    ("NUL in the name", b"transfer\0-encoding: chunked"),
    ("NUL after the name", b"transfer-encoding\0: chunked"),
    ("non-breaking blank after the name", b"transfer-encoding\xa0: chunked"),
    ("non-breaking blank after the value", b"transfer-encoding: chunked\xa0"),
    ("bare CR after the value", b"transfer-encoding: chunked\r"),
    ("bare CR before the name", b"x: y\rtransfer-encoding: chunked"),
    ("colon before the name", b":transfer-encoding: chunked"),
    ("folded with CRLF", b"transfer-encoding:\r\n chunked"),
    ("folded with LF", b"transfer-encoding:\n chunked"),
    ("folded with a tab", b"transfer-encoding:\r\n\tchunked"),
    ("a continuation of the line before", b"x: y\r\n transfer-encoding: chunked"),
    ("identity after", b"transfer-encoding: chunked, identity"),
    ("identity before", b"transfer-encoding: identity, chunked"),
    ("gzip before", b"transfer-encoding: gzip, chunked"),
    ("gzip after", b"transfer-encoding: chunked, gzip"),
    ("identity alone", b"transfer-encoding: identity"),
    ("gzip alone", b"transfer-encoding: gzip"),
    ("a letter before", b"transfer-encoding: xchunked"),
    ("a letter after", b"transfer-encoding: chunkedx"),
    ("a parameter", b"transfer-encoding: chunked;q=1"),
    ("an empty parameter", b"transfer-encoding: chunked;"),
    ("double quotes", b"transfer-encoding: \"chunked\""),
    ("single quotes", b"transfer-encoding: 'chunked'"),
    ("brackets", b"transfer-encoding: [chunked]"),
    ("an empty member after", b"transfer-encoding: chunked,"),
    ("an empty member before", b"transfer-encoding: ,chunked"),
    ("twice in one line", b"transfer-encoding: chunked, chunked"),
    ("two words", b"transfer-encoding: chunked chunked"),
    ("twice in two lines", b"transfer-encoding: chunked\r\ntransfer-encoding: chunked"),
    ("then identity", b"transfer-encoding: chunked\r\ntransfer-encoding: identity"),
    ("after identity", b"transfer-encoding: identity\r\ntransfer-encoding: chunked"),
    ("then nonsense", b"transfer-encoding: chunked\r\ntransfer-encoding: x"),
    ("then nothing", b"transfer-encoding: chunked\r\ntransfer-encoding:"),
    ("no value", b"transfer-encoding:"),
];

/// Lengths that one reader takes for 5 and another does not.
pub fn lengths() -> Vec<Case> {
    let mut cases: Vec<Case> = NO_NUMBERS
        .iter()
        .map(|value| refused("not a number", post([b"content-length: ", *value].concat(), "hello")))
        .collect();
    for (name, lines) in [
        ("two that differ", "content-length: 5\r\ncontent-length: 6"),
        ("two that differ, the first too short", "content-length: 0\r\ncontent-length: 5"),
        ("blank before the colon", "content-length : 5"),
        ("tab before the colon", "content-length\t: 5"),
        ("folded", "content-length:\r\n 5"),
        ("two numbers by folding", "content-length: 5\r\n 0"),
    ] {
        cases.push(refused(name, post(lines, "hello")));
    }
    for (name, lines) in [
        ("plain", "content-length: 5"),
        ("two alike", "content-length: 5\r\ncontent-length: 5"),
        ("two alike in value", "content-length: 5\r\ncontent-length: 005"),
        ("zeros in front", "content-length: 005"),
        ("many zeros in front", "content-length: 000000000000000000000000000005"),
        ("blanks around", "content-length: \t5 \t"),
    ] {
        cases.push(forwarded(name, post(lines, "hello"), "hello"));
    }
    cases.push(forwarded("zero", post("content-length: 0", ""), ""));
    cases.push(forwarded("two zeros", post("content-length: 00", ""), ""));
    cases.push(forwarded("another field", post("content_length: 5", ""), ""));
    cases
}

const NO_NUMBERS: &[&[u8]] = &[
    b"+5",
    b"-5",
    b"0x5",
    b"5,5",
    b"5, 5",
    b"5 5",
    b"5;",
    b"5.0",
    b"",
    b"five",
    b"5\x0b",
    b"\x0b5",
    b"5\0",
    b"1e1",
    b"\xd9\xa5",
    b"5_0",
    b"18446744073709551615",
    b"18446744073709551616",
    b"99999999999999999999999999",
    b"\"5\"",
    b"5\r",
];

/// Bodies where some readers expect none, and the other way round.
pub fn methods() -> Vec<Case> {
    let mut cases = Vec::new();
    for start in ["GET", "HEAD", "DELETE", "OPTIONS", "PATCH", "FROB"] {
        let start = format!("{start} /case HTTP/1.1\r\nhost: caller.example");
        cases.push(forwarded("a counted body", request(&start, "content-length: 46", SMUGGLED), SMUGGLED));
        cases.push(forwarded(
            "a chunked body",
            request(&start, "transfer-encoding: chunked", CHUNKS),
            "hello",
        ));
        cases.push(forwarded("no body", request(&start, "", ""), ""));
        cases.push(forwarded(
            "an empty chunked body",
            request(&start, "transfer-encoding: chunked", "0\r\n\r\n"),
            "",
        ));
    }
    let old = "POST /case HTTP/1.0";
    cases.push(last("a counted body in HTTP/1.0", request(old, "content-length: 5", "hello"), "hello"));
    cases.push(forwarded(
        "kept alive in HTTP/1.0",
        request(old, "connection: keep-alive\r\ncontent-length: 5", "hello"),
        "hello",
    ));
    cases.push(last("no body in HTTP/1.0, only bytes", request(old, "", SMUGGLED), ""));
    cases.push(cut("chunks end with the connection", post("transfer-encoding: chunked", "5\r\nhello\r\n")));
    cases
}
