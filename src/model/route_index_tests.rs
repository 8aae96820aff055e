use super::*;
use crate::model::target::HostPort;
use tokio::time::Instant;

fn host(text: &str) -> Host {
    text.parse::<HostPort>().unwrap().host
}

fn route(listener: &str, host: &str, prefix: &str) -> RouteMatch {
    RouteMatch {
        listener: (!listener.is_empty()).then(|| listener.to_owned()),
        host: (!host.is_empty()).then(|| host.parse().unwrap()),
        path_prefix: (!prefix.is_empty()).then(|| prefix.parse().unwrap()),
        strip_prefix: false,
    }
}

/// What a look at each route in turn finds.
fn by_looking_at_each<'r>(routes: &'r [RouteMatch], request: (&str, &str, &str)) -> Option<&'r RouteMatch> {
    let (listener, name, path) = request;
    let covered = routes.iter().filter(|route| route.covers(listener, Some(&host(name)), path.as_bytes()));
    covered.min_by_key(|route| route.order())
}

#[test]
fn the_most_specific_route_is_found_as_by_a_look_at_each() {
    let mut routes = Vec::new();
    for listener in ["", "a", "b"] {
        for host in ["", "*.internal", "*.b.internal", "a.internal", "c.b.internal", "10.0.0.1"] {
            for prefix in ["", "/x", "/x/y", "/xy", "/z/y"] {
                routes.push(route(listener, host, prefix));
            }
        }
    }
    let paths =
        ["/", "/x", "/x?q=/y", "/x/", "/x/y", "/x/y/z", "/x/yz", "/xyz", "/z", "/z/y?", "*", "//x", ""];
    let hosts = ["a.internal", "x.a.internal", "internal", "b.internal", "c.b.internal", "10.0.0.1", "else"];
    // Each third of them, so that there are routes to miss.
    for third in 0..3 {
        let some: Vec<_> = routes.iter().skip(third).step_by(3).cloned().collect();
        let mut index = RouteIndex::default();
        some.iter().for_each(|route| index.insert(route, route.clone()));
        for listener in ["a", "b", "c"] {
            for name in hosts {
                for path in paths {
                    let expected = by_looking_at_each(&some, (listener, name, path));
                    let found = index.find(listener, Some(&host(name)), path.as_bytes());
                    assert_eq!(found, expected, "{listener} {name} {path}");
                }
            }
        }
    }
}

#[test]
fn a_request_without_a_host_has_the_routes_without_one() {
    let mut index = RouteIndex::default();
    index.insert(&route("", "a.internal", ""), "host");
    assert!(index.hosts_matter());
    assert_eq!(index.find("default", None, b"/"), None);
    index.insert(&route("", "", "/x"), "path");
    assert_eq!(index.find("default", None, b"/x"), Some(&"path"));
    assert_eq!(index.find("default", None, b"/y"), None);
}

#[test]
fn of_two_that_tie_the_first_stays() {
    let mut index = RouteIndex::default();
    index.insert(&route("", "", "/x"), 1);
    index.insert(&route("", "", "/x"), 2);
    assert!(!index.hosts_matter());
    assert_eq!(index.find("default", None, b"/x/y"), Some(&1));
}

/// Callers choose paths, and none may cost more than its length.
#[test]
fn a_path_of_many_segments_costs_no_more_among_a_thousand_routes() {
    let mut index = RouteIndex::default();
    for number in 0..1000 {
        index.insert(&route("", &format!("h{number}.internal"), &format!("/p{number}/x")), number);
    }
    let path = "/p500/x".to_owned() + &"/".repeat(60_000);
    let begin = Instant::now();
    for _ in 0..1000 {
        assert_eq!(index.find("default", Some(&host("h500.internal")), path.as_bytes()), Some(&500));
    }
    // It takes a millisecond or two; a look at each prefix of such a path would take minutes.
    assert!(begin.elapsed().as_secs() < 5);
}
