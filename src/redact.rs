//! Makes a text fit to be shown, whatever an operator or another party wrote into it. It is the one place that decides what
//! is a secret: reports of settings use `shown`, and every other text, log lines included, `without_secrets`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::borrow::Cow;

/// Longer values are not shown: they are no names, and may be tokens.
const MAX_SHOWN_CHARS: usize = 200;
/// What stands in the place of a secret.
const MASK: &str = "***";
/// How the first part of a JWT begins: `{"` in base64.
const JWT_BEGIN: &str = "eyJ";
/// What stands before a token in an `Authorization` header.
const SCHEMES: [&str; 2] = ["bearer", "basic"];
/// No token is shorter; a word after `Bearer` may be.
const MIN_TOKEN_BYTES: usize = 16;
/// No DER of a key is shorter.
const MIN_KEY_BYTES: usize = 32;
/// No key in base64 is shorter: a secret access key of AWS has 40 characters, a line of PEM 64.
const MIN_KEY_CHARS: usize = 40;
/// The ends of names whose values are secrets, in small letters and without `-` and `_`.
const SECRET_NAMES: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secretkey",
    "secretaccesskey",
    "privatekey",
    "apikey",
    "sessiontoken",
    "accesstoken",
    "refreshtoken",
];

/// Those of them that name no host. A number behind another one may be the port of a host such as `vault-secret`.
const PASSWORD_NAMES: [&str; 3] = ["password", "passwd", "passphrase"];

/// What a report shows of a value: plain words as they are, everything else in quotes and with its controls escaped. A
/// value that may be a secret is only described, and in what looks like a URL user, password, query and fragment are left
/// out.
pub fn shown(value: &str) -> String {
    if value.is_empty() {
        "empty".to_owned()
    } else if is_file_content(value) {
        "the content of a file, which is not shown".to_owned()
    } else if value.chars().count() > MAX_SHOWN_CHARS {
        format!("a text of {} characters, which is not shown", value.chars().count())
    } else if is_secret(value) {
        "a text shaped like a key or a token, which is not shown".to_owned()
    } else if value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')) {
        value.to_owned()
    } else {
        format!("{:?}", without_credentials(value))
    }
}

/// Whether this is what a file of keys or certificates holds, and not its path: PEM, either of PEM or DER in base64, or
/// any text of several lines.
pub fn is_file_content(value: &str) -> bool {
    let value = value.trim();
    // The second is `-----BEGIN` in base64.
    let pem = value.contains("-----BEGIN") || value.starts_with("LS0tLS1CRUdJTi");
    pem || value.contains(['\n', '\r']) || is_der_in_base64(value)
}

/// Whether a token or a key is in the text.
pub fn is_secret(text: &str) -> bool {
    matches!(without_tokens(text), Cow::Owned(_))
}

/// Whether the text is one DER sequence in base64, as keys and certificates are, blanks between its lines perhaps.
fn is_der_in_base64(text: &str) -> bool {
    let digits: String = text.split_whitespace().collect();
    let Ok(der) = STANDARD_NO_PAD.decode(digits.trim_end_matches('=')) else {
        return false;
    };
    let (length, content) = match der.as_slice() {
        [0x30, length @ 0..=0x7f, content @ ..] => (usize::from(*length), content),
        [0x30, 0x81, length, content @ ..] => (usize::from(*length), content),
        [0x30, 0x82, high, low, content @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), content),
        _ => return false,
    };
    content.len() == length && length >= MIN_KEY_BYTES
}

/// The value without user, password, query and fragment, whether or not its scheme was typed.
pub fn without_credentials(value: &str) -> String {
    let (scheme, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), value),
    };
    // A password may hold any character, so all before the last `@` counts as one.
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => (MASK, rest),
        None => ("", rest),
    };
    let at = if user.is_empty() { "" } else { "@" };
    match rest.find(['?', '#']) {
        Some(end) if end + 1 < rest.len() => format!("{scheme}{user}{at}{}{MASK}", &rest[..=end]),
        Some(_) | None => format!("{scheme}{user}{at}{rest}"),
    }
}

/// A text of another party, or of ours that quotes one, without what is or may be a secret: PEM, tokens, keys in base64, what
/// URLs have besides their place, and what stands behind a name such as `password`.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    without(text, &[without_pem, without_urls_secrets, without_tokens, without_named_secrets])
}

/// A name that may be a URL, without tokens, keys and what stands behind a name such as `password`.
pub fn without_keys(name: &str) -> Cow<'_, str> {
    without(name, &[without_tokens, without_named_secrets])
}

fn without<'t>(text: &'t str, kinds: &[fn(&str) -> Cow<'_, str>]) -> Cow<'t, str> {
    kinds.iter().fold(Cow::Borrowed(text), |text, without| match without(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(changed) => Cow::Owned(changed),
    })
}

/// The text without what stands between the first and the last line of PEM, or after the first where the last is missing.
fn without_pem(text: &str) -> Cow<'_, str> {
    const LABEL: &str = "-----BEGIN ";
    let mut shown = Shown::of(text);
    let mut rest = 0;
    while let Some(label) = text[rest..].find(LABEL).map(|at| rest + at + LABEL.len()) {
        let Some(body) = text[label..].find("-----").map(|at| label + at + "-----".len()) else { break };
        rest = text[body..].find("-----END ").map_or(text.len(), |at| body + at);
        shown.replace(body, rest, MASK);
    }
    shown.text()
}

