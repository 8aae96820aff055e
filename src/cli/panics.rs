//! Reports a panic in one line that has its place. Its message is left out, because it may hold a secret.

use super::report;
use crate::diagnostics::DiagnosticCode;
use std::panic::{self, PanicHookInfo};

/// Reports panics of this process from now on: in the log, or on standard error if there is no log.
pub(super) fn told_in_a_line(has_log: bool) {
    panic::set_hook(Box::new(move |panic| tell(panic, has_log)));
}

fn tell(panic: &PanicHookInfo<'_>, has_log: bool) {
    let at = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let (code, see) = (DiagnosticCode::Panicked.code(), DiagnosticCode::Panicked.see());
    if has_log {
        tracing::error!(code, see, at, "a fault of attache, or of a library in it, was caught");
    } else {
        report::say(&format!(
            "error: a fault of attache, or of a library in it, at {at} ({code}, see {see})\n"
        ));
    }
}
