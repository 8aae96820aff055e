//! How a JWT becomes a credential of another party: the token requests, what their answers hold, and how the result is sent.
//!
//! A description decides all of it. Presets are such descriptions, and nothing else knows one party from another but by
//! `ErrorForm`.

use super::token_endpoint::TokenEndpoint;
use http::{HeaderName, HeaderValue};
use std::time::Duration;

/// What turns the JWT into a credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exchange {
    /// The party's name in metrics, logs and the status: that of the preset, or `custom`.
    pub party: Box<str>,
    /// The request that carries the JWT.
    pub first: Hop,
    /// The request that carries the result of the first, where the party has two.
    pub then: Option<Hop>,
    /// How the last result is sent to the API.
    pub placement: Placement,
}

impl Exchange {
    /// The requests, in order.
    pub fn hops(&self) -> impl Iterator<Item = &Hop> {
        std::iter::once(&self.first).chain(&self.then)
    }
}

/// One token request and what its answer holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    /// Where the request goes.
    pub endpoint: TokenEndpoint,
    /// How its fields are written.
    pub encoding: Encoding,
    /// Where the assertion stands: the JWT, or the result of the hop before.
    pub assertion: AssertionPlace,
    /// The other fields, in order.
    pub fields: Vec<Field>,
    /// Headers besides those of the encoding.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Where its answer holds what.
    pub result: ResultRule,
    /// How the party tells what is wrong.
    pub errors: ErrorForm,
}

/// How the fields of a token request are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `application/x-www-form-urlencoded` (RFC 6749, appendix B).
    Form,
    /// A JSON object.
    Json,
    /// The query of the URL; there is no body.
    Query,
}

/// Where the assertion stands in a token request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AssertionPlace {
    /// In the field of this name: `subject_token`, `assertion`, `client_assertion`, `jwt`.
    Field(Box<str>),
    /// In `Authorization`, as a bearer token.
    Authorization,
}

/// A field of a token request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name, as the party spells it.
    pub name: Box<str>,
    /// Its value.
    pub value: FieldValue,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldValue {
    /// A text.
    Text(Box<str>),
    /// Several texts: an array in JSON, the field several times elsewhere.
    List(Vec<Box<str>>),
}

/// Where the answer of a token request holds the token and its expiry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResultRule {
    /// The token (JSON pointer, RFC 6901).
    pub token: Box<str>,
    /// Where the expiry may stand. The first that the answer has counts. Behind them comes `exp` of the token, if it is a JWT.
    pub expiry: Vec<ExpiryRule>,
    /// The life of a token whose answer states none.
    pub default_lifetime: Option<Duration>,
    /// The longest life that is believed.
    pub max_lifetime: Option<Duration>,
    /// Whether the result is held to expire no later than the assertion.
    pub ends_with_assertion: bool,
}

/// A place where an answer may state the expiry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExpiryRule {
    /// The place (JSON pointer, RFC 6901).
    pub pointer: Box<str>,
    /// How it is written there.
    pub form: ExpiryForm,
}

/// How an expiry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpiryForm {
    /// Seconds from now, as a number or as text.
    Seconds,
    /// Seconds from now, where 0 says that none is stated (Vault's `lease_duration`).
    LeaseSeconds,
    /// A date and time (RFC 3339).
    Rfc3339,
    /// Seconds since 1970.
    UnixSeconds,
}

/// How a party tells what is wrong, where that decides how soon another attempt makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorForm {
    /// `error` and `error_description` (RFC 6749, section 5.2), or the common variants of them.
    OAuth,
    /// Microsoft's: codes such as AADSTS700213 in `error_codes`.
    Entra,
    /// A trust that was just granted is refused with 403 until it has spread (Google's impersonation).
    SpreadsSlowly,
}

/// How a credential is sent to the API.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Placement {
    /// The header that holds it.
    pub header: HeaderName,
    /// What stands before it there, a blank at the end included: `Bearer `.
    pub prefix: Box<str>,
    /// What else the API wants to see.
    pub companions: Vec<Companion>,
    /// Headers of the caller that are removed, because they hold keys of its own.
    pub removed: Vec<HeaderName>,
}

/// A header that goes with a credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Companion {
    /// The header.
    pub name: HeaderName,
    /// Its value.
    pub value: HeaderValue,
    /// What happens to that of the caller.
    pub mode: CompanionMode,
}

/// What happens to a header of the caller that a credential brings too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompanionMode {
    /// It is replaced.
    Set,
    /// It is a list (RFC 9110, section 5.6.1), to which the value is added unless it is there.
    Append,
}
