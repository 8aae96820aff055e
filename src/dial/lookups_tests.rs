use super::*;

const NAME: &str = "api.example.com";

fn addresses(last: u8) -> Arc<[SocketAddr]> {
    [([192, 0, 2, last], 0).into()].into()
}

/// The last number of the address that is known, or why there is none; `...` while a look-up runs.
fn shown(state: NameState) -> String {
    match state {
        NameState::Known(addresses) => addresses[0].ip().to_string(),
        NameState::Failed(problem) => problem.to_string(),
        NameState::Running { .. } => "...".to_owned(),
    }
}

fn failure() -> io::Result<Arc<[SocketAddr]>> {
    Err(io::Error::other("no such name"))
}

#[test]
fn a_name_is_looked_up_once_however_many_ask() {
    let (mut lookups, now) = (Lookups::default(), Instant::now());
    let waiting: Vec<NameState> = (0..10).map(|_| lookups.ask(NAME, now)).collect();
    assert!(lookups.wants_thread());
    lookups.thread_started();
    assert_eq!(lookups.next().as_deref(), Some(NAME));
    assert!(!lookups.wants_thread());
    lookups.finish(NAME, Ok(addresses(1)), now);
    for state in waiting {
        let NameState::Running { done, stale_from: None } = state else { panic!("it is not known yet") };
        assert!(done.has_changed().is_err(), "the outcome is told");
    }
    assert_eq!(lookups.next(), None);
    assert_eq!(shown(lookups.ask(NAME, now + GOOD / 2)), "192.0.2.1");
    assert_eq!(shown(lookups.ask(NAME, now + GOOD)), "...");
}

#[test]
fn the_time_that_passed_before_an_answer_is_known() {
    let (mut lookups, start) = (Lookups::default(), Instant::now());
    let after = |seconds| start + Duration::from_secs(seconds);
    let took = |lookups: &Lookups, begin, now| {
        lookups.time_to_answer(NAME, after(begin), after(now)).map(|time| time.as_secs())
    };
    let _waiting = lookups.ask(NAME, start);
    assert_eq!(took(&lookups, 0, 4), None);
    lookups.finish(NAME, Ok(addresses(1)), after(4));
    assert_eq!(took(&lookups, 0, 5), Some(4));
    assert_eq!(took(&lookups, 1, 5), Some(3), "a request that came later waited for less");
    assert_eq!(took(&lookups, 4, 5), Some(0));
    let _waiting = lookups.ask(NAME, after(7));
    lookups.finish(NAME, Ok(addresses(1)), after(10));
    assert_eq!(took(&lookups, 6, 10), Some(0), "the last answer stood in");
    let late = after(10) + STALE;
    assert!(lookups.time_to_answer(NAME, late, late).is_none());
}

#[test]
fn a_failure_is_remembered_for_a_moment_and_the_last_answer_stands_in_for_it() {
    let (mut lookups, start) = (Lookups::default(), Instant::now());
    let _waiting = lookups.ask(NAME, start);
    lookups.finish(NAME, failure(), start);
    assert_eq!(shown(lookups.ask(NAME, start)), "no such name");
    let start = start + BAD;
    let _waiting = lookups.ask(NAME, start);
    lookups.finish(NAME, Ok(addresses(1)), start);
    for later in [GOOD, GOOD + BAD, STALE - BAD] {
        assert_eq!(shown(lookups.ask(NAME, start + later)), "...", "{later:?}");
        lookups.finish(NAME, failure(), start + later);
        assert_eq!(shown(lookups.ask(NAME, start + later)), "192.0.2.1", "{later:?}");
    }
    let _waiting = lookups.ask(NAME, start + STALE);
    lookups.finish(NAME, Ok([].into()), start + STALE);
    assert_eq!(shown(lookups.ask(NAME, start + STALE)), "the name has no address");
}

#[test]
fn a_look_up_that_takes_long_is_waited_for_only_where_there_is_no_last_answer() {
    let (mut lookups, start) = (Lookups::default(), Instant::now());
    let _waiting = lookups.ask(NAME, start);
    lookups.finish(NAME, Ok(addresses(1)), start);
    let late = start + GOOD;
    let NameState::Running { stale_from, .. } = lookups.ask(NAME, late) else { panic!("it is old") };
    assert_eq!(stale_from, Some(late + STALE_AFTER));
    assert_eq!(shown(lookups.ask(NAME, late + STALE_AFTER / 2)), "...");
    assert_eq!(shown(lookups.ask(NAME, late + STALE_AFTER)), "192.0.2.1");
    let _waiting = lookups.ask("other.example.com", late);
    assert_eq!(shown(lookups.ask("other.example.com", late + 100 * STALE_AFTER)), "...");
}

