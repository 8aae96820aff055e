//! The issuer of tokens: its URL, and its current and old signing keys.

use super::api_error::{ApiError, ErrorCode};
use super::call::Algorithm;
use super::keys::SigningKeys;
use super::options::OptionsError;
use http::Uri;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// The maximum number of key generations that are published; the oldest is withdrawn first.
const MAX_GENERATIONS: usize = 10;

/// The URL of an issuer, below which its documents are served.
#[derive(Clone, Debug)]
pub(super) struct IssuerUrl {
    url: String,
    path: String,
}

impl IssuerUrl {
    /// The issuer at a configured URL. A trailing slash is dropped.
    pub(super) fn parse(url: &str) -> Result<Self, OptionsError> {
        let refused = || OptionsError::Issuer(url.to_owned());
        let trimmed = url.trim_end_matches('/');
        let parsed: Uri = trimmed.parse().map_err(|_| refused())?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let path = parsed.path().trim_end_matches('/');
        let is_served = path.split('/').skip(1).all(|part| !part.is_empty() && part.chars().all(is_plain))
            && !matches!(path.split('/').nth(1), Some("_emulator" | "parties"));
        let is_web = matches!(parsed.scheme_str(), Some("http" | "https"));
        if !is_web
            || parsed.authority().is_none()
            || parsed.query().is_some()
            || !is_served
            || trimmed.contains('#')
        {
            return Err(refused());
        }
        Ok(Self { url: trimmed.to_owned(), path: path.to_owned() })
    }

    /// A new issuer on the emulator itself. Like ids of AWS, its id begins with `a`.
    pub(super) fn local(addr: SocketAddr) -> Self {
        let id = uuid::Uuid::new_v4().to_string();
        let path = format!("/a{}", id.get(1..).unwrap_or_default());
        Self { url: format!("http://{addr}{path}"), path }
    }
}

/// Signs tokens and publishes keys. Its URL and keys stay when federation is turned off.
pub(super) struct Issuer {
    at: IssuerUrl,
    keys: watch::Sender<Keys>,
}

#[derive(Clone)]
enum Keys {
    Pending,
    /// The generations, newest last; never empty.
    Ready(Vec<Arc<SigningKeys>>),
    Failed,
}

impl Issuer {
    /// Creates an issuer, and starts to generate its first keys in the background.
    pub(super) fn start(at: IssuerUrl) -> Arc<Self> {
        let issuer = Arc::new(Self { at, keys: watch::Sender::new(Keys::Pending) });
        let maker = Arc::clone(&issuer);
        tokio::task::spawn_blocking(move || maker.add_generation());
        issuer
    }

    /// The `iss` claim of its tokens.
    pub(super) fn url(&self) -> &str {
        &self.at.url
    }

    /// The path of its documents on the emulator: empty, or with a leading slash.
    pub(super) fn path(&self) -> &str {
        &self.at.path
    }

    /// Signs claims with the newest key.
    pub(super) async fn sign(&self, algorithm: Algorithm, claims: &Value) -> Result<String, ApiError> {
        let keys = self.generations().await?;
        let newest = keys.last().ok_or_else(failed)?;
        newest.sign(algorithm, claims).map_err(|_| failed())
    }

    /// All published keys, oldest first.
    pub(super) async fn public_keys(&self) -> Result<Vec<Value>, ApiError> {
        Ok(self.generations().await?.iter().flat_map(|keys| keys.public()).collect())
    }

    /// Signs with new keys from now on, and continues to publish the old ones.
    pub(super) async fn rotate(self: &Arc<Self>) -> Result<(), ApiError> {
        self.generations().await?;
        let maker = Arc::clone(self);
        tokio::task::spawn_blocking(move || maker.add_generation()).await.map_err(|_| failed())
    }

    /// The ids of the current signing keys; empty until they are generated.
    pub(super) fn key_ids(&self) -> Vec<String> {
        let newest = match &*self.keys.borrow() {
            Keys::Ready(keys) => keys.last().cloned(),
            Keys::Pending | Keys::Failed => None,
        };
        let algorithms = [Algorithm::Rs256, Algorithm::Es384];
        newest.map(|keys| algorithms.map(|it| keys.id(it)).to_vec()).unwrap_or_default()
    }

    async fn generations(&self) -> Result<Vec<Arc<SigningKeys>>, ApiError> {
        let mut keys = self.keys.subscribe();
        let keys = keys.wait_for(|keys| !matches!(keys, Keys::Pending)).await.map_err(|_| failed())?;
        match &*keys {
            Keys::Ready(generations) => Ok(generations.clone()),
            Keys::Pending | Keys::Failed => Err(failed()),
        }
    }

    fn add_generation(&self) {
        let made = SigningKeys::generate();
        self.keys.send_modify(|keys| match (keys, made) {
            (Keys::Ready(generations), Ok(made)) => {
                let made = generations.last().map(|newest| made.after(newest));
                generations.extend(made.map(Arc::new));
                if generations.len() > MAX_GENERATIONS {
                    generations.remove(0);
                }
            }
            (keys @ (Keys::Pending | Keys::Failed), Ok(made)) => *keys = Keys::Ready(vec![Arc::new(made)]),
            (keys @ (Keys::Pending | Keys::Failed), Err(_)) => *keys = Keys::Failed,
            (Keys::Ready(_), Err(_)) => {}
        });
    }
}

fn failed() -> ApiError {
    ApiError::new(ErrorCode::InternalFailure, "The signing keys are not available")
}
