//! The bound on what AWS, or what answers in its place, may send: the SDK collects an answer whole before it reads it.

use aws_sdk_sts::config::http::HttpRequest;
use aws_sdk_sts::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::{LengthLimitError, Limited};
use std::error::Error;

/// The longest answer that is read. Those of STS have a few kilobytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// Calls whose answers end in an error at the bound.
#[derive(Clone, Debug)]
pub(super) struct Bounded<T>(pub(super) T);

/// Whether this is the error at the bound.
pub(super) fn is_exceeded(cause: &(dyn Error + 'static)) -> bool {
    cause.is::<LengthLimitError>()
}

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Bounded(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async {
            Ok(answer.await?.map(|body| SdkBody::from_body_1_x(Limited::new(body, MAX_ANSWER))))
        })
    }
}
