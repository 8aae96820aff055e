//! The words in which a relying party is described: its endpoints, what they take, and what they give.

use super::error::Kind;
use super::error_body::{ErrorCode, Errors, Shape};

/// A relying party, as the emulator plays it.
pub(super) struct PartyRules {
    /// The token endpoints.
    pub(super) endpoints: &'static [Endpoint],
    /// Public documents.
    pub(super) documents: &'static [Document],
    /// The API behind the token endpoints. Every other path belongs to it.
    pub(super) api: ApiRules,
}

/// A token endpoint.
pub(super) struct Endpoint {
    /// The path below the party's prefix. `{name}` matches one segment, or the beginning of one, and makes it a field.
    pub(super) path: &'static str,
    /// The accepted methods.
    pub(super) methods: &'static [&'static str],
    /// Where the fields are.
    pub(super) encoding: Encoding,
    /// Headers that are required or refused.
    pub(super) headers: &'static [(&'static str, HeaderRule)],
    /// The known fields.
    pub(super) fields: &'static [Field],
    /// Whether fields that are not known are refused. Otherwise they are ignored.
    pub(super) only_known_fields: bool,
    /// What is exchanged.
    pub(super) proof: Proof,
    /// The JWTs that the party trusts.
    pub(super) trust: Trust,
    /// How long the result lives.
    pub(super) life: Lifetime,
    /// The form of the result.
    pub(super) token: TokenForm,
    /// The fields of the answer: a path of names separated by dots, and what is there.
    pub(super) answer: &'static [(&'static str, AnswerPart)],
    /// The refusals.
    pub(super) errors: Errors,
}

/// Where the fields of a request are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `application/x-www-form-urlencoded` in the body.
    Form,
    /// A JSON object in the body.
    Json,
    /// A JSON object in the body, whatever `content-type` says.
    UntypedJson,
    /// The query; the body is not looked at.
    Query,
}

/// What an endpoint wants of a header.
#[derive(Clone, Copy, Debug)]
pub(super) enum HeaderRule {
    /// Each of these is a member of the header's list.
    Lists(&'static [&'static str]),
    /// The header must not be there.
    Absent,
}

/// A field of a request.
pub(super) struct Field {
    /// The name.
    pub(super) name: &'static str,
    /// Whether it must be there.
    pub(super) need: Need,
    /// What its value must be.
    pub(super) value: FieldValue,
    /// What a value other than that is refused as.
    pub(super) otherwise: Kind,
}

/// Whether a field must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// The field must be there.
    Required,
    /// The field may be there.
    Optional,
    /// The field must not be there.
    Forbidden,
}

