//! One side of a connection that sends bytes in pieces, on a clock that moves when there is nothing else to do.

use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::runtime;
use tokio::time::{sleep, timeout};

/// The most pieces that are cut off one by one.
const MAX_CUT: usize = 64;
/// Longer than any time limit.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);
/// How long after the last piece the sender ends. Much longer than all pieces take.
pub const UNTIL_END: Duration = Duration::from_secs(1);

/// Bytes, and how they are cut.
pub struct Pieces<'b> {
    bytes: &'b [u8],
    /// What comes in one piece before the first cut.
    start: usize,
    /// The length of the pieces behind it; 0 is all that is left.
    each: usize,
}

impl<'b> Pieces<'b> {
    /// The first two bytes say how the rest is cut.
    pub fn of(input: &'b [u8]) -> Option<Self> {
        let [each, start, bytes @ ..] = input else { return None };
        let start = (usize::from(*start) * 8).min(bytes.len());
        Some(Self { bytes, start, each: usize::from(*each) })
    }

    /// The same bytes in one piece.
    pub fn whole(&self) -> Self {
        Self { bytes: self.bytes, start: 0, each: 0 }
    }

    pub fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// Sends a piece whenever the other side has done what it can with those before. Ends a good while after the last one.
    pub async fn send(&self, mut stream: impl AsyncWrite + Unpin) {
        let (first, rest) = self.bytes.split_at(self.start);
        let cut = self.each.saturating_mul(MAX_CUT).min(rest.len());
        let (rest, last) = rest.split_at(cut);
        for piece in [first].into_iter().chain(rest.chunks(self.each.max(1))).chain([last]) {
            // The other side may have had enough.
            let _ = stream.write_all(piece).await;
            sleep(Duration::from_millis(1)).await;
        }
        sleep(UNTIL_END).await;
        let _ = stream.shutdown().await;
    }
}

/// Runs this work, which must come to an end.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without sockets needs nothing");
    runtime.block_on(async { timeout(FOREVER, work).await }).expect("the work comes to an end")
}
