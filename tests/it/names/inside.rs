//! What happens in such a network. Each is run by a test of the module above.

use super::dns::{Dns, Reply};
use crate::support::client::{get, send};
use crate::support::program::{Program, WAIT_LIMIT, command};
use crate::support::upstream::{Upstream, text};
use crate::support::wire::{END, Line};
use crate::support::{Sts, World};
use http::StatusCode;
use http::header::{CONNECTION, HeaderValue};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

const NAME: &str = "api.example.test";

/// Knows one name, and no other.
fn one_name(name: &str) -> Reply {
    if name == NAME { Reply::Address(Ipv4Addr::LOCALHOST) } else { Reply::NoSuchName }
}

/// An upstream that closes each connection after its answer.
async fn forgetful() -> Upstream {
    let mut upstream = Upstream::scripted(|_| async {
        let mut reply = text("hello");
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        reply
    })
    .await;
    upstream.name = NAME;
    upstream
}

#[tokio::test]
#[ignore = "needs a network of its own"]
async fn look_ups_are_remembered() {
    let dns = Dns::start(one_name).await;
    let world = World::pinned(forgetful().await, &[]).await;
    let (begin, requests) = (Instant::now(), 100);
    for _ in 0..requests {
        assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    }
    assert_eq!(world.upstream.connections(), requests);
    let (asked, seconds) = (dns.asked().len(), begin.elapsed().as_secs() as usize);
    assert!(asked <= 2 * (1 + seconds), "{asked} questions in {seconds} s");
    // IPv4 and IPv6 are asked for at once.
    dns.reply(|_| Reply::Failure);
    let search = async {
        while dns.asked().len() < asked + 2 {
            assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
        }
        assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    };
    timeout(WAIT_LIMIT, search).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a network of its own"]
async fn dns_is_silent() {
    let dns = Dns::start(|name| if name == NAME { one_name(name) } else { Reply::Silence }).await;
    let sts = Sts::start().await;
    let upstream = forgetful().await;
    let flags = ["--upstream-scheme", "http", "--allow-address", "127.0.0.0/8"];
    let proxy = Program::serve(&sts.url, &flags).await;
    let known = upstream.authority();
    let ask = async || send(proxy.proxy, get("/", &[("x-upstream-host", &known)])).await.status;
    assert_eq!(ask().await, StatusCode::OK);
    let mut callers = Vec::new();
    for number in 0..600 {
        let mut caller = Line::to(proxy.proxy).await;
        caller.send(&format!("GET / HTTP/1.1\r\nHost: a\r\nX-Upstream-Host: h{number}.example{END}")).await;
        callers.push(caller);
    }
    let waiting = async {
        while dns.asked().len() < 10 {
            tokio::task::yield_now().await;
        }
    };
    timeout(WAIT_LIMIT, waiting).await.unwrap();
    for page in ["/healthz", "/metrics", "/status"] {
        assert_eq!(send(proxy.admin, get(page, &[])).await.status, StatusCode::OK, "{page}");
    }
    let threads = std::fs::read_dir(format!("/proc/{}/task", proxy.pid())).unwrap().count();
    assert!(threads < 50, "{threads} threads");
    // What was known before goes on, although its own look-up waits behind the others.
    assert_eq!(ask().await, StatusCode::OK);
}

#[tokio::test]
#[ignore = "needs a network of its own"]
async fn search_domains() {
    let dns = Dns::start(one_name).await;
    let upstream = forgetful().await;
    let sts = Sts::start().await;
    let absolute = format!("{NAME}.:{}", upstream.address.port());
    for (host, searched) in [(upstream.authority(), true), (absolute, false)] {
        dns.reply(one_name);
        let flags = ["--upstream-host", &host, "--upstream-scheme", "http"];
        let before = dns.asked().len();
        let proxy = Program::serve(&sts.url, &flags).await;
        assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK, "{host}");
        let asked = &dns.asked()[before..];
        let in_domain = asked.iter().any(|name| *name == format!("{NAME}.corp.test"));
        assert_eq!(in_domain, searched, "{host}: {asked:?}");
    }
    let hosts = upstream.seen().into_iter().map(|seen| seen.only("host").unwrap().to_owned());
    assert_eq!(hosts.collect::<Vec<_>>(), vec![upstream.authority(); 2]);
    let audience = format!("http://{NAME}");
    assert!(sts.handle.calls().iter().all(|call| call.audiences == [audience.clone()]));
}

#[tokio::test]
#[ignore = "needs a network of its own"]
async fn dns_is_late() {
    let dns = Dns::start(|_| Reply::Silence).await;
    let sts = Sts::start().await;
    // It takes connections and begins no TLS.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("{NAME}:{}", mute.local_addr().unwrap().port());
    let egress = format!("http://{place}");
    let silent = "dns_timeout";
    let cases = [
        ("", "400ms", silent, "upstream_dns", "the DNS did not answer within 400ms"),
        (
            "",
            "1700ms",
            "connection_timeout",
            "upstream_connect_timeout",
            ", of which the look-up of the name took 1",
        ),
        (
            "HTTPS_PROXY",
            "400ms",
            silent,
            "egress_unreachable",
            "the DNS did not answer for its name within 400ms",
        ),
        (
            "HTTPS_PROXY",
            "1700ms",
            "connection_timeout",
            "egress_timeout",
            ", of which the look-up of the name took 1",
        ),
    ];
    for (variable, limit, error, code, reason) in cases {
        // The system asks again after a second, for both families at once.
        let questions = AtomicUsize::new(0);
        dns.reply(move |name| match questions.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Reply::Silence,
            _ => one_name(name),
        });
        let host = if variable.is_empty() { &place } else { "api.elsewhere.test" };
        let flags = ["--upstream-host", host, "--upstream-connect-timeout", limit];
        let mut asked = command(&sts.url);
        if !variable.is_empty() {
            asked.env("NO_PROXY", "127.0.0.1").env(variable, &egress);
        }
        let mut proxy = Program::start(asked, &flags).await;
        let answer = send(proxy.proxy, get("/", &[])).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::GATEWAY_TIMEOUT, "upstream timeout\n"));
        let told = answer.header("proxy-status").unwrap();
        assert!(told.starts_with(&format!("attache; error={error}")), "{told}");
        let line = proxy.logged(|line| line["msg"] == "upstream error").await;
        assert_eq!(line["code"], code, "{line}");
        assert!(line["error"].as_str().unwrap().contains(reason), "{line}");
    }
}
