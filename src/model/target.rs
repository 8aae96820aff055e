//! Where one request goes: scheme, host and port, parsed so that nothing malformed gets past here.

use http::HeaderValue;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// How the upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The port that a URL of this scheme leaves out.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A host as a URL names it: a DNS name in lower case without its final dot, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name.
    Name(Box<str>),
    /// An address literal, in whatever spelling it came.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// `host` or `host:port` as an operator or a caller writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port, where one was written.
    pub port: Option<u16>,
    /// Whether a final dot says that the name is whole, so that no search domain is added when it is looked up.
    pub absolute: bool,
}

/// What is wrong with the name of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing between the separators.
    #[error("the host is empty")]
    Empty,
    /// Userinfo, path, query, blanks, controls, non-ASCII, or a label out of shape.
    #[error("the host is malformed")]
    Malformed,
    /// The port is no number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
}

impl std::str::FromStr for HostPort {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']').ok_or(HostError::Malformed)?;
            let address: Ipv6Addr = address.parse().map_err(|_| HostError::Malformed)?;
            let port = match rest {
                "" => None,
                _ => Some(port(rest.strip_prefix(':').ok_or(HostError::Malformed)?)?),
            };
            return Ok(Self { host: Host::Address(IpAddr::V6(address)), port, absolute: false });
        }
        let (name, port) = match text.split_once(':') {
            Some((name, number)) => (name, Some(port(number)?)),
            None => (text, None),
        };
        let host = name_or_ipv4(name)?;
        let absolute = match &host {
            // A name of this machine (RFC 6761, section 6.3), which resolvers know without the dot.
            Host::Name(host) => name.ends_with('.') && host.rsplit('.').next() != Some("localhost"),
            Host::Address(_) => false,
        };
        Ok(Self { host, port, absolute })
    }
}

fn port(text: &str) -> Result<u16, HostError> {
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(HostError::Port),
    }
}

fn name_or_ipv4(text: &str) -> Result<Host, HostError> {
    if text.is_empty() {
        return Err(HostError::Empty);
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let labels_fit = name.split('.').all(label_is_sound);
    if name.len() > 253 || !labels_fit {
        return Err(HostError::Malformed);
    }
    // A last label that is a number makes the whole an IPv4 address (URL Standard, "ends in a number"): resolvers
    // read `127.1`, `2130706433` and `0x7f.1` as addresses, so they must be judged as addresses.
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.bytes().all(|b| b.is_ascii_digit()) || is_hex_number(last) {
        return ipv4(name).map(|address| Host::Address(address.into())).ok_or(HostError::Malformed);
    }
    Ok(Host::Name(name.to_ascii_lowercase().into()))
}

fn label_is_sound(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_hex_number(text: &str) -> bool {
    text.strip_prefix("0x")
        .or(text.strip_prefix("0X"))
        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// An IPv4 address in any of the spellings that `inet_aton` takes: one to four parts, decimal, octal or hexadecimal.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, front) = parts.split_last()?;
    if front.len() > 3 || front.iter().any(|&part| part > 255) || *last >= 256u64.pow(4 - front.len() as u32)
    {
        return None;
    }
    let front = front.iter().enumerate().fold(0, |sum, (place, part)| sum | part << (24 - 8 * place));
    u32::try_from(front | last).ok().map(Ipv4Addr::from)
}

fn number(text: &str) -> Option<u64> {
    match text.as_bytes() {
        [b'0', b'x' | b'X'] => Some(0),
        [b'0', b'x' | b'X', ..] => u64::from_str_radix(&text[2..], 16).ok(),
        [b'0', _, ..] => u64::from_str_radix(&text[1..], 8).ok(),
        _ => text.parse().ok(),
    }
}

/// Scheme, host and port that a request goes to. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target(Arc<Parts>);

struct Parts {
    scheme: Scheme,
    host: Host,
    port: u16,
    absolute: bool,
    authority: HeaderValue,
    /// The hash of all that tells targets apart. It is computed once, because each request looks its target up several times.
    hash: u64,
}

impl PartialEq for Parts {
    fn eq(&self, other: &Self) -> bool {
        let of = |parts: &Self| (parts.scheme, parts.port, parts.absolute);
        of(self) == of(other) && self.host == other.host
    }
}

impl Eq for Parts {}

impl Hash for Parts {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Target {
    /// The target with this scheme, on its default port unless `name` says otherwise.
    pub fn new(scheme: Scheme, name: HostPort) -> Self {
        let port = name.port.unwrap_or(scheme.default_port());
        let authority = if port == scheme.default_port() {
            name.host.to_string()
        } else {
            format!("{}:{port}", name.host)
        };
        let authority = HeaderValue::try_from(authority).expect("a parsed host is visible ASCII");
        let HostPort { host, absolute, .. } = name;
        let mut hasher = DefaultHasher::new();
        (scheme, port, absolute, &host).hash(&mut hasher);
        let hash = hasher.finish();
        Self(Arc::new(Parts { scheme, host, port, absolute, authority, hash }))
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// Whether its name is looked up without search domains.
    pub fn is_absolute(&self) -> bool {
        self.0.absolute
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The port, unless it is the scheme's default.
    pub fn explicit_port(&self) -> Option<u16> {
        (self.0.port != self.0.scheme.default_port()).then_some(self.0.port)
    }

    /// What the upstream gets as `Host` or `:authority`: the host, and the port unless it is the scheme's default.
    pub fn authority(&self) -> &HeaderValue {
        &self.0.authority
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `https://api.example.com:8443`, without the scheme's default port.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0.authority.to_str().expect("a parsed host is visible ASCII");
        write!(f, "{}://{authority}", self.0.scheme.as_str())
    }
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
