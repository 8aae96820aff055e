//! The configuration file: listeners, routes and credentials in TOML. Every problem of a file is found at once.

use self::document::Document;
use self::problem::{Findings, Problem, Rule};
use self::report::Report;
use self::source::Source;
use crate::config::generation;
use crate::config::listener::{ListenAddr, ListenerConfig};
use crate::config::route::RouteConfig;
use crate::config::upstream::ParentProxies;
use crate::input_file;
use std::path::Path;

/// The JSON schema of the file.
pub mod schema;
/// That of an exchange.
mod exchange_schema;
/// The text of the file, and how its lines are shown.
mod source;
/// A problem of the file.
pub mod problem;
/// All problems of the file in one report.
pub mod report;
/// The syntax of the file.
mod syntax;
/// Reads one table.
mod table;
/// The host and the path of a route.
mod matching;
/// Reads the exchange of a credential.
mod exchange;
/// What the file says.
mod document;
/// Reads all tables.
mod tables;
/// Judges tokens: audiences, lifetimes and tags.
mod check_tokens;
/// Judges tables together.
mod checks;
/// What counts for each table, with the defaults.
mod settled;
/// What an exchange does, for people.
mod exchange_shown;
/// The file with its defaults, as TOML.
mod expanded;
/// The listeners and routes of a file.
mod lowered;

/// A file without errors.
pub struct ConfigFile {
    document: Document,
    /// The SHA-256 of its content in hexadecimal.
    pub sha256: String,
    /// The warnings.
    pub report: Report,
}

impl ConfigFile {
    /// Reads the file at this path. `metrics` is the address that no listener of the file may have.
    ///
    /// # Errors
    /// When it cannot be read, or holds an error. The report has all problems.
    pub fn load(path: &Path, metrics: Option<&ListenAddr>) -> Result<Self, Report> {
        let name = path.display().to_string();
        match input_file::read(path) {
            Ok(content) => Self::parse(&name, &content, metrics),
            Err(error) => {
                let problem = Problem::of_file(Rule::Unreadable, format!("cannot be read: {error}"));
                Err(Report::new(&name, &Source::new(""), &[problem]))
            }
        }
    }

    /// Parses the content of a file. The report calls the file `name`, and `metrics` is the address that no listener may have.
    ///
    /// # Errors
    /// When the content has an error. The report has all problems.
    pub fn parse(name: &str, content: &[u8], metrics: Option<&ListenAddr>) -> Result<Self, Report> {
        let text = String::from_utf8_lossy(content);
        // Some editors of Windows begin files with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut source = Source::new(text);
        let mut findings = Findings::default();
        if let Some(problem) = not_utf8(content) {
            findings.add_unreadable_part(problem);
            if content.contains(&0) {
                return Err(Report::new(name, &source, &findings.into_problems(&source)));
            }
        }
        let root = syntax::read(&mut source, &mut findings);
        let document = tables::read(root.get_ref(), &mut findings);
        check_tokens::check(&document, &source, &mut findings);
        checks::check(&document, metrics, &source, &mut findings);
        let report = Report::new(name, &source, &findings.into_problems(&source));
        if report.errors() == 0 {
            Ok(Self { document, sha256: generation::sha256(content), report })
        } else {
            Err(report)
        }
    }

    /// The file as TOML, with each default written out. It has no secret.
    pub fn expanded(&self) -> String {
        expanded::write(&self.document)
    }

    /// The listeners, in the order of the file.
    pub fn listeners(&self) -> Vec<ListenerConfig> {
        lowered::listeners(&self.document)
    }

    /// The routes, in the order of the file. `parents` are the HTTP proxies that the environment names.
    pub fn routes(&self, parents: &ParentProxies) -> Vec<RouteConfig> {
        lowered::routes(&self.document, parents)
    }

    /// The numbers of listeners, routes and credentials.
    pub fn counts(&self) -> [usize; 3] {
        let Document { listeners, routes, credentials, .. } = &self.document;
        [listeners.len(), routes.len(), credentials.len()]
    }
}

fn not_utf8(content: &[u8]) -> Option<Problem> {
    let error = std::str::from_utf8(content).err()?;
    let mark = if content.starts_with("\u{feff}".as_bytes()) { "\u{feff}".len() } else { 0 };
    let at = error.valid_up_to().saturating_sub(mark);
    // What is no UTF-8 is read as one replacement character.
    let place = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
    let problem = Problem::new(Rule::Unreadable, &place, "these bytes are no UTF-8", "must be UTF-8");
    Some(problem.cure("save the file in UTF-8, which editors call an encoding"))
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;

#[cfg(test)]
mod exchange_tests;
