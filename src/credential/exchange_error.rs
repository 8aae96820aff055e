//! Why an exchange brought no credential, and what an operator can do about it.

use super::severity::Severity;
use crate::diagnostics::DiagnosticCode;
use std::fmt;
use std::time::Duration;

/// Why an exchange brought no credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the exchange with {party} failed: {problem}")]
pub struct ExchangeError {
    /// The party: the name of the preset, or `custom`.
    pub party: Box<str>,
    /// What went wrong.
    pub problem: Problem,
}

/// What goes wrong with a token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It answers with an error.
    #[error("it answers {refusal}")]
    Refused {
        /// The answer.
        refusal: Refusal,
        /// How long it asks to be left alone (RFC 9110, section 10.2.3).
        retry_after: Option<Duration>,
    },
    /// It answers with something else than a token.
    #[error(transparent)]
    Unusable(#[from] UnusableAnswer),
    /// There is no answer from it.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The assertion fits no request.
    #[error("what is to be exchanged fits no request")]
    Unsendable,
}

/// Why the answer of a token endpoint cannot be used, although it says that all is well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableAnswer {
    /// It is no JSON.
    #[error("its answer is no JSON")]
    NotJson,
    /// It has no text where the token is expected.
    #[error("its answer has no token at {0}")]
    NoToken(Box<str>),
    /// What is there fits no header.
    #[error("the token in its answer has characters that no header takes")]
    Characters,
    /// It is for another scheme than bearer tokens.
    #[error("the token in its answer is of another type than Bearer: {0}")]
    TokenType(String),
    /// What is at this place is no expiry.
    #[error("the expiry in its answer, at {0}, cannot be read")]
    Expiry(Box<str>),
    /// Neither the answer nor the description states an expiry.
    #[error("its answer states no expiry; default-lifetime says how long such a token lives")]
    NoExpiry,
    /// The token is over.
    #[error("the token in its answer has expired")]
    Expired,
    /// The answer is longer than any token.
    #[error("its answer is longer than 1 MiB")]
    TooLong,
    /// The endpoint leads elsewhere, and an assertion is sent nowhere else than was configured.
    #[error("it redirects, which is not followed: {0}")]
    Redirect(String),
}

/// How soon another attempt makes sense after a failure of a token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Someone has to change the configuration, here or at the party.
    Permanent,
    /// A trust that was just created is refused until it has spread at the party.
    NotYetPropagated,
    /// The party does not say why: a JWT that was used before or a clock that is wrong may pass, a wrong id does not.
    Opaque,
    /// The party or the way to it is in trouble.
    Transient,
    /// The party says that all is well, and gives nothing that can be used.
    UnusableAnswer,
}

impl FailureClass {
    /// The value of the metric's `error_class` label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::NotYetPropagated => "not_yet_propagated",
            Self::Opaque => "opaque",
            Self::Transient => "transient",
            Self::UnusableAnswer => "unusable_answer",
        }
    }
}

/// An answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of HTTP.
    pub status: u16,
    /// How soon another attempt makes sense.
    pub class: FailureClass,
    /// The party's own code: `error` of OAuth, `AADSTS700213`, a number of gRPC.
    pub code: Option<String>,
    /// What it says about it, in at most 256 bytes and without what is shaped like a token.
    pub description: Option<String>,
    /// The id under which the party knows the request.
    pub request_id: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(description) = &self.description {
            write!(f, ": {description}")?;
        }
        self.request_id.iter().try_for_each(|id| write!(f, " (request {id})"))
    }
}

impl ExchangeError {
    /// How soon another attempt makes sense, as metrics name it.
    pub fn class(&self) -> FailureClass {
        match &self.problem {
            Problem::Refused { refusal, .. } => refusal.class,
            Problem::Unusable(_) | Problem::Unsendable => FailureClass::UnusableAnswer,
            Problem::Unreachable(_) => FailureClass::Transient,
        }
    }

    /// How long the party asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.problem {
            Problem::Refused { retry_after, .. } => *retry_after,
            Problem::Unusable(_) | Problem::Unreachable(_) | Problem::Unsendable => None,
        }
    }

    pub(super) fn severity(&self) -> Severity {
        match self.class() {
            FailureClass::Permanent | FailureClass::Opaque => Severity::Permanent,
            FailureClass::Transient if self.retry_after().is_some() => Severity::Throttled,
            FailureClass::NotYetPropagated | FailureClass::Transient | FailureClass::UnusableAnswer => {
                Severity::Transient
            }
        }
    }

    pub(super) fn diagnostic(&self) -> DiagnosticCode {
        match &self.problem {
            Problem::Refused { refusal, .. } => match refusal.class {
                FailureClass::Permanent | FailureClass::Opaque => DiagnosticCode::ExchangeRefused,
                FailureClass::NotYetPropagated => DiagnosticCode::ExchangeNotPropagated,
                FailureClass::Transient | FailureClass::UnusableAnswer => DiagnosticCode::ExchangeUnwell,
            },
            Problem::Unusable(_) | Problem::Unsendable => DiagnosticCode::ExchangeAnswerUnusable,
            Problem::Unreachable(_) => DiagnosticCode::ExchangeUnreachable,
        }
    }

    /// Whether another failure comes from the same trouble.
    pub(super) fn same_cause(&self, other: &Self) -> bool {
        let code = |error: &Self| match &error.problem {
            Problem::Refused { refusal, .. } => Some((refusal.status, refusal.code.clone())),
            Problem::Unusable(_) | Problem::Unreachable(_) | Problem::Unsendable => None,
        };
        self.party == other.party && code(self) == code(other)
    }

    pub(super) fn hint(&self) -> &'static str {
        match (&self.problem, self.class()) {
            (Problem::Unreachable(_), _) => {
                "check the way to the token endpoint: DNS, the network, HTTPS_PROXY, its certificate"
            }
            (Problem::Unusable(_) | Problem::Unsendable, _) => {
                "see what answers at the token endpoint, and whether the preset is that of this party"
            }
            (Problem::Refused { refusal, .. }, FailureClass::Permanent) => permanent_hint(refusal),
            (Problem::Refused { .. }, FailureClass::NotYetPropagated) => {
                "a trust that was just created takes minutes to spread; if it lasts, compare issuer, subject and \
                 audience at the party with the token's, letter by letter"
            }
            (Problem::Refused { .. }, FailureClass::Opaque) => {
                "the party gives no reason: compare issuer, subject and audience of its trust with the token's \
                 (attache doctor), its ids with the configuration, and look into its own log"
            }
            (Problem::Refused { .. }, FailureClass::Transient | FailureClass::UnusableAnswer) => {
                "nothing to do here: attempts go on until the party is well again"
            }
        }
    }
}

fn permanent_hint(refusal: &Refusal) -> &'static str {
    match refusal.code.as_deref() {
        Some("AADSTS700016") => "client-id is no application of this tenant: see both",
        Some("AADSTS90002") => "the tenant does not exist: see its id or domain",
        Some("AADSTS7002138") => {
            "the federated credential matches but for the case of a letter: write it exactly as the token has it"
        }
        Some("invalid_scope") => "see the scope: the party does not grant it",
        Some("invalid_target") => "see the audience of the exchange: the party does not know it",
        Some("unauthorized_client" | "unsupported_grant_type") => {
            "see whether the client or the trust at the party is of the kind that the preset expects"
        }
        Some(_) | None => "see the ids in the exchange, and the audience, against the trust at the party",
    }
}