/// What the value of a field must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum FieldValue {
    /// Any text that is not empty.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An id with this prefix. Without the prefix it is malformed; another id than one of these is unknown.
    Id { prefix: &'static str, known: &'static [&'static str] },
    /// A UUID. Another UUID than this is unknown.
    Uuid(&'static str),
    /// One word with this ending and something before it.
    OneWordEnding(&'static str),
    /// A whole number of seconds before this unit.
    SecondsWith(&'static str),
    /// A list of texts.
    Texts,
}

/// What is exchanged.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    /// The JWT in this field.
    Field(&'static str),
    /// The JWT as the bearer in `Authorization`.
    Bearer,
    /// The result of the party's first endpoint as the bearer in `Authorization`, with one of these scopes.
    FirstHop { scopes: &'static [&'static str] },
}

/// The JWTs that a party trusts: those of the emulator's issuer, about the emulator's role, and for an audience of these.
pub(super) struct Trust {
    /// The accepted audiences.
    pub(super) audiences: &'static [&'static str],
    /// Whether the JWT may name no other audience.
    pub(super) sole_audience: bool,
    /// The accepted algorithms.
    pub(super) algorithms: &'static [&'static str],
    /// Whether a JWT is accepted once only, by its `jti`.
    pub(super) single_use: bool,
    /// The longest accepted time from `iat` to `exp`, in seconds.
    pub(super) max_life: Option<i64>,
}

/// How long a result lives, in seconds: the least of the party's own limit, of what was asked for, and of the multiple of what
/// the JWT has left; but at least the floor.
pub(super) struct Lifetime {
    /// The party's own limit.
    pub(super) own: i64,
    /// The multiple of what the JWT has left.
    pub(super) of_remaining: Option<i64>,
    /// The least lifetime.
    pub(super) floor: i64,
    /// The field that may ask for a shorter one.
    pub(super) asked: Option<&'static str>,
}

/// The form of a token that a party gives out.
#[derive(Clone, Copy, Debug)]
pub(super) enum TokenForm {
    /// A prefix and random characters.
    Opaque(&'static str),
    /// A JWT of the emulator's issuer.
    Jwt,
}

/// What a field of an answer is.
#[derive(Clone, Copy, Debug)]
pub(super) enum AnswerPart {
    /// The token.
    Token,
    /// The seconds until it expires.
    Seconds,
    /// The seconds until it expires, as text.
    TextSeconds,
    /// The time at which it expires (RFC 3339).
    Rfc3339,
    /// This JSON.
    Json(&'static str),
    /// This text.
    Text(&'static str),
}

/// A public JSON document. `{base}` stands for the URL of the party's prefix.
pub(super) struct Document {
    /// The path below the party's prefix.
    pub(super) path: &'static str,
    /// The document.
    pub(super) json: &'static str,
}

/// What a party's API wants of a request, and what it answers.
pub(super) struct ApiRules {
    /// The header that carries the token.
    pub(super) header: &'static str,
    /// What is before the token in it.
    pub(super) prefix: &'static str,
    /// A member that the list of another header must have.
    pub(super) companion: Option<(&'static str, &'static str)>,
    /// Headers that must not be there: credentials of another kind.
    pub(super) refused_headers: &'static [&'static str],
    /// The status of a refusal.
    pub(super) refusal_status: u16,
    /// The form of a refusal.
    pub(super) unauthorized: (Shape, ErrorCode),
    /// The answers to a method and the end of a path. Everything else is answered with what arrived.
    pub(super) answers: &'static [(&'static str, &'static str, ApiAnswer)],
}

/// An answer of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiAnswer {
    /// A message of Anthropic's API, streamed if the request says so.
    AnthropicMessage,
    /// A response of OpenAI's API, streamed if the request says so.
    OpenaiResponse,
    /// A chat completion of OpenAI's API, streamed if the request says so.
    OpenaiChat,
    /// This JSON.
    Json(&'static str),
    /// The token is revoked.
    Revoke,
}

/// An API that wants the token as the bearer in `Authorization`.
pub(super) const fn bearer_api(
    unauthorized: (Shape, ErrorCode),
    answers: &'static [(&'static str, &'static str, ApiAnswer)],
) -> ApiRules {
    ApiRules {
        header: "authorization",
        prefix: "Bearer ",
        companion: None,
        refused_headers: &[],
        refusal_status: 401,
        unauthorized,
        answers,
    }
}

/// The answer of RFC 6749, section 5.1.
pub(super) const OAUTH_ANSWER: &[(&str, AnswerPart)] = &[
    ("access_token", AnswerPart::Token),
    ("token_type", AnswerPart::Text("Bearer")),
    ("expires_in", AnswerPart::Seconds),
];

/// A field that must be there.
pub(super) const fn required(name: &'static str, value: FieldValue, otherwise: Kind) -> Field {
    Field { name, need: Need::Required, value, otherwise }
}

/// A field that may be there.
pub(super) const fn optional(name: &'static str, value: FieldValue, otherwise: Kind) -> Field {
    Field { name, need: Need::Optional, value, otherwise }
}

/// A field that must not be there.
pub(super) const fn forbidden(name: &'static str) -> Field {
    Field { name, need: Need::Forbidden, value: FieldValue::Text, otherwise: Kind::UnknownField }
}

/// The grant of RFC 8693, section 2.1.
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The grant of RFC 7523, section 2.1.
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The client assertion of RFC 7523, section 2.2.
pub(super) const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The token type of a JWT (RFC 8693, section 3).
pub(super) const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";
/// The token type of an ID token (RFC 8693, section 3).
pub(super) const ID_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:id_token";
/// The token type of an access token (RFC 8693, section 3).
pub(super) const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Both algorithms that STS signs with.
pub(super) const BOTH: &[&str] = &["RS256", "ES384"];
