//! Which upstreams a caller may name, and which addresses may be dialled for them.
//!
//! A pinned upstream was chosen by the operator, so no rule here applies to it.

use super::target::{Host, HostPort, Target};
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The rules of header mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// `--allow-host`; empty allows every name.
    pub allow_hosts: Vec<HostPattern>,
    /// `--allow-address`: opened although refused by default.
    pub allow_addresses: Vec<IpNet>,
    /// `--deny-address`: refused besides the defaults, and before what is opened.
    pub deny_addresses: Vec<IpNet>,
}

/// Why a target is refused. The name is the metric's `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No `--allow-host` matches.
    Host,
    /// An address is refused by default or by `--deny-address`.
    Address,
}

impl Denied {
    /// The value of the metric's `reason` label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Address => "address",
        }
    }
}

impl Policy {
    /// Judges the name, and the address where the name is one.
    ///
    /// # Errors
    /// When no allow rule covers it, or its address is refused.
    pub fn check_host(&self, target: &Target) -> Result<(), Denied> {
        let listed = self.allow_hosts.is_empty() || self.allow_hosts.iter().any(|rule| rule.covers(target));
        match target.host() {
            _ if !listed => Err(Denied::Host),
            Host::Address(address) => self.check_address(*address),
            Host::Name(_) => Ok(()),
        }
    }

    /// Whether every name is allowed.
    pub fn allows_any_host(&self) -> bool {
        self.allow_hosts.is_empty() || self.allow_hosts.iter().any(HostPattern::is_any)
    }

    /// Judges one address that is about to be dialled, and the IPv4 address that it reaches where it is an IPv6 form of one.
    ///
    /// # Errors
    /// When either is in a `--deny-address`, or refused by default and in no `--allow-address`.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Denied> {
        let mut carried = carried_ipv4(address).into_iter().map(IpAddr::from);
        if self.refuses(address) || carried.any(|address| self.refuses(address)) {
            return Err(Denied::Address);
        }
        Ok(())
    }

    fn refuses(&self, address: IpAddr) -> bool {
        let within = |ranges: &[IpNet]| ranges.iter().any(|range| range.contains(&address));
        within(&self.deny_addresses) || refused_by_default(address) && !within(&self.allow_addresses)
    }
}

/// The IPv4 addresses that an IPv6 one can stand for: IPv4-mapped and IPv4-compatible (RFC 4291), IPv4-translated (RFC 2765),
/// NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380) and ISATAP (RFC 5214).
fn carried_ipv4(address: IpAddr) -> Vec<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return Vec::new() };
    let s = address.segments();
    let at = |high: usize| u32::from(s[high]) << 16 | u32::from(s[high + 1]);
    let carried = match s {
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => at(6),
        // `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => at(6),
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => at(6),
        [0x64, 0xff9b, 1, ..] => return carried_by_local_nat64(address),
        [0x2002, ..] => at(1),
        // Teredo inverts the client's address, so that no translator on the way rewrites it.
        [0x2001, 0, ..] => !at(6),
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => at(6),
        _ => return Vec::new(),
    };
    vec![carried.into()]
}

/// The IPv4 addresses that an address of the local-use NAT64 prefix 64:ff9b:1::/48 can stand for. The network chooses whether
/// its prefix has 48, 56, 64 or 96 bits (RFC 8215); the IPv4 address follows, and bits 64 to 71 are not part of it (RFC 6052,
/// section 2.2).
///
/// Read with the wrong length, most addresses begin with the zeros around the right one. So what is in 0.0.0.0/8 does not count,
/// except for the last 32 bits where nothing else is left.
fn carried_by_local_nat64(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let octets = address.octets();
    let read = |at: [usize; 4]| Ipv4Addr::from(at.map(|at| octets[at]));
    let last = read([12, 13, 14, 15]);
    let lengths = [read([6, 7, 9, 10]), read([7, 9, 10, 11]), read([9, 10, 11, 12]), last];
    let carried: Vec<_> = lengths.into_iter().filter(|carried| carried.octets()[0] != 0).collect();
    if carried.is_empty() { vec![last] } else { carried }
}

fn refused_by_default(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            // All of 0.0.0.0/8 means "this host" (RFC 1122); 100.100.100.200 and the like are left to --deny-address.
            v4.is_loopback()
                || v4.is_link_local()
                || v4.octets()[0] == 0
                || v4.is_multicast()
                || v4.is_broadcast()
        }
        IpAddr::V6(v6) => {
            let s = v6.segments();
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || s[0] & 0xffc0 == 0xfe80
                || (s[0] == 0xfd00 && s[1] == 0x0ec2)
        }
    }
}

/// One `--allow-host` rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    name: NamePattern,
    port: PortPattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum NamePattern {
    Any,
    Exactly(Host),
    /// `.example.com`: any name that ends so.
    Below(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PortPattern {
    SchemeDefault,
    Exactly(u16),
    Any,
}

/// What is wrong with an `--allow-host` rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be host, host:port, host:*, *.domain, or * for any")]
pub struct PatternError;

impl FromStr for HostPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text == "*" {
            return Ok(Self { name: NamePattern::Any, port: PortPattern::Any });
        }
        let (text, any_port) = match text.strip_suffix(":*") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (text, below) = match text.strip_prefix("*.") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let HostPort { host, port, .. } = text.parse().map_err(|_| PatternError)?;
        let name = match host {
            Host::Name(name) if below => NamePattern::Below(format!(".{name}")),
            Host::Address(_) if below => return Err(PatternError),
            host @ (Host::Name(_) | Host::Address(_)) => NamePattern::Exactly(host),
        };
        let port = match (port, any_port) {
            (None, true) => PortPattern::Any,
            (None, false) => PortPattern::SchemeDefault,
            (Some(port), false) => PortPattern::Exactly(port),
            (Some(_), true) => return Err(PatternError),
        };
        Ok(Self { name, port })
    }
}

/// As `--allow-host` takes it.
impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            NamePattern::Any => return f.write_str("*"),
            NamePattern::Exactly(host) => write!(f, "{host}")?,
            NamePattern::Below(suffix) => write!(f, "*{suffix}")?,
        }
        match self.port {
            PortPattern::SchemeDefault => Ok(()),
            PortPattern::Exactly(port) => write!(f, ":{port}"),
            PortPattern::Any => f.write_str(":*"),
        }
    }
}

impl HostPattern {
    fn is_any(&self) -> bool {
        matches!(self.name, NamePattern::Any)
    }

    fn covers(&self, target: &Target) -> bool {
        let name = match (&self.name, target.host()) {
            (NamePattern::Any, Host::Name(_) | Host::Address(_)) => true,
            (NamePattern::Exactly(host), other) => host == other,
            (NamePattern::Below(suffix), Host::Name(name)) => name.ends_with(suffix.as_str()),
            (NamePattern::Below(_), Host::Address(_)) => false,
        };
        let port = match self.port {
            PortPattern::SchemeDefault => target.explicit_port().is_none(),
            PortPattern::Exactly(port) => port == target.port(),
            PortPattern::Any => true,
        };
        name && port
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
