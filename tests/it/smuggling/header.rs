//! Cases about request lines, names, values and the lines they stand on.

use super::case::{Case, forwarded, get, last, line, post, refused, request};

/// Request lines.
pub fn request_lines() -> Vec<Case> {
    let mut cases: Vec<Case> = BROKEN_LINES.iter().map(|(name, start)| refused(name, line(start))).collect();
    let endless = format!("GET /case{} HTTP/1.1", "x".repeat(70_000));
    cases.push(refused("an endless target", line(endless)));
    cases.push(refused("an endless method", line(format!("{} /case HTTP/1.1", "X".repeat(140_000)))));
    for (name, start) in [
        ("a small method", &b"get /case HTTP/1.1"[..]),
        ("a method of its own", b"M-SEARCH /case HTTP/1.1"),
        ("an odd but sound method", b"!#$%&'*+-.^_`|~ /case HTTP/1.1"),
        ("two slashes", b"GET //evil.example/case HTTP/1.1"),
        ("an encoded line", b"GET /case%20HTTP/1.1%0d%0aX:%20y%00 HTTP/1.1"),
        ("a backslash", b"GET /case\\..\\ HTTP/1.1"),
        ("dots", b"GET /a/../../case/./b HTTP/1.1"),
        ("UTF-8", "GET /case\u{20ac} HTTP/1.1".as_bytes()),
        ("a fragment", b"GET /case#/smuggled HTTP/1.1"),
        ("a leading CRLF", b"\r\nGET /case HTTP/1.1"),
        ("leading CRLFs", b"\r\n\r\nGET /case HTTP/1.1"),
        ("a leading LF", b"\nGET /case HTTP/1.1"),
        ("HTTP/1.2", b"GET /case HTTP/1.2"),
        ("HTTP/1.9", b"GET /case HTTP/1.9"),
        ("a whole URL", b"GET http://evil.example/case HTTP/1.1"),
        ("a whole URL with a port", b"GET http://evil.example:99/case HTTP/1.1"),
        ("a whole URL of another scheme", b"GET ftp://evil.example/case HTTP/1.1"),
        ("a whole URL with a user", b"GET http://user:word@evil.example/case HTTP/1.1"),
    ] {
        cases.push(forwarded(name, line(start), ""));
    }
    cases
}

const BROKEN_LINES: &[(&str, &[u8])] = &[
    ("HTTP/0.9", b"GET /case"),
    ("HTTP/0.9 with a version", b"GET /case HTTP/0.9"),
    ("HTTP/1.10", b"GET /case HTTP/1.10"),
    ("HTTP/2.0", b"GET /case HTTP/2.0"),
    ("HTTP/3.0", b"GET /case HTTP/3.0"),
    ("a zero in the version", b"GET /case HTTP/01.1"),
    ("a small version", b"GET /case http/1.1"),
    ("another protocol", b"GET /case ICAP/1.1"),
    ("a blank in the version", b"GET /case HTTP /1.1"),
    ("a comma in the version", b"GET /case HTTP/1,1"),
    ("no minor version", b"GET /case HTTP/1"),
    ("something after the version", b"GET /case HTTP/1.1 x"),
    ("a blank after the version", b"GET /case HTTP/1.1 "),
    ("two blanks before the target", b"GET  /case HTTP/1.1"),
    ("two blanks before the version", b"GET /case  HTTP/1.1"),
    ("tabs", b"GET\t/case\tHTTP/1.1"),
    ("a vertical tab", b"GET\x0b/case HTTP/1.1"),
    ("a blank in the target", b"GET /case a HTTP/1.1"),
    ("a blank before the method", b" GET /case HTTP/1.1"),
    ("NUL before the method", b"\0GET /case HTTP/1.1"),
    ("NUL in the target", b"GET /case\0 HTTP/1.1"),
    ("a control in the target", b"GET /case\x01 HTTP/1.1"),
    ("DEL in the target", b"GET /case\x7f HTTP/1.1"),
    ("a bare CR in the target", b"GET /case\rx HTTP/1.1"),
    ("no method", b"/case HTTP/1.1"),
    ("an at sign in the method", b"G@T /case HTTP/1.1"),
    ("a bracket in the method", b"GE[T /case HTTP/1.1"),
    ("a colon in the method", b"GET: /case HTTP/1.1"),
    ("a non-ASCII method", b"G\xc3\x89T /case HTTP/1.1"),
    ("a bare authority", b"GET caller.example:80 HTTP/1.1"),
    ("a relative path", b"GET case HTTP/1.1"),
    ("an asterisk for GET", b"GET * HTTP/1.1"),
    ("no host in the target", b"GET http:///case HTTP/1.1"),
    ("a blank in the target's host", b"GET http://a b/case HTTP/1.1"),
    ("CONNECT", b"CONNECT caller.example:443 HTTP/1.1"),
];

