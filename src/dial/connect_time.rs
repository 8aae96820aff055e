//! The time that a connection may take, and how much of it the look-up of a name took.

use std::fmt;
use std::time::Duration;

/// The time within which there was no connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectTime {
    /// All of it: `--upstream-connect-timeout`.
    pub limit: Duration,
    /// How much of it passed before the name's addresses were known.
    pub lookup: Duration,
}

impl ConnectTime {
    /// Whether most of the time was spent on the look-up.
    pub fn is_mostly_lookup(&self) -> bool {
        self.lookup > self.limit / 2
    }
}

/// `5s`, or `5s, of which the look-up of the name took 4.2s`.
impl fmt::Display for ConnectTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.limit)?;
        if self.is_mostly_lookup() {
            write!(f, ", of which the look-up of the name took {:.1?}", self.lookup)?;
        }
        Ok(())
    }
}
