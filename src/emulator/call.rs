//! What callers may ask for, after every parameter has been checked.

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
    /// The version that a call must name.
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

    /// The XML namespace of its answers.
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
    /// Mint a token.
    GetWebIdentityToken,
    /// Tell the caller who they are.
    GetCallerIdentity,
    /// Hand out a session to a signed caller.
    AssumeRole,
    /// Hand out a session to the bearer of a web identity token.
    AssumeRoleWithWebIdentity,
    /// Turn federation on.
    EnableOutboundWebIdentityFederation,
    /// Tell the issuer.
    GetOutboundWebIdentityFederationInfo,
    /// Turn federation off.
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

    /// The operation of that name in that version.
    pub fn find(name: &str, version: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name && it.api().version() == version)
    }

    /// Its name on the wire.
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

    /// The API it belongs to.
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

    /// Whether a caller must sign it.
    pub fn is_signed(self) -> bool {
        self != Self::AssumeRoleWithWebIdentity
    }
}

/// How a token is signed.
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

/// A call whose parameters keep the rules of the API reference.
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
    /// The operation called.
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

/// What a token is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mint {
    /// One to ten audiences, in the order of their index.
    pub audiences: Vec<String>,
    /// Its life, 60 to 3600 seconds.
    pub duration_seconds: u32,
    /// How it is signed.
    pub algorithm: Algorithm,
    /// At most fifty tags with different keys, in the order of their index.
    pub tags: Vec<(String, String)>,
}

/// What session is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assume {
    /// The role's ARN, not yet checked for its form.
    pub role_arn: String,
    /// The session's name.
    pub session_name: String,
    /// Its life, 900 to 43200 seconds.
    pub duration_seconds: u32,
    /// Session tags.
    pub tags: Vec<(String, String)>,
    /// Who is behind the session.
    pub source_identity: Option<String>,
}

/// What session is asked for, and by what token.
#[derive(Clone, PartialEq, Eq)]
pub struct AssumeWithWebIdentity {
    /// The session; it has neither tags nor a source identity.
    pub assume: Assume,
    /// The token; any is accepted.
    pub token: String,
}

/// Says nothing of the token.
impl std::fmt::Debug for AssumeWithWebIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AssumeWithWebIdentity").field("assume", &self.assume).finish_non_exhaustive()
    }
}
