//! What decides which credential a request carries: the key of the cache.

use super::audience_set::AudienceSet;
use super::exchange::Exchange;
use super::target::Target;
use super::token_request::{SigningAlgorithm, TokenRequest};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Everything that decides which credential it is, and when it is renewed. Routes with equal specs share one credential. Cloning
/// is cheap, and so are hashing and comparing a clone.
#[derive(Clone)]
pub struct CredentialSpec(Arc<Hashed>);

/// The hash is made once, because every request looks its spec up. Callers can choose the name of a host, but cannot find many
/// names with one hash of 64 bits, and a map hashes it again with a key of its own.
struct Hashed {
    hash: u64,
    parts: Parts,
}

#[derive(PartialEq, Eq, Hash)]
struct Parts {
    token: TokenRequest,
    refresh_skew: Duration,
    exchange: Option<NamedExchange>,
}

/// An exchange, and the name by which the configuration file knows the credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamedExchange {
    /// The name in metrics, logs and the status.
    pub credential: Arc<str>,
    /// What turns the JWT into the credential.
    pub exchange: Exchange,
}

impl CredentialSpec {
    /// The credential of this token, which is renewed so long before it expires.
    pub fn new(token: TokenRequest, refresh_skew: Duration) -> Self {
        Self::hashed(Parts { token, refresh_skew, exchange: None })
    }

    /// The credential that this token is exchanged for.
    pub fn exchanged(token: TokenRequest, refresh_skew: Duration, exchange: NamedExchange) -> Self {
        Self::hashed(Parts { token, refresh_skew, exchange: Some(exchange) })
    }

    fn hashed(parts: Parts) -> Self {
        let mut hasher = DefaultHasher::new();
        parts.hash(&mut hasher);
        Self(Arc::new(Hashed { hash: hasher.finish(), parts }))
    }

    /// What is asked of STS.
    pub fn token(&self) -> &TokenRequest {
        &self.0.parts.token
    }

    /// The audiences of the token, by which metrics and logs name the credential.
    pub fn audiences(&self) -> &AudienceSet {
        &self.token().audiences
    }

    /// All of it but the audiences.
    pub fn template(&self) -> CredentialTemplate {
        let TokenRequest { algorithm, lifetime, ref tags, .. } = *self.token();
        CredentialTemplate { algorithm, lifetime, tags: tags.clone(), refresh_skew: self.refresh_skew() }
    }

    /// What the token is exchanged for. `None` where it is the credential itself.
    pub fn exchange(&self) -> Option<&NamedExchange> {
        self.0.parts.exchange.as_ref()
    }

    /// Whether metrics call both alike: exchanged credentials by their names, and tokens by their audiences.
    pub fn has_name_of(&self, other: &Self) -> bool {
        match (self.exchange(), other.exchange()) {
            (Some(one), Some(other)) => one.credential == other.credential,
            (None, None) => self.audiences() == other.audiences(),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// How long before its expiry the credential is renewed.
    pub fn refresh_skew(&self) -> Duration {
        self.0.parts.refresh_skew
    }
}

impl PartialEq for CredentialSpec {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.hash == other.0.hash && self.0.parts == other.0.parts
    }
}

impl Eq for CredentialSpec {}

impl Hash for CredentialSpec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Debug for CredentialSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialSpec")
            .field("token", self.token())
            .field("refresh_skew", &self.refresh_skew())
            .finish()
    }
}

/// All of a spec but the audiences, where those depend on the target of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialTemplate {
    /// How the tokens are signed.
    pub algorithm: SigningAlgorithm,
    /// The lifetime asked for, 60 s to 1 h.
    pub lifetime: Duration,
    /// What becomes the tokens' `request_tags`. Keys are unique.
    pub tags: Vec<(String, String)>,
    /// How long before its expiry a credential is renewed.
    pub refresh_skew: Duration,
}

impl CredentialTemplate {
    /// The spec with these audiences.
    pub fn with(&self, audiences: AudienceSet) -> CredentialSpec {
        let Self { algorithm, lifetime, ref tags, refresh_skew } = *self;
        CredentialSpec::new(TokenRequest { audiences, algorithm, lifetime, tags: tags.clone() }, refresh_skew)
    }

    /// The spec with the audience that stands for a target.
    pub fn of(&self, target: &Target) -> CredentialSpec {
        self.with(AudienceSet::of(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn template() -> CredentialTemplate {
        CredentialTemplate {
            algorithm: SigningAlgorithm::Rs256,
            lifetime: Duration::from_secs(3600),
            tags: vec![("team".to_owned(), "blue".to_owned())],
            refresh_skew: Duration::from_secs(300),
        }
    }

    fn audience(name: &str) -> AudienceSet {
        AudienceSet::new([name.to_owned()]).unwrap()
    }

    #[test]
    fn specs_that_were_made_apart_are_one_key() {
        let one = template().with(audience("a"));
        let other = template().with(audience("a"));
        assert_eq!(one, other);
        assert!(HashSet::from([one]).contains(&other));
    }

    #[test]
    fn each_part_of_a_spec_makes_it_another_key() {
        let minute = Duration::from_secs(60);
        let others = [
            template().with(audience("b")),
            CredentialTemplate { algorithm: SigningAlgorithm::Es384, ..template() }.with(audience("a")),
            CredentialTemplate { lifetime: minute, ..template() }.with(audience("a")),
            CredentialTemplate { tags: Vec::new(), ..template() }.with(audience("a")),
            CredentialTemplate { refresh_skew: minute, ..template() }.with(audience("a")),
        ];
        let mut keys = HashSet::from([template().with(audience("a"))]);
        for other in others {
            assert!(keys.insert(other.clone()), "{other:?}");
        }
    }
}