#[test]
fn threads_are_few_and_names_that_nothing_waits_for_cost_none() {
    let (mut lookups, now) = (Lookups::default(), Instant::now());
    let name = |number: usize| format!("h{number}.example");
    let waiting: Vec<NameState> = (0..100).map(|number| lookups.ask(&name(number), now)).collect();
    while lookups.wants_thread() {
        lookups.thread_started();
        assert!(lookups.next().is_some());
    }
    assert_eq!((lookups.threads, lookups.waiting.len()), (MAX_THREADS, 100 - MAX_THREADS));
    drop(waiting);
    let _waiting = lookups.ask(&name(99), now);
    assert_eq!(lookups.next(), Some(name(99).into()));
    for _ in 0..MAX_THREADS {
        assert_eq!(lookups.next(), None);
    }
    assert_eq!(lookups.threads, 0);
}

#[test]
fn names_that_callers_choose_do_not_fill_memory() {
    let (mut lookups, now) = (Lookups::default(), Instant::now());
    let ask = |lookups: &mut Lookups, name: String, outcome| {
        let state = lookups.ask(&name, now);
        lookups.finish(&name, outcome, now);
        assert!(lookups.names.len() <= MAX_NAMES && lookups.waiting.len() <= MAX_NAMES);
        state
    };
    for number in 0..2 * MAX_NAMES {
        drop(ask(&mut lookups, format!("bad{number}.example"), failure()));
    }
    for number in 0..2 * MAX_NAMES {
        drop(ask(&mut lookups, format!("good{number}.example"), Ok(addresses(2))));
    }
}

#[test]
fn a_name_in_use_is_kept_however_many_others_are_named() {
    let (mut lookups, start) = (Lookups::default(), Instant::now());
    drop(lookups.ask(NAME, start));
    lookups.finish(NAME, Ok(addresses(1)), start);
    for number in 0..2 * MAX_NAMES {
        let name = format!("good{number}.example");
        drop(lookups.ask(&name, start));
        lookups.finish(&name, Ok(addresses(2)), start);
        lookups.finish(NAME, Ok(addresses(1)), start + BAD);
    }
    assert_eq!(shown(lookups.ask(NAME, start + BAD)), "192.0.2.1");

    let new = |number: usize| format!("new{number}.example");
    let waiting: Vec<NameState> = (0..2 * MAX_NAMES).map(|number| lookups.ask(&new(number), start)).collect();
    let refused = waiting.iter().filter(|state| matches!(state, NameState::Failed(_))).count();
    assert_eq!(refused, 2 * MAX_NAMES - MAX_NAMES_WITHOUT_ANSWER);
    assert_eq!(shown(lookups.ask(NAME, start + BAD)), "192.0.2.1");
    let late = start + BAD + GOOD;
    let _asked = lookups.ask(NAME, late);
    lookups.thread_started();
    assert_eq!(
        lookups.next().as_deref(),
        Some(NAME),
        "it is looked up before names that never had an answer"
    );
    assert_eq!(shown(lookups.ask(NAME, late + STALE_AFTER)), "192.0.2.1");

    assert_eq!(shown(lookups.ask(&new(5000), late)), "too many names are being looked up");
    drop(waiting);
    assert_eq!(shown(lookups.ask(&new(5000), late)), "...");
}

#[test]
fn without_any_thread_what_waits_is_told_so() {
    let (mut lookups, now) = (Lookups::default(), Instant::now());
    let _waiting = lookups.ask(NAME, now);
    lookups.no_thread(&io::Error::other("no more"), now);
    assert_eq!(shown(lookups.ask(NAME, now)), "no thread to look it up: no more");
    lookups.thread_started();
    let _waiting = lookups.ask("other.example.com", now);
    lookups.no_thread(&io::Error::other("no more"), now);
    assert_eq!(shown(lookups.ask("other.example.com", now)), "...", "another thread will see to it");
}
