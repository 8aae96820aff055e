//! Where an upstream sends a caller: what names the upstream itself leads back to the proxy, where there is a token.

use crate::support::World;
use crate::support::client::{Answer, get, http2, send};
use crate::support::upstream::{Reply, Upstream, text};
use http::header::{CONTENT_LOCATION, LOCATION};
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri};
use hyper::body::Incoming;

/// An upstream that answers `/STATUS/REST` with this status and a reference to `/REST` of the host that was asked.
async fn upstream(name: HeaderName, scheme: &'static str, host: Option<&'static str>) -> Upstream {
    Upstream::scripted(move |request| {
        let reply = redirect(&request, &name, scheme, host);
        async move { reply }
    })
    .await
}

fn redirect(request: &Request<Incoming>, name: &HeaderName, scheme: &str, host: Option<&str>) -> Reply {
    let mut reply = text("moved");
    if let Some((status, rest)) = request.uri().path()[1..].split_once('/') {
        let asked = request.headers().get("host").map(|host| host.to_str().unwrap());
        let asked = asked.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
        let origin = format!("{scheme}//{}", host.or(asked).unwrap());
        *reply.status_mut() = status.parse().unwrap();
        reply.headers_mut().insert(name, HeaderValue::try_from(format!("{origin}/{rest}")).unwrap());
    }
    reply
}

#[tokio::test]
async fn a_redirect_of_the_upstream_to_itself_leads_back_to_the_proxy() {
    let world = World::pinned(upstream(LOCATION, "http:", None).await, &[]).await;
    for status in [201, 202, 301, 302, 303, 307, 308] {
        let answer = send(world.proxy.proxy, get(&format!("/{status}/items?page=2"), &[])).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (status, Some("/items")), "{status}");
    }
    let answer = send(world.proxy.proxy, get("/307//other.example/x", &[])).await;
    assert_eq!(answer.header("location"), Some("/.//other.example/x"));
    let answer = send(world.proxy.proxy, get("/items", &[])).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(world.upstream.seen().iter().all(|seen| seen.token().contains('.')));
    let answer = send(world.proxy.proxy, get("/200/items", &[])).await;
    assert_eq!(answer.header("location"), Some(&format!("http://{}/items", world.upstream.authority())[..]));
}

#[tokio::test]
async fn so_does_a_content_location_and_a_reference_without_a_scheme() {
    let world = World::by_header(upstream(CONTENT_LOCATION, "", None).await, &[]).await;
    let name = world.upstream.authority();
    let answer = send(world.proxy.proxy, get("/200/items/7", &[("x-upstream-host", &name)])).await;
    assert_eq!(answer.header("content-location"), Some("/items/7"));
}

#[tokio::test]
async fn a_redirect_elsewhere_stays() {
    let at = [("http:", Some("other.example")), ("https:", None), ("http:", Some("localhost:1"))];
    for (scheme, host) in at {
        let world = World::pinned(upstream(LOCATION, scheme, host).await, &[]).await;
        let name = world.upstream.authority();
        let answer = send(world.proxy.proxy, get("/302/items", &[])).await;
        let expected = format!("{scheme}//{}/items", host.unwrap_or(&name));
        assert_eq!(answer.header("location"), Some(&expected[..]));
    }
}

#[tokio::test]
async fn a_caller_of_http_2_is_led_back_too() {
    let world =
        World::pinned(upstream(LOCATION, "http:", None).await, &["--upstream-protocol", "http2"]).await;
    let (mut sender, _connection) = http2(world.proxy.proxy).await;
    let answer = sender.send_request(get("http://proxy.local/302/items", &[])).await.unwrap();
    assert_eq!(Answer::read(answer).await.header("location"), Some("/items"));
}

#[tokio::test]
async fn a_caller_that_takes_attache_for_its_http_proxy_gets_the_whole_address() {
    for flags in [&[][..], &["--upstream-protocol", "http2"]] {
        let world = World::by_header(upstream(LOCATION, "http:", None).await, flags).await;
        let name = world.upstream.authority();
        let mut request = get("/", &[]);
        *request.uri_mut() = format!("http://{name}/302/items").parse::<Uri>().unwrap();
        let answer = send(world.proxy.proxy, request).await;
        let expected = format!("http://{name}/items");
        assert_eq!(answer.header("location"), Some(&expected[..]), "{flags:?}");
    }
}
