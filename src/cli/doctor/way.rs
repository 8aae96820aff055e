//! Finds out what keeps calls from STS, by asking it once over a connection of attache's own. The errors of that
//! attempt have types; those of the AWS SDK are text.

use super::deadline::Deadline;
use super::proxies;
use crate::cli::fetch;
use crate::config::environment::variable;
use crate::http_client::{self, HttpError};
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
    let (client, bounds) = (fetch::client().ok()?, fetch::bounds(deadline.timeout(TIMEOUT)));
    match client.send(http_client::get(url).ok()?, bounds).await {
        Ok(_) if variable("AWS_CA_BUNDLE").is_some() => {
            Some("the system's authorities vouch for STS: see whether those of AWS_CA_BUNDLE do")
        }
        Ok(_) => None,
        Err(error) => of_error(&error),
    }
}

fn of_error(error: &HttpError) -> Option<&'static str> {
    match error {
        HttpError::Resolve(_) => {
            Some("see that the name resolves here: DNS, the VPC endpoint's private DNS, a wrong AWS_REGION")
        }
        HttpError::Tls(error) if matches!(tls_error::cause(error), Some(Error::InvalidCertificate(_))) => {
            Some(
                "something between here and STS opens TLS: add its authority to the system's, or go round it",
            )
        }
        HttpError::Connect(error) if error.kind() == ErrorKind::ConnectionRefused => {
            Some("nothing listens there: see AWS_ENDPOINT_URL_STS, --sts-endpoint-url and HTTPS_PROXY")
        }
        HttpError::Url(_)
        | HttpError::Connect(_)
        | HttpError::ParentProxy(..)
        | HttpError::Tls(_)
        | HttpError::Exchange(_)
        | HttpError::TooLarge(_)
        | HttpError::Timeout(_) => None,
    }
}
