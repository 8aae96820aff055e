//! What the documents say that can be checked: links, settings, metrics, faults, and the first commands of the README.

use attache::cli::demo::args::DemoArgs;
use attache::cli::doctor::args::DoctorArgs;
use attache::cli::emulator_args::EmulatorArgs;
use attache::cli::health::args::{HealthcheckArgs, WaitArgs};
use attache::cli::token::args::MintArgs;
use attache::config::args::Args;
use attache::config::generation::Generation;
use attache::emulator::faults::Faults;
use attache::emulator::faults::PartyFaults;
use attache::telemetry::labels::{AudienceLabel, ErrorClass, ErrorType, ServerLabels, TokenResult};
use attache::telemetry::metrics::Metrics;
use attache::telemetry::process_info::ProcessInfo;
use http::{Method, StatusCode};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

mod configuration;
mod configuration_file;
mod deployment;
mod troubleshooting;

#[test]
fn every_relative_link_leads_somewhere() {
    let mut followed = 0;
    for document in documents() {
        for link in links(&document.prose) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) =
                link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let target = match file {
                "" => document.path.clone(),
                _ => document.path.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link} leads nowhere", document.path.display());
            if let Some(anchor) = anchor {
                let text = read(&target);
                let anchors: Vec<String> = headings(&text).map(slug).collect();
                assert!(anchors.iter().any(|known| known == anchor), "{link}: there are only {anchors:?}");
            }
            followed += 1;
        }
    }
    assert!(followed > 20, "{followed} links were followed");
}

#[test]
fn the_readme_begins_with_the_two_commands_that_need_nothing() {
    let readme = read("README.md");
    let blocks: Vec<&str> =
        readme.split("```sh ").skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect();
    assert_eq!(blocks[..2], ["needs-checkout\ncargo run -- demo", "needs-checkout\ncargo test"]);
}

#[test]
fn every_answer_has_its_row() {
    let page = read("docs/answers.md");
    let sources = read("src/proxy/response.rs");
    let errors: BTreeSet<&str> = sources
        .split("attache; error=")
        .skip(1)
        .map(|rest| rest.split(['"', ';', '\\']).next().unwrap())
        .collect();
    assert!(errors.len() > 10, "{errors:?}");
    for error in errors {
        assert!(page.contains(&format!("`{error}`")), "{error} is in no row");
    }
}

#[test]
fn every_flag_of_the_emulator_and_every_fault_has_its_row() {
    let text = read("docs/emulator.md");
    let flags: BTreeSet<String> = rows(&text, "flag").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(flags, flags_of(&EmulatorArgs::augment_args_of("emulator")));
    let fields: BTreeSet<String> = rows(&text, "field").into_iter().map(|row| row[0].clone()).collect();
    let faults = serde_json::to_value(Faults::default()).unwrap();
    let known: BTreeSet<String> = faults.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, known);
    for row in rows(&text, "field") {
        let default: serde_json::Value = serde_json::from_str(&row[1]).unwrap();
        assert_eq!(default, faults[&row[0]], "{}", row[0]);
    }
    let faults = serde_json::to_value(PartyFaults::default()).unwrap();
    let told: BTreeMap<String, serde_json::Value> = rows(&text, "fault of a party")
        .into_iter()
        .map(|row| (row[0].clone(), serde_json::from_str(&row[1]).unwrap()))
        .collect();
    assert_eq!(serde_json::to_value(told).unwrap(), faults);
}

#[test]
fn no_document_names_a_flag_that_does_not_exist() {
    let mut known = flags_of(&Args::augment_args_of("attache"));
    known.extend(flags_of(&EmulatorArgs::augment_args_of("emulator")));
    known.extend(flags_of(&DemoArgs::augment_args_of("demo")));
    known.extend(flags_of(&HealthcheckArgs::augment_args_of("healthcheck")));
    known.extend(flags_of(&WaitArgs::augment_args_of("wait")));
    known.extend(flags_of(&DoctorArgs::augment_args_of("doctor")));
    known.extend(flags_of(&MintArgs::augment_args_of("token")));
    for document in documents() {
        let spans = document.prose.split('`').skip(1).step_by(2).filter(|span| span.starts_with("--"));
        for span in spans {
            let flag = span.split([' ', '=']).next().unwrap();
            assert!(known.contains(flag), "{}: {span}", document.path.display());
        }
    }
}

#[test]
fn every_metric_has_its_row_with_its_type_and_labels() {
    let documented: BTreeMap<String, (String, BTreeSet<String>)> = rows(&read("docs/metrics.md"), "metric")
        .into_iter()
        .map(|row| {
            let labels = row[2].split(", ").map(|label| label.trim_matches(['[', ']', '`']).to_owned());
            (row[0].clone(), (row[1].clone(), labels.filter(|label| label != "none").collect()))
        })
        .collect();
    assert_eq!(scraped(), documented);
}

