//! All findings together: what they mean, as text and as JSON.

use super::finding::Finding;
use crate::legible;
use crate::trouble::Trouble;
use serde_json::{Map, Value, json};

/// Troubles that cause others which are found before them: cause, then what it shows as.
const CAUSES: [(Trouble, &[Trouble]); 3] = [
    (
        Trouble::ProxyLoop,
        &[
            Trouble::StsUnreachable,
            Trouble::StsTimeout,
            Trouble::StsUnwell,
            Trouble::NotSts,
            Trouble::CredentialsMissing,
        ],
    ),
    (Trouble::MetadataProxied, &[Trouble::CredentialsMissing, Trouble::RegionMissing]),
    (
        Trouble::ClockSkew,
        &[Trouble::SignatureRejected, Trouble::CredentialsExpired, Trouble::TokenUnverifiable],
    ),
];

/// The most that is shown of what a check saw, in bytes: others write into it.
const LONGEST: usize = 4096;
/// The column in which what follows a finding's first line begins.
const INDENT: usize = 9;

/// Every finding, in the order of the checks.
pub(super) struct Diagnosis(pub(super) Vec<Finding>);

impl Diagnosis {
    /// Whether anything failed.
    pub(super) fn has_failed(&self) -> bool {
        self.0.iter().any(|finding| finding.failure().is_some())
    }

    /// What most likely has to be mended first: the first failure, or what is known to cause it, or else the first warning.
    fn most_likely(&self) -> Option<Trouble> {
        let troubles = || self.0.iter().filter_map(|finding| finding.verdict.trouble());
        let first = self.0.iter().find_map(Finding::failure).or_else(|| troubles().next())?;
        let cause = CAUSES
            .iter()
            .find(|(cause, effects)| effects.contains(&first) && troubles().any(|trouble| trouble == *cause));
        Some(cause.map_or(first, |(cause, _)| *cause))
    }

    /// For a person: a line or two a finding, and a last one that says where to begin.
    pub(super) fn text(&self) -> String {
        let findings: String = self.0.iter().map(lines).collect();
        let conclusion = match self.most_likely() {
            None => "nothing is wrong".to_owned(),
            Some(trouble) => {
                let (code, meaning, see) = (trouble.code(), trouble.meaning(), trouble.see());
                let begin = if self.has_failed() { "most likely" } else { "nothing failed; look at" };
                format!("{begin}: {code}: {meaning} ({see})")
            }
        };
        format!("{findings}{conclusion}\n")
    }

    /// For a program: one object.
    pub(super) fn json(&self) -> String {
        let verdict = match (self.has_failed(), self.most_likely()) {
            (true, _) => "failed",
            (false, Some(_)) => "warning",
            (false, None) => "ok",
        };
        let most_likely = self.most_likely().map(
            |trouble| json!({ "code": trouble.code(), "meaning": trouble.meaning(), "see": trouble.see() }),
        );
        let checks: Vec<Value> = self.0.iter().map(object).collect();
        let all = json!({ "verdict": verdict, "most_likely": most_likely, "checks": checks });
        format!("{all:#}\n")
    }
}

fn lines(finding: &Finding) -> String {
    let (verdict, check) = (finding.verdict.word(), finding.check.name());
    let code = finding.verdict.trouble().map(|trouble| format!("{}: ", trouble.code())).unwrap_or_default();
    let seen = indented(&finding.seen);
    let mut lines = format!("{verdict:INDENT$}{check:16} {code}{seen}\n");
    if let Some(next) = &finding.next {
        lines += &format!("{:INDENT$}next: {}\n", "", indented(next));
    }
    if let Some(policy) = &finding.policy {
        lines += &format!("{:INDENT$}{}\n", "", indented(&format!("{policy:#}")));
    }
    lines
}

/// The second and all further lines below the first, so that no text of others looks like a finding.
fn indented(text: &str) -> String {
    legible::lines(text, LONGEST).replace('\n', &format!("\n{:INDENT$}", ""))
}

fn object(finding: &Finding) -> Value {
    let mut object = Map::new();
    let mut add = |name: &str, value: Value| object.insert(name.to_owned(), value);
    add("check", json!(finding.check));
    add("verdict", json!(finding.verdict.word()));
    if let Some(trouble) = finding.verdict.trouble() {
        add("code", json!(trouble.code()));
        add("see", json!(trouble.see()));
    }
    add("seen", json!(legible::lines(&finding.seen, LONGEST)));
    if let Some(next) = &finding.next {
        add("next", json!(legible::lines(next, LONGEST)));
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

    fn failed(check: Check, trouble: Trouble) -> Finding {
        Finding::failed(check, trouble, "seen", "do this")
    }

    #[test]
    fn the_first_failure_is_the_likely_cause_unless_a_later_finding_explains_it() {
        let unreachable = failed(Check::StsEndpoint, Trouble::StsUnreachable);
        let upstream = failed(Check::Upstream, Trouble::UpstreamDns);
        let looped = failed(Check::ProxyVariables, Trouble::ProxyLoop);
        let warning = Finding::warning(Check::Clock, Trouble::ClockSkew, "seen", "do this");
        let likely = |findings: &[&Finding]| {
            Diagnosis(findings.iter().map(|&finding| finding.clone()).collect()).most_likely()
        };
        assert_eq!(likely(&[&warning, &unreachable, &upstream]), Some(Trouble::StsUnreachable));
        assert_eq!(likely(&[&unreachable, &upstream, &looped]), Some(Trouble::ProxyLoop));
        assert_eq!(likely(&[&upstream, &looped]), Some(Trouble::UpstreamDns));
        assert_eq!(likely(&[&warning]), Some(Trouble::ClockSkew));
        assert_eq!(likely(&[]), None);
    }

    #[test]
    fn a_finding_is_a_line_with_its_next_step_below_it() {
        let finding = failed(Check::Token, Trouble::FederationDisabled);
        let expected = "failed   token            federation_disabled: seen\n         next: do this\n";
        assert_eq!(lines(&finding), expected);
    }
}
