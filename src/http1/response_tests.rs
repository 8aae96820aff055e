use super::*;
use http::{HeaderName, HeaderValue};

fn read_all(text: &'static str) -> Result<Option<(u16, Length, bool, Bytes)>, Error> {
    let mut buffer = ReadBuffer::new(Bytes::from_static(text.as_bytes()));
    let head = read(&mut buffer, &Method::GET)?;
    Ok(head.map(|head| (head.response.status().as_u16(), head.length, head.keep_alive, buffer.take())))
}

#[test]
fn the_final_response_is_read_and_those_before_it_passed_over() {
    let early = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
                 HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    assert_eq!(read_all(early).unwrap(), Some((200, Length::Exact(2), true, Bytes::from("ok"))));
    assert_eq!(read_all("HTTP/1.1 100 Continue\r\n\r\n").unwrap(), None);
    let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\nx";
    assert_eq!(read_all(switch).unwrap(), Some((101, Length::Exact(0), false, Bytes::from("x"))));
    let old = "HTTP/1.0 200\r\n\r\n";
    assert_eq!(read_all(old).unwrap(), Some((200, Length::UntilClose, false, Bytes::new())));
    let spaced = "HTTP/1.1 200 OK\r\ncontent-length \t: 2\r\n\r\nok";
    assert_eq!(read_all(spaced).unwrap(), Some((200, Length::Exact(2), true, Bytes::from("ok"))));
    for wrong in [
        "SSH-2.0-x\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\na b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\n a: b\r\n\r\n",
    ] {
        assert!(read_all(wrong).is_err_and(|error| error.is_parse()), "{wrong:?}");
    }
}

/// The header written for a response with these fields and this length, without its date.
fn written(
    reply: &Reply<'_>,
    status: u16,
    fields: &[(&str, &str)],
    length: Option<u64>,
) -> (String, Encoder, bool) {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        response.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    let mut text = Vec::new();
    let (encoder, keep_alive) = reply.write(&response.into_parts().0, length, &mut text);
    let text = String::from_utf8(text).unwrap();
    let lines = text.split_inclusive("\r\n").filter(|line| !line.starts_with("Date: "));
    (lines.collect(), encoder, keep_alive)
}

#[test]
fn a_response_is_framed_for_whom_it_is() {
    let get =
        Reply { method: &Method::GET, version: Version::HTTP_11, takes_trailers: false, keep_alive: true };
    let chunked = Encoder::Chunked { trailers: false };
    let text = |text: &str| text.replace('\n', "\r\n");
    for (reply, status, fields, length, expected) in [
        (&get, 200, &[][..], Some(2), ("HTTP/1.1 200 OK\nContent-Length: 2\n\n", Encoder::Exact(2), true)),
        (
            &get,
            200,
            &[("content-length", "2")],
            Some(2),
            ("HTTP/1.1 200 OK\nContent-Length: 2\n\n", Encoder::Exact(2), true),
        ),
        (&get, 200, &[], Some(0), ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", Encoder::Exact(0), true)),
        (&get, 200, &[], None, ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", chunked, true)),
        (
            &get,
            304,
            &[("content-length", "7")],
            Some(0),
            ("HTTP/1.1 304 Not Modified\nContent-Length: 7\n\n", Encoder::Nothing, true),
        ),
        (
            &get,
            204,
            &[("content-length", "7")],
            Some(0),
            ("HTTP/1.1 204 No Content\n\n", Encoder::Nothing, true),
        ),
        (
            &get,
            200,
            &[("connection", "close")],
            Some(0),
            ("HTTP/1.1 200 OK\nContent-Length: 0\nConnection: close\n\n", Encoder::Exact(0), false),
        ),
        (
            &get,
            101,
            &[("connection", "upgrade"), ("upgrade", "x")],
            Some(0),
            ("HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: x\n\n", Encoder::Nothing, true),
        ),
        (
            &Reply { method: &Method::HEAD, ..get },
            200,
            &[("content-length", "7")],
            Some(0),
            ("HTTP/1.1 200 OK\nContent-Length: 7\n\n", Encoder::Nothing, true),
        ),
        (
            &Reply { keep_alive: false, ..get },
            200,
            &[],
            Some(0),
            ("HTTP/1.1 200 OK\nContent-Length: 0\nConnection: close\n\n", Encoder::Exact(0), false),
        ),
        (
            &Reply { version: Version::HTTP_10, ..get },
            200,
            &[],
            Some(2),
            ("HTTP/1.0 200 OK\nContent-Length: 2\nConnection: keep-alive\n\n", Encoder::Exact(2), true),
        ),
        (
            &Reply { version: Version::HTTP_10, ..get },
            200,
            &[],
            None,
            ("HTTP/1.0 200 OK\nConnection: close\n\n", Encoder::UntilClose, false),
        ),
        (
            &Reply { takes_trailers: true, ..get },
            200,
            &[],
            None,
            ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", Encoder::Chunked { trailers: true }, true),
        ),
    ] {
        let (head, encoder, keep_alive) = expected;
        assert_eq!(written(reply, status, fields, length), (text(head), encoder, keep_alive), "{fields:?}");
    }
}

#[test]
fn the_words_of_an_upstream_are_its_own() {
    let mut buffer = ReadBuffer::new(Bytes::from_static(b"HTTP/1.1 404 Nobody Home\r\n\r\n"));
    let response = read(&mut buffer, &Method::GET).unwrap().unwrap().response;
    let reply =
        Reply { method: &Method::GET, version: Version::HTTP_11, takes_trailers: false, keep_alive: true };
    let mut text = Vec::new();
    reply.write(&response.into_parts().0, Some(0), &mut text);
    assert!(text.starts_with(b"HTTP/1.1 404 Nobody Home\r\n"), "{}", String::from_utf8_lossy(&text));
}
