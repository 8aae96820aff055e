//! Faults that the emulator injects. Every fault is off by default, and a change applies from the next call on.

use super::api_error::ErrorCode;
use super::call::{Algorithm, Operation};
use super::party::Party;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The faults in force; also the JSON body of the control API, field by field.
///
/// When several faults could answer a call, the first in the order `close`, `outage`, `throttle`, `error` does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The calls that `latency_ms`, `hang`, `close`, `outage`, `throttle` and `error` apply to: the name of an
    /// operation, or `all`. Default `GetWebIdentityToken`.
    pub actions: AppliesTo,
    /// Milliseconds to wait before anything else happens to a call.
    pub latency_ms: u32,
    /// Calls are accepted and not answered until this field is false again, or the emulator shuts down.
    pub hang: bool,
    /// The connection is closed without an answer.
    pub close: bool,
    /// Calls are answered with this status: 500 and 503 with an error document, 502 and 504 with HTML.
    pub outage: Option<Outage>,
    /// Calls are answered with `Throttling`, status 400.
    pub throttle: bool,
    /// Calls are answered with this code, and its usual status and message.
    pub error: Option<ErrorCode>,
    /// A token for any of these audiences is refused with `AccessDenied`.
    pub deny_audiences: Vec<String>,
    /// A token for longer than this, in seconds, is refused with `AccessDenied`.
    pub deny_duration_above: Option<u32>,
    /// A token signed with this algorithm is refused with `AccessDenied`.
    pub deny_algorithm: Option<Algorithm>,
    /// A token with tags is refused with an `AccessDenied` that names `sts:TagGetWebIdentityToken`.
    pub deny_tags: bool,
    /// Tokens live this many seconds, whatever was requested; their `exp` and `Expiration` say so.
    pub token_life_seconds: Option<u32>,
    /// Tokens name this audience instead of the requested ones.
    pub mint_audience: Option<String>,
    /// Tokens are signed with this algorithm, whatever was requested.
    pub mint_algorithm: Option<Algorithm>,
    /// Tokens carry the signature of another token.
    pub spoil_signature: bool,
    /// Seconds by which the `exp` of tokens is later than the `Expiration` stated beside them. Negative is earlier.
    pub exp_offset_seconds: i32,
    /// The issuer's documents are answered with status 503.
    pub documents_down: bool,
    /// Seconds by which the emulator's clock is wrong: in the `Date` header, in claims and expiries, and in its own
    /// checks. A negative value is in the past.
    pub clock_offset_seconds: i32,
    /// Session credentials have already lasted this many seconds when they are issued; their `Expiration` says so.
    pub session_age_seconds: u32,
    /// The faults of relying parties. A party without an entry has none.
    pub parties: BTreeMap<Party, PartyFaults>,
}

impl Faults {
    /// The faults of one relying party.
    pub fn of(&self, party: Party) -> PartyFaults {
        self.parties.get(&party).cloned().unwrap_or_default()
    }
}

/// The faults of one party, in the order in which they answer a request to its token endpoint; the last one is of its API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartyFaults {
    /// Milliseconds to wait before anything else happens.
    pub latency_ms: u32,
    /// Requests are not answered until this field is false again, or the emulator shuts down.
    pub hang: bool,
    /// The connection is closed without an answer.
    pub close: bool,
    /// Requests are answered with this status and an HTML page.
    pub outage: Option<Outage>,
    /// Requests are answered 429, with this many seconds in `Retry-After`.
    pub retry_after_seconds: Option<u32>,
    /// Requests are answered 307, with a `Location` at the party's API.
    pub redirect: bool,
    /// Requests are answered 200 with a page that is no JSON.
    pub rubbish: bool,
    /// Requests are answered 401 with the party's error that gives no reason.
    pub opaque_401: bool,
    /// So many requests more are refused as if the trust were not yet known everywhere; each of them counts this down.
    pub not_propagated: u32,
    /// The lifetime of results in seconds, whatever the party's rule is.
    pub result_life_seconds: Option<u32>,
    /// Results state their lifetime in seconds as text.
    pub text_seconds: bool,
    /// Results state no expiry.
    pub no_expiry: bool,
    /// Results are answers of more than 2 MiB: what is needed, and filling.
    pub huge: bool,
    /// The party's API refuses every request, with 401 or Vault's 403.
    pub api_unauthorized: bool,
}

/// The calls that a fault applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AppliesTo {
    /// Every call, including calls of unknown operations.
    All,
    /// The calls of one operation.
    Only(Operation),
}

impl AppliesTo {
    /// Whether the fault applies to calls of `operation`; `None` is an unknown operation.
    pub fn covers(self, operation: Option<Operation>) -> bool {
        match self {
            Self::All => true,
            Self::Only(one) => operation == Some(one),
        }
    }
}

impl Default for AppliesTo {
    fn default() -> Self {
        Self::Only(Operation::GetWebIdentityToken)
    }
}

impl TryFrom<String> for AppliesTo {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if name == "all" {
            return Ok(Self::All);
        }
        let operation = Operation::ALL.into_iter().find(|it| it.name() == name);
        operation.map(Self::Only).ok_or_else(|| format!("{name:?} is neither an operation nor \"all\""))
    }
}

impl From<AppliesTo> for String {
    fn from(applies_to: AppliesTo) -> Self {
        match applies_to {
            AppliesTo::All => "all".to_owned(),
            AppliesTo::Only(operation) => operation.name().to_owned(),
        }
    }
}

/// The HTTP status of an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum Outage {
    /// 500, `InternalFailure`.
    InternalFailure,
    /// 502, from a gateway in front of STS.
    BadGateway,
    /// 503, `ServiceUnavailable`.
    ServiceUnavailable,
    /// 504, from a gateway in front of STS.
    GatewayTimeout,
}

impl TryFrom<u16> for Outage {
    type Error = String;

    fn try_from(status: u16) -> Result<Self, String> {
        match status {
            500 => Ok(Self::InternalFailure),
            502 => Ok(Self::BadGateway),
            503 => Ok(Self::ServiceUnavailable),
            504 => Ok(Self::GatewayTimeout),
            other => Err(format!("{other} is none of 500, 502, 503 and 504")),
        }
    }
}

impl From<Outage> for u16 {
    fn from(outage: Outage) -> Self {
        match outage {
            Outage::InternalFailure => 500,
            Outage::BadGateway => 502,
            Outage::ServiceUnavailable => 503,
            Outage::GatewayTimeout => 504,
        }
    }
}
