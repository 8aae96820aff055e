//! docs/configuration-file.md and the JSON schema. `WRITE_DOCS=1 cargo test --test it docs` writes the schema and the tables.

use super::read;
use attache::config::file::ConfigFile;
use attache::config::file::schema;
use attache::config::file_keys::{Key, SECTIONS, Section};
use std::fs;

const PAGE: &str = "docs/configuration-file.md";
const SCHEMA: &str = "docs/configuration-file.schema.json";
const HEAD: &str = "| key | flag | default | meaning |\n|---|---|---|---|\n";

#[test]
fn the_schema_is_that_of_the_keys() {
    if writing() {
        fs::write(SCHEMA, schema::text()).unwrap();
    }
    assert_eq!(read(SCHEMA), schema::text(), "WRITE_DOCS=1 cargo test --test it docs");
}

#[test]
fn the_tables_of_keys_are_those_of_the_program() {
    let page = read(PAGE);
    let mut current = page.clone();
    for section in &SECTIONS {
        let heading = heading(section);
        let (before, rest) = current.split_once(&heading).unwrap_or_else(|| panic!("{PAGE} lacks {heading}"));
        let (between, table) = rest.split_once(HEAD).unwrap_or_else(|| panic!("{heading} has no table"));
        // A table without rows ends at once.
        let table = format!("\n{table}");
        let after = table.split_once("\n\n").map_or("", |(_, after)| after);
        let rows: String = section.keys().map(row).collect();
        current = format!("{before}{heading}{between}{HEAD}{rows}\n{after}");
    }
    if writing() {
        fs::write(PAGE, &current).unwrap();
    }
    assert_eq!(read(PAGE), current, "WRITE_DOCS=1 cargo test --test it docs");
}

#[test]
fn every_file_of_the_page_can_be_used() {
    let page = read(PAGE);
    let files: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect();
    assert!(!files.is_empty());
    for file in files {
        let report = ConfigFile::parse(PAGE, file.as_bytes(), None).map(|file| file.report);
        let report = report.unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(report.to_string(), "");
    }
}

fn heading(section: &Section) -> String {
    if section.named {
        format!("\n### `[{}.NAME]`\n", section.name)
    } else {
        format!("\n### `[{}]`\n", section.name)
    }
}

fn row(key: &Key) -> String {
    let flag = key.flag.map_or("none".to_owned(), |flag| format!("`--{flag}`"));
    let default = key.default.map_or("none".to_owned(), |default| format!("`{default}`"));
    format!("| `{}` | {flag} | {default} | {} |\n", key.name, key.about)
}

#[expect(clippy::disallowed_methods, reason = "a person asks for this, not an operator")]
fn writing() -> bool {
    std::env::var_os("WRITE_DOCS").is_some()
}
