//! The tables of docs/configuration.md: flag, variable and default come from the command line's own definition, the rule is
//! the page's. `WRITE_DOCS=1 cargo test --test it docs` writes them.

use super::{AugmentedCommand, read};
use attache::config::args::Args;
use attache::config::variable_names::variable_of;
use clap::Arg;
use std::fs;

const PAGE: &str = "docs/configuration.md";
const HEAD: &str = "| flag | variable | default | rule |\n|---|---|---|---|\n";

#[test]
fn the_tables_of_settings_are_those_of_the_command_line() {
    let page = read(PAGE);
    let current = with_tables(&page);
    if writing() {
        fs::write(PAGE, current).unwrap();
        return;
    }
    for (line, (is, shall)) in page.lines().zip(current.lines()).enumerate() {
        assert_eq!(is, shall, "{PAGE}:{}: WRITE_DOCS=1 cargo test --test it docs", line + 1);
    }
    assert_eq!(page, current, "WRITE_DOCS=1 cargo test --test it docs");
}

#[test]
fn every_setting_has_a_rule() {
    let page = read(PAGE);
    for argument in arguments() {
        let flag = argument.get_long().unwrap();
        let rule = rule(&page, flag).unwrap_or_default();
        assert!(rule.len() > 10, "--{flag} has no rule");
    }
}

/// The page with each table made anew under its heading.
fn with_tables(page: &str) -> String {
    let mut sections = page.split("\n## ").map(str::to_owned).collect::<Vec<_>>();
    for section in &mut sections {
        let (heading, _) = section.split_once('\n').unwrap();
        let rows: String = arguments()
            .filter(|argument| argument.get_help_heading() == Some(heading))
            .map(|argument| row(page, &argument))
            .collect();
        if let Some((before, rest)) = section.clone().split_once(HEAD) {
            let after = rest.trim_start_matches(|c| c != '\n').split_once("\n\n");
            let after = after.map(|(_, after)| format!("\n{after}")).unwrap_or_default();
            *section = format!("{before}{HEAD}{rows}{after}");
        } else {
            assert!(rows.is_empty(), "{PAGE} has no table under {heading}");
        }
    }
    sections.join("\n## ")
}

/// What the help says stands where the page has no rule yet.
fn row(page: &str, argument: &Arg) -> String {
    let flag = argument.get_long().unwrap();
    let help = argument.get_help().unwrap().to_string();
    let (help, default) = help.split_once(" [default: ").unwrap_or((&help, ""));
    let default = match default.trim_end_matches(']') {
        "" => "unset".to_owned(),
        value => format!("`{value}`"),
    };
    let variable = variable_of(flag);
    let rule = rule(page, flag).unwrap_or(help);
    format!("| `--{flag}` | `{variable}` | {default} | {rule} |\n")
}

fn rule<'a>(page: &'a str, flag: &str) -> Option<&'a str> {
    let (_, row) = page.split_once(&format!("\n| `--{flag}` | "))?;
    row.lines().next()?.splitn(3, " | ").nth(2)?.strip_suffix(" |")
}

fn arguments() -> impl Iterator<Item = Arg> {
    let command = Args::augment_args_of("attache");
    let arguments: Vec<Arg> = command.get_arguments().cloned().collect();
    arguments.into_iter().filter(|argument| argument.get_long().is_some() && argument.get_help().is_some())
}

#[expect(clippy::disallowed_methods, reason = "a person asks for this, not an operator")]
fn writing() -> bool {
    std::env::var_os("WRITE_DOCS").is_some()
}
