//! Finds out what keeps calls from STS, by connecting to it once as a request to an upstream would. The errors of that
//! attempt have types; those of the AWS SDK are text.

use super::deadline::Deadline;
use super::proxies;
use crate::cli::fetch::{self, FetchError, Fetcher};
use crate::config::environment::variable;
use crate::proxy::error::UpstreamError;
use crate::tls::error as tls_error;
use rustls::Error;
use std::io::ErrorKind;
use std::time::Duration;

/// The time limit of the attempt.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The next step for an STS that cannot be reached; `None` where the attempt tells nothing.
pub(super) async fn next_step(url: &str, deadline: Deadline) -> Option<&'static str> {
    if proxies::carries(url) {
        return None;
    }
    let fetcher = Fetcher::to_anywhere(deadline.timeout(TIMEOUT)).ok()?;
    match fetcher.send(fetch::get(url).ok()?).await {
        Err(FetchError::Upstream(error)) => of_error(&error),
        Ok(_) if variable("AWS_CA_BUNDLE").is_some() => {
            Some("the system's authorities vouch for STS: see whether those of AWS_CA_BUNDLE do")
        }
        Ok(_) | Err(_) => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other errors have no next step of their own")]
fn of_error(error: &UpstreamError) -> Option<&'static str> {
    match error {
        UpstreamError::Dns(_) => {
            Some("see that the name resolves here: DNS, the VPC endpoint's private DNS, a wrong AWS_REGION")
        }
        UpstreamError::Tls(error)
            if matches!(tls_error::cause(error), Some(Error::InvalidCertificate(_))) =>
        {
            Some(
                "something between here and STS opens TLS: add its authority to the system's, or go round it",
            )
        }
        UpstreamError::Connect(error) if error.kind() == ErrorKind::ConnectionRefused => {
            Some("nothing listens there: see AWS_ENDPOINT_URL_STS, --sts-endpoint-url and HTTPS_PROXY")
        }
        _ => None,
    }
}
