//! Label values from closed sets, or built once for each upstream and audience set, so that recording builds no
//! strings.

use opentelemetry::metrics::{BoundCounter, BoundHistogram};
use opentelemetry::{KeyValue, Value};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Why an upstream call got no response. A 5xx response of an upstream is not an error of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// A timeout expired.
    Timeout,
    /// Nothing listens on the upstream's port.
    ConnectionRefused,
    /// Any other failure, or a caller that disconnected or broke off its body before the response.
    Unknown,
}

impl ErrorType {
    /// The value of `error_type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::ConnectionRefused => "connection_refused",
            Self::Unknown => "unknown",
        }
    }
}

/// The result of getting the token for an upstream call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenResult {
    /// A token was available.
    Ok,
    /// The token could not be fetched.
    FetchError,
    /// No audience could be derived for the request.
    ResolverError,
}

impl TokenResult {
    /// The value of `token_result`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::FetchError => "fetch_error",
            Self::ResolverError => "resolver_error",
        }
    }
}

/// Why a token fetch failed: an error code that STS is known to send, or one of two values of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorClass(&'static str);

impl ErrorClass {
    /// STS did not answer, or could not be called.
    pub const TRANSPORT: Self = Self("transport");
    /// STS answered with an unknown code.
    pub const OTHER: Self = Self("other");

    /// An error code of AWS, from the closed list of `token`.
    pub fn aws(code: &'static str) -> Self {
        Self(code)
    }

    /// The value of `error_class`.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// The labels of an upstream. Cloning is cheap; a value belongs to the `Metrics` that it was first recorded with.
#[derive(Clone)]
pub struct ServerLabels(Arc<ServerParts>);

struct ServerParts {
    address: Value,
    port: Option<u16>,
    success: OnceLock<BoundHistogram<f64>>,
}

impl ServerLabels {
    /// Creates the labels of an upstream at `address`, a name or an address with or without brackets. `port` is the
    /// port unless it is the scheme's default.
    pub fn new(address: impl fmt::Display, port: Option<u16>) -> Self {
        let address = address.to_string();
        let address: Arc<str> = address.trim_matches(['[', ']']).into();
        Self(Arc::new(ServerParts { address: address.into(), port, success: OnceLock::new() }))
    }

    /// The histogram of calls that had a token and got a response, bound at the first of these calls.
    pub(super) fn success(
        &self,
        bind: impl FnOnce(&[KeyValue]) -> BoundHistogram<f64>,
    ) -> &BoundHistogram<f64> {
        self.0.success.get_or_init(|| bind(&self.attributes(None, TokenResult::Ok)))
    }

    /// The attributes, sorted by key, which is the order in which the SDK looks them up.
    pub(super) fn attributes(&self, error: Option<ErrorType>, token: TokenResult) -> Vec<KeyValue> {
        let error = error.map(|error| KeyValue::new("error.type", error.as_str()));
        let port = self.0.port.map(|port| KeyValue::new("server.port", i64::from(port)));
        error
            .into_iter()
            .chain([KeyValue::new("server.address", self.0.address.clone())])
            .chain(port)
            .chain([KeyValue::new("token_result", token.as_str())])
            .collect()
    }
}

/// The label of an audience set. Cloning is cheap; a value belongs to the `Metrics` that it was first recorded with.
#[derive(Clone)]
pub struct AudienceLabel(Arc<AudienceParts>);

struct AudienceParts {
    name: Arc<str>,
    attributes: [KeyValue; 1],
    hits: OnceLock<BoundCounter<u64>>,
}

impl AudienceLabel {
    /// Creates the label of an audience set from its display form: sorted, and joined by commas.
    pub fn new(audiences: impl fmt::Display) -> Self {
        let name: Arc<str> = audiences.to_string().into();
        let attributes = [KeyValue::new("audience", Arc::clone(&name))];
        Self(Arc::new(AudienceParts { name, attributes, hits: OnceLock::new() }))
    }

    /// The display form of the audience set.
    pub fn as_str(&self) -> &str {
        &self.0.name
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    pub(super) fn attributes(&self) -> &[KeyValue; 1] {
        &self.0.attributes
    }

    /// The counter of cache hits, bound at the first hit.
    pub(super) fn hits(&self, bind: impl FnOnce(&[KeyValue]) -> BoundCounter<u64>) -> &BoundCounter<u64> {
        self.0.hits.get_or_init(|| bind(&self.0.attributes))
    }
}
