//! Hints for values with characters around them that do not belong to them: quotes that no shell removed, blanks, line breaks.

use crate::redact;

const QUOTES: [char; 6] = ['"', '\'', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}'];
const UNSEEN: [char; 4] = ['\u{feff}', '\u{200b}', '\u{200d}', '\u{a0}'];

/// A hint for a rejected value, where such characters may be the reason.
pub(super) fn remark(value: &str) -> Option<&'static str> {
    if redact::is_file_content(value) {
        return None;
    }
    if value.ends_with(['\r', '\n']) {
        let windows = value.trim_end_matches('\n').ends_with('\r');
        return Some(match windows {
            true => "the value ends in a carriage return, as lines of files from Windows do",
            false => "the value ends in a line break",
        });
    }
    if value.starts_with(QUOTES) || value.ends_with(QUOTES) {
        return Some("the value has quotes around it, which docker --env-file does not take away");
    }
    if value.contains(UNSEEN) {
        return Some("the value has a character in it that is not seen");
    }
    (value != value.trim()).then_some("the value begins or ends with a blank")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrounds_a_value_is_named() {
        for (value, expected) in [
            ("\"a.example\"", Some("quotes")),
            ("'a.example'", Some("quotes")),
            ("\"a.example", Some("quotes")),
            ("\u{201c}a.example\u{201d}", Some("quotes")),
            ("info\r", Some("carriage return")),
            ("info\r\n", Some("carriage return")),
            ("\r", Some("carriage return")),
            ("info\n", Some("line break")),
            (" info", Some("blank")),
            ("info\t", Some("blank")),
            ("\u{feff}info", Some("not seen")),
            ("loud", None),
            ("first\nsecond\n", None),
            ("a b", None),
            ("", None),
        ] {
            let remark = remark(value);
            assert_eq!(remark.is_some(), expected.is_some(), "{value:?}");
            assert!(remark.is_none_or(|remark| remark.contains(expected.unwrap())), "{value:?}: {remark:?}");
        }
    }
}
