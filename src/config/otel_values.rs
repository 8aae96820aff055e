//! Values that several of the `OTEL_*` variables have.

use super::parse;
use super::problems::Fault;
use std::time::Duration;

/// A number of milliseconds, from 1 to one day.
pub(super) fn milliseconds(text: &str) -> Result<Duration, Fault> {
    let count = parse::count(text, 86_400_000)
        .map_err(|_| Fault::new("must be a whole number of milliseconds, from 1 to 86400000"))?;
    Ok(Duration::from_millis(count.get() as u64))
}
