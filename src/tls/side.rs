//! With whom TLS is spoken.

use crate::diagnostics::DiagnosticCode;

/// With whom TLS is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The callers, which connect to attache.
    Callers,
    /// The upstreams, which attache connects to.
    Upstreams,
}

impl Side {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Callers => "callers",
            Self::Upstreams => "upstreams",
        }
    }

    pub(super) fn diagnostic(self) -> DiagnosticCode {
        match self {
            Self::Callers => DiagnosticCode::TlsFilesUnusable,
            Self::Upstreams => DiagnosticCode::UpstreamTlsFilesUnusable,
        }
    }
}
