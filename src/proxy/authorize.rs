//! What a request may have: its destination, if the rules allow it, and a token for it.

use super::destination::Destination;
use super::error::ProxyError;
use super::loops::LoopGuard;
use super::request_log::RequestLog;
use super::route::Route;
use super::upstream::Upstream;
use crate::telemetry::traces::while_waiting;
use crate::token::Token;
use crate::token::cache::TokenCache;
use crate::token::entry::CacheEntry;
use http::Request;
use std::sync::Arc;

/// A request that may be sent.
pub struct Authorized {
    /// Where it goes.
    pub destination: Destination,
    /// The token that it carries.
    pub token: Token,
}

/// Decides what requests may have. It sends nothing.
pub struct Authorizer {
    /// Where requests go, and which rules apply.
    pub route: Route,
    /// What recognizes requests that have been sent before.
    pub loops: LoopGuard,
    /// Where tokens come from.
    pub tokens: Tokens,
    /// What resolves and judges the addresses of upstreams.
    pub upstream: Arc<Upstream>,
}

/// Where a request's token comes from.
pub struct Tokens {
    /// Every audience set in use.
    pub cache: TokenCache,
    /// The entry of all requests alike; `None` takes the one of a request's target.
    pub default_credential: Option<Arc<CacheEntry>>,
}

impl Authorizer {
    /// Checks a request against the rules, and gets its token.
    ///
    /// # Errors
    /// When a rule refuses the request, or there is no token.
    pub async fn authorize<B>(
        &self,
        request: &Request<B>,
        record: &mut RequestLog,
    ) -> Result<Authorized, ProxyError> {
        let destination = self.route.destination(request)?;
        record.destination(&destination);
        self.route.check_host(destination.target())?;
        self.loops.check(request.headers(), &destination)?;
        let token = self.token(&destination, record).await?;
        Ok(Authorized { destination, token })
    }

    async fn token(&self, destination: &Destination, record: &mut RequestLog) -> Result<Token, ProxyError> {
        let own;
        let entry = match &self.tokens.default_credential {
            Some(default) => default,
            None => {
                own = self.entry(destination).await?;
                &own
            }
        };
        record.audience(entry.label());
        let token = while_waiting(record.span(), "token", entry.token()).await;
        token.map_err(|error| ProxyError::Token(destination.target().clone(), error))
    }

    /// The entry of a target's own audience. A refused upstream costs no token, so the target's addresses are judged
    /// before the first one is minted.
    async fn entry(&self, destination: &Destination) -> Result<Arc<CacheEntry>, ProxyError> {
        let (target, audiences) = (destination.target(), destination.audiences());
        if let Some(entry) = self.tokens.cache.get(audiences) {
            return Ok(entry);
        }
        let outcome = self.upstream.check(target).await;
        outcome.map_err(|error| ProxyError::Upstream(target.clone(), error))?;
        Ok(self.tokens.cache.get_or_insert(audiences))
    }
}
