//! Texts of other parties as a terminal and a viewer may show them: nothing in them moves the cursor, ends a line early or
//! makes another text appear. What is shaped like a token is left out.

use crate::redact;

/// Whether a character would end a line, or make a terminal or a viewer show something else than is there.
pub fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text on one line, of at most so many bytes.
pub fn line(text: &str, most: usize) -> String {
    escaped(text, most, deceives)
}

/// The same, with its line breaks.
pub fn lines(text: &str, most: usize) -> String {
    escaped(text, most, |c| c != '\n' && deceives(c))
}

fn escaped(text: &str, most: usize, unfit: impl Fn(char) -> bool) -> String {
    let mut legible = String::with_capacity(text.len().min(most));
    for c in redact::without_secrets(text).chars() {
        let before = legible.len();
        if unfit(c) {
            legible.extend(c.escape_default())
        } else {
            legible.push(c)
        }
        if legible.len() > most {
            legible.truncate(before);
            legible.push('\u{2026}');
            break;
        }
    }
    legible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_terminal_or_ends_the_line() {
        assert_eq!(line("a\u{1b}[2J\r\nb\u{202e}", 100), r"a\u{1b}[2J\r\nb\u{202e}");
        assert_eq!(lines("a\u{1b}\nb", 100), "a\\u{1b}\nb");
        assert_eq!(line("plain, \u{fc}ber \u{4e2d}", 100), "plain, \u{fc}ber \u{4e2d}");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_escapes() {
        assert_eq!(line("\u{fc}\u{fc}\u{fc}", 5), "\u{fc}\u{fc}\u{2026}");
        assert_eq!(line("ab\u{1b}c", 6), "ab\u{2026}");
        assert_eq!(line("abc", 3), "abc");
    }
}
