//! What an operator writes about places, audiences and tags: whatever is accepted keeps the promise of its type, and an
//! address that is shown reads as the same one.
#![no_main]

use attache::config::{address, network, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    listening(text);
    places(text);
    audiences(text);
    if let Ok((key, value)) = parse::tag(text) {
        assert_eq!(format!("{key}={value}"), text);
        assert!((1..=128).contains(&key.chars().count()) && value.chars().count() <= 256);
    }
});

fn listening(text: &str) {
    let Ok(read) = address::parse(text) else { return };
    let shown = read.to_string();
    assert_eq!(address::parse(&shown).as_ref(), Ok(&read), "{text:?}");
    // One address overlaps with itself, unless the system is to choose its port.
    assert_eq!(
        address::overlap(&read, &read),
        text.starts_with("unix:") || !shown.ends_with(":0"),
        "{text:?}"
    );
}

fn places(text: &str) {
    if let Ok(host) = network::upstream_host(text) {
        // A name of other letters than ASCII's is known by its form in DNS.
        assert!(
            host.host.to_string().bytes().all(|b| b.is_ascii_alphanumeric() || b"._:[]-".contains(&b)),
            "{text:?}"
        );
    }
    if let Ok(url) = network::endpoint_url(text) {
        let authority = url.split('/').nth(2).unwrap_or_default();
        assert!(url == text && url.to_ascii_lowercase().starts_with("http"), "{text:?}");
        // Behind the authority an @ is no user's.
        assert!(!authority.contains('@') && !url.contains(['?', '#']), "{text:?}");
    }
    if let Ok(path) = network::metrics_path(text) {
        assert!(path == text && path.starts_with('/') && path.is_ascii(), "{text:?}");
    }
    let _ = network::host_header(text);
    let _ = network::host_pattern(text);
    let _ = network::address_range(text);
}

fn audiences(text: &str) {
    let names = text.split(',').map(str::to_owned);
    let Ok(set) = parse::audience_set(names.collect()) else { return };
    let listed: Vec<&str> = set.iter().collect();
    assert!((1..=10).contains(&listed.len()) && listed.is_sorted_by(|a, b| a < b), "{text:?}");
    assert!(listed.iter().all(|name| text.split(',').any(|given| given == *name)));
    assert!(
        listed
            .iter()
            .all(|name| (1..=1000).contains(&name.chars().count()) && !name.contains(char::is_whitespace))
    );
}
