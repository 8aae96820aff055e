//! `attache config`: looks at a configuration file without a network. `attache check`: looks at all settings.

use self::args::ConfigCommand;
use crate::cli::exit::Exit;
use crate::cli::report;
use crate::config::args::Args;
use crate::config::environment;
use crate::config::file::{ConfigFile, schema};
use std::path::Path;

/// The arguments of the command.
pub mod args;
/// Reads all settings, and the file that they name.
pub mod settings;

/// Runs `attache config`.
pub(super) fn run(command: &ConfigCommand) -> Exit {
    match command {
        ConfigCommand::Check { file } => check_file(file),
        ConfigCommand::Show { file } => match ConfigFile::load(file, None) {
            Ok(found) => report::data(found.expanded().as_bytes()),
            Err(problems) => report::file(&problems),
        },
        ConfigCommand::Schema => report::data(schema::text().as_bytes()),
    }
}

/// Runs `attache check`.
pub(super) fn check(settings: &Args) -> Exit {
    let settings = match settings::read(settings, &environment::of_process()) {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    for notice in &settings.config.notices {
        report::say(&format!("warning: {notice}\n"));
    }
    match (&settings.config.file, &settings.file) {
        (Some(source), Some(file)) => describe(&source.path, file),
        (_, _) => report::say("the settings can be used\n"),
    }
    Exit::Done
}

fn check_file(path: &Path) -> Exit {
    match ConfigFile::load(path, None) {
        Ok(file) => {
            report::say(&file.report.to_string());
            describe(path, &file);
            Exit::Done
        }
        Err(problems) => report::file(&problems),
    }
}

fn describe(path: &Path, file: &ConfigFile) {
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let [listeners, routes, credentials] = file.counts();
    let counts =
        [counted(listeners, "listener"), counted(routes, "route"), counted(credentials, "credential")];
    report::say(&format!("{} can be used: {}\n", path.display(), counts.join(", ")));
}
