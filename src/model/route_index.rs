//! Finds the most specific of many routes without a look at each: hosts by their hash, paths segment by segment.

use super::route_match::{HostMatch, RouteMatch};
use super::target::Host;
use std::collections::HashMap;

/// What stands for each route, in the order of [`RouteMatch::order`]: listener, then host, then the length of the prefix.
pub struct RouteIndex<T> {
    of_listener: HashMap<Box<str>, Hosts<T>>,
    of_any: Hosts<T>,
    hosts_matter: bool,
}

struct Hosts<T> {
    exact: HashMap<Host, Paths<T>>,
    /// By what the names end in, which begins with a dot.
    below: HashMap<Box<str>, Paths<T>>,
    any: Paths<T>,
}

/// A segment of paths: what stands for those that end or go on here, and the segments that may follow.
struct Paths<T> {
    value: Option<T>,
    below: HashMap<Box<[u8]>, Self>,
}

impl<T> Default for RouteIndex<T> {
    fn default() -> Self {
        Self { of_listener: HashMap::new(), of_any: Hosts::default(), hosts_matter: false }
    }
}

impl<T> Default for Hosts<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), below: HashMap::new(), any: Paths::default() }
    }
}

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self { value: None, below: HashMap::new() }
    }
}

impl<T> RouteIndex<T> {
    /// Has this stand for requests of a kind. Of two that tie, the first stays.
    pub fn insert(&mut self, matches: &RouteMatch, value: T) {
        let hosts = match &matches.listener {
            Some(listener) => self.of_listener.entry(listener.as_str().into()).or_default(),
            None => &mut self.of_any,
        };
        let paths = match &matches.host {
            Some(HostMatch::Exactly(host)) => hosts.exact.entry(host.clone()).or_default(),
            Some(HostMatch::Below(suffix)) => hosts.below.entry(suffix.clone()).or_default(),
            None => &mut hosts.any,
        };
        self.hosts_matter |= matches.host.is_some();
        let prefix = matches.path_prefix.as_ref().map_or("", |prefix| prefix.as_str());
        let mut node = paths;
        for segment in segments(prefix.as_bytes()) {
            node = node.below.entry(segment.into()).or_default();
        }
        node.value.get_or_insert(value);
    }

    /// Whether a host decides between any of them. Where none does, it need not be read.
    pub fn hosts_matter(&self) -> bool {
        self.hosts_matter
    }

    /// What stands for the most specific route of a request with this path, which may have its query behind it.
    pub fn find(&self, listener: &str, host: Option<&Host>, path: &[u8]) -> Option<&T> {
        let of_listener = self.of_listener.get(listener).and_then(|hosts| hosts.find(host, path));
        of_listener.or_else(|| self.of_any.find(host, path))
    }
}

impl<T> Hosts<T> {
    fn find(&self, host: Option<&Host>, path: &[u8]) -> Option<&T> {
        let exact = host.and_then(|host| self.exact.get(host)).and_then(|paths| paths.find(path));
        exact.or_else(|| self.find_below(host, path)).or_else(|| self.any.find(path))
    }

    fn find_below(&self, host: Option<&Host>, path: &[u8]) -> Option<&T> {
        let Some(Host::Name(name)) = host.filter(|_| !self.below.is_empty()) else { return None };
        let mut endings = name.match_indices('.').filter_map(|(dot, _)| name.get(dot..));
        endings.find_map(|ending| self.below.get(ending)?.find(path))
    }
}

impl<T> Paths<T> {
    fn find(&self, path: &[u8]) -> Option<&T> {
        let mut node = self;
        let mut found = self.value.as_ref();
        for segment in segments(path) {
            match node.below.get(segment) {
                Some(next) => node = next,
                None => break,
            }
            found = node.value.as_ref().or(found);
        }
        found
    }
}

/// The segments of a path up to its query; none of what is no path.
fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let path = path.strip_prefix(b"/").map(|path| path.split(|byte| *byte == b'?').next().unwrap_or(path));
    path.into_iter().flat_map(|path| path.split(|byte| *byte == b'/'))
}

#[cfg(test)]
#[path = "route_index_tests.rs"]
mod tests;
