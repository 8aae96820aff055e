//! One request, in reading order.

/// Rejects requests that another HTTP parser could interpret differently (request smuggling).
pub mod validate;
/// Has a page of another site asked for it.
pub mod cross_site;
/// What is for this proxy and goes no further.
pub mod hops;
/// Its destination and its token, if the rules allow it.
pub mod authorize;
/// A target, and what every request to it shares.
pub mod destination;
/// Where requests come in.
pub mod listener_info;
/// Finds out where a request goes.
pub mod destinations;
/// Where requests of one kind go, and which rules apply.
pub mod route;
/// Which route a request has.
pub mod route_table;
/// Targets that were named before.
pub mod target_cache;
/// Would the request come back here.
pub mod loops;
/// What is removed and replaced, in both directions.
pub mod headers;
/// Where an upstream sends a caller.
pub mod redirect;
/// Connections, second tries.
pub mod upstream;
/// One request on one connection, and its timeout.
pub mod exchange;
/// What may be sent a second time.
pub mod replay;
/// Connections that can take a request.
pub mod pool;
/// Those of all routes.
pub mod pools;
/// Those to one upstream.
mod target_connections;
/// One connection: what it speaks, and for how long.
pub mod connection;
/// When a connection last brought something.
pub mod heard;
/// Connections that are being opened.
pub mod single_flight;
/// New connections: DNS, addresses, TLS.
pub mod connector;
/// The handshake of HTTP/2 with an upstream.
pub mod http2;
/// What breaks a message.
pub mod message_error;
/// WebSocket and other switches of protocol.
pub mod upgrade;
/// WebSocket for callers of HTTP/2.
pub mod websocket;
/// A caller's body as it comes.
pub mod incoming;
/// A caller's body on its way to the upstream.
pub mod request_body;
/// A copy of a body's beginning, for a second time.
pub mod replay_buffer;
/// An upstream's body as it comes.
pub mod upstream_body;
/// The body that a caller gets.
pub mod response_body;
/// Metrics and the log line of one request.
pub mod request_log;
/// What can go wrong.
pub mod error;
/// Upstream errors, said once and then counted.
pub mod error_log;
/// What the caller is told then.
pub mod response;
/// The same in gRPC's words.
pub mod grpc;

use crate::credential::Credential;
use crate::http1::error::Error as Http1Error;
use crate::http1::target::strip_prefix;
use crate::model::caller::Caller;
use crate::model::policy::Denied;
use crate::telemetry::labels::TokenResult;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::Traces;
use authorize::{Authorized, Authorizer};
use destination::Destination;
use error::{ProxyError, UpstreamError};
use error_log::ErrorLog;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use listener_info::ListenerInfo;
use request_body::RequestBody;
use request_log::RequestLog;
use response::Language;
use response_body::ResponseBody;
use route::Route;
use route_table::Routes;
use upgrade::{Pipe, Upgrade};
use upstream_body::UpstreamBody;

/// Answers requests by forwarding them with a token.
pub struct Proxy {
    /// Where requests go, and which rules apply.
    pub routes: Routes,
    /// What a request may have.
    pub authorizer: Authorizer,
    /// What is counted.
    pub metrics: Metrics,
    /// What is traced.
    pub traces: Traces,
    /// How upstream errors are logged.
    pub error_log: ErrorLog,
}

impl Proxy {
    /// The answer to one request of the caller at this address, and what begins behind it where both sides switch
    /// protocols.
    pub async fn answer(
        &self,
        listener_info: &ListenerInfo,
        request: &mut Request<RequestBody>,
        caller: &Caller,
    ) -> (Response<ResponseBody>, Option<Pipe>) {
        let mut record =
            RequestLog::start(self.metrics.clone(), &self.traces, listener_info, request, caller);
        let language = Language::of(request);
        let response = match self.forward(listener_info, request, caller, &mut record).await {
            Ok(Forwarded::Response(response)) => response,
            Ok(Forwarded::Switched(upgrade, response)) => {
                let (response, pipe) = upgrade.join(response, record);
                return (response, Some(pipe));
            }
            Err(error) => return (self.fail(&error, language, record), None),
        };
        record.status(response.status());
        (response.map(|body| body.recorded_in(record)), None)
    }

    /// The answer to what cannot be read as a request. The log has what can be told of it.
    pub fn refuse(
        &self,
        listener_info: &ListenerInfo,
        error: Http1Error,
        told: &Request<()>,
        caller: &Caller,
    ) -> Response<ResponseBody> {
        let record = RequestLog::start(self.metrics.clone(), &self.traces, listener_info, told, caller);
        self.fail(&ProxyError::Unreadable(error), Language::Http, record)
    }

