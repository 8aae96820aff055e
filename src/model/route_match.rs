//! Which requests a route is for, and which of two routes is more specific.
//!
//! Paths are compared as they came, byte for byte: nothing is decoded and nothing is removed first. `/a%2Fb` does not begin with
//! `/a/`, and `/%61` not with `/a`. `/a/../b` begins with `/a`, so it gets the upstream and the credential of that route, whatever
//! its upstream makes of the two dots. A prefix chooses a route, and is no rule on what an upstream may be asked for.

use super::target::{Host, HostPort};
use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

/// Which requests a route is for. Without any condition it is for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteMatch {
    /// The name of the listener on which the request comes.
    pub listener: Option<String>,
    /// The host that the request names, whatever its port: the authority of an absolute-form target or of HTTP/2, or else `Host`.
    pub host: Option<HostMatch>,
    /// What the path begins with.
    pub path_prefix: Option<PathPrefix>,
    /// Whether the upstream gets the path without that prefix.
    pub strip_prefix: bool,
}

impl RouteMatch {
    /// Whether a request is one of these.
    pub fn covers(&self, listener: &str, host: Option<&Host>, path: &[u8]) -> bool {
        self.listener.as_deref().is_none_or(|name| name == listener)
            && self.host.as_ref().is_none_or(|rule| host.is_some_and(|host| rule.covers(host)))
            && self.path_prefix.as_ref().is_none_or(|prefix| prefix.covers(path))
    }

    /// Sorts the more specific of two first: one for a listener, then one for an exact host, then for the hosts below a longer
    /// name, then for a longer prefix. Rules that cover one request alike have the same order only if they are equal.
    pub fn order(&self) -> impl Ord + use<> {
        let host = self.host.as_ref().map_or(0, HostMatch::specificity);
        let path = self.path_prefix.as_ref().map_or(0, |prefix| prefix.0.len());
        Reverse((self.listener.is_some(), host, path))
    }

    /// Whether no request could tell two routes apart.
    pub fn ties_with(&self, other: &Self) -> bool {
        (&self.listener, &self.host, &self.path_prefix) == (&other.listener, &other.host, &other.path_prefix)
    }
}

/// The hosts that a route is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostMatch {
    /// This host.
    Exactly(Host),
    /// `.example.com`: the names that end so, at any depth, and not `example.com` itself.
    Below(Box<str>),
}

/// What is wrong with the host of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a host without a port, or *.domain for the names below one")]
pub struct HostMatchError;

impl HostMatch {
    fn covers(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Exactly(wanted), host) => wanted == host,
            (Self::Below(suffix), Host::Name(name)) => name.ends_with(&**suffix),
            (Self::Below(_), Host::Address(_)) => false,
        }
    }

    fn specificity(&self) -> usize {
        match self {
            Self::Exactly(_) => usize::MAX,
            Self::Below(suffix) => suffix.len(),
        }
    }
}

impl FromStr for HostMatch {
    type Err = HostMatchError;

    fn from_str(text: &str) -> Result<Self, HostMatchError> {
        let (text, below) = match text.strip_prefix("*.") {
            Some(text) => (text, true),
            None => (text, false),
        };
        match text.parse() {
            Ok(HostPort { host: Host::Name(name), port: None, .. }) if below => {
                Ok(Self::Below(format!(".{name}").into()))
            }
            Ok(HostPort { host, port: None, .. }) if !below => Ok(Self::Exactly(host)),
            Ok(_) | Err(_) => Err(HostMatchError),
        }
    }
}

/// As it is written.
impl fmt::Display for HostMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(host) => host.fmt(f),
            Self::Below(suffix) => write!(f, "*{suffix}"),
        }
    }
}

/// The beginning of paths, in whole segments: `/a` covers `/a` and `/a/b`, and not `/ab`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPrefix(Box<str>);

/// What is wrong with the prefix of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathPrefixError {
    /// It does not begin with a slash.
    #[error("must begin with /")]
    NoSlash,
    /// It is `/`, which every path begins with.
    #[error("is what every path begins with: leave it out")]
    Root,
    /// It ends in a slash.
    #[error("must not end in /, as whole segments are compared anyway")]
    FinalSlash,
    /// It holds an empty segment, `.` or `..`, which clients and upstreams remove in different ways.
    #[error("must not hold an empty segment, . or ..")]
    Segment,
    /// It holds a byte that is in no path, or has a query.
    #[error("must be a path as it is sent: visible ASCII, without a query")]
    Byte,
}

