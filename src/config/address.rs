//! Parses addresses to listen on, and checks whether two of them conflict.

use super::listener::ListenAddr;
use super::problems::Fault;
use crate::model::ascii_name::ascii;
use crate::model::target::{Host, HostPort};
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::net::SocketAddr;
use std::path::PathBuf;

/// Parses `:8080`, `host:8080`, `[::1]:8080` or `unix:/run/attache.sock`. The host of the result has no brackets.
///
/// # Errors
/// When the text is none of these, the port is no number up to 65535, or the path is too long for a socket.
pub fn parse(text: &str) -> Result<ListenAddr, Fault> {
    if let Some(path) = text.strip_prefix("unix:") {
        return socket_path(path);
    }
    let fault = || Fault::new("must be host:port, :port for every interface, or unix:PATH");
    let Some((host, port)) = text.rsplit_once(':') else {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        return Err(if digits { fault().hint(format!("for a port alone write :{text}")) } else { fault() });
    };
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(fault().hint("an IPv6 address stands in brackets, [::1]:8080"));
    }
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let port = match port.parse::<u16>() {
        Ok(port) if digits => port,
        _ => return Err(Fault::new("must have a port from 0 to 65535 after the last colon")),
    };
    match (host, ascii(host).parse()) {
        ("", _) => Ok(ListenAddr::Every(port)),
        (_, Ok(HostPort { host: Host::Name(name), port: None, .. })) => {
            Ok(ListenAddr::One(name.into(), port))
        }
        (_, Ok(HostPort { host: Host::Address(address), port: None, .. })) => {
            Ok(ListenAddr::One(address.to_string(), port))
        }
        _ => Err(fault()),
    }
}

fn socket_path(text: &str) -> Result<ListenAddr, Fault> {
    if text.is_empty() {
        return Err(Fault::new("must have a path after unix:").hint("unix:/run/attache/proxy.sock"));
    }
    // The maximum length of a path differs between systems; it is about a hundred bytes.
    match SocketAddr::from_pathname(text) {
        Ok(_) => Ok(ListenAddr::Unix(PathBuf::from(text))),
        Err(_) => Err(Fault::new("must have a path that is short enough for a socket, about 100 bytes")),
    }
}

/// Whether both addresses need the same port of an interface, or the same path. Port 0 never conflicts, because the system
/// chooses a free port.
pub fn overlap(one: &ListenAddr, other: &ListenAddr) -> bool {
    let (Some((host, port)), Some((other_host, other_port))) = (parts(one), parts(other)) else {
        return one == other;
    };
    let shared = host.is_none() || other_host.is_none() || host == other_host;
    port == other_port && port != 0 && shared
}

/// The host, unless it means every interface, and the port; `None` for a Unix socket.
fn parts(address: &ListenAddr) -> Option<(Option<&str>, u16)> {
    match address {
        ListenAddr::Every(port) => Some((None, *port)),
        ListenAddr::One(host, port) => {
            let every = host.parse().is_ok_and(|address: IpAddr| address.is_unspecified());
            Some(((!every).then_some(host), *port))
        }
        ListenAddr::Unix(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(host: &str, port: u16) -> ListenAddr {
        ListenAddr::One(host.to_owned(), port)
    }

    #[test]
    fn reads_a_port_a_host_and_an_address_in_brackets() {
        assert_eq!(parse(":8080"), Ok(ListenAddr::Every(8080)));
        assert_eq!(parse(":0"), Ok(ListenAddr::Every(0)));
        assert_eq!(parse("127.0.0.1:65535"), Ok(one("127.0.0.1", 65535)));
        assert_eq!(parse("localhost:80"), Ok(one("localhost", 80)));
        assert_eq!(parse("bücher.example:80"), Ok(one("xn--bcher-kva.example", 80)));
        assert_eq!(parse("[::1]:8080"), Ok(one("::1", 8080)));
        assert_eq!(parse("[::]:8080"), Ok(one("::", 8080)));
    }

    #[test]
    fn reads_the_path_of_a_socket_as_it_stands() {
        for path in ["/run/attache.sock", "attache.sock", "/run/a b:1", "8080"] {
            let address = parse(&format!("unix:{path}")).unwrap();
            assert_eq!(address, ListenAddr::Unix(PathBuf::from(path)));
            assert_eq!(address.to_string(), format!("unix:{path}"));
        }
    }

    #[test]
    fn refuses_a_socket_without_a_path_or_with_one_that_no_socket_can_have() {
        assert!(parse("unix:").is_err());
        assert!(parse(&format!("unix:/{}", "a".repeat(102))).is_ok());
        assert!(parse(&format!("unix:/{}", "a".repeat(120))).is_err());
    }

    #[test]
    fn refuses_everything_else() {
        let cases = [
            "",
            ":",
            "8080",
            "localhost",
            "localhost:",
            ":-1",
            ":+80",
            ":65536",
            ":http",
            "::1:8080",
            "::1",
            "[::1]",
            "[::1]:",
            "[::1:80",
            "a b:80",
            "http://localhost:80",
            "user@host:80",
            "a:80:80",
            "unix",
            "UNIX:/run/a.sock",
            "unix/run/a.sock",
            "[127.0.0.1]:80",
            ":80 ",
        ];
        for text in cases {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_same_port_of_the_same_interface_overlaps() {
        assert!(overlap(&ListenAddr::Every(80), &ListenAddr::Every(80)));
        assert!(overlap(&one("127.0.0.1", 80), &one("127.0.0.1", 80)));
        assert!(overlap(&ListenAddr::Every(80), &one("127.0.0.1", 80)));
        assert!(overlap(&one("127.0.0.1", 80), &one("0.0.0.0", 80)));
        assert!(overlap(&one("::", 80), &one("::1", 80)));
    }

    #[test]
    fn the_same_path_overlaps_and_no_other() {
        let unix = |path: &str| ListenAddr::Unix(PathBuf::from(path));
        assert!(overlap(&unix("/run/a"), &unix("/run/a")));
        assert!(overlap(&unix("/run/a"), &unix("/run//./a")));
        assert!(!overlap(&unix("/run/a"), &unix("/run/b")));
        assert!(!overlap(&unix("80"), &ListenAddr::Every(80)));
    }

    #[test]
    fn another_port_another_host_and_port_zero_do_not_overlap() {
        assert!(!overlap(&ListenAddr::Every(80), &ListenAddr::Every(81)));
        assert!(!overlap(&one("127.0.0.1", 80), &one("127.0.0.2", 80)));
        assert!(!overlap(&ListenAddr::Every(0), &ListenAddr::Every(0)));
    }
}
