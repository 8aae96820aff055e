//! The only printer: data goes to standard output, everything said to a person to standard error.

use super::Exit;
use crate::config::problems::Problems;
use crate::legible;
use crate::trouble::Trouble;
use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::iter;

/// The most of an error that is shown, in bytes: others write into it.
const LONGEST: usize = 4096;

/// Prints data. A reader who has seen enough and closed the pipe is no failure.
pub(super) fn data(bytes: &[u8]) -> Exit {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => failure(&error, None),
    }
}

/// Prints what the parser of the command line answers: help and version where they were asked for, or what is wrong.
pub(super) fn usage(answer: &clap::Error) -> Exit {
    // With nowhere left to print to, the exit code has to say it alone.
    let _ = answer.print();
    if answer.use_stderr() { Exit::BadUsage } else { Exit::Done }
}

/// Prints settings that cannot be used.
pub(super) fn problems(problems: &Problems) -> Exit {
    say(&format!("error: {problems}\n"));
    Exit::BadUsage
}

/// Prints what makes no sense in what was asked.
pub(super) fn bad_usage(problem: &str) -> Exit {
    say(&format!("error: {}\n", legible::lines(problem, LONGEST)));
    Exit::BadUsage
}

/// Prints in one line why the answer is no.
pub(super) fn unmet(reason: &str) -> Exit {
    say(&format!("error: {}\n", legible::line(reason, LONGEST)));
    Exit::Failed
}

/// Prints an error with its causes, and what to do about it where that is known.
pub(super) fn failure(error: &dyn Error, hint: Option<&str>) -> Exit {
    say(&described(error, hint));
    Exit::Failed
}

/// Prints an error in the same way, with its stable name and where that is explained.
pub(super) fn trouble(error: &dyn Error, hint: &str, trouble: Trouble) -> Exit {
    let (code, see) = (trouble.code(), trouble.see());
    say(&format!("{}  code: {code}, see {see}\n", described(error, Some(hint))));
    Exit::Failed
}

fn described(error: &dyn Error, hint: Option<&str>) -> String {
    let shown = |error: &dyn Error| legible::line(&error.to_string(), LONGEST);
    let mut text = format!("error: {}\n", shown(error));
    for cause in iter::successors(error.source(), |&cause| cause.source()) {
        text += &format!("  cause: {}\n", shown(cause));
    }
    if let Some(hint) = hint {
        text += &format!("  hint: {hint}\n");
    }
    text
}

/// Says something to a person.
pub(super) fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
