//! Escapes the quoted values of log lines.

use crate::legible::deceives;
use std::fmt::{self, Write};

/// Escapes a quoted value so that both JSON and logfmt readers restore it, and truncates a value that is too long.
pub(super) struct Escaped<'a> {
    text: &'a mut String,
    /// The maximum length of the line after this value.
    end: usize,
    is_cut: bool,
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
            self.push(text);
            return Ok(());
        }
        let mut rest = text;
        while let Some(at) = rest.find(|c| matches!(c, '"' | '\\') || deceives(c)) {
            let (clean, tail) = rest.split_at(at);
            self.push(clean);
            let mut tail = tail.chars();
            match tail.next() {
                Some('\n') => self.push_whole("\\n"),
                Some('\r') => self.push_whole("\\r"),
                Some('\t') => self.push_whole("\\t"),
                Some('"') => self.push_whole("\\\""),
                Some('\\') => self.push_whole("\\\\"),
                Some(c) => self.push_whole(&format!("\\u{:04x}", u32::from(c))),
                None => {}
            }
            rest = tail.as_str();
        }
        self.push(rest);
        Ok(())
    }
}

impl<'a> Escaped<'a> {
    /// Appends to `text`, up to a total length of `end`.
    pub(super) fn new(text: &'a mut String, end: usize) -> Self {
        Self { text, end, is_cut: false }
    }

    /// Appends the part of `clean` that fits.
    fn push(&mut self, clean: &str) {
        let room = self.end.saturating_sub(self.text.len());
        if self.is_cut || clean.len() <= room {
            self.push_whole(clean);
            return;
        }
        self.text.push_str(&clean[..clean.floor_char_boundary(room)]);
        self.cut();
    }

    /// Appends all of `escape` or nothing: half an escape would break the line.
    fn push_whole(&mut self, escape: &str) {
        if self.is_cut {
            return;
        }
        if self.text.len() + escape.len() > self.end {
            self.cut();
        } else {
            self.text.push_str(escape);
        }
    }

    fn cut(&mut self) {
        self.text.push('\u{2026}');
        self.is_cut = true;
    }
}
