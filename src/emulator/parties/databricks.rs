//! Databricks: the token endpoints of a workspace and of an account, with the documents by which its SDKs find them.

use super::error::Kind;
use super::error_body::{EXCHANGE_ERRORS, Shape, named};
use super::rules::{
    ACCESS_TOKEN_TYPE, AnswerPart, ApiAnswer, Document, Encoding, Endpoint, Field, FieldValue, JWT_TYPE,
    Lifetime, PartyRules, Proof, TOKEN_EXCHANGE, TokenForm, Trust, bearer_api, optional, required,
};

/// Databricks.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[
        endpoint("/oidc/v1/token", &[GRANT, TOKEN, TOKEN_TYPE, SCOPE, CLIENT]),
        endpoint("/oidc/accounts/{account_id}/v1/token", &[ACCOUNT, GRANT, TOKEN, TOKEN_TYPE, SCOPE, CLIENT]),
    ],
    documents: &[
        Document {
            path: "/.well-known/databricks-config",
            json: r#"{"oidc_endpoint": "{base}/oidc", "account_id": "00000000-0000-4000-8000-0000000000ac", "workspace_id": "1234567890123456", "cloud": "AWS", "token_federation_default_oidc_audiences": ["databricks"]}"#,
        },
        Document {
            path: "/oidc/.well-known/oauth-authorization-server",
            json: r#"{"issuer": "{base}/oidc", "authorization_endpoint": "{base}/oidc/v1/authorize", "token_endpoint": "{base}/oidc/v1/token"}"#,
        },
        Document {
            path: "/oidc/accounts/00000000-0000-4000-8000-0000000000ac/.well-known/oauth-authorization-server",
            json: r#"{"issuer": "{base}/oidc/accounts/00000000-0000-4000-8000-0000000000ac", "authorization_endpoint": "{base}/oidc/accounts/00000000-0000-4000-8000-0000000000ac/v1/authorize", "token_endpoint": "{base}/oidc/accounts/00000000-0000-4000-8000-0000000000ac/v1/token"}"#,
        },
    ],
    api: bearer_api(
        (Shape::Databricks, named("UNAUTHENTICATED")),
        &[(
            "GET",
            "/api/2.0/preview/scim/v2/Me",
            ApiAnswer::Json(
                r#"{"id": "1", "userName": "00000000-0000-4000-8000-0000000000db", "active": true}"#,
            ),
        )],
    ),
};

const ACCOUNT: Field =
    required("account_id", FieldValue::OneOf(&["00000000-0000-4000-8000-0000000000ac"]), Kind::Tenant);
const GRANT: Field = required("grant_type", FieldValue::OneOf(&[TOKEN_EXCHANGE]), Kind::Grant);
const TOKEN: Field = required("subject_token", FieldValue::Text, Kind::Malformed);
const TOKEN_TYPE: Field = required("subject_token_type", FieldValue::OneOf(&[JWT_TYPE]), Kind::Malformed);
const SCOPE: Field = required("scope", FieldValue::OneOf(&["all-apis"]), Kind::Scope);
const CLIENT: Field =
    optional("client_id", FieldValue::OneOf(&["00000000-0000-4000-8000-0000000000db"]), Kind::Client);

const fn endpoint(path: &'static str, fields: &'static [Field]) -> Endpoint {
    Endpoint {
        path,
        methods: &["POST"],
        encoding: Encoding::Form,
        headers: &[],
        fields,
        only_known_fields: false,
        proof: Proof::Field("subject_token"),
        trust: Trust {
            audiences: &["databricks", "00000000-0000-4000-8000-0000000000ac"],
            sole_audience: false,
            algorithms: &["RS256"],
            single_use: false,
            max_life: None,
        },
        life: Lifetime { own: 3600, of_remaining: None, floor: 1, asked: None },
        token: TokenForm::Jwt,
        answer: &[
            ("access_token", AnswerPart::Token),
            ("issued_token_type", AnswerPart::Text(ACCESS_TOKEN_TYPE)),
            ("token_type", AnswerPart::Text("Bearer")),
            ("scope", AnswerPart::Text("all-apis")),
            ("expires_in", AnswerPart::Seconds),
        ],
        errors: EXCHANGE_ERRORS,
    }
}
