//! Checks a minted token against the request, or finds out why there is none.

use super::aws::{AwsChecks, is_too_short};
use super::deadline::Deadline;
use super::finding::{Check, Finding};
use super::subject::Subject;
use super::{iam, policy};
use crate::cli::format::span;
use crate::config::duration::Shown;
use crate::credential::error::CredentialError;
use crate::credential::inspect::{Mismatch, Reading};
use crate::credential::{CredentialSource, Fetched};
use crate::diagnostics::DiagnosticCode;
use std::time::Duration;

/// The time limit for a token; `--token-fetch-timeout` can only shorten it.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(4);
/// How much shorter than requested a lifetime may be, because of the time that the call takes.
const ROUNDING: Duration = Duration::from_secs(5);

/// Mints one token for the audiences of the subject.
pub(super) async fn check(
    subject: &Subject<'_>,
    aws: &AwsChecks,
    deadline: Deadline,
) -> (Finding, Option<Fetched>) {
    if let Some(obstacle) = aws.obstacle {
        return (Finding::skipped(Check::Token, obstacle), None);
    }
    let Some(spec) = &subject.spec else {
        let seen = "needs an audience: it comes from the upstream that a request names, so name one with --probe-host";
        return (Finding::skipped(Check::Token, seen), None);
    };
    let limit = TOKEN_TIMEOUT.min(subject.config.tokens.fetch_timeout);
    let minted = deadline.within(limit, subject.sts.fetch(spec)).await;
    match minted.unwrap_or(Err(CredentialError::TimedOut(limit))) {
        Ok(minted) => (compared(subject, &minted), Some(minted)),
        Err(error) if error.diagnostic() == DiagnosticCode::StsAccessDenied => {
            (denied(subject, aws, &error, deadline).await, None)
        }
        Err(error) => {
            (Finding::failed(Check::Token, error.diagnostic(), error.to_string(), error.hint()), None)
        }
    }
}

fn compared(subject: &Subject<'_>, minted: &Fetched) -> Finding {
    let check = Check::Token;
    if !minted.mismatches.is_empty() {
        let seen: Vec<String> = minted.mismatches.iter().map(ToString::to_string).collect();
        let seen = seen.join(", ");
        let long = minted.mismatches.iter().all(|difference| matches!(difference, Mismatch::Long(_)));
        return if long {
            Finding::warning(
                check,
                DiagnosticCode::TokenDiffers,
                seen,
                "send fewer or shorter --token-tag values",
            )
        } else {
            let next = "see what answers in place of STS: AWS_ENDPOINT_URL_STS, --sts-endpoint-url, a proxy";
            Finding::failed(check, DiagnosticCode::TokenDiffers, seen, next)
        };
    }
    let (wanted, life) = (subject.config.route().credential.template().lifetime, minted.credential.life());
    let (wanted_life, asked) = (Shown(wanted), Shown(minted.requested_lifetime));
    if is_too_short(minted.requested_lifetime, &subject.config.route().credential.template()) {
        let seen = format!("lives {asked} instead of {wanted_life}, because the AWS session ends first");
        let next = "give the role longer sessions, or shorten --token-duration to what they grant";
        return Finding::warning(check, DiagnosticCode::SessionTooShort, seen, next);
    }
    if life + ROUNDING < minted.requested_lifetime {
        let seen = format!("lives {} although {asked} was asked for", span(life));
        let next = "expect a call to STS that much more often; see what answers in place of STS";
        return Finding::warning(check, DiagnosticCode::TokenDiffers, seen, next);
    }
    Finding::ok(check, format!("{}, lives {asked}", described(minted)))
}

/// Describes the claims that relying parties check.
fn described(minted: &Fetched) -> String {
    let Some(reading) = Reading::of(minted.credential.expose()) else {
        return "no JWT".to_owned();
    };
    format!("{}, aud {}, sub {}", reading.algorithm(), reading.claim("aud"), reading.claim("sub"))
}

/// The finding about a token that a policy denies. AWS does not tell which condition denies it, so other tokens are
/// requested to find out.
async fn denied(
    subject: &Subject<'_>,
    aws: &AwsChecks,
    error: &CredentialError,
    deadline: Deadline,
) -> Finding {
    let Some(spec) = &subject.spec else {
        return Finding::failed(Check::Token, error.diagnostic(), error.to_string(), error.hint());
    };
    let (audiences, advice) = (spec.audiences(), iam::find(subject, spec.token(), deadline).await);
    let attach = aws.identity.as_ref().and_then(|identity| policy::attach(&identity.arn));
    let attach = attach.unwrap_or_else(|| "attach it to the role of the workload".to_owned());
    let document = match audiences.iter().count() - policy::listed(audiences).len() {
        0 => "this".to_owned(),
        unlisted => format!("this, and {unlisted} more of --token-audience that may hold a secret,"),
    };
    let next = format!("{advice}\nwith {document} as policy.json: {attach}");
    Finding::failed(Check::Token, error.diagnostic(), error.to_string(), next)
        .with_policy(policy::least(spec.token()))
}
