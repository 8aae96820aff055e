use super::*;
use crate::clock::Clock;
use crate::model::target::Scheme;
use proptest::prelude::*;
use std::time::Duration;

const ROUTING: HeaderName = HeaderName::from_static("x-upstream-host");

fn target() -> Target {
    Target::new(Scheme::Https, "api.example.com".parse().unwrap())
}

fn token() -> Credential {
    let now = Clock::system().timestamp();
    Credential::bearer("a.b.c", now, now.wall + Duration::from_secs(300)).unwrap()
}

fn map<'h>(lines: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> HeaderMap {
    let parsed =
        |(name, value): (&str, &[u8])| (name.parse().unwrap(), HeaderValue::from_bytes(value).unwrap());
    let mut headers = HeaderMap::new();
    for (name, value) in lines.into_iter().map(parsed) {
        let _: bool = headers.append::<HeaderName>(name, value);
    }
    headers
}

fn rewrite(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let caller = Caller::new(Some([192, 0, 2, 9].into()));
    for_upstream(headers, Some(&ROUTING), ForwardedFor::Append, &caller, &target(), &token())
}

/// What is left of these lines on their way to the upstream.
fn sent(lines: &[(&str, &[u8])]) -> HeaderMap {
    let mut headers = map(lines.iter().copied());
    rewrite(&mut headers);
    headers
}

fn all<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
}

#[test]
fn host_and_authorization_are_attaches_however_often_the_caller_sent_them() {
    let headers = sent(&[
        ("authorization", b"Bearer mine"),
        ("host", b"a"),
        ("authorization", b"Basic bWluZQ=="),
        ("host", b"b"),
        ("x-upstream-host", b"api.example.com"),
        ("x-upstream-host", b"other.example.com"),
    ]);
    assert_eq!(all(&headers, "authorization"), [b"Bearer a.b.c"]);
    assert_eq!(all(&headers, "host"), [b"api.example.com"]);
    assert!(!headers.contains_key(ROUTING));
}

#[test]
fn connection_takes_away_what_it_nominates_and_nothing_of_attaches() {
    let nominations: [&[u8]; 7] = [
        b"x-private, host, authorization",
        b"close, ,X-Private;bar, \"x\" ,x-private",
        b"\xe9t\xe9, X-PRIVATE",
        b" \t x-private \t ",
        b",,,x-private,,,",
        b"x private, x-private",
        b"x-private\t,keep-alive",
    ];
    for nomination in nominations {
        let headers = sent(&[("connection", nomination), ("x-private", b"1"), ("x-kept", b"1")]);
        assert!(!headers.contains_key("x-private") && headers.contains_key("x-kept"), "{nomination:?}");
        assert!(!headers.contains_key(CONNECTION));
        assert_eq!(all(&headers, "authorization").len() + all(&headers, "host").len(), 2);
    }
}

#[test]
fn every_line_of_connection_counts() {
    let lines: [(&str, &[u8]); 5] = [
        ("connection", b"close"),
        ("connection", b"x-a"),
        ("connection", b"x-b"),
        ("x-a", b"1"),
        ("x-b", b"1"),
    ];
    let headers = sent(&lines);
    assert!(!headers.contains_key("x-a") && !headers.contains_key("x-b"));
}

#[test]
fn what_connection_does_not_nominate_properly_stays() {
    for nomination in [&b"\"x-private\""[..], b"x-private;q=1", b"x-priv", b"x-private x-kept", b"*"] {
        assert!(sent(&[("connection", nomination), ("x-private", b"1")]).contains_key("x-private"));
    }
}

#[test]
fn te_says_trailers_or_nothing() {
    for (te, left) in [
        (&b"trailers"[..], &[&b"trailers"[..]][..]),
        (b"gzip, TRAILERS", &[b"trailers"]),
        (b"gzip;q=0.5", &[]),
        (b"xtrailers", &[]),
    ] {
        assert_eq!(all(&sent(&[("te", te)]), "te"), left, "{te:?}");
    }
}

#[test]
fn the_callers_address_comes_last_in_x_forwarded_for() {
    assert_eq!(all(&sent(&[]), "x-forwarded-for"), [b"192.0.2.9"]);
    let headers = sent(&[("x-forwarded-for", b"a\xff"), ("x-forwarded-for", b"b, c")]);
    assert_eq!(all(&headers, "x-forwarded-for"), [b"a\xff, b, c, 192.0.2.9"]);
    // Nominating it forgets the hops before, never the caller itself.
    let headers = sent(&[("x-forwarded-for", b"a"), ("connection", b"x-forwarded-for")]);
    assert_eq!(all(&headers, "x-forwarded-for"), [b"192.0.2.9"]);
}

#[test]
fn a_switch_needs_both_fields_and_is_never_one_to_http() {
    let wish = |protocol: &[u8], nomination: &[u8]| {
        let mut headers = map([("upgrade", protocol), ("connection", nomination)]);
        let wish = rewrite(&mut headers);
        assert!(!headers.contains_key(UPGRADE));
        wish.map(|wish| wish.as_bytes().to_vec())
    };
    assert_eq!(wish(b"websocket", b"keep-alive, Upgrade"), Some(b"websocket".to_vec()));
    assert_eq!(wish(b"websocket", b"keep-alive"), None);
    for protocol in
        [&b"h2c"[..], b"H2C", b"h2", b"HTTP/2.0", b"HTTP/1.1", b"TLS/1.2", b"websocket, h2c", b"\xff, h2c"]
    {
        assert_eq!(wish(protocol, b"upgrade, http2-settings"), None, "{protocol:?}");
    }
    let mut several = map([("upgrade", &b"websocket"[..]), ("upgrade", b"h2c"), ("connection", b"upgrade")]);
    assert_eq!(rewrite(&mut several), None);
}

