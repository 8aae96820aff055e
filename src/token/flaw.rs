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
}