/// The text with each URL, and each `user:password@`, shown by its place alone.
fn without_urls_secrets(text: &str) -> Cow<'_, str> {
    let mut shown = Shown::of(text);
    for (start, word) in words(text, |c| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '`')) {
        // What ends a sentence, and what stands around a URL in it, is none of the URL.
        let url = word.trim_end_matches([')', ']', ',', '.', ';', ':', '\'']);
        let is_place = url.contains("://") || url.split_once('@').is_some_and(|(user, _)| user.contains(':'));
        if is_place {
            shown.replace(start, start + url.len(), &without_credentials(url));
        }
    }
    shown.text()
}

/// The value of a field of the log, without secrets. Audiences are names, and what a URL has besides its place belongs to them.
pub fn field<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    if name == "audience" { without_keys(value) } else { without_secrets(value) }
}

/// The text without what is shaped like a token or a key: a JWT, whole or cut, what stands after `Bearer` or `Basic`, and
/// long texts in base64.
fn without_tokens(text: &str) -> Cow<'_, str> {
    let mut shown = Shown::of(text);
    let mut after_scheme = false;
    for (start, word) in words(text, |c| !may_be_in_token(c)) {
        let token = if after_scheme { Some(0) } else { word.find(JWT_BEGIN) };
        let token = token.filter(|token| word.len() - token >= MIN_TOKEN_BYTES);
        // The end of a sentence is no part of a key.
        if let Some(token) = token.or_else(|| key_in(word.trim_end_matches('.'))) {
            shown.replace(start + token, start + word.len(), MASK);
        }
        let end = start + word.len();
        after_scheme =
            text[end..].starts_with(' ') && SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    }
    shown.text()
}

/// Where a key begins in a word such as `name=KEY`.
fn key_in(word: &str) -> Option<usize> {
    let mut start = 0;
    for part in word.split('=') {
        let has = |kind: fn(&u8) -> bool| part.as_bytes().iter().any(kind);
        let all = part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
        let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
        // A path begins with a slash, and a key hardly ever.
        if part.len() >= MIN_KEY_CHARS && all && mixed && !part.starts_with('/') {
            return Some(start);
        }
        start += part.len() + 1;
    }
    None
}

/// The text without what stands behind the name of a secret: `password=...`, `"SecretAccessKey": "..."`.
fn without_named_secrets(text: &str) -> Cow<'_, str> {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '&' | '}');
    let mut shown = Shown::of(text);
    for (at, sign) in text.match_indices(['=', ':']) {
        let name = text[..at].trim_end_matches(['"', '\'', ' ', '\\']);
        if sign == ":" && is_in_place(&text[..at], &text[at + 1..]) {
            continue;
        }
        if SECRET_NAMES.iter().any(|secret| ends_in(name, secret)) {
            let value = text[at + sign.len()..].trim_start_matches(['"', '\'', ' ', '\\']);
            let length = value.find(is_end).unwrap_or(value.len());
            let begin = text.len() - value.len();
            shown.replace(begin, begin + length, MASK);
        }
    }
    shown.text()
}

/// Whether the colon between these texts belongs to a place, and stands behind no name of a secret: `vault-secret:8443`,
/// `https://a.example/secret:rotate`, `arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders`.
fn is_in_place(before: &str, after: &str) -> bool {
    let is_end = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | ',' | ';' | '&' | '=' | '{' | '(' | '[')
    };
    let word = before.rsplit(is_end).next().unwrap_or_default();
    let rest = after.split(is_end).next().unwrap_or_default();
    let is_urn = ["urn:", "arn:"].iter().any(|scheme| word.starts_with(scheme));
    let is_in_path =
        word.split_once("://").is_some_and(|(_, place)| place.contains('/')) && !rest.contains('@');
    let (port, end) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let is_port = port.parse::<u16>().is_ok()
        && !end.starts_with(|c| c == '@' || may_be_in_token(c) && !matches!(c, '/' | '.'));
    let is_password = PASSWORD_NAMES.iter().any(|name| ends_in(word, name));
    is_urn || is_in_path || is_port && !word.is_empty() && !is_password
}

/// Whether a name ends in these small letters, whatever its case, its `-` and its `_`.
fn ends_in(name: &str, letters: &str) -> bool {
    let mut ends = name.bytes().rev().filter(|byte| !matches!(byte, b'-' | b'_'));
    letters.bytes().rev().all(|letter| ends.next().is_some_and(|byte| byte.to_ascii_lowercase() == letter))
}

/// The words of a text, each with where it begins.
fn words(text: &str, separates: impl Fn(char) -> bool) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    text.split(separates).filter_map(move |word| {
        let start = next;
        // What separates may be longer than a byte, so its length is read off the text.
        next = start + word.len() + text[start + word.len()..].chars().next().map_or(0, char::len_utf8);
        (!word.is_empty()).then_some((start, word))
    })
}

/// A text in which some parts are replaced, from its beginning to its end.
struct Shown<'t> {
    text: &'t str,
    shown: String,
    copied: usize,
}

impl<'t> Shown<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, shown: String::new(), copied: 0 }
    }

    /// Replaces a part that begins no sooner than the last one ended.
    fn replace(&mut self, start: usize, end: usize, new: &str) {
        if self.copied <= start && start < end && self.text[start..end] != *new {
            self.shown.push_str(&self.text[self.copied..start]);
            self.shown.push_str(new);
            self.copied = end;
        }
    }

    fn text(self) -> Cow<'t, str> {
        match self.copied {
            0 => Cow::Borrowed(self.text),
            copied => Cow::Owned(self.shown + &self.text[copied..]),
        }
    }
}

/// The characters of a JWT (RFC 7515, 3.1) and of a bearer token (RFC 6750, 2.1).
fn may_be_in_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/' | '=')
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
