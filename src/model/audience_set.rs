//! The audiences of one token: never empty, sorted, without duplicates, and so the key of the token cache.

use super::flaw::Flaw;
use super::target::Target;
use crate::redact;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Most audiences that one token may carry (AWS STS API reference, `GetWebIdentityToken`).
pub const MAX_AUDIENCES: usize = 10;
/// Longest audience in characters (AWS STS API reference, `GetWebIdentityToken`).
pub const MAX_AUDIENCE_CHARS: usize = 1000;

/// One to ten audiences, sorted and without duplicates. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AudienceSet(Arc<[String]>);

/// Why some names are no audience set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudienceError {
    /// No audience at all, or an empty one among them.
    #[error("an audience must not be empty")]
    Empty,
    /// An audience holds white space.
    #[error("{0:?} must not contain white space")]
    Blank(String),
    /// An audience stands in quotes, which a shell takes away and other readers of files keep.
    #[error("{0:?} is in quotes, which docker --env-file does not take away")]
    Quoted(String),
    /// An audience holds a control character.
    #[error("{0:?} must not contain control characters")]
    Control(String),
    /// A user or a password is in an audience. It would be in every token, and so known to all that get one.
    #[error("an audience must not hold a user or a password")]
    User,
    /// An audience is longer than [`MAX_AUDIENCE_CHARS`].
    #[error("an audience of {0} characters is longer than {MAX_AUDIENCE_CHARS}")]
    TooLong(usize),
    /// More than [`MAX_AUDIENCES`] different audiences.
    #[error("{0} audiences are more than {MAX_AUDIENCES}")]
    TooMany(usize),
}

impl AudienceSet {
    /// The set of these names.
    ///
    /// # Errors
    /// When there are none or too many, or one is empty, too long, in quotes, or holds white space, a control character or
    /// a user.
    pub fn new(names: impl IntoIterator<Item = String>) -> Result<Self, AudienceError> {
        let names: BTreeSet<String> = names.into_iter().collect();
        for name in &names {
            if name.is_empty() {
                return Err(AudienceError::Empty);
            }
            if name.contains(char::is_whitespace) {
                return Err(AudienceError::Blank(name.clone()));
            }
            match Flaw::of(name) {
                Some(Flaw::Quoted) => return Err(AudienceError::Quoted(name.clone())),
                Some(Flaw::Control) => return Err(AudienceError::Control(name.clone())),
                Some(
                    Flaw::Empty | Flaw::EndsInLineBreak | Flaw::LineBreak | Flaw::Blank | Flaw::BeyondAscii,
                )
                | None => {}
            }
            if has_user(name) {
                return Err(AudienceError::User);
            }
            let chars = name.chars().count();
            if chars > MAX_AUDIENCE_CHARS {
                return Err(AudienceError::TooLong(chars));
            }
        }
        match names.len() {
            0 => Err(AudienceError::Empty),
            1..=MAX_AUDIENCES => Ok(Self(names.into_iter().collect())),
            more => Err(AudienceError::TooMany(more)),
        }
    }

    /// The audience that stands for a target: its scheme and host in lower case, without the port.
    pub fn of(target: &Target) -> Self {
        let audience = format!("{}://{}", target.scheme().as_str(), target.host());
        Self::new([audience]).expect("a host is at most 253 characters, none of them blank")
    }

    /// The audiences in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The audiences in order, as they may be shown. What a URL has besides its place belongs to the name.
    pub fn shown(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.iter().map(redact::without_keys)
    }
}

/// Whether a name is a URL with a user in it.
fn has_user(name: &str) -> bool {
    let authority = name.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| authority.contains('@'))
}

/// Joined by commas, as logs and metric labels show it: without what may be a secret.
impl fmt::Display for AudienceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown().collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Result<AudienceSet, AudienceError> {
        AudienceSet::new(names.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn order_and_repeats_do_not_matter() {
        assert_eq!(set(&["b", "a", "b"]), set(&["a", "b"]));
        assert_eq!(set(&["b", "a"]).unwrap().to_string(), "a,b");
    }

    #[test]
    fn an_audience_is_shown_whole_but_for_what_is_shaped_like_a_secret() {
        let names = ["https://a.example/?tenant=b#c", "https://a.example/?api_key=hunter2"];
        assert_eq!(
            set(&names).unwrap().to_string(),
            "https://a.example/?api_key=***,https://a.example/?tenant=b#c"
        );
        for user in ["https://ann@a.example", "https://ann:hunter2@a.example/x"] {
            assert_eq!(set(&[user]), Err(AudienceError::User));
        }
        assert!(set(&["https://a.example/@ann", "ann@a.example"]).is_ok());
    }

    #[test]
    fn a_comma_in_a_name_makes_no_second_audience() {
        assert_ne!(set(&["a,b"]), set(&["a", "b"]));
    }

    #[test]
    fn what_sts_would_refuse_is_refused_here() {
        assert_eq!(set(&[]), Err(AudienceError::Empty));
        assert_eq!(set(&[""]), Err(AudienceError::Empty));
        assert_eq!(set(&["a b"]), Err(AudienceError::Blank("a b".into())));
        for quoted in ["\"https://a\"", "'https://a'", "\"a"] {
            assert_eq!(set(&[quoted]), Err(AudienceError::Quoted(quoted.into())));
        }
        assert_eq!(set(&["a\u{1b}[2J"]), Err(AudienceError::Control("a\u{1b}[2J".into())));
        assert_eq!(set(&[&"x".repeat(1001)]), Err(AudienceError::TooLong(1001)));
        let eleven: Vec<String> = (0..11).map(|n| n.to_string()).collect();
        assert_eq!(AudienceSet::new(eleven), Err(AudienceError::TooMany(11)));
    }
}
