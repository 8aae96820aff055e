//! All findings, as text and as JSON, and the most likely cause.

use super::finding::Finding;
use crate::diagnostics::DiagnosticCode;
use crate::legible;
use serde_json::{Map, Value, json};

/// Causes that are found after their effects: a code, and the codes of its effects.
const CAUSES: [(DiagnosticCode, &[DiagnosticCode]); 3] = [
    (
        DiagnosticCode::ProxyLoop,
        &[
            DiagnosticCode::StsUnreachable,
            DiagnosticCode::StsTimeout,
            DiagnosticCode::StsUnwell,
            DiagnosticCode::NotSts,
            DiagnosticCode::CredentialsMissing,
        ],
    ),
    (DiagnosticCode::MetadataProxied, &[DiagnosticCode::CredentialsMissing, DiagnosticCode::RegionMissing]),
    (
        DiagnosticCode::ClockSkew,
        &[
            DiagnosticCode::SignatureRejected,
            DiagnosticCode::CredentialsExpired,
            DiagnosticCode::TokenUnverifiable,
        ],
    ),
];

/// The maximum length in bytes of what a check has seen, because other parties' texts are part of it.
const MAX_SEEN: usize = 4096;
/// The indentation of a finding's further lines.
const INDENT: usize = 9;

/// All findings, in the order of the checks.
pub(super) struct Diagnosis(pub(super) Vec<Finding>);

impl Diagnosis {
    /// Whether any check failed.
    pub(super) fn has_failed(&self) -> bool {
        self.0.iter().any(|finding| finding.failure().is_some())
    }

    /// The problem to solve first: the first failure or its known cause, or else the first warning.
    fn most_likely(&self) -> Option<DiagnosticCode> {
        let diagnostics = || self.0.iter().filter_map(|finding| finding.verdict.diagnostic());
        let first = self.0.iter().find_map(Finding::failure).or_else(|| diagnostics().next())?;
        let cause = CAUSES.iter().find(|(cause, effects)| {
            effects.contains(&first) && diagnostics().any(|diagnostic| diagnostic == *cause)
        });
        Some(cause.map_or(first, |(cause, _)| *cause))
    }

    /// Formats the findings for people: a few lines for each, and a last line with the problem to solve first.
    pub(super) fn text(&self) -> String {
        let findings: String = self.0.iter().map(lines).collect();
        let conclusion = match self.most_likely() {
            None => "nothing is wrong".to_owned(),
            Some(diagnostic) => {
                let (code, meaning, see) = (diagnostic.code(), diagnostic.meaning(), diagnostic.see());
                let begin = if self.has_failed() { "most likely" } else { "nothing failed; look at" };
                format!("{begin}: {code}: {meaning} ({see})")
            }
        };
        format!("{findings}{conclusion}\n")
    }

    /// Formats the findings for programs, as one JSON object.
    pub(super) fn json(&self) -> String {
        let verdict = match (self.has_failed(), self.most_likely()) {
            (true, _) => "failed",
            (false, Some(_)) => "warning",
            (false, None) => "ok",
        };
        let most_likely = self.most_likely().map(
            |diagnostic| json!({ "code": diagnostic.code(), "meaning": diagnostic.meaning(), "see": diagnostic.see() }),
        );
        let checks: Vec<Value> = self.0.iter().map(object).collect();
        let all = json!({ "verdict": verdict, "most_likely": most_likely, "checks": checks });
        format!("{all:#}\n")
    }
}

fn lines(finding: &Finding) -> String {
    let (verdict, check) = (finding.verdict.word(), finding.check.name());
    let code =
        finding.verdict.diagnostic().map(|diagnostic| format!("{}: ", diagnostic.code())).unwrap_or_default();
    let seen = indented(&finding.seen);
    let about = finding.about.as_ref().map(|name| format!("[{name}] ")).unwrap_or_default();
    let mut lines = format!("{verdict:INDENT$}{check:16} {about}{code}{seen}\n");
    if let Some(next) = &finding.next {
        lines += &format!("{:INDENT$}next: {}\n", "", indented(next));
    }
    if let Some(policy) = &finding.policy {
        lines += &format!("{:INDENT$}{}\n", "", indented(&format!("{policy:#}")));
    }
    lines
}

/// Indents all lines but the first, so that no text of another party looks like a finding.
fn indented(text: &str) -> String {
    legible::lines(text, MAX_SEEN).replace('\n', &format!("\n{:INDENT$}", ""))
}

fn object(finding: &Finding) -> Value {
    let mut object = Map::new();
    let mut add = |name: &str, value: Value| object.insert(name.to_owned(), value);
    add("check", json!(finding.check));
    if let Some(name) = &finding.about {
        add("about", json!(name));
    }
    add("verdict", json!(finding.verdict.word()));
    if let Some(diagnostic) = finding.verdict.diagnostic() {
        add("code", json!(diagnostic.code()));
        add("see", json!(diagnostic.see()));
    }
    add("seen", json!(legible::lines(&finding.seen, MAX_SEEN)));
    if let Some(next) = &finding.next {
        add("next", json!(legible::lines(next, MAX_SEEN)));
    }
    if let Some(policy) = &finding.policy {
        add("policy", policy.clone());
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Check;
    use super::*;

    fn failed(check: Check, diagnostic: DiagnosticCode) -> Finding {
        Finding::failed(check, diagnostic, "seen", "do this")
    }

    #[test]
    fn the_first_failure_is_the_likely_cause_unless_a_later_finding_explains_it() {
        let unreachable = failed(Check::StsEndpoint, DiagnosticCode::StsUnreachable);
        let upstream = failed(Check::Upstream, DiagnosticCode::UpstreamDns);
        let looped = failed(Check::ProxyVariables, DiagnosticCode::ProxyLoop);
        let warning = Finding::warning(Check::Clock, DiagnosticCode::ClockSkew, "seen", "do this");
        let likely = |findings: &[&Finding]| {
            Diagnosis(findings.iter().map(|&finding| finding.clone()).collect()).most_likely()
        };
        assert_eq!(likely(&[&warning, &unreachable, &upstream]), Some(DiagnosticCode::StsUnreachable));
        assert_eq!(likely(&[&unreachable, &upstream, &looped]), Some(DiagnosticCode::ProxyLoop));
        assert_eq!(likely(&[&upstream, &looped]), Some(DiagnosticCode::UpstreamDns));
        assert_eq!(likely(&[&warning]), Some(DiagnosticCode::ClockSkew));
        assert_eq!(likely(&[]), None);
    }

    #[test]
    fn a_finding_is_a_line_with_its_next_step_below_it() {
        let finding = failed(Check::Token, DiagnosticCode::FederationDisabled);
        let expected = "failed   token            federation_disabled: seen\n         next: do this\n";
        assert_eq!(lines(&finding), expected);
    }
}
