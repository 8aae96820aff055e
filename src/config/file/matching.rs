//! Parsers for what a route takes of a request: its host and the beginning of its path.

use crate::config::problems::Fault;
use crate::model::ascii_name::ascii;
use crate::model::route_match::{HostMatch, HostMatchError, PathPrefix, PathPrefixError};
use crate::model::target::HostPort;

/// Parses `host` or `*.domain`.
///
/// # Errors
/// When the text is anything else, or has a port.
pub(super) fn route_host(text: &str) -> Result<HostMatch, Fault> {
    let text = &*ascii(text);
    text.parse().map_err(|error: HostMatchError| {
        let fault = Fault::new(error.to_string());
        let name = text.strip_prefix("*.").unwrap_or(text);
        if text.contains("://") {
            fault.hint("leave out the scheme")
        } else if text.contains('/') {
            fault.hint("the path has its own key, path-prefix")
        } else if text == "*" {
            fault.hint("leave the key out for every host")
        } else if matches!(name.parse(), Ok(HostPort { port: Some(_), .. })) {
            fault.hint("leave out the port, a route takes every one")
        } else {
            fault
        }
    })
}

/// Parses `/claude` or `/team/claude`.
///
/// # Errors
/// When the text is no path of one segment at least.
pub(super) fn path_prefix(text: &str) -> Result<PathPrefix, Fault> {
    text.parse().map_err(|error: PathPrefixError| {
        let fault = Fault::new(error.to_string());
        match error {
            PathPrefixError::NoSlash if is_plain(text) => fault.hint(format!("/{text}")),
            PathPrefixError::FinalSlash if is_plain(text) => fault.hint(text.trim_end_matches('/')),
            PathPrefixError::NoSlash
            | PathPrefixError::Root
            | PathPrefixError::FinalSlash
            | PathPrefixError::Segment
            | PathPrefixError::Byte => fault,
        }
    })
}

/// Whether a text can stand in an example.
fn is_plain(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_refused_has_the_next_step() {
        for (text, hint) in [
            ("http://a.example", Some("leave out the scheme")),
            ("a.example/v1", Some("the path has its own key, path-prefix")),
            ("*", Some("leave the key out for every host")),
            ("a.example:80", Some("leave out the port, a route takes every one")),
            ("*.a.example:80", Some("leave out the port, a route takes every one")),
            ("a..example", None),
        ] {
            assert_eq!(route_host(text).unwrap_err().cure(), hint, "{text}");
        }
        assert_eq!(route_host("b\u{fc}cher.example").unwrap().to_string(), "xn--bcher-kva.example");
    }

    #[test]
    fn a_prefix_that_is_refused_has_the_next_step() {
        for (text, hint) in
            [("claude", Some("/claude")), ("/a/", Some("/a")), ("", None), ("/", None), ("a b", None)]
        {
            assert_eq!(path_prefix(text).unwrap_err().cure(), hint, "{text}");
        }
    }
}
