//! What a token endpoint says when it gives nothing, and how soon another attempt makes sense.

use crate::credential::exchange_error::{FailureClass, Refusal};
use crate::legible;
use crate::model::exchange::ErrorForm;
use serde_json::Value;

/// The most that is kept of what a party says, in bytes.
const MAX_DESCRIPTION: usize = 256;
/// The most that is kept of a code or a request id, in bytes.
const MAX_CODE: usize = 64;

/// Reads an answer. Its body is never kept whole, because it may quote the assertion.
pub(super) fn read(form: ErrorForm, status: u16, body: &[u8], request_id: Option<&str>) -> Refusal {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let (code, description) = (code(form, &body), description(&body));
    let id_in_body = ["trace_id", "request_id"].iter().find_map(|name| body.get(name)?.as_str());
    Refusal {
        status,
        class: class(form, status, code.as_deref(), description.as_deref().unwrap_or_default()),
        code: code.map(|code| legible::line(&code, MAX_CODE)),
        description: description.map(|text| legible::line(&text, MAX_DESCRIPTION)),
        request_id: request_id.or(id_in_body).map(|id| legible::line(id, MAX_CODE)),
    }
}

/// The code, as each party has it: Microsoft's in a list, OAuth's in `error`, others' one level deeper.
fn code(form: ErrorForm, body: &Value) -> Option<String> {
    let entra = || Some(format!("AADSTS{}", body.pointer("/error_codes/0")?.as_u64()?));
    if let (ErrorForm::Entra, Some(code)) = (form, entra()) {
        return Some(code);
    }
    let places =
        ["/error", "/error/status", "/error/type", "/error/code", "/errorCode", "/errors/0/code", "/code"];
    places.iter().find_map(|place| match body.pointer(place)? {
        Value::String(code) => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

fn description(body: &Value) -> Option<String> {
    let places = [
        "/error_description",
        "/error/message",
        "/errorSummary",
        "/errors/0/detail",
        "/errors/0",
        "/message",
    ];
    let text = places.iter().find_map(|place| body.pointer(place)?.as_str());
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn class(form: ErrorForm, status: u16, code: Option<&str>, description: &str) -> FailureClass {
    match (form, code.and_then(|code| code.strip_prefix("AADSTS"))) {
        // No federated credential matches: Microsoft's documents ask to try for minutes after one was created.
        (ErrorForm::Entra, Some("70021" | "700211" | "700213")) => return FailureClass::NotYetPropagated,
        // No such application, no such tenant, a subject that matches but for the case of its letters.
        (ErrorForm::Entra, Some("700016" | "90002" | "7002138")) => return FailureClass::Permanent,
        (ErrorForm::Entra | ErrorForm::OAuth | ErrorForm::SpreadsSlowly, _) => {}
    }
    match (status, code) {
        (408 | 425 | 429 | 500.., _) => FailureClass::Transient,
        (403, _) if form == ErrorForm::SpreadsSlowly => FailureClass::NotYetPropagated,
        (_, Some("temporarily_unavailable" | "server_error" | "slow_down")) => FailureClass::Transient,
        // The assertion is refused, and the reason may be one that another assertion does not have (RFC 7521, section 4.1.1).
        (400 | 401, Some("invalid_grant")) => FailureClass::Opaque,
        (401 | 403, Some(code)) if is_about_the_request(code) => FailureClass::Permanent,
        (401 | 403, _) if is_of_audience(description) => FailureClass::Permanent,
        (401 | 403, _) => FailureClass::Opaque,
        (_, _) => FailureClass::Permanent,
    }
}

/// Codes that stay the same whatever the assertion is (RFC 6749, section 5.2; RFC 8693, section 2.2.2).
fn is_about_the_request(code: &str) -> bool {
    ["invalid_request", "unsupported_grant_type", "unauthorized_client", "invalid_scope", "invalid_target"]
        .contains(&code)
}

fn is_of_audience(description: &str) -> bool {
    description.contains("audience")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(form: ErrorForm, status: u16, body: &Value) -> Refusal {
        super::read(form, status, body.to_string().as_bytes(), None)
    }

    fn class_of(form: ErrorForm, status: u16, body: &Value) -> FailureClass {
        read(form, status, body).class
    }

    #[test]
    fn each_party_is_understood() {
        use ErrorForm::{Entra, OAuth, SpreadsSlowly};
        use FailureClass::{NotYetPropagated, Opaque, Permanent, Transient};
        let entra = |code: u32| json!({"error": "invalid_client", "error_codes": [code]});
        for (form, status, body, class) in [
            // Anthropic
            (OAuth, 401, json!({"error": {"type": "authentication_error", "message": "no"}}), Opaque),
            (OAuth, 400, json!({"error": {"type": "invalid_request_error"}}), Permanent),
            (OAuth, 529, json!({"error": {"type": "overloaded_error"}}), Transient),
            // OpenAI, OpenRouter
            (OAuth, 400, json!({"error": "invalid_grant"}), Opaque),
            (OAuth, 403, json!({"error": "invalid_subject_token"}), Opaque),
            (OAuth, 401, json!({"error": "unauthorized_client"}), Permanent),
            (OAuth, 429, json!({}), Transient),
            // Entra
            (Entra, 401, entra(700_213), NotYetPropagated),
            (Entra, 400, entra(70_021), NotYetPropagated),
            (Entra, 400, entra(700_016), Permanent),
            (Entra, 401, entra(7_002_138), Permanent),
            (Entra, 503, entra(90_033), Transient),
            // Google
            (
                SpreadsSlowly,
                403,
                json!({"error": {"code": 403, "status": "PERMISSION_DENIED"}}),
                NotYetPropagated,
            ),
            (OAuth, 400, json!({"error": "invalid_target"}), Permanent),
            // Vault
            (OAuth, 400, json!({"errors": ["role \"r\" could not be found"]}), Permanent),
            (OAuth, 403, json!({"errors": ["permission denied"]}), Opaque),
            (OAuth, 503, json!({"errors": ["Vault is sealed"]}), Transient),
            // octo-sts
            (OAuth, 404, json!({"code": 5, "message": "no trust policy"}), Permanent),
            (OAuth, 401, json!({"code": 16, "message": ""}), Opaque),
            (OAuth, 415, json!(null), Permanent),
        ] {
            assert_eq!(class_of(form, status, &body), class, "{status} {body}");
        }
    }

    #[test]
    fn what_a_party_says_is_kept_short_and_without_tokens() {
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlLW9mLXNvbWUtbGVuZ3Ro";
        let body = json!({
            "error": "invalid_client",
            "error_description": format!("AADSTS700213: assertion {jwt} {}", "long ".repeat(200)),
            "error_codes": [700_213],
            "trace_id": "0f1e",
        });
        let refusal = read(ErrorForm::Entra, 401, &body);
        let shown = refusal.to_string();
        assert!(shown.starts_with("401 AADSTS700213: AADSTS700213: assertion "), "{shown}");
        assert!(shown.ends_with(" (request 0f1e)") && !shown.contains("eyJ"), "{shown}");
        assert!(refusal.description.unwrap().len() <= MAX_DESCRIPTION + '\u{2026}'.len_utf8());
    }

    proptest! {
        #[test]
        fn any_answer_has_a_class(status in 300u16..1000, body in "\\PC{0,100}") {
            let refusal = super::read(ErrorForm::Entra, status, body.as_bytes(), None);
            prop_assert!(refusal.class != FailureClass::UnusableAnswer);
        }
    }
}
