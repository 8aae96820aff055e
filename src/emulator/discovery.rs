//! The issuer's public documents (OpenID Connect Discovery 1.0), with exactly the fields that AWS publishes.

use super::api_error::ApiError;
use super::handle::EmulatorHandle;
use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

/// The routes of both documents below the issuer's path.
pub(super) fn router(issuer_path: &str) -> Router<EmulatorHandle> {
    Router::new()
        .route(&format!("{issuer_path}/.well-known/openid-configuration"), get(configuration))
        .route(&format!("{issuer_path}/.well-known/jwks.json"), get(key_set))
}

async fn configuration(State(handle): State<EmulatorHandle>) -> Response {
    if handle.faults().documents_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let issuer = handle.issuer();
    let document: Value = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "jti", "https://sts.amazonaws.com/"],
        "id_token_signing_alg_values_supported": ["RS256", "ES384"],
        "subject_types_supported": ["public"],
    });
    Json(document).into_response()
}

async fn key_set(State(handle): State<EmulatorHandle>) -> Response {
    if handle.faults().documents_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match handle.signer().public_keys().await {
        Ok(keys) => Json(json!({ "keys": keys })).into_response(),
        Err(ApiError { message, .. }) => (StatusCode::INTERNAL_SERVER_ERROR, message).into_response(),
    }
}
