//! Treats AWS variables that are set to nothing as unset. Templates such as `${AWS_PROFILE:-}` leave such variables
//! behind. The AWS SDK takes an empty region for a region and an empty profile for a profile, and panics at an empty
//! endpoint. The SDK reads the environment itself, and a process cannot safely change its own environment, so the
//! program replaces itself.

use crate::config::environment;
use std::env::{args_os, current_exe};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Restarts the program without these variables, if there are any. Process id, open files and arguments stay. Returns
/// when there are none, or the program's file is gone.
pub(super) fn without_empty_variables() {
    let environment = environment::of_process();
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
    // After a failed restart the variables stay, and the AWS SDK reports what it makes of them.
    let _unchanged = command.exec();
}
