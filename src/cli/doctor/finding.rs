//! What one check found.

use crate::diagnostics::DiagnosticCode;
use serde::Serialize;
use serde_json::Value;

/// The checks, in the order in which they are shown: what a later one needs comes earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Check {
    /// Flags and variables.
    Configuration,
    /// `--listen-addr`.
    ListenAddress,
    /// `--metrics-listen-addr`.
    MetricsAddress,
    /// `--tls-cert`, `--tls-key` and `--tls-client-ca`.
    Certificate,
    /// Which certificate authorities upstreams are verified by.
    Trust,
    /// The AWS region.
    Region,
    /// The AWS credentials.
    Credentials,
    /// The way to STS.
    StsEndpoint,
    /// This machine's clock.
    Clock,
    /// One token.
    Token,
    /// Whether others can verify it.
    Issuer,
    /// The way to the upstream.
    Upstream,
    /// What the upstream makes of the token.
    UpstreamAnswer,
    /// The environment's proxy variables.
    ProxyVariables,
}

impl Check {
    /// Every one, in that order.
    pub(super) const ALL: [Self; 14] = [
        Self::Configuration,
        Self::ListenAddress,
        Self::MetricsAddress,
        Self::Certificate,
        Self::Trust,
        Self::Region,
        Self::Credentials,
        Self::StsEndpoint,
        Self::Clock,
        Self::Token,
        Self::Issuer,
        Self::Upstream,
        Self::UpstreamAnswer,
        Self::ProxyVariables,
    ];

    /// As text shows it; JSON has it with underscores.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::ListenAddress => "listen address",
            Self::MetricsAddress => "metrics address",
            Self::Certificate => "certificate",
            Self::Trust => "trust",
            Self::Region => "region",
            Self::Credentials => "credentials",
            Self::StsEndpoint => "STS endpoint",
            Self::Clock => "clock",
            Self::Token => "token",
            Self::Issuer => "issuer",
            Self::Upstream => "upstream",
            Self::UpstreamAnswer => "upstream answer",
            Self::ProxyVariables => "proxy variables",
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and may not for long, or not for everybody.
    Warning(DiagnosticCode),
    /// It cannot work.
    Failed(DiagnosticCode),
    /// It could not be looked at.
    Skipped,
}

impl Verdict {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning(_) => "warning",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// What is wrong, if anything.
    pub(super) fn diagnostic(self) -> Option<DiagnosticCode> {
        match self {
            Self::Warning(diagnostic) | Self::Failed(diagnostic) => Some(diagnostic),
            Self::Ok | Self::Skipped => None,
        }
    }
}

/// What one check found. Nothing in it is secret.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) check: Check,
    pub(super) verdict: Verdict,
    /// What was seen.
    pub(super) seen: String,
    /// The next step, where there is one.
    pub(super) next: Option<String>,
    /// The least that an IAM policy has to allow, where that is the next step.
    pub(super) policy: Option<Value>,
}

impl Finding {
    /// All is well.
    pub(super) fn ok(check: Check, seen: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, seen: seen.into(), next: None, policy: None }
    }

    /// Something was missing that this check needs.
    pub(super) fn skipped(check: Check, seen: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, ..Self::ok(check, seen) }
    }

    /// It works, but.
    pub(super) fn warning(
        check: Check,
        diagnostic: DiagnosticCode,
        seen: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Warning(diagnostic), next: Some(next.into()), ..Self::ok(check, seen) }
    }

    /// It cannot work.
    pub(super) fn failed(
        check: Check,
        diagnostic: DiagnosticCode,
        seen: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Failed(diagnostic), next: Some(next.into()), ..Self::ok(check, seen) }
    }

    /// The same, with a policy to paste.
    pub(super) fn with_policy(self, policy: Value) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// What makes it fail, if it does.
    pub(super) fn failure(&self) -> Option<DiagnosticCode> {
        match self.verdict {
            Verdict::Failed(diagnostic) => Some(diagnostic),
            Verdict::Ok | Verdict::Warning(_) | Verdict::Skipped => None,
        }
    }
}
