//! Writes to a standard stream that another process may have made non-blocking. A shell, a supervisor or a runtime that shares
//! a pipe or a terminal sets `O_NONBLOCK` for all processes that have it open; a full pipe then refuses what is written.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::io::{self, Write};
use std::os::fd::AsFd;

/// Waits until the stream takes more, whether or not it is non-blocking.
#[derive(Debug)]
pub struct WaitingWriter<F>(F);

impl<F: AsFd> WaitingWriter<F> {
    /// Writes to this stream.
    pub fn new(stream: F) -> Self {
        Self(stream)
    }

    fn wait(&self) -> Result<(), Errno> {
        match poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl<F: AsFd> Write for WaitingWriter<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(&self.0, bytes) {
                Err(Errno::AGAIN) => self.wait()?,
                outcome => return Ok(outcome?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
