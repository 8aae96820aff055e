use super::*;
use crate::model::no_proxy::NoProxy;
use http::StatusCode;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const BOUNDS: Bounds = Bounds { timeout: Duration::from_secs(20), max_answer: 16 };

/// A server that reads what is sent up to this end, and then answers so, for each of these in turn on one connection.
async fn server(exchanges: &'static [(&'static str, &'static str)]) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        for (end, answer) in exchanges {
            seen.push(read_until(&mut stream, end).await);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        seen
    };
    (address, spawn(serving))
}

#[expect(clippy::disallowed_methods, reason = "the test owns this task and waits for it where that matters")]
fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(work)
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        text.push(char::from(stream.read_u8().await.unwrap()));
    }
    text
}

fn plain() -> HttpClient {
    HttpClient::new(None, None)
}

#[tokio::test]
async fn a_request_with_a_body_gets_its_response_whatever_the_status() {
    let answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\ngone";
    let (address, seen) = server(Box::leak(Box::new([("grant=1", answer)]))).await;
    let request = Request::post(format!("http://{address}/token?a=b")).body(Bytes::from("grant=1")).unwrap();
    let response = plain().send(request, BOUNDS).await.unwrap();
    assert_eq!((response.status(), &response.body()[..]), (StatusCode::BAD_REQUEST, &b"gone"[..]));
    let seen = seen.await.unwrap().remove(0);
    assert!(seen.starts_with("POST /token?a=b HTTP/1.1\r\n"), "{seen}");
    assert!(
        seen.contains(&format!("host: {address}\r\n")) && seen.contains("content-length: 7\r\n"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_redirect_is_a_response_like_others() {
    let answer = "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let (address, _seen) = server(Box::leak(Box::new([("\r\n\r\n", answer)]))).await;
    let response = plain().send(get(&format!("http://{address}")).unwrap(), BOUNDS).await.unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
}

#[tokio::test]
async fn a_larger_answer_is_refused_and_one_of_the_limit_is_not() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n17 bytes of body.",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n17 bytes of body.\r\n0\r\n\r\n",
    ] {
        let (address, _seen) = server(Box::leak(Box::new([("\r\n\r\n", answer)]))).await;
        let error = plain().send(get(&format!("http://{address}/")).unwrap(), BOUNDS).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge(16)), "{error:?}");
    }
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n16 bytes of body";
    let (address, _seen) = server(Box::leak(Box::new([("\r\n\r\n", answer)]))).await;
    assert_eq!(
        plain().send(get(&format!("http://{address}/")).unwrap(), BOUNDS).await.unwrap().body().len(),
        16
    );
}

#[tokio::test]
async fn one_deadline_covers_a_response_that_does_not_end() {
    let bounds = Bounds { timeout: Duration::from_millis(200), ..BOUNDS };
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"] {
        // The second exchange keeps the connection open.
        let (address, _seen) = server(Box::leak(Box::new([("\r\n\r\n", answer), ("never", "")]))).await;
        let error = plain().send(get(&format!("http://{address}/")).unwrap(), bounds).await.unwrap_err();
        assert!(matches!(error, HttpError::Timeout(_)), "{error:?}");
    }
}

#[tokio::test]
async fn each_failure_is_told_from_the_others() {
    let failure = async |url: &str| plain().send(get(url).unwrap(), BOUNDS).await.unwrap_err();
    assert!(matches!(failure("http://nowhere.invalid/").await, HttpError::Resolve(_)));
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(matches!(failure(&format!("http://{free}/")).await, HttpError::Connect(_)));
    for answer in
        ["220 mail.example.com ESMTP\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", ""]
    {
        let (address, _seen) = server(Box::leak(Box::new([("\r\n\r\n", answer)]))).await;
        let error = failure(&format!("http://{address}/")).await;
        assert!(matches!(error, HttpError::Exchange(_)), "{answer:?}: {error:?}");
    }
    // Without authorities nothing is sent.
    let (address, seen) = server(&[("\r\n\r\n", "")]).await;
    assert!(matches!(failure(&format!("https://{address}/")).await, HttpError::Tls(_)));
    assert!(seen.await.is_err(), "the server got a request");
}

#[test]
fn what_is_no_url_is_refused_without_its_secrets() {
    for url in
        ["", "/path", "ftp://a.example/", "http://me:hunter2@a.example/", "https://a..example/?hunter2"]
    {
        let error = get(url).unwrap_err().to_string();
        assert!(error.ends_with("is no http or https URL") && !error.contains("hunter2"), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_proxy_on_the_way_opens_a_tunnel_or_says_why_not() {
    let opened = ("\r\n\r\n", "HTTP/1.1 200 Connection established\r\n\r\n");
    let (proxy, seen) =
        server(Box::leak(Box::new([opened, ("\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n")]))).await;
    let through = |proxy: SocketAddr| {
        ParentProxy::read("HTTP_PROXY", &format!("http://{proxy}"), NoProxy::default()).unwrap()
    };
    let client = HttpClient::new(None, Some(through(proxy)));
    let response = client.send(get("http://api.example.com/").unwrap(), BOUNDS).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(seen.await.unwrap()[0].starts_with("CONNECT api.example.com:80 HTTP/1.1\r\n"));

    let (proxy, _seen) = server(&[("\r\n\r\n", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")]).await;
    let client = HttpClient::new(None, Some(through(proxy)));
    let error = client.send(get("http://api.example.com/").unwrap(), BOUNDS).await.unwrap_err();
    assert!(matches!(error, HttpError::ParentProxy(_, TunnelError::Forbidden)), "{error:?}");
    assert_eq!(error.to_string(), format!("through http://{proxy} of HTTP_PROXY: it forbids the upstream"));
}
