//! What HTTP/1 says besides request and response: interim answers, answers without a body or before the request's end,
//! older versions, and many requests at once. Both ends are by hand, because no library would say some of it.

use crate::support::World;
use crate::support::certificates::Certificates;
use crate::support::upstream::Upstream;
use crate::support::wire::{END, Wire};

const GET: &str = "GET / HTTP/1.1\r\nhost: p\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn interim_answers_end_at_the_proxy_and_do_not_disturb_the_final_one() {
    let wire = Wire::start(&[]).await;
    let mut caller = wire.caller(GET).await;
    let mut upstream = wire.upstream().await;
    for _ in 0..2 {
        upstream.until(END).await;
        upstream.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n").await;
        upstream.send("HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n").await;
        upstream.send(OK).await;
        let answer = caller.until("ok").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && !answer.contains("link"), "{answer}");
        caller.send(GET).await;
    }
}

#[tokio::test]
async fn a_switch_that_nobody_asked_for_is_502() {
    let wire = Wire::start(&[]).await;
    let mut caller = wire.caller(GET).await;
    let mut upstream = wire.upstream().await;
    upstream.until(END).await;
    upstream.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n").await;
    let answer = caller.until("upstream error\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(answer.contains("\r\nproxy-status: attache; error=http_upgrade_failed\r\n"), "{answer}");
}

const EXPECTING: &str = "POST / HTTP/1.1\r\nhost: p\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";

#[tokio::test]
async fn a_caller_that_waits_with_its_body_is_told_to_go_on_once() {
    let wire = Wire::start(&[]).await;
    let mut caller = wire.caller(EXPECTING).await;
    let mut upstream = wire.upstream().await;
    let head = upstream.until(END).await;
    assert!(head.contains("\r\nexpect: 100-continue\r\n"), "{head}");
    assert_eq!(caller.until(END).await, "HTTP/1.1 100 Continue\r\n\r\n");
    upstream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    caller.send("body").await;
    upstream.until("body").await;
    upstream.send(OK).await;
    assert!(caller.until("ok").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_request_that_is_refused_is_not_told_to_go_on() {
    let world = World::by_header(Upstream::echo().await, &["--allow-host", "api.example.com"]).await;
    let mut caller = crate::support::wire::Line::to(world.proxy.proxy).await;
    caller.send(&EXPECTING.replace("host: p", "host: p\r\nx-upstream-host: evil.example.com")).await;
    let answer = caller.rest().await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[tokio::test]
async fn a_final_answer_instead_of_100_passes_and_the_next_request_is_read_afresh() {
    let wire = Wire::start(&[]).await;
    let mut caller = wire.caller(EXPECTING).await;
    let mut upstream = wire.upstream().await;
    upstream.until(END).await;
    upstream.send("HTTP/1.1 417 Expectation Failed\r\ncontent-length: 2\r\n\r\nno").await;
    let answer = caller.until("no").await;
    assert!(answer.contains("HTTP/1.1 417 Expectation Failed\r\n"), "{answer}");
    // Both still owe each other a body, so neither takes it for a request.
    caller.send(&format!("body{GET}")).await;
    assert_eq!(upstream.rest().await, "body");
    let mut fresh = wire.upstream().await;
    fresh.until(END).await;
    fresh.send(OK).await;
    assert!(caller.until("ok").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn an_early_answer_reaches_the_caller_of_an_unfinished_upload() {
    let wire = Wire::start(&[]).await;
    let post = "POST / HTTP/1.1\r\nhost: p\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let mut caller = wire.caller(post).await;
    let mut upstream = wire.upstream().await;
    upstream.until("half").await;
    upstream.send("HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno").await;
    let answer = caller.until("no").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let mut next = wire.caller(GET).await;
    let mut fresh = wire.upstream().await;
    fresh.until(END).await;
    fresh.send(OK).await;
    assert!(next.until("ok").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn an_early_answer_is_heard_also_when_the_upstream_hangs_up_behind_it() {
    let certificates = Certificates::new("hanging-up");
    for wire in [Wire::start(&[]).await, Wire::in_tls(&certificates, &["http/1.1"]).await] {
        // Whether writing or reading fails first is chance, so once would prove little.
        for _ in 0..20 {
            let post = "POST / HTTP/1.1\r\nhost: p\r\ncontent-length: 8000000\r\n\r\n";
            let mut caller = wire.caller(post).await;
            let mut upstream = wire.upstream().await;
            upstream.until(END).await;
            caller.send(&"x".repeat(500_000)).await;
            upstream.send("HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno").await;
            drop(upstream);
            let answer = caller.until("no").await;
            assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        }
    }
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_their_order_whether_or_not_there_is_a_body() {
    let wire = Wire::start(&[]).await;
    let requests = ["HEAD /1", "GET /2", "GET /3", "GET /4"];
    let answers = [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\netag: \"x\"\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        OK,
    ];
    let all: String = requests.iter().map(|line| format!("{line} HTTP/1.1\r\nhost: p\r\n\r\n")).collect();
    let mut caller = wire.caller(&all).await;
    let mut upstream = wire.upstream().await;
    for (request, answer) in requests.iter().zip(answers) {
        let head = upstream.until(END).await;
        assert!(head.starts_with(&format!("{request} HTTP/1.1\r\n")), "{head}");
        upstream.send(answer).await;
    }
    // A 304 says the length of what has not changed (RFC 9110, section 8.6), and a 204 has none.
    let lengths = ["content-length: 5\r\n", "content-length: 7\r\n", "", "content-length: 2\r\n"];
    for (answer, length) in answers.iter().zip(lengths) {
        let head = caller.until(END).await;
        assert_eq!(head.lines().next(), answer.lines().next());
        assert!(head.contains(length), "{head}");
        assert_eq!(head.contains("content-length"), !length.is_empty(), "{head}");
    }
    assert_eq!(caller.until("ok").await, "ok");
}

#[tokio::test]
async fn a_caller_of_http_1_0_gets_its_own_version_and_keeps_its_connection_only_if_it_asks() {
    let wire = Wire::start(&[]).await;
    let mut caller = wire.caller("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
    let mut upstream = wire.upstream().await;
    upstream.until(END).await;
    upstream.send(OK).await;
    let answer = caller.until("ok").await;
    assert!(
        answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.contains("connection: keep-alive"),
        "{answer}"
    );
    caller.send("GET / HTTP/1.0\r\n\r\n").await;
    upstream.until(END).await;
    upstream.send(OK).await;
    let answer = caller.rest().await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("ok"), "{answer}");
}

#[tokio::test]
async fn a_caller_of_http_1_0_reads_a_body_of_unknown_length_until_the_end() {
    let wire = Wire::start(&[]).await;
    let caller = wire.caller("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
    let mut upstream = wire.upstream().await;
    upstream.until(END).await;
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
    let answer = caller.rest().await;
    let (head, body) = answer.split_once(END).unwrap();
    assert_eq!(body, "ok");
    // A caller that is promised another answer would take the first one for an empty body.
    assert!(!head.contains("transfer-encoding") && !head.contains("keep-alive"), "{head}");
}

#[tokio::test]
async fn an_upstream_of_http_1_0_is_read_to_its_end_and_not_asked_again_there() {
    let wire = Wire::start(&[]).await;
    let mut caller = wire.caller(GET).await;
    let mut upstream = wire.upstream().await;
    upstream.until(END).await;
    upstream.send("HTTP/1.0 200 OK\r\n\r\nold").await;
    drop(upstream);
    let answer = caller.until("\r\n0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\r\n3\r\nold\r\n"), "{answer}");
    caller.send(GET).await;
    let mut upstream = wire.upstream().await;
    upstream.until(END).await;
    upstream.send("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert!(caller.until("ok").await.starts_with("HTTP/1.1 200 OK\r\n"));
    caller.send(GET).await;
    wire.upstream().await.until(END).await;
}

#[tokio::test]
async fn names_of_fields_are_in_title_case_in_both_directions() {
    let wire = Wire::start(&[]).await;
    let mut caller =
        wire.caller("POST / HTTP/1.1\r\nhost: a\r\nx-api-key: x-y\r\ncontent-length: 2\r\n\r\nhi").await;
    let mut upstream = wire.upstream().await;
    let asked = String::from_utf8(upstream.bytes("hi").await).unwrap();
    for field in ["Host: localhost:", "X-Api-Key: x-y\r\n", "Content-Length: 2\r\n", "Authorization: Bearer "]
    {
        assert!(asked.contains(&format!("\r\n{field}")), "{field}: {asked}");
    }
    upstream
        .send(
            "HTTP/1.1 200 OK\r\nx-request-id: x-y\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        )
        .await;
    let answer = String::from_utf8(caller.bytes("ok").await).unwrap();
    for field in ["X-Request-Id: x-y\r\n", "Transfer-Encoding: chunked\r\n", "Date: "] {
        assert!(answer.contains(&format!("\r\n{field}")), "{field}: {answer}");
    }
}