    fn fail(&self, error: &ProxyError, language: Language, mut record: RequestLog) -> Response<ResponseBody> {
        self.note(error, &record);
        record.failed(error.diagnostic());
        let response = error.response(language);
        record.status(response.status());
        response.map(|body| body.recorded_in(record))
    }

    /// The way of a request, each step in the file of its name.
    async fn forward(
        &self,
        listener_info: &ListenerInfo,
        request: &mut Request<RequestBody>,
        caller: &Caller,
        record: &mut RequestLog,
    ) -> Result<Forwarded, ProxyError> {
        let key = websocket::open(request)?;
        validate::check(request)?;
        if listener_info.on_loopback {
            cross_site::check(request.headers())?;
        }
        if hops::ends_here(request)? {
            record.complete();
            return Ok(Forwarded::Response(response::options()));
        }
        let route = self.routes.select(&listener_info.listener, request)?;
        record.route(&route);
        let Authorized { destination, credential } =
            self.authorizer.authorize(&route, request, record).await?;
        let target = destination.target();
        let asks_proxy = destinations::name_in_request_target(request).is_some();
        let protocol = self.rewrite(&route, request, caller, &destination, &credential);
        let upgrade = Upgrade::ask(protocol, key, request);
        record.call_started(request);
        let outcome = route.upstream.send(target, request, record.call()).await;
        let outcome = outcome.and_then(|(response, pooled)| {
            let upgrade = Upgrade::agreed(upgrade, &response)?;
            Ok((upgrade, response, pooled))
        });
        let status = outcome.as_ref().map(|(_, response, _)| response.status());
        record.answered(status.map_err(UpstreamError::diagnostic));
        let (upgrade, response, pooled) =
            outcome.map_err(|error| ProxyError::Upstream(target.clone(), error))?;
        if let Some(upgrade) = upgrade {
            return Ok(Forwarded::Switched(upgrade, response));
        }
        let mut response = response.map(|body| ResponseBody::upstream(body, pooled, route.routing_header()));
        let length = response.body().size_hint().exact();
        headers::response_for_caller(&mut response, request.version());
        headers::state_length(&mut response, length);
        if !asks_proxy {
            redirect::keep_here(&mut response, target, route.config().stripped_prefix());
        }
        Ok(Forwarded::Response(response))
    }

    fn rewrite(
        &self,
        route: &Route,
        request: &mut Request<RequestBody>,
        caller: &Caller,
        destination: &Destination,
        credential: &Credential,
    ) -> Option<HeaderValue> {
        if let Some(prefix) = route.config().stripped_prefix() {
            strip_prefix(request, prefix.as_str());
        }
        let routing_header = route.routing_header();
        request.body_mut().leave_out(routing_header);
        let headers = request.headers_mut();
        let upgrade = headers::for_upstream(
            headers,
            routing_header,
            route.forwarded_for(),
            caller,
            destination.target(),
            credential,
        );
        self.authorizer.loops.leave(headers, destination);
        upgrade
    }

    /// Counts and logs why a request did not reach its upstream, or got no response from it.
    fn note(&self, error: &ProxyError, record: &RequestLog) {
        match error {
            ProxyError::CrossSite => self.metrics.policy_denied("cross_site"),
            ProxyError::Denied(_, denied) => self.metrics.policy_denied(denied.as_str()),
            ProxyError::Upstream(_, UpstreamError::AddressDenied) => {
                self.metrics.policy_denied(Denied::Address.as_str());
            }
            ProxyError::Upstream(target, cause) => {
                record.count_call(Some(cause.error_type()), TokenResult::Ok);
                // Where the caller's body breaks, no upstream is to blame.
                if !matches!(cause, UpstreamError::RequestBody(_)) {
                    self.error_log.note(target, cause);
                    return;
                }
            }
            ProxyError::Token(..) => record.count_call(None, TokenResult::FetchError),
            ProxyError::Connect
            | ProxyError::Trace
            | ProxyError::Malformed
            | ProxyError::Unreadable(_)
            | ProxyError::NoRoute
            | ProxyError::NoTarget(_)
            | ProxyError::InvalidTarget => {}
        }
        // The token's worker has said once, and louder, what is wrong with it; the others are the caller's doing.
        tracing::debug!(code = error.diagnostic().code(), see = error.diagnostic().see(), %error, "request refused");
    }
}

/// What a request got from its upstream.
enum Forwarded {
    Response(Response<ResponseBody>),
    Switched(Upgrade, Response<UpstreamBody>),
}