#[test]
fn a_response_loses_what_its_own_hop_said() {
    let mut headers = map([
        ("connection", &b"x-secret, \xff, Set-Cookie2"[..]),
        ("x-secret", b"1"),
        ("set-cookie2", b"1"),
        ("set-cookie", b"a=1"),
        ("set-cookie", b"b=2"),
        ("keep-alive", b"timeout=5"),
        ("proxy-authenticate", b"Basic"),
        ("transfer-encoding", b"chunked"),
        ("upgrade", b"h2c"),
        ("www-authenticate", b"Bearer"),
    ]);
    for_caller(&mut headers);
    let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["set-cookie", "www-authenticate"]);
    assert_eq!(all(&headers, "set-cookie"), [b"a=1", b"b=2"]);
}

#[test]
fn trailers_carry_no_length_route_or_identity() {
    let mut trailers = map([
        ("grpc-status", &b"0"[..]),
        ("authorization", b"Bearer mine"),
        ("content-length", b"5"),
        ("host", b"evil"),
        ("te", b"trailers"),
        ("trailer", b"x"),
        ("transfer-encoding", b"chunked"),
        ("connection", b"x-private"),
        ("x-private", b"1"),
        ("x-forwarded-for", b"192.0.2.1"),
    ]);
    for_trailers(&mut trailers, None);
    assert_eq!(trailers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["grpc-status"]);
}

#[test]
fn a_length_is_stated_once_and_in_plain_digits() {
    let of_status = |status, values: &[&'static str], length| {
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = map(values.iter().map(|value| ("content-length", value.as_bytes())));
        state_length(&mut response, length);
        all(response.headers(), "content-length").iter().map(|value| value.to_vec()).collect::<Vec<_>>()
    };
    let stated = |values: &[&'static str], length| of_status(StatusCode::OK, values, length);
    assert_eq!(stated(&["005"], Some(5)), [b"5"]);
    assert_eq!(stated(&["5", "5"], Some(5)), [b"5"]);
    assert_eq!(stated(&["5, 5"], Some(5)), [b"5"]);
    assert!(stated(&["5"], None).is_empty() && stated(&[], Some(5)).is_empty());
    assert_eq!(stated(&["1234"], Some(0)), [b"1234"]);
    assert_eq!(of_status(StatusCode::NOT_MODIFIED, &["1234"], Some(0)), [b"1234"]);
    assert!(of_status(StatusCode::NO_CONTENT, &["1234"], Some(0)).is_empty());
}

proptest! {
    #[test]
    fn whatever_the_caller_sends_the_upstream_gets_one_host_one_token_and_nothing_of_this_hop(
        lines in prop::collection::vec(
            (
                prop_oneof![
                    prop::sample::select(vec![
                        "host", "authorization", "connection", "keep-alive", "proxy-connection", "proxy-authorization",
                        "proxy-authenticate", "te", "transfer-encoding", "upgrade", "x-upstream-host", "x-forwarded-for",
                    ]).prop_map(str::to_owned),
                    "[a-c]",
                ],
                "[ -~]{0,12}|host|authorization|upgrade, [a-c]|te, x-forwarded-for",
            ),
            0..12,
        ),
    ) {
        let before = map(lines.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let mut headers = before.clone();
        rewrite(&mut headers);
        prop_assert_eq!(all(&headers, "authorization"), [b"Bearer a.b.c"]);
        prop_assert_eq!(all(&headers, "host"), [b"api.example.com"]);
        prop_assert!(HOP_BY_HOP.iter().chain([&ROUTING]).all(|name| !headers.contains_key(name)));
        prop_assert!(all(&headers, "te").iter().all(|te| te == b"trailers") && all(&headers, "te").len() < 2);
        prop_assert!(all(&headers, "x-forwarded-for")[0].ends_with(b"192.0.2.9"));
        for name in ["a", "b", "c"] {
            let nominated = names(&before, &CONNECTION).any(|word| word.eq_ignore_ascii_case(name.as_bytes()));
            prop_assert_eq!(all(&headers, name), if nominated { vec![] } else { all(&before, name) });
        }
    }
}

#[test]
fn the_fields_of_a_hop_are_named_over_http_1_1_and_not_over_http_2() {
    for (lines, named) in [
        (&[][..], None),
        (&[("te", &b"trailers"[..])], Some("te")),
        (&[("upgrade", b"websocket")], Some("upgrade")),
        (&[("te", b"trailers"), ("upgrade", b"websocket")], Some("upgrade, te")),
    ] {
        let mut headers = map(lines.iter().copied());
        // A request that is sent again may go over another version.
        for (is_http1, named) in [(true, named), (false, None), (true, named)] {
            state_hop(&mut headers, is_http1);
            let expected = named.map(HeaderValue::from_static);
            assert_eq!(
                (headers.get(CONNECTION), headers.len()),
                (expected.as_ref(), lines.len() + usize::from(named.is_some()))
            );
        }
    }
}