/// Names, values and line ends.
pub fn fields() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("a folded value", &b"x: a\r\n b"[..]),
        ("a value folded with a tab", b"x: a\r\n\tb"),
        ("an empty folded line", b"x: a\r\n "),
        ("NUL in a value", b"x: a\0b"),
        ("a control in a value", b"x: a\x01b"),
        ("DEL in a value", b"x: a\x7fb"),
        ("a bare CR in a value", b"x: a\rb: c"),
        ("a bare CR for a line", b"x: a\ry: b"),
        ("NUL in a name", b"x\0: a"),
        ("a blank in a name", b"x y: a"),
        ("a tab in a name", b"x\ty: a"),
        ("a blank after a name", b"x : a"),
        ("a bracket in a name", b"x(: a"),
        ("a slash in a name", b"x/y: a"),
        ("quotes in a name", b"\"x\": a"),
        ("a non-ASCII name", b"x\xe9: a"),
        ("an empty name", b": a"),
        ("no colon", b"x"),
        ("a blank before a name", b" x: a"),
    ]
    .map(|(name, lines)| refused(name, get(lines)))
    .into();
    cases.push(refused("a blank before the first name", request("GET /case HTTP/1.1", " host: a", "")));
    cases.push(refused("CRs only", "GET /case HTTP/1.1\rhost: a\r\r"));
    cases.push(refused("too many fields", get("x: y\r\n".repeat(501).trim_end())));
    cases.push(refused("an endless value", get(format!("x: {}", "y".repeat(140_000)))));
    cases.push(forwarded("LFs only", "GET /case HTTP/1.1\nhost: a\nx: y\n\n", ""));
    cases.push(forwarded("LFs and CRLFs", "GET /case HTTP/1.1\r\nhost: a\nx: y\n\r\n", ""));
    for (name, lines) in [
        ("a non-ASCII value", &b"x: \xff\xfe"[..]),
        ("an empty value", b"x:"),
        ("blanks for a value", b"x: \t "),
        ("a tab in a value", b"x: a\tb"),
        ("an odd but sound name", b"!#$%&'*+-.^_`|~: y"),
        ("a name with an underscore", b"x_forwarded_for: 127.0.0.1"),
    ] {
        cases.push(forwarded(name, get(lines), ""));
    }
    cases
}

