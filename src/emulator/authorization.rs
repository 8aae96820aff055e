//! Reads the `Authorization` header: the access key, region and service of a signed call. The signature is not
//! verified, so any secret works.

use super::api_error::{ApiError, ErrorCode};
use super::call::Api;
use http::HeaderMap;
use http::header::{AUTHORIZATION, DATE};

/// The fields of an `Authorization` header (AWS Signature Version 4).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// The access key id of the signer.
    pub(super) access_key_id: String,
    /// The region of the credential scope; `None` for SigV4A, which has none.
    pub(super) region: Option<String>,
    service: String,
}

/// The access key id for the call log, even when the header is invalid for the call.
pub(super) fn access_key_id(headers: &HeaderMap) -> Option<String> {
    read(headers).ok().map(|scope| scope.access_key_id)
}

/// Reads the header of a call to `api`.
///
/// # Errors
/// When the header is missing or malformed, or is scoped to another service.
pub(super) fn check(headers: &HeaderMap, api: Api) -> Result<Scope, ApiError> {
    let scope = read(headers)?;
    if scope.service != api.signing_name() {
        let message = format!("Credential should be scoped to correct service: '{}'.", api.signing_name());
        return Err(ApiError::new(ErrorCode::SignatureDoesNotMatch, message));
    }
    Ok(scope)
}

fn read(headers: &HeaderMap) -> Result<Scope, ApiError> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Err(ApiError::usual(ErrorCode::MissingAuthenticationToken));
    };
    let header = header.to_str().map_err(|_| incomplete("Authorization header is not text"))?;
    let (algorithm, parameters) = header.split_once(' ').unwrap_or((header, ""));
    let has_region = match algorithm {
        "AWS4-HMAC-SHA256" => true,
        "AWS4-ECDSA-P256-SHA256" => false,
        _ => return Err(incomplete("Authorization header requires 'Credential' parameter.")),
    };
    if !headers.contains_key("x-amz-date") && !headers.contains_key(DATE) {
        return Err(incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        ));
    }
    for required in ["Credential", "Signature", "SignedHeaders"] {
        if parameter(parameters, required)?.is_none() {
            return Err(incomplete(&format!("Authorization header requires '{required}' parameter.")));
        }
    }
    credential(parameter(parameters, "Credential")?.unwrap_or_default(), has_region)
}

fn parameter<'a>(parameters: &'a str, wanted: &str) -> Result<Option<&'a str>, ApiError> {
    for part in parameters.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return Err(incomplete(
                "A part is not a valid key=value pair (missing equal-sign) in Authorization header.",
            ));
        };
        if name == wanted && !value.is_empty() {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Parses a credential scope: `keyid/date/region/service/aws4_request`, without the region in SigV4A.
fn credential(credential: &str, has_region: bool) -> Result<Scope, ApiError> {
    let parts: Vec<&str> = credential.split('/').collect();
    let (access_key_id, region, service) = match (parts.as_slice(), has_region) {
        ([key, _, region, service, "aws4_request"], true) => (*key, Some(*region), *service),
        ([key, _, service, "aws4_request"], false) => (*key, None, *service),
        _ => {
            return Err(incomplete(
                "Credential must have exactly 5 slash-delimited elements: keyid/date/region/service/aws4_request",
            ));
        }
    };
    if access_key_id.is_empty() || access_key_id.len() > 128 || region == Some("") {
        return Err(incomplete("Credential lacks a key id or a region"));
    }
    Ok(Scope {
        access_key_id: access_key_id.to_owned(),
        region: region.map(str::to_owned),
        service: service.to_owned(),
    })
}

fn incomplete(message: &str) -> ApiError {
    ApiError::new(ErrorCode::IncompleteSignature, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        headers.insert("x-amz-date", HeaderValue::from_static("20260101T000000Z"));
        headers
    }

    fn code(authorization: &str) -> ErrorCode {
        check(&headers(authorization), Api::Sts).unwrap_err().code
    }

    #[test]
    fn key_and_region_are_read_with_and_without_blanks_after_commas() {
        for comma in [",", ", "] {
            let text = format!(
                "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/eu-west-1/sts/aws4_request{comma}SignedHeaders=host{comma}Signature=00"
            );
            let scope = check(&headers(&text), Api::Sts).unwrap();
            assert_eq!((scope.access_key_id.as_str(), scope.region.as_deref()), ("AKIA1", Some("eu-west-1")));
        }
    }

    #[test]
    fn sigv4a_names_no_region() {
        let text = "AWS4-ECDSA-P256-SHA256 Credential=AKIA1/20260101/sts/aws4_request, SignedHeaders=host, Signature=00";
        assert_eq!(check(&headers(text), Api::Sts).unwrap().region, None);
    }

    #[test]
    fn a_malformed_header_is_an_incomplete_signature() {
        for text in [
            "",
            "Bearer abc",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=a/b/c/sts/aws4_request, SignedHeaders=host",
            "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0",
            "AWS4-HMAC-SHA256 Credential=a/b//sts/aws4_request, SignedHeaders=host, Signature=0",
            "AWS4-HMAC-SHA256 Credential= a/b/c/sts/aws4_request, stray, Signature=0",
        ] {
            assert_eq!(code(text), ErrorCode::IncompleteSignature, "{text}");
        }
    }

    #[test]
    fn a_signature_for_another_service_does_not_match() {
        let text = "AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(code(text), ErrorCode::SignatureDoesNotMatch);
    }
}
