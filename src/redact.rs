//! Makes a value fit to be shown. An operator may have put a secret where something else belongs: the text of a key where
//! the path of its file is meant, or a password into a URL.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Longer values are not shown: they are no names, and may be tokens.
const MAX_SHOWN_CHARS: usize = 200;
/// How the first part of a JWT begins: `{"` in base64.
const JWT_BEGIN: &str = "eyJ";
/// What stands before a token in an `Authorization` header.
const SCHEME: &str = "bearer";
/// No token is shorter; a word after `Bearer` may be.
const MIN_TOKEN_BYTES: usize = 16;
/// No key is shorter.
const MIN_KEY_BYTES: usize = 32;

/// What a report shows of a value: plain words as they are, everything else in quotes and with its controls escaped. A
/// value that may be a secret is only described, and in what looks like a URL user, password and query are left out.
pub fn shown(value: &str) -> String {
    if value.is_empty() {
        "empty".to_owned()
    } else if is_file_content(value) {
        "the content of a file, which is not shown".to_owned()
    } else if value.chars().count() > MAX_SHOWN_CHARS {
        format!("a text of {} characters, which is not shown", value.chars().count())
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

/// Whether the text is one DER sequence in base64, as keys and certificates are.
fn is_der_in_base64(text: &str) -> bool {
    let Ok(der) = STANDARD.decode(text) else {
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

/// The value without user, password and query, where it looks like a URL.
pub fn without_credentials(value: &str) -> String {
    let (scheme, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), value),
    };
    // A password may hold any character, so all before the last `@` counts as one.
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("***@", rest),
        None => ("", rest),
    };
    match rest.split_once('?') {
        Some((rest, _)) if !scheme.is_empty() => format!("{scheme}{user}{rest}?***"),
        Some(_) | None => format!("{scheme}{user}{rest}"),
    }
}

/// A text of another party without what is shaped like a token: a JWT, whole or cut, or what stands after `Bearer`.
pub fn without_tokens(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut after_scheme = false;
    for piece in text.split_inclusive(|c| !may_be_in_token(c)) {
        let word = piece.trim_end_matches(|c| !may_be_in_token(c));
        let token = if after_scheme { Some(0) } else { word.find(JWT_BEGIN) };
        let token = token.filter(|start| word.len() - start >= MIN_TOKEN_BYTES);
        shown.push_str(&word[..token.unwrap_or(word.len())]);
        shown.push_str(token.map_or("", |_| "***"));
        shown.push_str(&piece[word.len()..]);
        after_scheme =
            piece.ends_with(' ') && (word.eq_ignore_ascii_case(SCHEME) || (after_scheme && word.is_empty()));
    }
    shown
}

/// The characters of a JWT (RFC 7515, 3.1) and of a bearer token (RFC 6750, 2.1).
fn may_be_in_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/' | '=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_move_the_terminal() {
        assert_eq!(shown("a\u{1b}[2Jerror: fake"), r#""a\u{1b}[2Jerror: fake""#);
        assert_eq!(shown("info\r\n"), r#""info\r\n""#);
    }

    #[test]
    fn the_content_of_a_file_is_never_shown() {
        let der = [&[0x30, 0x81, 0x87][..], &[7; 0x87]].concat();
        let short = [&[0x30, 0x2e][..], &[7; 0x2e]].concat();
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&der));
        for content in [
            pem.clone(),
            pem.replace('\n', " "),
            pem.replace('\n', "\\n"),
            STANDARD.encode(&pem),
            STANDARD.encode(&der),
            STANDARD.encode(&short),
            "hunter2\nhunter3".to_owned(),
        ] {
            assert!(is_file_content(&content), "{content}");
            assert_eq!(shown(&content), "the content of a file, which is not shown");
        }
        for path in ["/etc/attache/tls.key", "MIIB", "tls.key\r\n", "/run/secrets/TLSkey", "MDkw", ""] {
            assert!(!is_file_content(path), "{path}");
        }
    }

    #[test]
    fn tokens_in_a_text_of_another_party_are_not_shown() {
        let jwt = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJhIn0.c2ln";
        for (text, expected) in [
            (format!("token {jwt} is denied"), "token *** is denied"),
            (format!("{jwt},{jwt}"), "***,***"),
            (format!("x={}", &jwt[..20]), "x=***"),
            (format!("Authorization: Bearer {jwt}"), "Authorization: Bearer ***"),
            ("authorization: bearer  b3BhcXVlLXNlY3JldA==!".to_owned(), "authorization: bearer  ***!"),
            ("a Bearer token is missing".to_owned(), "a Bearer token is missing"),
            (r#"Bearer error="invalid_token""#.to_owned(), r#"Bearer error="invalid_token""#),
            ("eyJ is no token, \u{fc} neither".to_owned(), "eyJ is no token, \u{fc} neither"),
            (String::new(), ""),
        ] {
            assert_eq!(without_tokens(&text), expected);
        }
    }

    #[test]
    fn long_texts_are_not_shown() {
        assert_eq!(shown(&"e".repeat(201)), "a text of 201 characters, which is not shown");
        assert_eq!(shown(&"e".repeat(200)), "e".repeat(200));
    }

    #[test]
    fn user_password_and_query_of_a_url_are_not_shown() {
        for (url, expected) in [
            ("https://user:hunter2@api.example.com", "https://***@api.example.com"),
            ("https://hunter2@api.example.com/v1", "https://***@api.example.com/v1"),
            ("https://user:hunt/er?2@x@a.example", "https://***@a.example"),
            ("user:hunter2@api.example.com", "***@api.example.com"),
            ("https://a.example/x?key=hunter2", "https://a.example/x?***"),
            ("what?", "what?"),
        ] {
            assert_eq!(shown(url), format!("{expected:?}"));
        }
    }
}
