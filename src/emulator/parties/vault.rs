//! HashiCorp Vault and OpenBao: the login of the JWT auth method.

use super::error::Kind;
use super::error_body::{ASSERTION, Errors, Shape, named, row, row_saying};
use super::rules::{
    AnswerPart, ApiAnswer, ApiRules, BOTH, Encoding, Endpoint, FieldValue, Lifetime, PartyRules, Proof,
    TokenForm, Trust, required,
};

/// HashiCorp Vault.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[Endpoint {
        path: "/v1/auth/{mount}/login",
        methods: &["POST", "PUT"],
        encoding: Encoding::UntypedJson,
        headers: &[],
        fields: &[
            required("mount", FieldValue::OneOf(&["jwt"]), Kind::Tenant),
            required("role", FieldValue::OneOf(&["attache"]), Kind::Client),
            required("jwt", FieldValue::Text, Kind::Malformed),
        ],
        only_known_fields: false,
        proof: Proof::Field("jwt"),
        trust: Trust {
            audiences: &["vault"],
            sole_audience: false,
            algorithms: BOTH,
            single_use: false,
            max_life: None,
        },
        life: Lifetime { own: 3600, of_remaining: None, floor: 1, asked: None },
        token: TokenForm::Opaque("hvs."),
        answer: &[
            ("auth.client_token", AnswerPart::Token),
            ("auth.lease_duration", AnswerPart::Seconds),
            ("auth.renewable", AnswerPart::Json("true")),
            ("auth.policies", AnswerPart::Json(r#"["default"]"#)),
            ("auth.metadata.role", AnswerPart::Text("attache")),
            ("auth.token_type", AnswerPart::Text("service")),
            ("lease_duration", AnswerPart::Json("0")),
            ("data", AnswerPart::Json("null")),
        ],
        errors: Errors {
            shape: Shape::Vault,
            rows: &[
                row_saying(&[Kind::Client], 400, named(""), "role could not be found"),
                row_saying(
                    &[Kind::Tenant, Kind::Opaque, Kind::NotPropagated],
                    403,
                    named(""),
                    "permission denied",
                ),
                row_saying(
                    &[Kind::Audience],
                    400,
                    named(""),
                    "error validating token: audience claim does not match",
                ),
                row_saying(
                    &[Kind::Signature, Kind::Key, Kind::Algorithm],
                    400,
                    named(""),
                    "error validating token: error validating signature",
                ),
                row(ASSERTION, 400, named("")),
            ],
            other: (400, named(""), None),
        },
    }],
    documents: &[],
    api: ApiRules {
        header: "x-vault-token",
        prefix: "",
        companion: None,
        refused_headers: &[],
        refusal_status: 403,
        unauthorized: (Shape::Vault, named("")),
        answers: &[
            (
                "GET",
                "/v1/auth/token/lookup-self",
                ApiAnswer::Json(r#"{"data": {"display_name": "jwt-attache", "policies": ["default"]}}"#),
            ),
            (
                "GET",
                "/v1/secret/data/demo",
                ApiAnswer::Json(r#"{"data": {"data": {"answer": "hello"}, "metadata": {"version": 1}}}"#),
            ),
        ],
    },
};
