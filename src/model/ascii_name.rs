//! Names of hosts that are not written in ASCII.

use std::borrow::Cow;

/// The name in the form that DNS uses: `bücher.example` becomes `xn--bcher-kva.example` (RFC 5891). A port behind it stays. Any
/// other text is unchanged, and its parser rejects it.
pub fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    idna::domain_to_ascii(text).map_or(Cow::Borrowed(text), Cow::Owned)
}
