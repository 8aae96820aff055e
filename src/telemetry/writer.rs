//! Writes the log from a thread of its own, so that a slow reader delays neither requests nor the exit.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// The maximum number of bytes that wait for a slow reader, about 5,000 lines. Further lines are counted and dropped.
const CAPACITY: usize = 1 << 20;
/// The time in which following lines are collected and written together. Waking the thread for each line would cost ten
/// times as much as writing it.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the exit waits for lines that are not written yet.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Accepts whole lines and returns at once. Cloning is cheap.
#[derive(Clone)]
pub(super) struct LogWriter(Arc<Shared>);

/// On drop, waits until the lines so far are written, for a second at most.
#[must_use = "lines are waited for when this is dropped"]
pub struct Flush(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct Queue {
    pending: Vec<u8>,
    lost: u64,
    writing: bool,
}

impl LogWriter {
    /// Starts the thread that writes to `sink`, for as long as the process lives. `report` makes the line that counts
    /// dropped lines.
    pub(super) fn start(
        sink: impl Write + Send + 'static,
        report: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<(Self, Flush)> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue { writing: true, ..Queue::default() }),
            arrived: Condvar::new(),
            written: Condvar::new(),
        });
        let source = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&source, sink, report))?;
        Ok((Self(Arc::clone(&shared)), Flush(shared)))
    }

    fn push(&self, line: &[u8]) {
        let mut queue = self.0.lock();
        if queue.pending.len() + line.len() > CAPACITY {
            queue.lost += 1;
            return;
        }
        queue.pending.extend_from_slice(line);
        if !queue.writing {
            queue.writing = true;
            self.0.arrived.notify_one();
        }
    }
}

fn write_all(shared: &Shared, mut sink: impl Write, report: impl Fn(u64) -> String) {
    let mut batch = Vec::new();
    loop {
        let lost = shared.next(&mut batch);
        if lost > 0 {
            batch.extend_from_slice(report(lost).as_bytes());
        }
        // A write error cannot be logged, and a later write may succeed.
        let _ = sink.write_all(&batch).and_then(|()| sink.flush());
        if batch.len() < CAPACITY / 8 {
            thread::sleep(PAUSE);
        }
    }
}

impl Shared {
    /// Waits for lines, swaps them into `batch`, and returns how many were dropped since the last call.
    fn next(&self, batch: &mut Vec<u8>) -> u64 {
        batch.clear();
        let mut queue = self.lock();
        while queue.pending.is_empty() && queue.lost == 0 {
            queue.writing = false;
            self.written.notify_all();
            queue = self.arrived.wait(queue).expect("nothing panics while holding this lock");
        }
        std::mem::swap(&mut queue.pending, batch);
        std::mem::take(&mut queue.lost)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("nothing panics while holding this lock")
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let _ = self.0.written.wait_timeout_while(self.0.lock(), FLUSH_TIMEOUT, |queue| queue.writing);
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
