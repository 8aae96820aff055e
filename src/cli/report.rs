//! The only printer: data goes to standard output, messages for people to standard error.

use super::exit::Exit;
use crate::config::file::report::Report;
use crate::config::problems::Problems;
use crate::diagnostics::DiagnosticCode;
use crate::legible;
use crate::redact;
use crate::waiting_writer::WaitingWriter;
use clap::error::{ContextKind, ContextValue};
use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::iter;

/// The maximum length of a shown error in bytes, because other parties' texts are part of it.
const MAX_ERROR: usize = 4096;

/// Prints data. It is no failure when the reader has closed the pipe.
pub(super) fn data(bytes: &[u8]) -> Exit {
    match WaitingWriter::new(io::stdout()).write_all(bytes) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => failure(&error, None),
    }
}

/// Prints the result of parsing the command line: help, version or an error.
pub(super) fn usage(mut answer: clap::Error) -> Exit {
    conceal(&mut answer);
    // When printing fails, only the exit code reports the error.
    let _ = answer.print();
    if answer.use_stderr() { Exit::BadUsage } else { Exit::Done }
}

/// Hides secrets in unknown arguments. A private key that is given in place of its file's path begins with a dash, and
/// is parsed as a flag.
fn conceal(answer: &mut clap::Error) {
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue] {
        if let Some(ContextValue::String(word)) = answer.get(kind)
            && !is_plain(word)
        {
            let shown = redact::shown(word);
            answer.insert(kind, ContextValue::String(shown));
            // A suggestion may repeat the word.
            answer.insert(ContextKind::Suggested, ContextValue::None);
        }
    }
}

/// Whether the word is a flag, perhaps with its placeholder, or a value without a secret.
fn is_plain(word: &str) -> bool {
    !redact::is_file_content(word)
        && !redact::is_secret(word)
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/=<>[] ".contains(c))
}

/// Prints settings that cannot be used.
pub(super) fn problems(problems: &Problems) -> Exit {
    say(&format!("error: {problems}\n"));
    Exit::BadUsage
}

/// Prints all problems of a configuration file that cannot be used.
pub(super) fn file(problems: &Report) -> Exit {
    say(&problems.to_string());
    Exit::BadUsage
}

/// Prints what is invalid in the arguments.
pub(super) fn bad_usage(problem: &str) -> Exit {
    say(&format!("error: {}\n", legible::lines(problem, MAX_ERROR)));
    Exit::BadUsage
}

/// Prints in one line why a check is not met.
pub(super) fn unmet(reason: &str) -> Exit {
    say(&format!("error: {}\n", legible::line(reason, MAX_ERROR)));
    Exit::Failed
}

/// Prints an error with its causes, and a hint if there is one.
pub(super) fn failure(error: &dyn Error, hint: Option<&str>) -> Exit {
    say(&described(error, hint));
    Exit::Failed
}

/// Prints an error with its causes, a hint, its diagnostic code, and the page that explains the code.
pub(super) fn diagnostic(error: &dyn Error, hint: &str, diagnostic: DiagnosticCode) -> Exit {
    let (code, see) = (diagnostic.code(), diagnostic.see());
    say(&format!("{}  code: {code}, see {see}\n", described(error, Some(hint))));
    Exit::Failed
}

fn described(error: &dyn Error, hint: Option<&str>) -> String {
    let shown = |error: &dyn Error| legible::line(&error.to_string(), MAX_ERROR);
    let mut text = format!("error: {}\n", shown(error));
    for cause in iter::successors(error.source(), |&cause| cause.source()) {
        text += &format!("  cause: {}\n", shown(cause));
    }
    if let Some(hint) = hint {
        text += &format!("  hint: {hint}\n");
    }
    text
}

/// Prints a message for people.
pub(super) fn say(text: &str) {
    let _ = WaitingWriter::new(io::stderr()).write_all(text.as_bytes());
}
