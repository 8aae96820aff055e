//! How a command ends, as an exit code.

use std::process::ExitCode;

/// The result of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The command did what was asked: exit code 0.
    Done,
    /// The command failed: exit code 1.
    Failed,
    /// The arguments or settings are invalid: exit code 2.
    BadUsage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::FAILURE,
            Exit::BadUsage => Self::from(2),
        }
    }
}
