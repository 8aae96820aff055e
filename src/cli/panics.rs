//! What a panic leaves behind: one line that says where it was. Its text is left out, because what it shows may be a
//! secret that a library did not expect.

use super::report;
use crate::diagnostics::DiagnosticCode;
use std::panic::{self, PanicHookInfo};

/// From now on a panic of this process is a line of its log, or of standard error where it has none.
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
