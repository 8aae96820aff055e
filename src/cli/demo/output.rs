//! The texts of the demo: the services, the request, the request that arrived, and how the API verified its token.

use super::api::{Arrived, TokenFacts};
use super::request::{CALLER, MADE_UP, PATH};
use super::services::{AUDIENCE, Places};
use crate::cli::claims::listed;
use serde_json::{Map, Value};

/// Describes one request from the caller to the API.
pub(super) fn transcript(
    places: &Places,
    arrived: &Arrived,
    token: &TokenFacts,
    claims: &Map<String, Value>,
) -> String {
    let Places { sts, api, attache, .. } = places;
    let TokenFacts { algorithm, key, length } = token;
    let Arrived { method, path, authorization_headers, .. } = arrived;
    let headers: String =
        arrived.headers.iter().map(|(name, value)| format!("    {name}: {value}\n")).collect();
    let claims = listed(claims, 4);
    format!(
        "\
attache demo: three servers in one process, no AWS account and no network needed

    STS      {sts}  an emulator: mints tokens, and publishes the keys to check them
    API      {api}  a third party's: trusts that issuer's tokens for {AUDIENCE}
    attache  {attache}  where programs send their requests, to have a token put on them

1. A program sends attache a request, with a credential that it made up

    GET {PATH}
    user-agent: {CALLER}
    authorization: {MADE_UP}

2. What arrives at the API

    {method} {path}
{headers}    authorization: Bearer <{algorithm} token of {length} characters>   ({authorization_headers} such header)

3. What the token says

{claims}
4. Verdict: verified by the API with the issuer's public keys

    issuer's discovery document -> its key set -> key {key}
    then algorithm, signature, iss, aud and exp (by the library jsonwebtoken)
"
    )
}

/// Commands that a reader can try while the demo runs.
pub(super) fn invitation(places: &Places) -> String {
    let Places { api, attache, metrics, .. } = places;
    let metrics = metrics.as_ref().map(|url| format!("    curl {url}\n")).unwrap_or_default();
    format!(
        "
Your turn, until Ctrl-C:

    curl -i {attache}{PATH}
    curl -i {api}{PATH}     past attache, so without a token
{metrics}"
    )
}
