//! Reads flags and variables, and the configuration file that they name, so that all problems are printed at once.

use crate::cli::exit::Exit;
use crate::cli::report;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::args::Args;
use crate::config::environment::Environment;
use crate::config::file::ConfigFile;
use crate::config::file::report::Report;
use crate::config::problems::Problems;
use std::fmt;

/// Settings without an error.
pub struct Settings {
    /// Flags and variables.
    pub config: Config,
    /// The configuration file, if one is named.
    pub file: Option<ConfigFile>,
}

/// Settings that cannot be used, with all their problems. One of both has some at least.
#[derive(Debug)]
pub(in crate::cli) struct Unusable {
    settings: Option<Problems>,
    file: Option<Report>,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(problems) = &self.settings {
            problems.fmt(f)?;
        }
        self.file.as_ref().map_or(Ok(()), |report| report.fmt(f))
    }
}

/// Reads all settings. Prints the warnings of the file.
///
/// # Errors
/// When one is invalid. All problems have been printed.
pub(in crate::cli) fn read(args: &Args, environment: &Environment) -> Result<Settings, Exit> {
    match load(args, environment) {
        Ok(settings) => {
            if let Some(file) = &settings.file {
                report::say(&file.report.to_string());
            }
            Ok(settings)
        }
        Err(Unusable { settings, file }) => {
            let printed = settings.map(|problems| report::problems(&problems));
            let printed = file.map(|problems| report::file(&problems)).or(printed);
            Err(printed.unwrap_or(Exit::BadUsage))
        }
    }
}

/// Reads all settings, and prints nothing.
///
/// # Errors
/// When one is invalid.
pub(in crate::cli) fn load(args: &Args, environment: &Environment) -> Result<Settings, Unusable> {
    let config = Config::resolve(args, environment);
    let metrics = config.as_ref().ok().and_then(|config| config.metrics.as_ref());
    let path = Config::file(args, environment);
    let file = path.map(|path| ConfigFile::load(&path, metrics.map(|metrics| &metrics.listen))).transpose();
    match (config, file) {
        (Ok(mut config), Ok(file)) => {
            if let Some(file) = &file {
                take(&mut config, file);
            }
            Ok(Settings { config, file })
        }
        (config, file) => Err(Unusable { settings: config.err(), file: file.err() }),
    }
}

/// Puts the listeners and routes of the file in place of those of the flags.
fn take(config: &mut Config, file: &ConfigFile) {
    if let Some(source) = &config.file {
        config.listeners = file.listeners();
        config.routes = file.routes(&source.parent_proxies);
        source.generation.load(file.sha256.clone(), Clock::system().now());
    }
}
