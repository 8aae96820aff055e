//! The cache on a paused clock: every wait is exact.

use super::*;
use crate::clock::Clock;
use crate::credential::aws_code::AwsCode;
use crate::credential::error::CredentialError;
use crate::credential::test_source::{TestSource, spec};
use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const START: Duration = Duration::from_secs(1_800_000_000);
pub(super) const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn world(capacity: usize) -> (CredentialCache, TestSource) {
    world_with(capacity, Metrics::disabled())
}

fn world_with(capacity: usize, metrics: Metrics) -> (CredentialCache, TestSource) {
    let clock = Clock::by_timer(SystemTime::UNIX_EPOCH + START);
    let source = TestSource::new(clock);
    let settings = Settings {
        clock,
        fetch_timeout: Duration::from_secs(10),
        capacity: NonZeroUsize::new(capacity).unwrap(),
        metrics,
    };
    (CredentialCache::new(Arc::new(source.clone()), settings), source)
}

pub(super) fn denied() -> CredentialError {
    CredentialError::Refused {
        code: AwsCode::read("AccessDenied").unwrap(),
        message: String::new(),
        request_id: None,
    }
}

pub(super) fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH + START).unwrap().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_takes_no_other_callers_token_away() {
    let (cache, source) = world(10);
    source.script(|script| script.latency = Duration::from_secs(3));
    let entry = cache.get_or_insert(&spec("a"));
    let mut first = JoinSet::new();
    let leaving = entry.clone();
    first.spawn(async move { leaving.credential().await.is_ok() });
    tokio::task::yield_now().await;
    let mut callers = JoinSet::new();
    for _ in 0..999 {
        let entry = entry.clone();
        callers.spawn(async move { entry.credential().await.is_ok() });
    }
    sleep(Duration::from_secs(1)).await;
    first.shutdown().await;
    while let Some(served) = callers.join_next().await {
        assert!(served.unwrap());
    }
    assert_eq!(source.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_come_for_a_new_set_in_one_moment_share_one_entry() {
    let (cache, _source) = world(10);
    let runtime = tokio::runtime::Handle::current();
    for round in 0..5000 {
        let wanted = spec(&round.to_string());
        let together = std::sync::Barrier::new(2);
        let come = || {
            let _inside = runtime.enter();
            together.wait();
            cache.get_or_insert(&wanted)
        };
        let (one, other) = std::thread::scope(|scope| {
            let one = scope.spawn(come);
            (come(), one.join().unwrap())
        });
        assert!(Arc::ptr_eq(&one, &other), "round {round}");
    }
}

pub(super) fn pinned(cache: &CredentialCache, name: &str) -> Arc<CacheEntry> {
    cache.set_pinned(&HashSet::from([spec(name)]));
    cache.get_or_insert(&spec(name))
}

#[tokio::test(start_paused = true)]
async fn a_set_that_is_held_can_be_pinned_and_let_go() {
    let (cache, _source) = world(2);
    let entry = cache.get_or_insert(&spec("a"));
    entry.credential().await.unwrap();
    assert!(Arc::ptr_eq(&pinned(&cache, "a"), &entry), "the same entry");
    for other in ["b", "c", "d"] {
        cache.get_or_insert(&spec(other)).credential().await.unwrap();
    }
    assert!(cache.get(&spec("a")).is_some(), "it was evicted although it is pinned");
    cache.set_pinned(&HashSet::new());
    for other in ["e", "f"] {
        sleep(Duration::from_secs(1)).await;
        cache.get_or_insert(&spec(other)).credential().await.unwrap();
    }
    assert!(cache.get(&spec("a")).is_none(), "it is pinned no longer");
}

#[tokio::test(start_paused = true)]
async fn a_denied_audience_costs_few_calls_and_answers_at_once() {
    let (cache, source) = world(10);
    source.script(|script| script.error = Some(denied()));
    let entry = pinned(&cache, "a");
    for _ in 0..30_000 {
        let asked = Instant::now();
        assert!(entry.credential().await.is_err());
        assert!(asked.elapsed() < Duration::from_millis(50));
        sleep(Duration::from_millis(1)).await;
    }
    let calls = source.calls().len();
    assert!((6..=10).contains(&calls), "{calls} calls in 30 s");
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_dropped_when_unused_for_a_tokens_life_and_a_pinned_one_never() {
    let (cache, source) = world(10);
    let kept = pinned(&cache, "kept");
    for _ in 0..3 {
        cache.get_or_insert(&spec("lent")).credential().await.unwrap();
        sleep(20 * MINUTE).await;
    }
    assert!(cache.get(&spec("lent")).is_some());
    sleep(61 * MINUTE).await;
    assert!(cache.get(&spec("lent")).is_none());
    sleep(24 * 60 * MINUTE).await;
    assert!(kept.credential().await.is_ok());
    assert!(source.calls().len() > 24);
}

#[tokio::test(start_paused = true)]
async fn an_entry_without_a_token_is_soon_dropped() {
    let (cache, source) = world(10);
    source.script(|script| script.error = Some(denied()));
    assert!(cache.get_or_insert(&spec("a")).credential().await.is_err());
    sleep(3 * MINUTE).await;
    assert!(cache.get(&spec("a")).is_none());
    let calls = source.calls().len();
    sleep(60 * MINUTE).await;
    assert_eq!(source.calls().len(), calls);
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_makes_room() {
    let (cache, source) = world(3);
    pinned(&cache, "kept").credential().await.unwrap();
    for name in ["a", "b", "a", "c"] {
        sleep(Duration::from_secs(1)).await;
        cache.get_or_insert(&spec(name)).credential().await.unwrap();
    }
    let held = |name| cache.get(&spec(name)).is_some();
    assert_eq!((held("kept"), held("a"), held("b"), held("c")), (true, true, false, true));
    assert_eq!(source.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_an_entry_that_makes_room_is_told() {
    let (cache, source) = world(1);
    source.script(|script| script.latency = Duration::from_secs(5));
    let waiting = cache.get_or_insert(&spec("a"));
    let mut caller = JoinSet::new();
    caller.spawn(async move { waiting.credential().await.unwrap_err() });
    sleep(Duration::from_secs(1)).await;
    cache.get_or_insert(&spec("b"));
    assert_eq!(*caller.join_next().await.unwrap().unwrap(), CredentialError::Evicted);
}

#[tokio::test(start_paused = true)]
async fn specs_of_one_audience_have_a_credential_each_and_share_its_place_in_the_metrics() {
    let (cache, source) = world_with(10, Metrics::new(10).unwrap());
    let metrics = cache.0.settings.metrics.clone();
    let (hour, minute) = (spec("a"), CredentialSpec::new(spec("a").token().clone(), MINUTE));
    cache.get_or_insert(&hour).credential().await.unwrap();
    cache.get_or_insert(&minute).credential().await.unwrap();
    assert_eq!(source.calls().len(), 2);
    let scrape = || metrics.exposition().unwrap().unwrap();
    let expiries = || scrape().matches("token_expiry_timestamp_seconds{").count();
    for _ in 0..3 {
        sleep(30 * MINUTE).await;
        cache.get_or_insert(&hour).credential().await.unwrap();
    }
    assert!(cache.get(&minute).is_none(), "it was unused for longer than its life");
    assert_eq!(expiries(), 1);
    sleep(61 * MINUTE).await;
    assert_eq!(expiries(), 0);
}
