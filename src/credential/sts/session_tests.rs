use super::*;
use crate::credential::Credential;
use crate::credential::refresh::refresh_at;
use aws_credential_types::provider::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;
use tokio::time::sleep;

const HOUR: Duration = Duration::from_secs(3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const SKEW: Duration = Duration::from_secs(300);

/// Hands out sessions of one length. A new one is there `overlap` before the end of the one before it, however often it is asked for;
/// where the overlap is the whole length, each call begins a new session, as with `AssumeRoleWithWebIdentity`.
#[derive(Clone, Debug)]
struct Provider {
    clock: Clock,
    length: Duration,
    overlap: Duration,
    asked: Arc<AtomicU32>,
}

impl Provider {
    fn expiry(&self) -> SystemTime {
        let now = self.clock.now();
        let every = self.length - self.overlap;
        if every.is_zero() {
            return now + self.length;
        }
        let past = now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let sessions = u32::try_from(past.as_secs() / every.as_secs()).unwrap();
        SystemTime::UNIX_EPOCH + every * sessions + self.length
    }
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let expiry = self.expiry();
        let name = format!("ASIA{}{asked}", if self.overlap == self.length { "new" } else { "same" });
        future::ProvideCredentials::ready(Ok(Credentials::new(name, "secret", None, Some(expiry), "test")))
    }
}

/// A week of renewals with sessions of this length: how many tokens, the shortest life of one, and how often the
/// provider was asked.
async fn a_week(length: Duration, overlap: Duration) -> (u32, Duration, u32) {
    let clock = Clock::by_timer(SystemTime::UNIX_EPOCH);
    let provider = Provider { clock, length, overlap, asked: Arc::default() };
    let session = AwsSession::new(
        Providers::Given(SharedCredentialsProvider::new(provider.clone())),
        AwsVariables::default(),
        clock,
        SKEW,
        BlockingWork::at_most(1),
    );
    let (mut tokens, mut shortest) = (0, WEEK);
    while clock.now() < SystemTime::UNIX_EPOCH + WEEK {
        let current = session.credentials_for(HOUR).await.unwrap();
        let now = clock.now();
        let moment = clock.timestamp();
        let end = current.credentials.expiry().unwrap();
        assert!(
            now + current.longest <= end,
            "STS would refuse: {:?} past the session",
            now + current.longest
        );
        let token = Credential::bearer("x", moment, now + current.longest).unwrap();
        // The renewal begins before the token ends, and never fails: so there is always one.
        sleep(clock.timestamp().until(refresh_at(&token, SKEW, 0.5))).await;
        assert!(token.is_usable(clock.timestamp()));
        (tokens, shortest) = (tokens + 1, shortest.min(current.longest));
    }
    (tokens, shortest, provider.asked.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_week_of_sessions_that_begin_when_asked_for() {
    let (tokens, shortest, asked) = a_week(HOUR, HOUR).await;
    // Every session is an hour less the margin; a token a session.
    assert_eq!(shortest, HOUR - MARGIN);
    assert!((183..=185).contains(&tokens), "{tokens}");
    assert_eq!(asked, tokens);
}

#[tokio::test(start_paused = true)]
async fn a_week_of_instance_sessions_that_are_renewed_five_minutes_before_their_end() {
    let (tokens, shortest, asked) = a_week(HOUR * 6, SKEW).await;
    assert!(shortest >= MIN_TOKEN_LIFETIME, "{shortest:?}");
    // The last tokens of a session are short, so it costs a few more than sessions without an end.
    assert!((183..=350).contains(&tokens), "{tokens}");
    assert!(asked <= tokens, "{asked} questions for {tokens} tokens");
}

#[tokio::test(start_paused = true)]
async fn a_week_of_hourly_sessions_that_are_renewed_five_minutes_before_their_end() {
    let (tokens, shortest, asked) = a_week(HOUR, SKEW).await;
    assert!(shortest >= MIN_TOKEN_LIFETIME, "{shortest:?}");
    assert!(tokens < 1000, "{tokens}");
    assert!(asked <= tokens, "{asked} questions for {tokens} tokens");
}
