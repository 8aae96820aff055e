//! The calls that the emulator answers, with their parameters checked.

use serde::{Deserialize, Serialize};

/// The API that an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// AWS STS, version 2011-06-15.
    Sts,
    /// AWS IAM, version 2010-05-08.
    Iam,
}

impl Api {
    /// The version that a call must name in its `Version` parameter.
    pub fn version(self) -> &'static str {
        match self {
            Self::Sts => "2011-06-15",
            Self::Iam => "2010-05-08",
        }
    }

    /// The service name in a credential scope.
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
        }
    }

    /// The XML namespace of the API's responses.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
        }
    }
}

/// An operation that the emulator knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Mints a token.
    GetWebIdentityToken,
    /// Returns the identity of the caller.
    GetCallerIdentity,
    /// Returns session credentials to a signed caller.
    AssumeRole,
    /// Returns session credentials for a web identity token.
    AssumeRoleWithWebIdentity,
    /// Turns outbound federation on.
    EnableOutboundWebIdentityFederation,
    /// Returns the issuer.
    GetOutboundWebIdentityFederationInfo,
    /// Turns outbound federation off.
    DisableOutboundWebIdentityFederation,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 7] = [
        Self::GetWebIdentityToken,
        Self::GetCallerIdentity,
        Self::AssumeRole,
        Self::AssumeRoleWithWebIdentity,
        Self::EnableOutboundWebIdentityFederation,
        Self::GetOutboundWebIdentityFederationInfo,
        Self::DisableOutboundWebIdentityFederation,
    ];

    /// Finds the operation with this name and API version.
    pub fn find(name: &str, version: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name && it.api().version() == version)
    }

    /// The operation's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetWebIdentityToken => "GetWebIdentityToken",
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::AssumeRole => "AssumeRole",
            Self::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
            Self::EnableOutboundWebIdentityFederation => "EnableOutboundWebIdentityFederation",
            Self::GetOutboundWebIdentityFederationInfo => "GetOutboundWebIdentityFederationInfo",
            Self::DisableOutboundWebIdentityFederation => "DisableOutboundWebIdentityFederation",
        }
    }

    /// The API that the operation belongs to.
    pub fn api(self) -> Api {
        match self {
            Self::GetWebIdentityToken
            | Self::GetCallerIdentity
            | Self::AssumeRole
            | Self::AssumeRoleWithWebIdentity => Api::Sts,
            Self::EnableOutboundWebIdentityFederation
            | Self::GetOutboundWebIdentityFederationInfo
            | Self::DisableOutboundWebIdentityFederation => Api::Iam,
        }
    }

    /// Whether the operation requires a signature.
    pub fn is_signed(self) -> bool {
        self != Self::AssumeRoleWithWebIdentity
    }
}

/// The signing algorithm of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
}

impl Algorithm {
    /// The name that STS and the JWT header use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es384 => "ES384",
        }
    }
}

/// A call whose parameters satisfy the constraints of the API reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`Operation::GetWebIdentityToken`].
    GetWebIdentityToken(Mint),
    /// [`Operation::GetCallerIdentity`].
    GetCallerIdentity,
    /// [`Operation::AssumeRole`].
    AssumeRole(Assume),
    /// [`Operation::AssumeRoleWithWebIdentity`].
    AssumeRoleWithWebIdentity(AssumeWithWebIdentity),
    /// [`Operation::EnableOutboundWebIdentityFederation`].
    EnableOutboundWebIdentityFederation,
    /// [`Operation::GetOutboundWebIdentityFederationInfo`].
    GetOutboundWebIdentityFederationInfo,
    /// [`Operation::DisableOutboundWebIdentityFederation`].
    DisableOutboundWebIdentityFederation,
}

impl Call {
    /// The operation of the call.
    pub fn operation(&self) -> Operation {
        match self {
            Self::GetWebIdentityToken(_) => Operation::GetWebIdentityToken,
            Self::GetCallerIdentity => Operation::GetCallerIdentity,
            Self::AssumeRole(_) => Operation::AssumeRole,
            Self::AssumeRoleWithWebIdentity(_) => Operation::AssumeRoleWithWebIdentity,
            Self::EnableOutboundWebIdentityFederation => Operation::EnableOutboundWebIdentityFederation,
            Self::GetOutboundWebIdentityFederationInfo => Operation::GetOutboundWebIdentityFederationInfo,
            Self::DisableOutboundWebIdentityFederation => Operation::DisableOutboundWebIdentityFederation,
        }
    }
}

/// The parameters of `GetWebIdentityToken`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mint {
    /// One to ten audiences, in the order of their index.
    pub audiences: Vec<String>,
    /// The lifetime of the token, 60 to 3600 seconds.
    pub duration_seconds: u32,
    /// The signing algorithm of the token.
    pub algorithm: Algorithm,
    /// At most fifty tags with different keys, in the order of their index.
    pub tags: Vec<(String, String)>,
}

/// The parameters of `AssumeRole`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assume {
    /// The role's ARN, whose form is not checked yet.
    pub role_arn: String,
    /// The session's name.
    pub session_name: String,
    /// The lifetime of the session, 900 to 43200 seconds.
    pub duration_seconds: u32,
    /// Session tags.
    pub tags: Vec<(String, String)>,
    /// The source identity of the session.
    pub source_identity: Option<String>,
}

/// The parameters of `AssumeRoleWithWebIdentity`.
#[derive(Clone, PartialEq, Eq)]
pub struct AssumeWithWebIdentity {
    /// The session, without tags and source identity.
    pub assume: Assume,
    /// The token; the emulator accepts any.
    pub token: String,
}

/// Leaves the token out of debug output.
impl std::fmt::Debug for AssumeWithWebIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AssumeWithWebIdentity").field("assume", &self.assume).finish_non_exhaustive()
    }
}
