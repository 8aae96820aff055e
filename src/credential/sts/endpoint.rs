//! The endpoint at which STS is called.

use crate::credential::aws_setting::AwsSetting;
use crate::credential::setup_error::SetupError;
use crate::model::aws_variables::AwsVariables;
use crate::model::flaw::EndpointFlaw;

/// Which endpoint is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// What the SDK makes of its settings.
    BySettings,
    /// This one.
    Url(String),
}

/// The endpoint that these variables lead to.
///
/// # Errors
/// When the one that counts is no URL.
pub(super) fn of_variables(variables: &AwsVariables) -> Result<Endpoint, SetupError> {
    let (variable, url) = match (&variables.sts_endpoint_url, &variables.endpoint_url) {
        (Some(url), _) => ("AWS_ENDPOINT_URL_STS", url),
        (None, Some(url)) => ("AWS_ENDPOINT_URL", url),
        (None, None) => return Ok(Endpoint::BySettings),
    };
    match EndpointFlaw::of(url) {
        Some(flaw) => Err(SetupError::Endpoint { setting: AwsSetting::Variable(variable), flaw }),
        None => Ok(Endpoint::BySettings),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::flaw::Flaw;

    #[test]
    fn an_endpoint_that_is_no_url_is_refused() {
        let endpoint = |sts: Option<&str>, all: Option<&str>| {
            let [sts_endpoint_url, endpoint_url] = [sts, all].map(|url| url.map(str::to_owned));
            of_variables(&AwsVariables { sts_endpoint_url, endpoint_url, ..AwsVariables::default() })
        };
        assert_eq!(endpoint(None, None), Ok(Endpoint::BySettings));
        assert_eq!(endpoint(Some("http://127.0.0.1:4577"), Some("of all")), Ok(Endpoint::BySettings));
        for (wrong, flaw) in [
            ("\"http://a\"", EndpointFlaw::Text(Flaw::Quoted)),
            ("http://a\n", EndpointFlaw::Text(Flaw::EndsInLineBreak)),
            ("sts.example.com", EndpointFlaw::NoUrl),
            ("ftp://a", EndpointFlaw::NoUrl),
            ("https://", EndpointFlaw::NoUrl),
            ("https://user:hunter2@a", EndpointFlaw::User),
        ] {
            let setting = AwsSetting::Variable("AWS_ENDPOINT_URL_STS");
            assert_eq!(endpoint(Some(wrong), None), Err(SetupError::Endpoint { setting, flaw }), "{wrong:?}");
            let setting = AwsSetting::Variable("AWS_ENDPOINT_URL");
            assert_eq!(endpoint(None, Some(wrong)), Err(SetupError::Endpoint { setting, flaw }), "{wrong:?}");
        }
    }
}
