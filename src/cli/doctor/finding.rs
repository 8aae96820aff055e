//! The checks, and the findings that they make.

use crate::diagnostics::DiagnosticCode;
use serde::Serialize;
use serde_json::Value;

/// The checks, in the order in which they are shown: each comes after the checks that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Check {
    /// The flags and variables.
    Configuration,
    /// The address of `--listen-addr`.
    ListenAddress,
    /// The address of `--metrics-listen-addr`.
    MetricsAddress,
    /// The files of `--tls-cert`, `--tls-key` and `--tls-client-ca`.
    Certificate,
    /// The certificate authorities that verify upstreams.
    Trust,
    /// The AWS region.
    Region,
    /// The AWS credentials.
    Credentials,
    /// The connection to STS.
    StsEndpoint,
    /// This machine's clock.
    Clock,
    /// A minted token.
    Token,
    /// Whether third parties can verify the token.
    Issuer,
    /// Whether a party exchanges the token.
    Exchange,
    /// The connection to the upstream.
    Upstream,
    /// The upstream's response to the token.
    UpstreamAnswer,
    /// The environment's proxy variables.
    ProxyVariables,
}

impl Check {
    /// All checks, in this order.
    pub(super) const ALL: [Self; 15] = [
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
        Self::Exchange,
        Self::Upstream,
        Self::UpstreamAnswer,
        Self::ProxyVariables,
    ];

    /// The name in text; JSON has underscores in place of blanks.
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
            Self::Exchange => "exchange",
            Self::Upstream => "upstream",
            Self::UpstreamAnswer => "upstream answer",
            Self::ProxyVariables => "proxy variables",
        }
    }
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Everything is in order.
    Ok,
    /// It works, but perhaps not for long, or not for all callers.
    Warning(DiagnosticCode),
    /// It cannot work.
    Failed(DiagnosticCode),
    /// The check could not run.
    Skipped,
}

impl Verdict {
    /// The word for the result.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning(_) => "warning",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// The problem, if there is one.
    pub(super) fn diagnostic(self) -> Option<DiagnosticCode> {
        match self {
            Self::Warning(diagnostic) | Self::Failed(diagnostic) => Some(diagnostic),
            Self::Ok | Self::Skipped => None,
        }
    }
}

/// The finding of one check. It holds no secret.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) check: Check,
    /// The route or listener of a configuration file that it is about.
    pub(super) about: Option<String>,
    pub(super) verdict: Verdict,
    /// What the check has seen.
    pub(super) seen: String,
    /// The next step, if there is one.
    pub(super) next: Option<String>,
    /// The minimum IAM policy, if it is part of the next step.
    pub(super) policy: Option<Value>,
}

impl Finding {
    /// A finding without a problem.
    pub(super) fn ok(check: Check, seen: impl Into<String>) -> Self {
        Self { check, about: None, verdict: Verdict::Ok, seen: seen.into(), next: None, policy: None }
    }

    /// A finding of a check that could not run.
    pub(super) fn skipped(check: Check, seen: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, ..Self::ok(check, seen) }
    }

    /// A finding about something that works with a restriction.
    pub(super) fn warning(
        check: Check,
        diagnostic: DiagnosticCode,
        seen: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Warning(diagnostic), next: Some(next.into()), ..Self::ok(check, seen) }
    }

    /// A finding about something that cannot work.
    pub(super) fn failed(
        check: Check,
        diagnostic: DiagnosticCode,
        seen: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Failed(diagnostic), next: Some(next.into()), ..Self::ok(check, seen) }
    }

    /// Says which route or listener of a configuration file the finding is about.
    pub(super) fn about(self, name: Option<&str>) -> Self {
        Self { about: name.map(str::to_owned), ..self }
    }

    /// Adds a policy to the finding.
    pub(super) fn with_policy(self, policy: Value) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// The problem of a failed check.
    pub(super) fn failure(&self) -> Option<DiagnosticCode> {
        match self.verdict {
            Verdict::Failed(diagnostic) => Some(diagnostic),
            Verdict::Ok | Verdict::Warning(_) | Verdict::Skipped => None,
        }
    }
}
