use super::*;
use crate::clock::Clock;

fn placement(header: &'static str, prefix: &str, mode: CompanionMode) -> Arc<Placement> {
    let companion =
        Companion { name: HeaderName::from_static("x-beta"), value: HeaderValue::from_static("ours"), mode };
    Arc::new(Placement {
        header: HeaderName::from_static(header),
        prefix: prefix.into(),
        companions: vec![companion],
        removed: vec![HeaderName::from_static("x-api-key")],
    })
}

fn applied(placement: Arc<Placement>, headers: &[(&'static str, &'static str)]) -> (bool, Vec<String>) {
    let now = Clock::system().timestamp();
    let credential = Credential::placed(placement, "t0k", now, now.wall + Duration::from_secs(60)).unwrap();
    assert_eq!(credential.expose(), "t0k");
    let mut map: HeaderMap = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_static(value));
    }
    let replaced = credential.apply(&mut map);
    let mut lines: Vec<_> = map.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
    lines.sort();
    (replaced, lines)
}

#[test]
fn keys_of_the_caller_make_room_for_the_credential() {
    let bearer = || placement("authorization", "Bearer ", CompanionMode::Set);
    let caller =
        [("authorization", "Bearer mine"), ("x-api-key", "mine"), ("x-beta", "mine"), ("x-other", "1")];
    let (replaced, lines) = applied(bearer(), &caller);
    assert_eq!(
        (replaced, lines),
        (
            true,
            vec!["authorization: Bearer t0k".to_owned(), "x-beta: ours".to_owned(), "x-other: 1".to_owned()]
        )
    );
    assert!(!applied(bearer(), &[("x-other", "1")]).0);
    let (_, lines) = applied(placement("x-vault-token", "", CompanionMode::Set), &caller);
    assert_eq!(
        lines,
        ["x-beta: ours", "x-other: 1", "x-vault-token: t0k"],
        "the caller's would count there too"
    );
}

#[test]
fn a_companion_that_is_a_list_is_added_once() {
    let list = || placement("authorization", "Bearer ", CompanionMode::Append);
    let beta = |headers: &[(&'static str, &'static str)]| {
        let (_, lines) = applied(list(), headers);
        lines.into_iter().filter(|line| line.starts_with("x-beta")).collect::<Vec<_>>()
    };
    assert_eq!(beta(&[]), ["x-beta: ours"]);
    assert_eq!(beta(&[("x-beta", "a")]), ["x-beta: a, ours"]);
    assert_eq!(beta(&[("x-beta", "a, ours")]), ["x-beta: a, ours"]);
}
