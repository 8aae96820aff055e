//! Why the program of a profile's `credential_process` gives no credentials.

use std::io;

/// The most bytes that are read of what a program prints, on each of its streams. Credentials take about 2 KiB.
pub(super) const MAX_PRINTED: usize = 64 << 10;

/// Why a program gives no credentials. The texts go on after "the credential_process of the profile".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// The shell that runs it cannot be started, or its output cannot be read.
    #[error("cannot be run: {0}")]
    Io(String),
    /// It prints more than credentials take, or without end.
    #[error("prints more than {} KiB", MAX_PRINTED >> 10)]
    TooLong,
    /// It ends with another status than 0.
    #[error("failed, {status}: {said}")]
    Failed {
        /// How it ended.
        status: String,
        /// What it said on standard error.
        said: String,
    },
    /// What it prints is not what such a program has to print. Nothing of it is shown.
    #[error("prints no credentials: {0}")]
    Invalid(&'static str),
}

impl From<io::Error> for ProgramError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}
