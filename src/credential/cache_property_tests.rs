//! The cache under any sequence of requests, hang-ups, pauses and faults.

use super::tests::{denied, world};
use crate::credential::test_source::spec;
use proptest::prelude::*;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{advance, timeout};

/// What a test of all at once does next.
#[derive(Clone, Debug)]
enum Step {
    Ask(u8),
    Leave(u8),
    Pass(u64),
    Break(bool),
    Slow(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0u8..6).prop_map(Step::Ask),
        2 => (0u8..6).prop_map(Step::Leave),
        4 => (0u64..30_000).prop_map(Step::Pass),
        1 => (0u64..5_000_000).prop_map(Step::Pass),
        2 => any::<bool>().prop_map(Step::Break),
        1 => (0u64..15_000).prop_map(Step::Slow),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happens_one_fetch_runs_a_set_and_everybody_is_answered(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            // The source itself fails the test when two fetches run for one set.
            let (cache, source) = world(3);
            let mut callers = JoinSet::new();
            for step in steps {
                match step {
                    Step::Ask(name) => {
                        let entry = cache.get_or_insert(&spec(&name.to_string()));
                        callers.spawn(async move { entry.credential().await.is_ok() });
                    }
                    Step::Leave(name) => {
                        let entry = cache.get_or_insert(&spec(&name.to_string()));
                        let _ = timeout(Duration::from_millis(1), entry.credential()).await;
                    }
                    Step::Pass(ms) => advance(Duration::from_millis(ms)).await,
                    Step::Break(down) => source.script(|script| script.error = down.then(denied)),
                    Step::Slow(ms) => source.script(|script| script.latency = Duration::from_millis(ms)),
                }
                assert!(cache.0.entries().len() <= 3, "more sets are held than there is room for");
            }
            // No request waits longer than a fetch may take.
            let all = async { while let Some(answered) = callers.join_next().await { answered.unwrap(); } };
            assert!(timeout(Duration::from_secs(11), all).await.is_ok(), "somebody was never answered");
        });
    }
}
