//! Other listeners and routes in the place of those before.

use super::{Running, below, listener, named, route};
use crate::support::certificates::Certificates;
use crate::support::client::{Http1, get, send};
use crate::support::program::WAIT_LIMIT;
use crate::support::upstream::{Upstream, text};
use attache::app::load_error::LoadError;
use attache::config::listener::{ListenAddr, ListenerConfig, TlsFiles};
use attache::config::route::RouteConfig;
use http::StatusCode;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

#[tokio::test]
async fn a_reload_keeps_what_does_not_change() {
    let (kept, changed, added) = (named("kept").await, named("changed").await, named("added").await);
    let at = |prefix, name, upstream| RouteConfig { matches: below(prefix, false), ..route(name, upstream) };
    let routes = vec![at("/kept", "kept", &kept), at("/changed", "changed", &changed)];
    let proxy = Running::start(routes, vec![listener("default")]).await;
    let address = proxy.address("default").await;
    let mut caller = Http1::connect(address).await;
    for (path, expected) in [("/kept", "kept"), ("/changed", "changed")] {
        assert_eq!(caller.send(get(path, &[])).await.text(), expected);
    }
    let mints = proxy.sts.mints();
    let routes = vec![at("/kept", "kept", &kept), at("/changed", "changed", &added)];
    proxy.live.apply(routes, vec![listener("default")]).await.unwrap();
    assert_eq!(proxy.address("default").await, address);
    // The same connection of the caller, the same one to the upstream that stays, the credentials of before.
    for (path, expected) in [("/kept", "kept"), ("/changed", "added")] {
        assert_eq!(caller.send(get(path, &[])).await.text(), expected);
    }
    assert_eq!((kept.connections(), proxy.sts.mints()), (1, mints));
}

#[tokio::test]
async fn a_request_goes_on_with_the_route_that_it_has() {
    let go_on = Arc::new(Notify::new());
    let waiting = go_on.clone();
    let before = Upstream::scripted(move |_| {
        let go_on = waiting.clone();
        async move {
            go_on.notified().await;
            text("before")
        }
    })
    .await;
    let after = named("after").await;
    let proxy = Running::start(vec![route("a", &before)], vec![listener("default")]).await;
    let address = proxy.address("default").await;
    let (asked, ()) = tokio::join!(send(address, get("/", &[])), async {
        before.requests(1).await;
        proxy.live.apply(vec![route("a", &after)], vec![listener("default")]).await.unwrap();
        assert_eq!(send(address, get("/", &[])).await.text(), "after");
        go_on.notify_one();
    });
    assert_eq!(asked.text(), "before");
}

#[tokio::test]
async fn what_cannot_be_loaded_whole_changes_nothing() {
    let files = Certificates::new("routes-rejected");
    let (before, after) = (named("before").await, named("after").await);
    let proxy = Running::start(vec![route("a", &before)], vec![listener("default")]).await;
    let address = proxy.address("default").await;
    let taken = ListenAddr::One("127.0.0.1".to_owned(), before.address.port());
    let in_use = ListenerConfig { listen: taken, ..listener("more") };
    let refused = proxy.live.apply(vec![route("a", &after)], vec![listener("default"), in_use]).await;
    assert!(matches!(refused, Err(LoadError::Listen(name, ..)) if name == "more"));
    let mut untrusted = route("b", &after);
    untrusted.upstream.tls.ca_cert = Some(files.path("none.pem").into());
    let refused = proxy.live.apply(vec![untrusted], vec![listener("default")]).await;
    assert!(matches!(refused, Err(LoadError::Trust(name, _)) if name == "b"));
    let tls =
        TlsFiles { cert: files.path("no.crt").into(), key: files.path("no.key").into(), client_ca: None };
    let unreadable = ListenerConfig { tls: Some(tls), ..listener("default") };
    let refused = proxy.live.apply(vec![route("a", &after)], vec![unreadable]).await;
    assert!(matches!(refused, Err(LoadError::Tls(name, _)) if name == "default"));
    assert_eq!(proxy.live.listeners().await.len(), 1);
    assert_eq!(send(address, get("/", &[])).await.text(), "before");
}

