//! What a request may have: its destination, if the rules allow it, and a credential for it.

use super::destination::Destination;
use super::error::ProxyError;
use super::loops::LoopGuard;
use super::request_log::RequestLog;
use super::route::Route;
use crate::credential::Credential;
use crate::credential::cache::CredentialCache;
use crate::credential::entry::CacheEntry;
use crate::model::credential_spec::CredentialSpec;
use crate::model::target::Target;
use crate::telemetry::traces::while_waiting;
use http::Request;
use std::sync::Arc;

/// A request that may be sent.
pub struct Authorized {
    /// Where it goes.
    pub destination: Destination,
    /// What it carries.
    pub credential: Credential,
}

/// Decides what requests may have. It sends nothing.
pub struct Authorizer {
    /// What recognizes requests that have been sent before.
    pub loops: LoopGuard,
    /// The credential of every spec in use.
    pub credentials: CredentialCache,
}

impl Authorizer {
    /// Checks a request against the rules of its route, and gets its credential.
    ///
    /// # Errors
    /// When a rule refuses the request, or there is no credential.
    pub async fn authorize<B>(
        &self,
        route: &Route,
        request: &Request<B>,
        record: &mut RequestLog,
    ) -> Result<Authorized, ProxyError> {
        let destination = route.destination(request)?;
        record.destination(&destination);
        route.check_host(destination.target())?;
        self.loops.check(request.headers(), &destination)?;
        let credential = self.credential(route, &destination, record).await?;
        Ok(Authorized { destination, credential })
    }

    async fn credential(
        &self,
        route: &Route,
        destination: &Destination,
        record: &mut RequestLog,
    ) -> Result<Credential, ProxyError> {
        let own;
        let entry = match &route.default_credential {
            Some(default) => default,
            None => {
                let spec = destination.credential_spec(|target| route.template.of(target));
                own = match self.credentials.get(spec) {
                    Some(entry) => entry,
                    // Boxed, because few requests are the first to a target, and each would make room for what one takes.
                    None => Box::pin(self.first(route, destination.target(), spec)).await?,
                };
                &own
            }
        };
        record.audience(entry.label());
        let outcome = match entry.hit() {
            Some(credential) => return Ok(credential),
            None => Box::pin(while_waiting(record.span(), "token", entry.miss())).await,
        };
        outcome.map_err(|error| ProxyError::Token(destination.target().clone(), error))
    }

    /// The entry of a target's own credential that is not held yet. A refused upstream costs no token, so the target's addresses
    /// are judged before the first one is minted.
    async fn first(
        &self,
        route: &Route,
        target: &Target,
        spec: &CredentialSpec,
    ) -> Result<Arc<CacheEntry>, ProxyError> {
        let outcome = route.upstream.check(target).await;
        outcome.map_err(|error| ProxyError::Upstream(target.clone(), error))?;
        Ok(self.credentials.get_or_insert(spec))
    }
}
