//! Credentials for specs: what is put on requests, kept fresh. Knows no request.

use crate::clock::Timestamp;
use crate::model::credential_spec::CredentialSpec;
use crate::model::exchange::{Companion, CompanionMode, Placement};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// One entry for each spec, bounded in number.
pub mod cache;
/// What all entries share.
pub mod settings;
/// The state of one spec's credential, shared.
pub mod entry;
/// Clocks that are set, and refreshers that are stuck.
mod watch;
/// What one entry has to serve; pure.
pub mod state;
/// When to renew and when to try again; pure.
pub mod refresh;
/// The one task that fetches for a spec.
mod refresher;
/// How many new specs are fetched in a time.
mod pace;
/// `GetWebIdentityToken`.
pub mod sts;
/// What a JWT is exchanged for.
pub mod exchange;
/// Whether what was minted is what was asked for.
pub mod inspect;
/// Why there is no credential.
pub mod error;
/// Why a token was not exchanged.
pub mod exchange_error;
/// How soon another try makes sense.
pub mod severity;
/// What is wrong with the workload's own AWS settings.
pub mod setup_error;
/// The kinds of its faults.
mod setup_class;
/// Why a program gives no credentials.
pub mod program_error;
/// What can be done about it.
mod setup_hint;
/// The place of a setting of AWS.
pub mod aws_setting;
/// The error codes of AWS.
pub mod aws_code;
/// What an operator is shown of it all.
pub mod overview;
#[cfg(test)]
mod test_source;
#[cfg(test)]
mod simulation_tests;

use error::{CredentialError, Unusable};
use inspect::Mismatch;

/// Where credentials come from. A refresher calls it, never a request.
pub trait CredentialSource: Send + Sync + 'static {
    /// A new credential for exactly this spec.
    fn fetch<'a>(&'a self, spec: &'a CredentialSpec) -> Fetch<'a>;
}

/// A fetch under way.
pub type Fetch<'a> = Pin<Box<dyn Future<Output = Result<Fetched, CredentialError>> + Send + 'a>>;

/// What a source gives.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The credential.
    pub credential: Credential,
    /// The life that was requested: what was wanted, or what the caller's AWS session had left of it.
    pub requested_lifetime: Duration,
    /// How it differs from what was asked for.
    pub mismatches: Vec<Mismatch>,
    /// Seconds by which the source's clock is ahead of this machine's, where that is known.
    pub clock_ahead: Option<i64>,
}

/// What is put on a request, and its life: a header, and perhaps others that go with it. Cloning is cheap; nothing prints the value.
#[derive(Clone)]
pub struct Credential {
    name: HeaderName,
    value: HeaderValue,
    /// How the API of a third party wants it; `None` for a JWT as a bearer token.
    placement: Option<Arc<Placement>>,
    issued: SystemTime,
    expires: Timestamp,
    /// Worked out once, because each request compares it.
    usable_until: Timestamp,
}

/// What stands before a bearer token in its header (RFC 6750, 2.1).
const BEARER: &str = "Bearer ";
/// The longest that a credential is withheld at the end of its life, so that it does not expire on its way.
const MAX_RESERVE: Duration = Duration::from_secs(10);
/// The longest that a credential is held to live, whatever it says: no later moment overflows a clock or a calendar.
const MAX_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);

