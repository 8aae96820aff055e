//! Upstreams that are reached without the environment's HTTP proxy: `NO_PROXY`, read as Go's `net/http` reads it.

use super::ascii_name::ascii;
use super::target::{Host, HostPort, Target};
use ipnet::IpNet;
use std::net::IpAddr;

/// What `NO_PROXY` lists. Names are compared, never resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy(Vec<Exception>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    /// `*`
    Everything,
    /// `example.com`, this name and all below it; `.example.com` or `*.example.com`, those below it only.
    Name { name: Box<str>, only_below: bool, port: Option<u16> },
    /// `10.1.2.3`, `[::1]:8080`
    Address { range: IpNet, port: Option<u16> },
}

impl NoProxy {
    /// Reads a list with commas. What makes no sense in it is left out, as other programs read the variable too.
    pub fn read(list: &str) -> Self {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Self(entries.filter_map(Exception::read).collect())
    }

    /// Whether this target is listed. `localhost` and loopback addresses always are.
    pub fn covers(&self, target: &Target) -> bool {
        let here = match target.host() {
            Host::Name(name) => &**name == "localhost",
            Host::Address(address) => address.to_canonical().is_loopback(),
        };
        here || self.0.iter().any(|exception| exception.covers(target))
    }
}

impl Exception {
    fn read(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Ok(range) = entry.parse() {
            return Some(Self::Address { range, port: None });
        }
        if let Ok(address) = entry.parse::<IpAddr>() {
            return Some(Self::Address { range: address.into(), port: None });
        }
        let below = entry.strip_prefix("*.").or_else(|| entry.strip_prefix('.'));
        let (rest, only_below) = below.map_or((entry, false), |rest| (rest, true));
        let HostPort { host, port, .. } = ascii(rest).parse().ok()?;
        Some(match host {
            Host::Name(name) => Self::Name { name, only_below, port },
            Host::Address(address) => Self::Address { range: address.into(), port },
        })
    }

    fn covers(&self, target: &Target) -> bool {
        let on = |port: &Option<u16>| port.is_none_or(|port| port == target.port());
        match (self, target.host()) {
            (Self::Everything, _) => true,
            (Self::Name { name, only_below, port }, Host::Name(host)) => {
                let below = host.strip_suffix(&**name).is_some_and(|front| front.ends_with('.'));
                on(port) && (below || !only_below && host == name)
            }
            (Self::Address { range, port }, Host::Address(address)) => {
                on(port) && range.contains(&address.to_canonical())
            }
            (Self::Name { .. }, Host::Address(_)) | (Self::Address { .. }, Host::Name(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::target::Scheme;

    fn covers(list: &str, target: &str) -> bool {
        NoProxy::read(list).covers(&Target::new(Scheme::Https, target.parse().unwrap()))
    }

    #[test]
    fn a_name_covers_itself_and_what_is_below_it() {
        for target in ["example.com", "API.example.com", "a.b.example.com:8443", "example.com."] {
            assert!(covers("other.example, Example.com ,x", target), "{target}");
        }
        for target in ["badexample.com", "example.com.evil.example", "com", "example.org"] {
            assert!(!covers("example.com", target), "{target}");
        }
    }

    #[test]
    fn a_leading_dot_leaves_the_name_itself_out() {
        for list in [".example.com", "*.example.com"] {
            assert!(covers(list, "api.example.com"), "{list}");
            assert!(!covers(list, "example.com"), "{list}");
            assert!(!covers(list, "badexample.com"), "{list}");
        }
    }

    #[test]
    fn a_port_narrows_an_entry() {
        assert!(covers("example.com:8443", "api.example.com:8443"));
        assert!(!covers("example.com:8443", "api.example.com"));
        assert!(covers("example.com:443", "example.com"));
        assert!(covers("10.0.0.1:80", "10.0.0.1:80") && !covers("10.0.0.1:80", "10.0.0.1"));
        assert!(
            covers("[2001:db8::1]:80", "[2001:db8::1]:80") && !covers("[2001:db8::1]:80", "[2001:db8::1]")
        );
    }

    #[test]
    fn addresses_and_ranges_cover_literal_addresses_only() {
        assert!(covers("10.0.0.0/8", "10.1.2.3") && !covers("10.0.0.0/8", "11.1.2.3"));
        assert!(covers("10.0.0.0/8", "[::ffff:10.1.2.3]"));
        assert!(covers("10.1.2.3", "10.1.2.3:99") && covers("2001:db8::1", "[2001:db8::1]"));
        assert!(covers("2001:db8::/32", "[2001:db8:1::1]"));
        assert!(!covers("10.0.0.0/8", "ten.example.com"));
    }

    #[test]
    fn a_star_covers_everything_and_nothing_covers_only_this_machine() {
        assert!(covers("bücher.example", "api.xn--bcher-kva.example"));
        assert!(covers("*", "example.com") && covers("a, *", "192.0.2.1"));
        for here in ["localhost", "LOCALHOST.:8080", "127.0.0.1", "127.9.9.9", "[::1]", "2130706433"] {
            assert!(covers("", here), "{here}");
        }
        for there in ["example.com", "192.0.2.1", "localhost.example.com", "my.localhost"] {
            assert!(!covers("", there), "{there}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        let list = "10.0.0.0/99,a b,http://a.example,:80,*example.com,[::1,,a.example:http";
        assert_eq!(NoProxy::read(list), NoProxy::default());
    }
}