/// `Host`, and what else says where a request goes.
pub fn hosts() -> Vec<Case> {
    let with = |lines: &str| request("GET /case HTTP/1.1", lines, "");
    let mut cases: Vec<Case> = [
        ("no host", "x: y"),
        ("two hosts alike", "host: a\r\nhost: a"),
        ("two hosts", "host: a\r\nhost: evil.example"),
        ("two hosts in two cases", "Host: a\r\nHOST: evil.example"),
        ("an empty host besides", "host:\r\nhost: a"),
        ("a blank after the name", "host : a"),
        ("a folded host", "host:\r\n a"),
        ("a host with a path", "host: a/b"),
        ("a host with a user", "host: user@a"),
        ("a list of hosts", "host: a, b"),
        ("a host beyond ASCII", "host: b\u{fc}cher"),
    ]
    .map(|(name, lines)| refused(name, with(lines)))
    .into();
    for (name, lines) in [
        ("an empty host", "host:"),
        ("a host with a port", "host: a:99"),
        ("another header for hosts", "host: a\r\nx-forwarded-host: evil.example\r\nx-host: evil.example"),
    ] {
        cases.push(forwarded(name, with(lines), ""));
    }
    let whole = "GET http://evil.example/case HTTP/1.1";
    cases.push(forwarded("a host that is not the target's", request(whole, "host: a", ""), ""));
    cases.push(refused("a target's host alone", request(whole, "x: y", "")));
    cases.push(refused("two hosts besides the target's", request(whole, "host: a\r\nhost: b", "")));
    cases.push(last("no host in HTTP/1.0", request("GET /case HTTP/1.0", "x: y", ""), ""));
    cases.push(refused("two hosts in HTTP/1.0", request("GET /case HTTP/1.0", "host: a\r\nhost: b", "")));
    cases
}

/// Fields for one hop, and those that attache speaks for.
pub fn hops() -> Vec<Case> {
    let length = |lines: &str| post(format!("{lines}\r\ncontent-length: 5"), "hello");
    let chunks = |lines: &str| post(format!("{lines}\r\ntransfer-encoding: chunked"), super::case::CHUNKS);
    let mut cases = Vec::new();
    for nominated in [
        "content-length",
        "transfer-encoding",
        "host",
        "authorization",
        "x-forwarded-for",
        "te",
        "trailer",
        "expect",
        "\u{e9}, content-length",
    ] {
        let line = format!("connection: {nominated}");
        cases.push(forwarded("a nomination", length(&line), "hello"));
        cases.push(forwarded("a nomination, chunked", chunks(&line), "hello"));
    }
    cases.push(last("a nomination and close", length("connection: close, content-length"), "hello"));
    cases.push(last("close and keep-alive", length("connection: close\r\nconnection: keep-alive"), "hello"));
    for lines in OF_ONE_HOP {
        cases.push(forwarded("one hop's", length(lines), "hello"));
        cases.push(forwarded("one hop's, chunked", chunks(lines), "hello"));
        cases.push(forwarded("one hop's, no body", get(lines), ""));
    }
    cases.push(refused("a token with a blank before its colon", length("authorization : Bearer mine")));
    let old = "connection: upgrade\r\nupgrade: websocket\r\nexpect: 100-continue\r\ncontent-length: 5";
    cases.push(last("a switch in HTTP/1.0", request("POST /case HTTP/1.0", old, "hello"), "hello"));
    cases
}

const OF_ONE_HOP: &[&str] = &[
    "authorization: Bearer mine",
    "authorization: Bearer mine\r\nAuthorization: Basic bWluZQ==",
    "proxy-authorization: Basic bWluZQ==\r\nproxy-connection: keep-alive\r\nkeep-alive: timeout=5",
    "te: gzip, trailers\r\ntrailer: x",
    "upgrade: h2c",
    "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__",
    "connection: upgrade\r\nupgrade: HTTP/2.0",
    "connection: upgrade\r\nupgrade: TLS/1.0",
    "connection: upgrade\r\nupgrade: websocket, h2c",
    "connection: upgrade\r\nupgrade: websocket\r\nupgrade: h2c",
    "connection: upgrade\r\nupgrade: websocket",
    "connection: upgrade",
    "expect: 100-continue",
    "expect: 100-Continue",
    "expect: 100-continue, x",
    "expect: y 100-continue",
    "expect: 200-ok",
    "expect:",
    "expect: 100-continue\r\nexpect: 100-continue",
    "max-forwards: 0",
];
