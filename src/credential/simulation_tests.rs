//! Weeks in seconds: what renewals cost STS over time, and the table of it in docs/capacity.md.

use super::Credential;
use super::cache::CredentialCache;
use super::refresh::refresh_at;
use super::settings::Settings;
use super::test_source::TestSource;
use super::test_source::spec;
use crate::clock::{Clock, Timestamp};
use crate::model::credential_spec::CredentialSpec;
use crate::telemetry::metrics::Metrics;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep};

const LIFE: Duration = Duration::from_secs(3600);
const SKEW: Duration = Duration::from_secs(300);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const REPLICAS: usize = 1000;

#[tokio::test(start_paused = true)]
async fn a_week_of_a_thousand_replicas_costs_what_arithmetic_says() {
    let clock = Clock::by_timer(SystemTime::UNIX_EPOCH);
    let source = TestSource::new(clock);
    let settings = Settings {
        clock,
        fetch_timeout: Duration::from_secs(10),
        capacity: NonZeroUsize::new(REPLICAS).unwrap(),
        metrics: Metrics::disabled(),
    };
    // A replica fetches for its audience as it would in a process of its own: nothing is shared but the source.
    let cache = CredentialCache::new(Arc::new(source.clone()), settings);
    let replicas = (0..REPLICAS).map(|replica| spec(&replica.to_string()));
    cache.set_pinned(&replicas.collect());
    sleep(WEEK).await;

    let mut fetches: HashMap<CredentialSpec, Vec<f64>> = HashMap::new();
    for (at, replica) in source.calls_by_spec() {
        let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        fetches.entry(replica).or_default().push(at);
    }
    assert_eq!(fetches.len(), REPLICAS);
    let mut first_renewals = [0u32; 30];
    for times in fetches.values() {
        // Every interval is 3300 s less up to 30 s, so a week holds the first fetch and 183 or 184 renewals.
        assert!((184..=185).contains(&times.len()), "{} fetches in a week", times.len());
        for pair in times.windows(2) {
            let interval = pair[1] - pair[0];
            assert!((3269.99..=3300.01).contains(&interval), "renewed after {interval} s");
        }
        first_renewals[((times[1] - times[0] - 3270.0) as usize).min(29)] += 1;
    }
    // A thousand over thirty seconds are 33 a second; five standard deviations are 29.
    for (second, renewals) in first_renewals.iter().enumerate() {
        assert!((4..=62).contains(renewals), "{renewals} renewals in second {second}");
    }
}

/// How many calls STS sees from so many sidecars that all start in the same second, over a day.
fn calls_by_second(sidecars: u32) -> Vec<u32> {
    let mut random = fastrand::Rng::with_seed(1);
    let issued = Timestamp { wall: SystemTime::UNIX_EPOCH, tick: Instant::now() };
    let token = Credential::bearer("jwt", issued, issued.wall + LIFE).unwrap();
    let mut calls = vec![0; 24 * 3600];
    for _ in 0..sidecars {
        let mut at = random.f64();
        while let Some(second) = calls.get_mut(at as usize) {
            *second += 1;
            let renewed = refresh_at(&token, SKEW, random.f64());
            at += issued.until(renewed).as_secs_f64();
        }
    }
    calls
}

fn table() -> String {
    let mut table = String::from(
        "| sidecars | calls/s on average | most in a second, first renewal | most in a second, a day later |\n\
         |---:|---:|---:|---:|\n",
    );
    for sidecars in [1, 100, 10_000, 1_000_000] {
        let calls = calls_by_second(sidecars);
        let most = |from: usize, to: usize| calls[from..to].iter().max().copied().unwrap_or_default();
        let average = f64::from(calls[1..].iter().sum::<u32>()) / (calls.len() - 1) as f64;
        let (first, last) = (most(3000, 3600), most(calls.len() - 3400, calls.len()));
        writeln!(table, "| {sidecars} | {average:.4} | {first} | {last} |").unwrap();
    }
    table
}

#[test]
#[expect(clippy::print_stdout, reason = "whoever plans capacity reads it")]
fn the_table_of_the_capacity_page_is_what_the_simulation_says() {
    let table = table();
    println!("{table}");
    let page = include_str!("../../docs/capacity.md");
    assert!(page.contains(&table), "docs/capacity.md should hold this table:\n{table}");
}
