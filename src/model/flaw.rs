//! What is odd about a text that came from a dirty environment, so that it is named before anything is signed with it.

use std::fmt;

/// What is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing is in it.
    Empty,
    /// Its last character is a line feed or a carriage return.
    EndsInLineBreak,
    /// A line feed or a carriage return is within it.
    LineBreak,
    /// It stands in quotes.
    Quoted,
    /// A blank is in it.
    Blank,
    /// Another control character is in it.
    Control,
    /// A character is in it that ASCII does not have.
    BeyondAscii,
}

impl Flaw {
    /// The first flaw of a text that must be visible ASCII.
    pub fn of(text: &str) -> Option<Self> {
        let quoted = ['"', '\''].iter().any(|&quote| text.starts_with(quote) || text.ends_with(quote));
        if text.is_empty() {
            Some(Self::Empty)
        } else if text.ends_with(['\n', '\r']) {
            Some(Self::EndsInLineBreak)
        } else if text.contains(['\n', '\r']) {
            Some(Self::LineBreak)
        } else if text.contains(|c: char| c.is_control()) {
            Some(Self::Control)
        } else if text.contains(char::is_whitespace) {
            Some(Self::Blank)
        } else if quoted {
            Some(Self::Quoted)
        } else {
            (!text.is_ascii()).then_some(Self::BeyondAscii)
        }
    }
}

/// As what follows the name of the text.
impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::EndsInLineBreak => "ends in a line break",
            Self::LineBreak => "holds a line break",
            Self::Quoted => "is in quotes",
            Self::Blank => "holds a blank",
            Self::Control => "holds a control character",
            Self::BeyondAscii => "holds a character beyond ASCII",
        })
    }
}

/// Why a text is no region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionFlaw {
    /// It is odd as a text.
    #[error("{0}")]
    Text(Flaw),
    /// It ends in the letter of a zone.
    #[error("is an availability zone, and not its region")]
    Zone,
    /// It has a character that no region has.
    #[error("is no region: those have lower-case letters, digits and hyphens only")]
    Characters,
}

/// Why an endpoint cannot be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointFlaw {
    /// It is odd as a text.
    #[error("{0}")]
    Text(Flaw),
    /// It does not begin as a URL of HTTP does.
    #[error("is no URL: it begins with http:// or https://, a host follows")]
    NoUrl,
    /// It does not begin as a path does.
    #[error("is no path: it begins with /")]
    NoPath,
    /// What stands behind its host is no port.
    #[error("has no port behind its host: those are 1 to 65535")]
    Port,
    /// A user or a password is in it.
    #[error("has a user in it, which AWS's calls have no use for")]
    User,
}

impl RegionFlaw {
    /// Why a text is no region. Partitions and regions are many and grow, so only the form is judged.
    pub fn of(region: &str) -> Option<Self> {
        if let Some(flaw) = Flaw::of(region) {
            return Some(Self::Text(flaw));
        }
        if !region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
            return Some(Self::Characters);
        }
        let without_letter = region.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let zone = region.len() == without_letter.len() + 1
            && without_letter.ends_with(|c: char| c.is_ascii_digit());
        (zone && region.contains('-')).then_some(Self::Zone)
    }
}

impl EndpointFlaw {
    /// Why a text is no URL of an endpoint.
    pub fn of(url: &str) -> Option<Self> {
        if let Some(flaw) = Flaw::of(url) {
            return Some(Self::Text(flaw));
        }
        let Ok(parsed) = url.parse::<http::Uri>() else { return Some(Self::NoUrl) };
        let (Some("http" | "https"), Some(authority)) = (parsed.scheme_str(), parsed.authority()) else {
            return Some(Self::NoUrl);
        };
        if authority.as_str().contains('@') {
            return Some(Self::User);
        }
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        (port.len() > 1 && authority.port_u16().is_none()).then_some(Self::Port)
    }

    /// Why a text is no path of an endpoint whose host is known.
    pub fn of_path(path: &str) -> Option<Self> {
        match Flaw::of(path) {
            Some(flaw) => Some(Self::Text(flaw)),
            None if path.starts_with('/') && path.parse::<http::Uri>().is_ok() => None,
            None => Some(Self::NoPath),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_flaw_is_named() {
        for (text, flaw) in [
            ("AKIAEXAMPLE", None),
            ("a/B+c=", None),
            ("", Some(Flaw::Empty)),
            ("AKIAEXAMPLE\n", Some(Flaw::EndsInLineBreak)),
            ("AKIAEXAMPLE\r", Some(Flaw::EndsInLineBreak)),
            ("AKIA\r\nEXAMPLE", Some(Flaw::LineBreak)),
            ("AKIA\tEXAMPLE", Some(Flaw::Control)),
            ("AKIA\u{1b}[1m", Some(Flaw::Control)),
            (" AKIAEXAMPLE", Some(Flaw::Blank)),
            ("AKIAEXAMPLE\u{a0}", Some(Flaw::Blank)),
            ("\"AKIAEXAMPLE\"", Some(Flaw::Quoted)),
            ("'AKIAEXAMPLE'", Some(Flaw::Quoted)),
            ("\u{feff}AKIA", Some(Flaw::BeyondAscii)),
        ] {
            assert_eq!(Flaw::of(text), flaw, "{text:?}");
        }
    }

    #[test]
    fn a_region_is_checked_as_a_region() {
        for region in
            ["us-east-1", "us-gov-west-1", "ap-southeast-3", "eusc-de-east-1", "cn-north-1", "local"]
        {
            assert_eq!(RegionFlaw::of(region), None, "{region}");
        }
        for (region, flaw) in [
            ("us-east-1a", RegionFlaw::Zone),
            ("US-EAST-1", RegionFlaw::Characters),
            ("us_east_1", RegionFlaw::Characters),
            ("us-east-1.amazonaws.com/#", RegionFlaw::Characters),
            ("us-east-1 ", RegionFlaw::Text(Flaw::Blank)),
            ("us-east-1\r", RegionFlaw::Text(Flaw::EndsInLineBreak)),
            ("\"us-east-1\"", RegionFlaw::Text(Flaw::Quoted)),
            ("'us-east-1'", RegionFlaw::Text(Flaw::Quoted)),
        ] {
            assert_eq!(RegionFlaw::of(region), Some(flaw), "{region:?}");
        }
    }

    #[test]
    fn a_path_of_an_endpoint_is_checked_as_a_path() {
        assert_eq!(EndpointFlaw::of_path("/v2/credentials/8d3c1f3e"), None);
        assert_eq!(EndpointFlaw::of_path("v2/credentials"), Some(EndpointFlaw::NoPath));
        assert_eq!(EndpointFlaw::of_path("/v2\n"), Some(EndpointFlaw::Text(Flaw::EndsInLineBreak)));
    }
}
