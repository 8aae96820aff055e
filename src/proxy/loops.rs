//! Requests that would come back to this very proxy (RFC 9110, section 7.6). The own listeners are never dialled, and a
//! request that others led back is known by its mark in `CDN-Loop` (RFC 8586).

use super::destination::Destination;
use super::error::{ProxyError, UpstreamError};
use crate::http1::fields::members;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, PoisonError, RwLock};

const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// The addresses that this process listens on. Cloning is cheap and gives the same.
#[derive(Clone, Debug, Default)]
pub struct OwnListeners(Arc<RwLock<Vec<SocketAddr>>>);

impl OwnListeners {
    /// These, and no others.
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let own = Self::default();
        own.replace(addresses);
        own
    }

    /// From now on these, and no others.
    pub fn replace(&self, addresses: impl IntoIterator<Item = SocketAddr>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = addresses.into_iter().collect();
    }

    /// Whether a connection to this address would be one to this process.
    pub fn hear(&self, address: SocketAddr) -> bool {
        let dialled = address.ip().to_canonical();
        // Every change is a single assignment, so a panic elsewhere cannot have left it half done.
        let own = self.0.read().unwrap_or_else(PoisonError::into_inner);
        own.iter().any(|own| own.port() == address.port() && hears(own.ip(), dialled))
    }
}

fn hears(own: IpAddr, dialled: IpAddr) -> bool {
    match own {
        // One IPv6 socket hears both families.
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => is_of_this_machine(dialled),
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => dialled.is_ipv4() && is_of_this_machine(dialled),
        // The system connects to a loopback address where none is said.
        IpAddr::V4(_) | IpAddr::V6(_) if dialled.is_unspecified() => own.is_loopback(),
        IpAddr::V4(_) | IpAddr::V6(_) => own.to_canonical() == dialled,
    }
}

/// Whether an interface of this machine has the address: then the way to it starts there, too. Nothing is sent.
fn is_of_this_machine(address: IpAddr) -> bool {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let starts_there = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((address, 9))?;
        socket.local_addr()
    };
    address.is_loopback()
        || address.is_unspecified()
        || starts_there().is_ok_and(|start| start.ip() == address)
}

/// Knows this proxy's requests again.
#[derive(Debug, Default)]
pub struct LoopGuard(RandomState);

impl LoopGuard {
    /// Refuses a request that has been sent to this target by this proxy before. A proxy behind may send it here for
    /// another target, and other instances have other marks.
    ///
    /// # Errors
    /// When the request carries the mark.
    pub fn check(&self, headers: &HeaderMap, destination: &Destination) -> Result<(), ProxyError> {
        let mark = self.mark(destination).as_bytes();
        if members(headers, &CDN_LOOP).any(|entry| entry == mark) {
            return Err(ProxyError::Upstream(destination.target().clone(), UpstreamError::Loop));
        }
        Ok(())
    }

    /// Marks a request that is about to be sent there.
    pub fn leave(&self, headers: &mut HeaderMap, destination: &Destination) {
        headers.append(CDN_LOOP, self.mark(destination).clone());
    }

    /// Says nothing to others, as the key of the hash is chosen anew with each start.
    fn mark<'d>(&self, destination: &'d Destination) -> &'d HeaderValue {
        destination.loop_mark(|| {
            let mark = format!("attache-{:016x}", self.0.hash_one(destination.target()));
            HeaderValue::try_from(mark).expect("letters, digits and a dash are a header value")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::target::{Scheme, Target};

    fn hear(own: &str, dialled: &str) -> bool {
        OwnListeners::new([own.parse().unwrap()]).hear(dialled.parse().unwrap())
    }

    #[test]
    fn a_listener_hears_its_own_address_in_each_spelling() {
        assert!(hear("10.0.0.1:8080", "10.0.0.1:8080") && hear("10.0.0.1:8080", "[::ffff:10.0.0.1]:8080"));
        assert!(hear("127.0.0.1:8080", "0.0.0.0:8080") && hear("[::1]:8080", "[::]:8080"));
        assert!(!hear("10.0.0.1:8080", "10.0.0.1:8081") && !hear("10.0.0.1:8080", "10.0.0.2:8080"));
        assert!(!hear("10.0.0.1:8080", "0.0.0.0:8080") && !hear("127.0.0.1:8080", "127.0.0.2:8080"));
    }

    #[test]
    fn a_listener_of_every_interface_hears_each_address_of_the_machine() {
        for here in
            ["127.0.0.1:8080", "127.9.9.9:8080", "[::1]:8080", "0.0.0.0:8080", "[::ffff:127.0.0.1]:8080"]
        {
            assert!(hear("[::]:8080", here), "{here}");
        }
        assert!(hear("0.0.0.0:8080", "127.0.0.1:8080") && !hear("0.0.0.0:8080", "[::1]:8080"));
        for there in ["192.0.2.1:8080", "[2001:db8::1]:8080", "127.0.0.1:8081"] {
            assert!(!hear("[::]:8080", there), "{there}");
        }
    }

    #[test]
    fn a_request_is_known_again_by_the_instance_that_sent_it_to_the_same_target() {
        let target = |name: &str| Destination::new(Target::new(Scheme::Https, name.parse().unwrap()));
        let (guard, other) = (LoopGuard::default(), LoopGuard::default());
        let (here, there) = (target("api.example.com"), target("api.example.org"));
        let mut headers = HeaderMap::new();
        headers.append(CDN_LOOP, HeaderValue::from_static("cdn.example; x=1"));
        assert!(guard.check(&headers, &here).is_ok());
        guard.leave(&mut headers, &here);
        other.leave(&mut headers, &target("api.example.com"));
        // Proxies may join the lines of a field.
        let lines: Vec<&[u8]> = headers.get_all(CDN_LOOP).iter().map(HeaderValue::as_bytes).collect();
        let joined = HeaderValue::from_bytes(&lines.join(&b", "[..])).unwrap();
        let joined = HeaderMap::from_iter([(CDN_LOOP, joined)]);
        for headers in [headers, joined] {
            assert!(guard.check(&headers, &target("API.example.com:443")).is_err());
            assert!(guard.check(&headers, &there).is_ok());
            assert!(LoopGuard::default().check(&headers, &target("api.example.com")).is_ok());
        }
    }
}