/// An instrument that the scrape above does not reach would otherwise go unnoticed.
#[test]
fn every_instrument_that_is_named_is_documented() {
    let text = read("docs/metrics.md");
    let files = ["instruments", "metrics", "process_info", "process"];
    let sources: String = files.iter().map(|file| read(format!("src/telemetry/{file}.rs"))).collect();
    let dotted = |name: &&str| {
        name.contains('.')
            && !name.ends_with([':', '.'])
            && !name.ends_with(".rs")
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_')
    };
    let attributes = ["http.request.method", "http.response.status_code", "otel.metric.overflow"];
    let names: Vec<&str> =
        sources.split('"').filter(dotted).filter(|name| !attributes.contains(name)).collect();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        assert!(text.contains(&format!("\n| `{}", name.replace('.', "_"))), "{name} has no row");
    }
}

/// Type and labels, the scope's left out, of every family after one of everything has been recorded.
fn scraped() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let metrics = Metrics::new(10).unwrap();
    let moment = Duration::from_millis(1);
    metrics.request_started();
    metrics.request_finished(&Method::GET, StatusCode::OK, moment);
    let server = ServerLabels::new("api.example.com", Some(8443));
    metrics.upstream_call(&server, Some(ErrorType::Timeout), TokenResult::Ok, moment);
    let audience = AudienceLabel::new("https://api.example.com");
    metrics.token_fetch(&audience, Err(ErrorClass::TRANSPORT), moment);
    metrics.cache_hit(&audience);
    metrics.cache_miss(&audience);
    metrics.token_expiry(&audience, SystemTime::UNIX_EPOCH);
    let credential = Arc::from("claude");
    metrics.exchange(&credential, Err("opaque"), moment);
    metrics.credential_expiry(&credential, SystemTime::UNIX_EPOCH);
    metrics.cached_audiences(1);
    metrics.token_difference(&audience, "aud");
    metrics.clock_ahead(1);
    metrics.policy_denied("host");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config_generation = Generation::default();
    config_generation.load(String::new(), SystemTime::UNIX_EPOCH);
    metrics.describe(ProcessInfo {
        started: SystemTime::UNIX_EPOCH,
        refresh_skew: moment,
        cache_capacity: 10,
        config_generation: Some(config_generation),
        runtime: runtime.metrics(),
    });
    let text = metrics.exposition().unwrap().unwrap();

    let mut families = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let of_family = |line: &&str| line.split('{').next().unwrap().starts_with(name);
        let series = text.lines().filter(|line| !line.starts_with('#')).filter(of_family);
        let labels = series.flat_map(|line| {
            let (_, labels) = line.split_once('{').unwrap();
            labels.split("\",").map(|label| label.split('=').next().unwrap().to_owned())
        });
        let ours = |label: &String| label != "le" && !label.starts_with("otel_scope_");
        families.insert(name.to_owned(), (kind.to_owned(), labels.filter(ours).collect()));
    }
    families
}

fn flags_of(command: &clap::Command) -> BTreeSet<String> {
    command.get_arguments().filter_map(clap::Arg::get_long).map(|flag| format!("--{flag}")).collect()
}

trait AugmentedCommand: clap::Args {
    fn augment_args_of(name: &'static str) -> clap::Command {
        Self::augment_args(clap::Command::new(name))
    }
}

impl<A: clap::Args> AugmentedCommand for A {}

/// The rows of every table whose first heading is this, their cells without the marks of code around the whole.
fn rows(text: &str, first_heading: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut within = false;
    for line in text.lines() {
        match line.strip_prefix("| ").and_then(|line| line.strip_suffix('|')) {
            Some(row) if row.starts_with(&format!("{first_heading} |")) => within = true,
            Some(row) if within => rows.push(row.split(" | ").map(cell).collect()),
            Some(_) => {}
            None => within &= line.starts_with("|--"),
        }
    }
    assert!(rows.len() > 5, "{} rows under {first_heading}", rows.len());
    rows
}

fn cell(text: &str) -> String {
    let text = text.trim();
    let code =
        text.strip_prefix('`').and_then(|text| text.strip_suffix('`')).filter(|code| !code.contains('`'));
    code.unwrap_or(text).to_owned()
}

struct Document {
    path: PathBuf,
    /// Without fenced blocks.
    prose: String,
}

fn documents() -> Vec<Document> {
    let files = [".", "docs"].into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let documents: Vec<Document> = files
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let prose: Vec<&str> = text.split("\n```").step_by(2).collect();
            Document { path, prose: prose.join("\n") }
        })
        .collect();
    assert!(documents.len() >= 10, "{} documents were read", documents.len());
    documents
}

fn links(prose: &str) -> impl Iterator<Item = &str> {
    prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap())
}

fn headings(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim())
}

/// The anchor that a heading gets: lower case, blanks to dashes, nothing but letters, digits, dashes and underscores.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}
