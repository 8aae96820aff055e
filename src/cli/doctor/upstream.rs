//! Checks the connection to the upstream, and its response to the token: one request without a token, one with it.

use super::challenge;
use super::deadline::Deadline;
use super::finding::{Check, Finding};
use super::subject::Subject;
use crate::cli::fetch::{self, FetchError, Fetcher};
use crate::config::upstream::ForwardedFor;
use crate::credential::Fetched;
use crate::diagnostics::DiagnosticCode;
use crate::model::caller::Caller;
use crate::model::policy::Denied;
use crate::model::target::Target;
use crate::proxy::error::UpstreamError;
use crate::proxy::headers;
use crate::tls::error as tls_error;
use bytes::Bytes;
use http::{Response, StatusCode};
use std::time::Duration;
use tokio::time::timeout;

/// The time limit for a response of the upstream.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// An upstream that has answered.
pub(super) struct Reached<'s> {
    fetcher: Fetcher,
    target: &'s Target,
    url: String,
    /// The status of the response without a token.
    bare: StatusCode,
}

/// Resolves, connects and sends a request without a token, all as the proxy does.
pub(super) async fn reach<'s>(subject: &'s Subject<'_>) -> (Finding, Option<Reached<'s>>) {
    let check = Check::Upstream;
    let config = subject.config;
    let Some(target) = &subject.target else {
        let seen = "requests name their own; name one to try with --probe-host";
        return (Finding::skipped(check, seen), None);
    };
    if let Some(policy) = config.route().enforced_policy()
        && let Err(denied) = policy.check_host(target)
    {
        return (refused(target, denied), None);
    }
    let Ok(fetcher) = Fetcher::to_upstreams(config, RESPONSE_TIMEOUT) else {
        return (Finding::skipped(check, "needs certificates and keys that can be used"), None);
    };
    let url = format!("{target}{}", subject.path);
    match ask(&fetcher, &url, None).await {
        Ok(answer) => {
            let bare = answer.status();
            let seen = format!("{url} answers {} without a token", bare.as_u16());
            (Finding::ok(check, seen), Some(Reached { fetcher, target, url, bare }))
        }
        Err(error) => (unreachable(&url, &error), None),
    }
}

/// Sends a request with the token.
pub(super) async fn answer(
    reached: Option<Reached<'_>>,
    minted: Option<&Fetched>,
    deadline: Deadline,
) -> Finding {
    let check = Check::UpstreamAnswer;
    let Some(Reached { fetcher, target, url, bare }) = reached else {
        return Finding::skipped(check, "needs an upstream that answers");
    };
    let Some(minted) = minted else {
        return Finding::skipped(check, "needs a token");
    };
    let limit = deadline.timeout(RESPONSE_TIMEOUT);
    let asked = timeout(limit, ask(&fetcher, &url, Some((target, minted)))).await;
    let answer = match asked.unwrap_or(Err(FetchError::Timeout(limit))) {
        Ok(answer) => answer,
        Err(error) => return Finding { check, ..unreachable(&url, &error) },
    };
    let (status, without) = (answer.status(), bare.as_u16());
    let seen = format!("{} with the token, {without} without", status.as_u16());
    match status {
        StatusCode::UNAUTHORIZED => {
            let (challenge, next) = challenge::advice(answer.headers(), minted);
            Finding::failed(check, DiagnosticCode::UpstreamRejectsToken, format!("{seen}{challenge}"), next)
        }
        StatusCode::FORBIDDEN => {
            let (challenge, next) = challenge::advice(answer.headers(), minted);
            let next = format!("{next}\nor only this path is closed to it: try another with --probe-path");
            Finding::warning(check, DiagnosticCode::UpstreamRejectsToken, format!("{seen}{challenge}"), next)
        }
        _ if status.is_server_error() => {
            let next = "ask whoever runs the upstream, or try another path with --probe-path";
            Finding::warning(check, DiagnosticCode::UpstreamUnwell, seen, next)
        }
        _ => Finding::ok(check, seen),
    }
}

/// Sends a request. The proxy's own step for headers adds the token.
async fn ask(
    fetcher: &Fetcher,
    url: &str,
    identity: Option<(&Target, &Fetched)>,
) -> Result<Response<Bytes>, FetchError> {
    let mut request = fetch::get(url)?;
    if let Some((target, minted)) = identity {
        headers::for_upstream(
            request.headers_mut(),
            None,
            ForwardedFor::Keep,
            &Caller::default(),
            target,
            &minted.credential,
        );
    }
    fetcher.send(request).await
}

fn refused(target: &Target, denied: Denied) -> Finding {
    let check = Check::Upstream;
    match denied {
        Denied::Host => {
            let next = "cover it with --allow-host, if callers are to reach it";
            Finding::failed(
                check,
                DiagnosticCode::HostNotAllowed,
                format!("no --allow-host covers {target}"),
                next,
            )
        }
        Denied::Address => {
            let next = "open its range with --allow-address, if callers are to reach it";
            Finding::failed(
                check,
                DiagnosticCode::AddressNotAllowed,
                format!("the address of {target} is refused"),
                next,
            )
        }
    }
}

fn unreachable(url: &str, error: &FetchError) -> Finding {
    let check = Check::Upstream;
    let seen = format!("{url}: {error}");
    match error {
        FetchError::Upstream(error) => Finding::failed(check, error.diagnostic(), seen, cure(error)),
        FetchError::Timeout(_) => {
            let next = "try a path that is quick with --probe-path, or ask whoever runs the upstream";
            Finding::failed(check, DiagnosticCode::UpstreamTimeout, seen, next)
        }
        FetchError::Url(_) | FetchError::Answer(_) => {
            Finding::failed(check, DiagnosticCode::UpstreamBroken, seen, "try another path with --probe-path")
        }
    }
}

/// The next step for an upstream that cannot be reached.
fn cure(error: &UpstreamError) -> &'static str {
    match error {
        UpstreamError::Dns(_) => {
            "see that --upstream-host, or --upstream-connect-to, is spelled right, and that this machine's DNS knows it"
        }
        UpstreamError::AddressDenied => "open its range with --allow-address, if callers are to reach it",
        UpstreamError::ConnectTimeout(time) if time.is_mostly_lookup() => error.hint(),
        UpstreamError::Connect(_) | UpstreamError::ConnectTimeout(_) => {
            "see port, route and firewall, or name the HTTP proxy on the way: HTTPS_PROXY"
        }
        UpstreamError::Tls(error) => tls_error::hint(error),
        UpstreamError::ResponseTimeout(_) => {
            "ask whoever runs the upstream, or try another path with --probe-path"
        }
        UpstreamError::Loop
        | UpstreamError::DnsTimeout(_)
        | UpstreamError::NoHttp2
        | UpstreamError::HeaderTooLarge(_)
        | UpstreamError::OutOfFiles
        | UpstreamError::InvalidHttp2(_)
        | UpstreamError::ParentProxy(..) => error.hint(),
        UpstreamError::RequestBody(_) | UpstreamError::Exchange(_) | UpstreamError::Upgrade => {
            "see that it speaks HTTP on this port: --upstream-scheme, --upstream-host"
        }
    }
}
