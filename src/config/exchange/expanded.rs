//! What the keys of an exchange say.

use crate::model::credential_spec::NamedExchange;
use crate::model::exchange::Exchange;
use crate::model::token_request::SigningAlgorithm;
use std::time::Duration;

/// What the keys say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// The exchange, under the name of its credential.
    pub exchange: NamedExchange,
    /// What the JWT is, where the credential does not say it.
    pub token: TokenDefaults,
}

/// What a JWT for an exchange is, where its credential does not say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenDefaults {
    /// The audience. `None` where the credential must name it.
    pub audience: Option<String>,
    /// The signature.
    pub algorithm: SigningAlgorithm,
    /// The life.
    pub lifetime: Duration,
}

/// What an expansion without problems yields.
pub(super) type Read = (Exchange, TokenDefaults);
