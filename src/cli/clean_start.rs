//! AWS variables that are set to nothing count as unset. Templates leave such variables behind, as `${AWS_PROFILE:-}` does.
//! The AWS SDK takes an empty region for a region and an empty profile for a profile, and panics at an empty endpoint. It reads
//! the environment by itself, and a process cannot safely change its own, so the program replaces itself.

use crate::config;
use std::env::{args_os, current_exe};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Begins the program anew without those variables, where there are any. Process id, open files and arguments stay.
/// Returns where there are none, or where the program's file is gone.
pub(super) fn without_empty_variables() {
    let environment = config::environment();
    let mut empty = environment.empty_aws_variables().peekable();
    let (Some(_), Ok(program)) = (empty.peek(), current_exe()) else { return };
    let mut command = Command::new(program);
    let mut arguments = args_os();
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments);
    for name in empty {
        command.env_remove(name);
    }
    // Where this returns, the variables stay, and the AWS SDK says what it makes of them.
    let _unchanged = command.exec();
}
