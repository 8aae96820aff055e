//! The kinds of faults of the workload's AWS settings and credentials: how soon another try makes sense, and their stable codes.

use super::aws_code::AwsCode;
use super::setup_error::SetupError;
use super::severity::Severity;
use crate::diagnostics::DiagnosticCode;

impl SetupError {
    /// How soon another try makes sense.
    pub(super) fn severity(&self) -> Severity {
        match self {
            Self::NoRegion
            | Self::NoRegionInFiles(_)
            | Self::Region { .. }
            | Self::NoEndpoint(_)
            | Self::Endpoint { .. }
            | Self::CaBundle { .. }
            | Self::FileContent { .. }
            | Self::HalfCredentials { .. }
            | Self::Profile { .. }
            | Self::ProfileFiles(_)
            | Self::ProfileFile { .. }
            | Self::ContainerEndpoint { .. }
            | Self::ContainerToken { .. }
            | Self::ContainerTokenFile { .. }
            | Self::ExecutionEnv(_)
            | Self::NotUtf8 { .. }
            // Each try may leave a program behind that does not end.
            | Self::Late { .. }
            | Self::Program(_)
            | Self::IdentityTokenFile { .. }
            | Self::Credentials { .. } => Severity::Permanent,
            Self::NoCredentials(_) | Self::NotSts(_) | Self::Unreachable(_) => Severity::Transient,
            Self::CredentialsRefused { code, .. } => Severity::of(code.kind()),
        }
    }

    /// The error code of AWS, where AWS answered with one.
    pub(super) fn aws_code(&self) -> Option<&AwsCode> {
        if let Self::CredentialsRefused { code, .. } = self { Some(code) } else { None }
    }

    /// What is wrong, by its stable name.
    pub(super) fn diagnostic(&self) -> DiagnosticCode {
        match self {
            Self::NoRegion | Self::NoRegionInFiles(_) => DiagnosticCode::RegionMissing,
            Self::Region { .. } => DiagnosticCode::RegionInvalid,
            Self::NoEndpoint(_) | Self::Endpoint { .. } => DiagnosticCode::StsEndpointInvalid,
            Self::NotSts(_) => DiagnosticCode::NotSts,
            Self::Unreachable(_) => DiagnosticCode::StsUnreachable,
            Self::CaBundle { .. } => DiagnosticCode::CaBundleUnusable,
            Self::NoCredentials(_)
            | Self::FileContent { .. }
            | Self::HalfCredentials { .. }
            | Self::Profile { .. }
            | Self::ProfileFiles(_)
            | Self::ProfileFile { .. }
            | Self::ContainerEndpoint { .. }
            | Self::ContainerToken { .. }
            | Self::ContainerTokenFile { .. }
            | Self::Late { .. }
            | Self::Program(_)
            | Self::IdentityTokenFile { .. } => DiagnosticCode::CredentialsMissing,
            Self::ExecutionEnv(_) | Self::NotUtf8 { .. } => DiagnosticCode::ConfigInvalid,
            Self::CredentialsRefused { .. } => DiagnosticCode::CredentialsRefused,
            Self::Credentials { .. } => DiagnosticCode::CredentialsInvalid,
        }
    }
}