impl PathPrefix {
    /// Whether a path begins with these segments.
    pub fn covers(&self, path: &[u8]) -> bool {
        self.rest(path).is_some()
    }

    /// What stands behind the prefix in a path, or in a path with its query: nothing, or what begins with `/` or `?`.
    pub fn rest<'p>(&self, path: &'p [u8]) -> Option<&'p [u8]> {
        let rest = path.strip_prefix(self.0.as_bytes())?;
        matches!(rest.first(), None | Some(b'/' | b'?')).then_some(rest)
    }

    /// The prefix as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PathPrefix {
    type Err = PathPrefixError;

    fn from_str(text: &str) -> Result<Self, PathPrefixError> {
        let segments = text.strip_prefix('/').ok_or(PathPrefixError::NoSlash)?;
        if segments.is_empty() {
            return Err(PathPrefixError::Root);
        }
        if text.bytes().any(|byte| !byte.is_ascii_graphic() || b"?#\"<>\\^`{|}".contains(&byte)) {
            return Err(PathPrefixError::Byte);
        }
        if segments.ends_with('/') {
            return Err(PathPrefixError::FinalSlash);
        }
        if segments.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(PathPrefixError::Segment);
        }
        Ok(Self(text.into()))
    }
}

/// As it is written.
impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        text.parse::<HostPort>().unwrap().host
    }

    #[test]
    fn a_prefix_covers_whole_segments_as_they_came() {
        let prefix: PathPrefix = "/a/b".parse().unwrap();
        for (path, rest) in [
            ("/a/b", Some("")),
            ("/a/b/", Some("/")),
            ("/a/b//c", Some("//c")),
            ("/a/b/../c", Some("/../c")),
            ("/a/b?x=/", Some("?x=/")),
            ("/a/bc", None),
            ("/a/b%2Fc", None),
            ("/a%2Fb", None),
            ("/a/%62", None),
            ("/A/b", None),
            ("//a/b", None),
            ("/a//b", None),
            ("/x/../a/b", None),
            ("/a", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(prefix.rest(path.as_bytes()), rest.map(str::as_bytes), "{path}");
        }
    }

    #[test]
    fn a_prefix_is_one_that_every_reader_takes_for_the_same() {
        for (text, problem) in [
            ("", PathPrefixError::NoSlash),
            ("a", PathPrefixError::NoSlash),
            ("*", PathPrefixError::NoSlash),
            ("/", PathPrefixError::Root),
            ("/a/", PathPrefixError::FinalSlash),
            ("//a", PathPrefixError::Segment),
            ("/a//b", PathPrefixError::Segment),
            ("/a/../b", PathPrefixError::Segment),
            ("/.", PathPrefixError::Segment),
            ("/a?b", PathPrefixError::Byte),
            ("/a#b", PathPrefixError::Byte),
            ("/a b", PathPrefixError::Byte),
            ("/\u{e4}", PathPrefixError::Byte),
        ] {
            assert_eq!(text.parse::<PathPrefix>(), Err(problem), "{text}");
        }
        for text in ["/a", "/a/b-c_d~e", "/v1:beta", "/a.b", "/...", "/a%20b"] {
            assert_eq!(text.parse::<PathPrefix>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_host_is_exact_or_below_a_name() {
        let exact: HostMatch = "API.internal.".parse().unwrap();
        assert!(exact.covers(&host("api.internal")) && !exact.covers(&host("x.api.internal")));
        let below: HostMatch = "*.internal".parse().unwrap();
        assert!(below.covers(&host("a.internal")) && below.covers(&host("a.b.internal")));
        assert!(!below.covers(&host("internal")) && !below.covers(&host("ainternal")));
        let address: HostMatch = "[2001:DB8:0::1]".parse().unwrap();
        assert!(address.covers(&host("[2001:db8::1]")));
        for wrong in ["", "*", "*.", "a:80", "*.a:80", "*.127.0.0.1", "a/b", "*a", "a.*"] {
            assert_eq!(wrong.parse::<HostMatch>(), Err(HostMatchError), "{wrong}");
        }
    }
}