impl Credential {
    /// A JWT as a bearer token (RFC 6750), issued and expiring at these times.
    ///
    /// # Errors
    /// When the JWT is empty, or has a character that no JWT has (RFC 7515, 3.1): it goes into a header and is printed.
    pub fn bearer(jwt: &str, issued: Timestamp, expires: SystemTime) -> Result<Self, Unusable> {
        if jwt.is_empty() {
            return Err(Unusable::Empty);
        }
        if !jwt.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'='))
        {
            return Err(Unusable::Characters);
        }
        Self::new(AUTHORIZATION, &format!("{BEARER}{jwt}"), None, issued, expires)
    }

    /// A token of a third party, sent as its API wants it.
    ///
    /// # Errors
    /// When it fits no header.
    pub fn placed(
        placement: Arc<Placement>,
        token: &str,
        issued: Timestamp,
        expires: SystemTime,
    ) -> Result<Self, Unusable> {
        let text = format!("{}{token}", placement.prefix);
        Self::new(placement.header.clone(), &text, Some(placement), issued, expires)
    }

    fn new(
        name: HeaderName,
        text: &str,
        placement: Option<Arc<Placement>>,
        issued: Timestamp,
        expires: SystemTime,
    ) -> Result<Self, Unusable> {
        let mut value = HeaderValue::try_from(text).map_err(|_| Unusable::Characters)?;
        value.set_sensitive(true);
        let expires = expires.min(issued.wall + MAX_LIFE);
        let life = expires.duration_since(issued.wall).unwrap_or_default();
        let tick = issued.tick + life;
        let expires = Timestamp { wall: expires, tick };
        let usable_until = before(expires, MAX_RESERVE.min(life / 10));
        Ok(Self { name, value, placement, issued: issued.wall, expires, usable_until })
    }

    /// Puts the credential on a request, in place of what stands in its header. Answers whether something stood there.
    pub fn apply(&self, headers: &mut HeaderMap) -> bool {
        let Some(placement) = &self.placement else {
            return headers.insert(&self.name, self.value.clone()).is_some();
        };
        // An API may take a key of the caller's for the credential, where it is in a header that the API knows as well.
        let removed = placement.removed.iter().chain([&AUTHORIZATION]).filter(|name| **name != self.name);
        let keys = removed.filter_map(|name| headers.remove(name)).count();
        let replaced = headers.insert(&self.name, self.value.clone()).is_some();
        placement.companions.iter().for_each(|companion| add(companion, headers));
        replaced || keys > 0
    }

    /// The token itself, without what stands before it in the header, for a command whose user asked to have it, and as the
    /// assertion of an exchange.
    pub fn expose(&self) -> &str {
        let prefix = self.placement.as_ref().map_or(BEARER, |placement| &placement.prefix);
        let value = std::str::from_utf8(self.value.as_bytes()).expect("it was made from text");
        value.strip_prefix(prefix).unwrap_or(value)
    }

    /// When the credential expires, by the wall's clock as it went when the credential came.
    pub fn expires(&self) -> SystemTime {
        self.expires.wall
    }

    /// So long before its expiry.
    pub fn before_expiry(&self, lead: Duration) -> Timestamp {
        before(self.expires, lead)
    }

    /// From issue to expiry.
    pub fn life(&self) -> Duration {
        self.expires.wall.duration_since(self.issued).unwrap_or(Duration::ZERO)
    }

    /// Whether the credential may still be sent: until 10 s, or a tenth of its life if less, before its expiry. A clock that is
    /// set back makes no credential live longer, and one that is set forward ends it.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        !now.has_reached(self.usable_until)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("expires", &self.expires.wall).finish_non_exhaustive()
    }
}

/// So long before that moment.
fn before(Timestamp { wall, tick }: Timestamp, lead: Duration) -> Timestamp {
    Timestamp { wall: wall - lead, tick: tick.checked_sub(lead).unwrap_or(tick) }
}

/// Adds a header that goes with a credential. A list stays one line, because not every reader takes several for one.
fn add(Companion { name, value, mode }: &Companion, headers: &mut HeaderMap) {
    let lines: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    let mut elements = lines.iter().flat_map(|line| line.split(|byte| *byte == b','));
    let has = elements.any(|element| element.trim_ascii() == value.as_bytes());
    match mode {
        CompanionMode::Set => drop(headers.insert(name, value.clone())),
        CompanionMode::Append if has => {}
        CompanionMode::Append => {
            let list = [lines.as_slice(), &[value.as_bytes()]].concat().join(&b", "[..]);
            let list = HeaderValue::from_bytes(&list).expect("values of headers make one");
            headers.insert(name, list);
        }
    }
}

#[cfg(test)]
mod credential_tests;
