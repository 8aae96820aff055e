//! The name of an upstream: what is accepted has one spelling, which is a header value and an authority, and which
//! means the same when it is read again.
#![no_main]

use attache::model::audience_set::AudienceSet;
use attache::model::policy::{HostPattern, Policy};
use attache::model::target::{HostPort, Scheme, Target};
use http::uri::Authority;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    pattern(text);
    let Ok(name) = text.parse::<HostPort>() else { return };
    assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:[]-".contains(&b)), "{text:?}");
    for scheme in [Scheme::Http, Scheme::Https] {
        let target = Target::new(scheme, name.clone());
        let authority = target.authority().to_str().expect("an authority is visible ASCII");
        assert_eq!(authority.parse::<Authority>().expect("an authority is one to others too"), authority);
        let again: HostPort = authority.parse().expect("an authority is a name");
        // A final dot is for the look-up alone.
        let again = HostPort { absolute: name.absolute, ..again };
        assert_eq!(Target::new(scheme, again), target);
        assert_eq!(target.to_string(), format!("{}://{authority}", scheme.as_str()));
        let _ = AudienceSet::of(&target);
        let _ = Policy::default().check_host(&target);
    }
});

/// A rule that names a host without a port allows that host on the scheme's own port.
fn pattern(text: &str) {
    let Ok(rule) = text.parse::<HostPattern>() else { return };
    let Ok(HostPort { host, port: None, absolute }) = text.parse() else { return };
    let policy = Policy { allow_hosts: vec![rule], allow_addresses: everything(), deny_addresses: vec![] };
    let target = Target::new(Scheme::Https, HostPort { host, port: None, absolute });
    assert_eq!(policy.check_host(&target), Ok(()), "{text:?}");
}

fn everything() -> Vec<ipnet::IpNet> {
    ["0.0.0.0/0", "::/0"].map(|net| net.parse().expect("a range")).to_vec()
}
