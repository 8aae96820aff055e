//! docs/troubleshooting.md: the page that the log's `see` and doctor's verdicts lead to.

use super::read;
use attache::diagnostics::DiagnosticCode;
use std::collections::BTreeSet;

const PAGE: &str = "docs/troubleshooting.md";

#[test]
fn every_code_has_its_heading_and_every_heading_its_code() {
    let page = read(PAGE);
    let headings = page.lines().filter_map(|line| line.strip_prefix("### "));
    let documented: Vec<&str> = headings.filter(|heading| !heading.contains(' ')).collect();
    let codes: Vec<&str> = DiagnosticCode::ALL.iter().map(|diagnostic| diagnostic.code()).collect();
    assert_eq!(documented.iter().collect::<BTreeSet<_>>(), codes.iter().collect::<BTreeSet<_>>());
    assert_eq!(documented.len(), codes.len(), "a code has two headings");
    for diagnostic in DiagnosticCode::ALL {
        assert_eq!(diagnostic.see(), format!("{PAGE}#{}", diagnostic.code()));
    }
}

#[test]
fn every_code_has_its_cause_check_cure_and_what_doctor_says() {
    let page = read(PAGE);
    for diagnostic in DiagnosticCode::ALL {
        let code = diagnostic.code();
        let (_, section) = page.split_once(&format!("\n### {code}\n")).unwrap();
        let section = section.split("\n#").next().unwrap();
        for part in ["Cause", "Check", "Cure", "Doctor"] {
            let (_, said) = section.split_once(&format!("\n- **{part}:** ")).unwrap_or_default();
            assert!(!said.is_empty(), "{code} has no {part}");
        }
        let (_, doctor) = section.split_once("- **Doctor:** ").unwrap();
        let is_unchecked = doctor.starts_with("does not check this");
        assert!(is_unchecked || doctor.contains(&format!("  {code}: ...`")), "{code}: {doctor}");
    }
}
