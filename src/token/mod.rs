//! A bearer for an audience; knows no HTTP request.

use crate::clock::Moment;
use crate::model::audience_set::AudienceSet;
use http::HeaderValue;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// One entry for each audience set, bounded in number.
pub mod cache;
/// What all entries share.
pub mod settings;
/// One audience set's state, shared.
pub mod entry;
/// Clocks that are set, and refreshers that are stuck.
mod watch;
/// What one audience set has to serve; pure.
pub mod state;
/// When to renew and when to try again; pure.
pub mod refresh;
/// The one task that fetches for an audience set.
mod refresher;
/// How many new sets are fetched in a time.
mod pace;
/// `GetWebIdentityToken`.
pub mod sts;
/// Whether what was minted is what was asked for.
pub mod inspect;
/// Why there is no token.
pub mod error;
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

use error::{TokenError, Unusable};
use inspect::Mismatch;

/// Mints tokens. A fetch calls it, never a request.
pub trait TokenSource: Send + Sync + 'static {
    /// A new token for exactly these audiences.
    fn mint<'a>(&'a self, audiences: &'a AudienceSet) -> Minting<'a>;
}

/// A mint under way.
pub type Minting<'a> = Pin<Box<dyn Future<Output = Result<Minted, TokenError>> + Send + 'a>>;

/// What a source gives.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The token.
    pub token: Token,
    /// The life that was requested: what was wanted, or what the caller's AWS session had left of it.
    pub requested_lifetime: Duration,
    /// How it differs from what was asked for.
    pub mismatches: Vec<Mismatch>,
    /// Seconds by which the source's clock is ahead of this machine's, where that is known.
    pub clock_ahead: Option<i64>,
}

/// A JWT ready to be sent, and its life. Cloning is cheap; nothing prints the JWT.
#[derive(Clone)]
pub struct Token {
    bearer: HeaderValue,
    issued: SystemTime,
    expires: Moment,
}

/// The longest that a token is withheld at the end of its life, so that it does not expire on its way.
const MAX_RESERVE: Duration = Duration::from_secs(10);
/// The longest that a token is held to live, whatever it says: no later moment overflows a clock or a calendar.
const MAX_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);

impl Token {
    /// A token that was issued and expires at these times.
    ///
    /// # Errors
    /// When the JWT is empty, or has a character that no JWT has (RFC 7515, 3.1): it goes into a header and is printed.
    pub fn new(jwt: &str, issued: Moment, expires: SystemTime) -> Result<Self, Unusable> {
        if jwt.is_empty() {
            return Err(Unusable::Empty);
        }
        if !jwt.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'='))
        {
            return Err(Unusable::Characters);
        }
        let mut bearer = HeaderValue::try_from(format!("Bearer {jwt}")).map_err(|_| Unusable::Characters)?;
        bearer.set_sensitive(true);
        let expires = expires.min(issued.wall + MAX_LIFE);
        let life = expires.duration_since(issued.wall).unwrap_or_default();
        let tick = issued.tick + life;
        Ok(Self { bearer, issued: issued.wall, expires: Moment { wall: expires, tick } })
    }

    /// The value of an `Authorization` header (RFC 6750), marked sensitive.
    pub fn bearer(&self) -> &HeaderValue {
        &self.bearer
    }

    /// The JWT itself, for a command whose user asked to have it.
    pub fn jwt(&self) -> &str {
        let bearer = std::str::from_utf8(self.bearer.as_bytes()).expect("it was made from text");
        bearer.trim_start_matches("Bearer ")
    }

    /// When the token expires, by the wall's clock as it went when the token came.
    pub fn expires(&self) -> SystemTime {
        self.expires.wall
    }

    /// So long before its expiry.
    pub fn before_expiry(&self, lead: Duration) -> Moment {
        let Moment { wall, tick } = self.expires;
        Moment { wall: wall - lead, tick: tick.checked_sub(lead).unwrap_or(tick) }
    }

    /// From issue to expiry.
    pub fn life(&self) -> Duration {
        self.expires.wall.duration_since(self.issued).unwrap_or(Duration::ZERO)
    }

    /// Whether the token may still be sent: until 10 s, or a tenth of its life if less, before its expiry. A clock that is
    /// set back makes no token live longer, and one that is set forward ends it.
    pub fn is_usable(&self, now: Moment) -> bool {
        now.until(self.expires) > MAX_RESERVE.min(self.life() / 10)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires", &self.expires.wall).finish_non_exhaustive()
    }
}
