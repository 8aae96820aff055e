//! What ships for the operator's Prometheus and Grafana: each alert has its section in the runbook, and no query names a
//! metric or label that does not exist. What the rules do is tried by promtool and by `tests/clients/alerts.py`.

use std::collections::BTreeSet;
use std::fs;

const RULES: &str = "deploy/prometheus/attache.yml";
const DASHBOARD: &str = "deploy/grafana/attache.json";

#[test]
fn every_alert_has_its_section_and_every_section_its_alert() {
    let rules = read(RULES);
    let alerts: BTreeSet<&str> = values(&rules, "- alert: ").collect();
    let runbook = read("docs/operations.md");
    let (_, runbook) = runbook.split_once("\n## Runbook\n").unwrap();
    let sections: Vec<&str> = runbook.split("\n### ").skip(1).collect();
    let titles: BTreeSet<&str> = sections.iter().map(|section| section.lines().next().unwrap()).collect();
    assert_eq!(alerts, titles);
    assert_eq!(sections.len(), titles.len(), "an alert has two sections");
    for section in sections {
        for part in ["Means", "Users notice", "Look", "Do", "Codes"] {
            assert!(section.contains(&format!("\n- **{part}:** ")), "no {part} in {section}");
        }
        let (_, codes) = section.split_once("- **Codes:** ").unwrap();
        assert!(codes.contains("](troubleshooting.md#"), "no code in {section}");
    }
}

#[test]
fn every_alert_says_how_bad_it_is_and_leads_to_its_section() {
    let rules = read(RULES);
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > 10, "{} alerts", alerts.len());
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        let severity = values(alert, "severity: ").next().unwrap();
        assert!(["critical", "warning"].contains(&severity), "{name}: {severity}");
        let runbook = values(alert, "runbook: ").next().unwrap();
        assert_eq!(runbook, format!("docs/operations.md#{}", name.to_lowercase()));
        for text in ["summary: ", "description: "] {
            assert!(values(alert, text).next().is_some(), "{name} has no {text}");
        }
    }
}

#[test]
fn rules_name_what_exists_and_nobody_else_s_metrics() {
    let rules = read(RULES);
    let expressions: Vec<String> = rules.split(" expr: ").skip(1).map(expression).collect();
    let recorded: BTreeSet<String> = values(&rules, "- record: ").map(str::to_owned).collect();
    assert_eq!(expressions.len(), recorded.len() + values(&rules, "- alert: ").count());
    names_what_exists(&expressions, &recorded);
}

#[test]
fn the_dashboard_names_what_exists_and_nobody_else_s_metrics() {
    let dashboard: serde_json::Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions: Vec<String> =
        targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(expressions.len() > 30, "{} queries", expressions.len());
    names_what_exists(&expressions, &BTreeSet::new());
    let shown = expressions.join("\n");
    for metric in metrics().iter().filter(|metric| *metric != "process_virtual_memory_bytes") {
        assert!(shown.contains(metric.as_str()), "{metric} is on no panel");
    }
}

/// Every word outside quotes is a metric, a label, a recorded series or a word of PromQL; and every selector of attache's
/// metrics leaves out those of programs that follow the same conventions.
fn names_what_exists(expressions: &[String], recorded: &BTreeSet<String>) {
    let metrics = metrics();
    let mut others = labels();
    others.extend(recorded.iter().cloned());
    others.extend(PROMQL.split(' ').map(str::to_owned));
    let is_metric = |word: &str| {
        let family = ["_bucket", "_count"].iter().find_map(|suffix| word.strip_suffix(suffix));
        metrics.contains(word) || family.is_some_and(|family| metrics.contains(family))
    };
    for expression in expressions {
        let unquoted = expression.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
        let pieces: Vec<Vec<&str>> = unquoted.split('{').map(|piece| words(piece).collect()).collect();
        for (piece, next) in pieces.iter().zip(pieces.iter().skip(1).map(Some).chain([None])) {
            for (at, &word) in piece.iter().enumerate() {
                assert!(is_metric(word) || others.contains(word), "{word} in {expression}");
                let scoped = at + 1 == piece.len() && next.is_some_and(|next| next.contains(&SCOPE));
                let only_ours = word.starts_with("attache_");
                assert!(!is_metric(word) || scoped || only_ours, "{word} of anybody in {expression}");
            }
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"_:$".contains(c));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// The label that tells attache's metrics from other programs'.
const SCOPE: &str = "otel_scope_name";

/// Functions and keywords, and the labels that Prometheus itself gives.
const PROMQL: &str = "sum min max count rate increase changes abs absent histogram_quantile clamp_max clamp_min time vector \
                      by on or and unless offset group_left le job instance up otel_scope_name otel_metric_overflow";

fn metrics() -> BTreeSet<String> {
    first_cells("metric")
}

/// Every label of the table that says what they mean.
fn labels() -> BTreeSet<String> {
    first_cells("label")
}

fn first_cells(heading: &str) -> BTreeSet<String> {
    let text = read("docs/metrics.md");
    let (_, table) = text.split_once(&format!("\n| {heading} |")).unwrap();
    let rows = table.split("\n\n").next().unwrap().lines().skip(2);
    let cells = rows.flat_map(|row| row.split('|').nth(1).unwrap().split(','));
    cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}

/// What follows `expr:`, on its line or indented below it.
fn expression(text: &str) -> String {
    let mut lines = text.lines();
    match lines.next().unwrap() {
        "|" => lines.take_while(|line| line.starts_with("          ")).collect::<Vec<_>>().join("\n"),
        line => line.to_owned(),
    }
}

/// What stands behind this key, on each line that has it.
fn values<'t>(text: &'t str, key: &'t str) -> impl Iterator<Item = &'t str> {
    text.lines().filter_map(move |line| line.trim_start().strip_prefix(key))
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