#[tokio::test]
async fn a_listener_that_is_gone_finishes_its_requests_and_accepts_no_more() {
    let go_on = Arc::new(Notify::new());
    let waiting = go_on.clone();
    let upstream = Upstream::scripted(move |_| {
        let go_on = waiting.clone();
        async move {
            go_on.notified().await;
            text("done")
        }
    })
    .await;
    let proxy = Running::start(vec![route("a", &upstream)], vec![listener("stays"), listener("goes")]).await;
    let gone = proxy.address("goes").await;
    let (answer, ()) = tokio::join!(send(gone, get("/", &[])), async {
        upstream.requests(1).await;
        let comes = ListenAddr::One("localhost".to_owned(), 0);
        let comes = ListenerConfig { listen: comes, ..listener("comes") };
        proxy.live.apply(vec![route("a", &upstream)], vec![listener("stays"), comes]).await.unwrap();
        let refused = async {
            while TcpStream::connect(gone).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(WAIT_LIMIT, refused).await.unwrap();
        go_on.notify_one();
    });
    assert_eq!(answer.text(), "done");
    for name in ["stays", "comes"] {
        go_on.notify_one();
        assert_eq!(send(proxy.address(name).await, get("/", &[])).await.text(), "done", "{name}");
    }
}

#[tokio::test]
async fn a_listener_takes_other_settings_at_its_address() {
    let files = Certificates::new("routes-settings");
    let upstream = named("a").await;
    let proxy = Running::start(vec![route("a", &upstream)], vec![listener("default")]).await;
    let address = proxy.address("default").await;
    let mut before = Http1::connect(address).await;
    assert_eq!(before.send(get("/", &[])).await.text(), "a");
    let tls =
        TlsFiles { cert: files.path("cert.pem").into(), key: files.path("key.pem").into(), client_ca: None };
    let secure = ListenerConfig { tls: Some(tls), ..listener("default") };
    for listeners in [vec![secure.clone()], vec![listener("default")], vec![secure]] {
        proxy.live.apply(vec![route("a", &upstream)], listeners).await.unwrap();
        assert_eq!(proxy.address("default").await, address);
    }
    let stream = TcpStream::connect(address).await.unwrap();
    let stream = files.connector(&[]).connect("localhost".try_into().unwrap(), stream).await.unwrap();
    assert_eq!(Http1::over(stream).await.send(get("/", &[])).await.text(), "a");
    let last = before.send(get("/", &[])).await;
    assert_eq!((last.text(), last.header("connection")), ("a", Some("close")));
}

#[tokio::test]
async fn a_reload_keeps_the_credentials_fresh_that_it_names_and_no_others() {
    let upstream = named("upstream").await;
    let at = |name: &'static str| RouteConfig {
        matches: below(&format!("/{name}"), false),
        ..route(name, &upstream)
    };
    let proxy = Running::start(vec![at("kept"), at("dropped")], vec![listener("default")]).await;
    let permanent = || async {
        let status = proxy.status().await;
        let sets = status["tokens"]["sets"].as_array().unwrap().clone();
        let mut permanent: Vec<_> = sets.into_iter().filter(|set| set["permanent"] == true).collect();
        permanent.sort_by_key(|set| set["audiences"].to_string());
        permanent.iter().map(|set| set["audiences"][0].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(permanent().await, ["dropped", "kept"]);
    proxy.live.apply(vec![at("kept"), at("new")], vec![listener("default")]).await.unwrap();
    assert_eq!(permanent().await, ["kept", "new"]);
    let status = proxy.status().await;
    let names: Vec<_> =
        status["routes"]["listed"].as_array().unwrap().iter().map(|route| &route["name"]).collect();
    assert_eq!(names, ["kept", "new"]);
    let address = proxy.address("default").await;
    assert_eq!(send(address, get("/dropped", &[])).await.status, StatusCode::NOT_FOUND);
    assert_eq!(send(address, get("/new", &[])).await.text(), "upstream");
}

#[tokio::test]
async fn a_route_without_its_credential_holds_up_no_other() {
    let upstream = named("upstream").await;
    let at = |name: &'static str| RouteConfig {
        matches: below(&format!("/{name}"), false),
        ..route(name, &upstream)
    };
    let proxy = Running::start(vec![at("good")], vec![listener("default")]).await;
    let address = proxy.address("default").await;
    assert_eq!(send(address, get("/good", &[])).await.text(), "upstream");
    proxy.sts.handle.update_faults(|faults| faults.throttle = true);
    proxy.live.apply(vec![at("bad"), at("good")], vec![listener("default")]).await.unwrap();
    assert_eq!(send(address, get("/bad", &[])).await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(send(address, get("/good", &[])).await.text(), "upstream");
    assert_eq!(send(proxy.admin, get("/readyz", &[])).await.status, StatusCode::OK);
}
