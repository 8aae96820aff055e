//! Why a relying party refuses a request.

/// The reason of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The endpoint does not take this method.
    Method,
    /// The body is of another type.
    MediaType,
    /// The body, or what is in it, cannot be read.
    Body,
    /// A header is missing, or has no business there.
    Header,
    /// A field is missing.
    MissingField,
    /// A field is there twice (RFC 6749, section 3.2).
    RepeatedField,
    /// The endpoint does not take this field.
    UnknownField,
    /// A value has not the form of its kind.
    Malformed,
    /// The grant, or the type of the assertion, is another.
    Grant,
    /// The scope cannot be had.
    Scope,
    /// The tenant does not exist.
    Tenant,
    /// The client, rule, provider, policy or role does not exist.
    Client,
    /// The service account cannot be had by this rule.
    Account,
    /// The JWT has more than 16 KiB.
    TooLarge,
    /// The JWT cannot be read, or lacks a claim.
    Jwt,
    /// The algorithm is not accepted.
    Algorithm,
    /// The issuer's keys cannot be read, or have no such key.
    Key,
    /// The signature does not match.
    Signature,
    /// The JWT is another issuer's.
    Issuer,
    /// The JWT is for another audience.
    Audience,
    /// The JWT is about another subject.
    Subject,
    /// The JWT has expired.
    Expired,
    /// The JWT was issued in the future.
    NotYetValid,
    /// The JWT lives too long.
    LivesTooLong,
    /// The JWT was used before.
    Spent,
    /// The bearer is no result of the first endpoint.
    FirstHop,
    /// The trust is not yet known everywhere.
    NotPropagated,
    /// An error that gives no reason.
    Opaque,
    /// Too many requests.
    RateLimited,
}

impl Kind {
    /// The name under which the error is counted.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::MediaType => "media_type",
            Self::Body => "body",
            Self::Header => "header",
            Self::MissingField => "missing_field",
            Self::RepeatedField => "repeated_field",
            Self::UnknownField => "unknown_field",
            Self::Malformed => "malformed",
            Self::Grant => "grant",
            Self::Scope => "scope",
            Self::Tenant => "tenant",
            Self::Client => "client",
            Self::Account => "account",
            Self::TooLarge => "too_large",
            Self::Jwt => "jwt",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Subject => "subject",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::LivesTooLong => "lives_too_long",
            Self::Spent => "spent",
            Self::FirstHop => "first_hop",
            Self::NotPropagated => "not_propagated",
            Self::Opaque => "opaque_401",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// An error, with a text that names what is wrong and repeats no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartyError {
    /// The reason.
    pub(super) kind: Kind,
    /// The text, for parties that give one.
    pub(super) text: String,
}

impl PartyError {
    /// An error with a text.
    pub(super) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}
