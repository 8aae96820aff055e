//! How soon another try makes sense after an error.

use super::aws_code::CodeKind;

/// How soon another try makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It may pass by itself.
    Transient,
    /// An administrator has to act first.
    Permanent,
    /// STS asks for fewer calls.
    Throttled,
}

impl Severity {
    /// What a code of AWS asks for.
    pub(super) fn of(kind: CodeKind) -> Self {
        match kind {
            CodeKind::Throttled => Self::Throttled,
            // The session is at its end, and its provider is about to have the next one.
            CodeKind::CredentialsExpired | CodeKind::SessionTooShort | CodeKind::Unwell => Self::Transient,
            CodeKind::AccessDenied
            | CodeKind::FederationDisabled
            | CodeKind::AccessKeyUnknown
            | CodeKind::SignatureRejected
            | CodeKind::Validation
            | CodeKind::TokenTooLarge
            | CodeKind::IdentityTokenRejected
            | CodeKind::RegionDisabled
            | CodeKind::UnknownCall
            | CodeKind::Unlisted => Self::Permanent,
        }
    }
}
