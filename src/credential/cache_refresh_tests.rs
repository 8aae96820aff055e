//! How the entries of the cache are refreshed, on a paused clock: every wait is exact.

use super::tests::{MINUTE, denied, pinned, seconds, world};
use super::*;
use crate::credential::error::{CredentialError, Unusable};
use crate::credential::test_source::spec;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn an_outage_is_over_within_five_seconds_of_its_end_for_each_that_asks() {
    let (cache, source) = world(10);
    let outage = CredentialError::Unreachable("down".to_owned());
    source.script(|script| script.error = Some(outage));
    let entry = pinned(&cache, "a");
    for _ in 0..600 {
        assert!(entry.credential().await.is_err());
        sleep(Duration::from_secs(1)).await;
    }
    source.script(|script| script.error = None);
    let over = Instant::now();
    while entry.credential().await.is_err() {
        sleep(Duration::from_millis(100)).await;
    }
    assert!(over.elapsed() <= Duration::from_secs(5), "{:?}", over.elapsed());
}

#[tokio::test(start_paused = true)]
async fn tries_are_rare_while_no_request_asks() {
    let (cache, source) = world(10);
    source.script(|script| script.error = Some(denied()));
    let _entry = pinned(&cache, "a");
    sleep(60 * MINUTE).await;
    let calls = source.calls().len();
    assert!((60..=90).contains(&calls), "{calls} calls in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_takes_its_time_delays_no_request() {
    let (cache, source) = world(10);
    let entry = pinned(&cache, "a");
    entry.credential().await.unwrap();
    source.script(|script| script.latency = Duration::from_secs(8));
    for _ in 0..(58 * 60) {
        let asked = Instant::now();
        assert!(entry.credential().await.is_ok());
        assert_eq!(asked.elapsed(), Duration::ZERO);
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(source.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_valid_token_serves_through_an_outage_and_then_fails_at_once() {
    let (cache, source) = world(10);
    let entry = pinned(&cache, "a");
    entry.credential().await.unwrap();
    source.script(|script| {
        script.error = Some(CredentialError::Unreachable("down".to_owned()));
        script.latency = Duration::from_secs(9);
    });
    // A token of an hour is withheld for its last ten seconds.
    let last_use = Instant::now() + 60 * MINUTE - Duration::from_secs(11);
    while Instant::now() < last_use {
        assert!(entry.credential().await.is_ok());
        sleep(Duration::from_secs(1)).await;
    }
    sleep(Duration::from_secs(2)).await;
    for _ in 0..60 {
        let asked = Instant::now();
        assert!(entry.credential().await.is_err());
        assert_eq!(asked.elapsed(), Duration::ZERO);
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_hangs_is_given_up_and_tried_again() {
    let (cache, source) = world(10);
    source.script(|script| script.latency = Duration::from_secs(10_000));
    let entry = pinned(&cache, "a");
    let asked = Instant::now();
    assert_eq!(*entry.credential().await.unwrap_err(), CredentialError::TimedOut(Duration::from_secs(10)));
    assert_eq!(asked.elapsed(), Duration::from_secs(10));
    source.script(|script| script.latency = Duration::ZERO);
    while entry.credential().await.is_err() {
        sleep(Duration::from_millis(100)).await;
    }
    assert!(asked.elapsed() < Duration::from_secs(16), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn renewals_come_a_skew_before_expiry_and_spread_over_a_tenth_of_it() {
    let (cache, source) = world(1);
    let _kept = pinned(&cache, "a");
    sleep(24 * 60 * MINUTE).await;
    let calls: Vec<u64> = source.calls().into_iter().map(seconds).collect();
    for pair in calls.windows(2) {
        assert!((3270..=3301).contains(&(pair[1] - pair[0])), "{pair:?}");
    }
    assert_eq!(calls.len() as u64, 1 + calls[calls.len() - 1] / 3270);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_panics_leaves_the_valid_token_and_is_tried_again() {
    let (cache, source) = world(10);
    let entry = pinned(&cache, "a");
    let token = entry.credential().await.unwrap();
    source.script(|script| script.panics = true);
    // It is renewed five minutes before its end, and each try panics.
    sleep(57 * MINUTE).await;
    assert!(source.calls().len() > 3, "{} calls", source.calls().len());
    assert_eq!(entry.credential().await.unwrap().expires(), token.expires());
    sleep(5 * MINUTE).await;
    assert_eq!(*entry.credential().await.unwrap_err(), CredentialError::Panicked);
    source.script(|script| script.panics = false);
    sleep(Duration::from_secs(5)).await;
    assert!(entry.credential().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn tokens_that_come_expired_are_asked_for_as_rarely_as_after_any_failure() {
    let (cache, source) = world(10);
    source.script(|script| script.life = Duration::ZERO);
    let entry = pinned(&cache, "a");
    assert_eq!(
        *entry.credential().await.unwrap_err(),
        CredentialError::Unusable(Unusable::Expires(Duration::ZERO))
    );
    sleep(10 * MINUTE).await;
    let calls = source.calls().len();
    assert!((10..=60).contains(&calls), "{calls} calls in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_refresher_that_does_not_come_to_its_next_step_is_seen_and_replaced() {
    let (cache, source) = world(10);
    let entry = pinned(&cache, "a");
    let token = entry.credential().await.unwrap();
    let stuck = Tasks::default().spawn(std::future::pending());
    cache.0.entries().get_mut(&spec("a")).unwrap().refresher = stuck.into();
    // It was to look at the clock again within five minutes.
    let began = Instant::now();
    while entry.state().failure().is_none() {
        assert!(began.elapsed() < 7 * MINUTE, "nothing was seen in seven minutes");
        sleep(Duration::from_millis(100)).await;
    }
    assert!(matches!(*entry.state().failure().unwrap().error, CredentialError::Stuck(_)));
    assert_eq!(entry.credential().await.unwrap().expires(), token.expires(), "the valid token is served");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(source.calls().len(), 2, "another refresher has fetched");
    assert!(entry.credential().await.unwrap().expires() > token.expires());
}

#[tokio::test(start_paused = true)]
async fn refreshers_that_do_as_they_say_are_never_taken_for_stuck() {
    let (cache, source) = world(10);
    source.script(|script| script.latency = Duration::from_secs(9));
    let entry = pinned(&cache, "a");
    for hour in 0..12 {
        source.script(|script| script.error = (hour % 3 == 1).then(denied));
        sleep(60 * MINUTE).await;
        let failure = entry.state().failure().map(|failure| failure.error.clone());
        assert!(failure.is_none_or(|error| *error == denied()), "hour {hour}");
    }
}
