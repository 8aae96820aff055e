//! STS in trouble, seen by callers: the valid token serves to its end, then the answer is 502 at once, and all is well
//! again soon after STS is.

use crate::support::client::{Http1, get, send};
use crate::support::upstream::{Seen, Upstream};
use crate::support::{Sts, World, claims};
use attache::emulator::api_error::ErrorCode;
use attache::emulator::faults::{Faults, Outage};
use http::StatusCode;
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Seconds that the emulator's tokens live here: half of them is more than one call to STS may take.
const LIFE: u32 = 10;
/// What "at once" and "no longer than without" mean on a machine that is busy with other tests.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The world with a token that has just been minted.
async fn world_with_short_token() -> World {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.token_life_seconds = Some(LIFE));
    let world = World::pinned_with(sts, Upstream::echo().await, &[]).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    world
}

/// The last moment at which a request's token may be used: a tenth of its life before it expires.
fn last_use(seen: &Seen) -> SystemTime {
    let expires = claims(seen.token())["exp"].as_u64().unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_secs(expires) - Duration::from_millis(u64::from(LIFE) * 100)
}

/// STS that answers, but not as it should.
async fn survives(diagnostic: impl FnOnce(&mut Faults)) {
    let begin = |sts: &mut Sts| sts.handle.update_faults(diagnostic);
    survives_between(begin, async |sts| sts.handle.set_faults(Faults::default())).await;
}

async fn survives_between(begin: impl FnOnce(&mut Sts), end: impl AsyncFnOnce(&mut Sts)) {
    let mut world = world_with_short_token().await;
    begin(&mut world.sts);
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let valid_until = last_use(&world.upstream.only_request());
    let now = attache::clock::Clock::system();
    while now.now() < valid_until {
        let status = caller.send(get("/", &[])).await.status;
        // An answer that came later may be about a token that had ended by then.
        assert!(status == StatusCode::OK || now.now() >= valid_until, "failed with a valid token");
        sleep(Duration::from_millis(20)).await;
    }
    sleep(now.until(valid_until) + Duration::from_millis(100)).await;
    for _ in 0..100 {
        let asked = Instant::now();
        assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::BAD_GATEWAY);
        assert!(asked.elapsed() < AT_ONCE, "502 took {:?}", asked.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    end(&mut world.sts).await;
    let well = Instant::now();
    while caller.send(get("/", &[])).await.status != StatusCode::OK {
        assert!(
            well.elapsed() < Duration::from_secs(5),
            "still failing {:?} after STS was well",
            well.elapsed()
        );
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn sts_answers_503() {
    survives(|faults| faults.outage = Some(Outage::try_from(503).unwrap())).await;
}

#[tokio::test]
async fn sts_answers_403() {
    survives(|faults| faults.error = Some(ErrorCode::AccessDenied)).await;
}

#[tokio::test]
async fn sts_hangs() {
    survives(|faults| faults.hang = true).await;
}

#[tokio::test]
async fn sts_hangs_up() {
    survives(|faults| faults.close = true).await;
}

#[tokio::test]
async fn sts_cannot_be_reached() {
    survives_between(Sts::stop, Sts::start_again).await;
}

#[tokio::test]
async fn a_slow_renewal_delays_no_request() {
    let world = world_with_short_token().await;
    world.sts.handle.update_faults(|faults| faults.latency_ms = 3000);
    // The renewal starts at half the token's life, and STS counts a call when it comes, not when it is answered.
    world.sts.handle.wait_for_calls(attache::emulator::call::Operation::GetWebIdentityToken, 2).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..500 {
        let asked = Instant::now();
        assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::OK);
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < AT_ONCE, "the slowest request took {slowest:?}");
}

#[tokio::test]
async fn the_first_of_a_thousand_waiting_callers_hangs_up() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.latency_ms = 2500);
    let world = World::pinned_with(sts, Upstream::echo().await, &[]).await;
    let mut first = TcpStream::connect(world.proxy.proxy).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nhost: p\r\n\r\n").await.unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..999 {
        callers.spawn(send(world.proxy.proxy, get("/", &[])));
    }
    drop(first);
    while let Some(answer) = callers.join_next().await {
        assert_eq!(answer.unwrap().status, StatusCode::OK);
    }
    assert_eq!(world.sts.mints(), 1);
}

#[tokio::test]
async fn a_program_that_was_stopped_past_its_tokens_end_does_not_send_it() {
    let world = world_with_short_token().await;
    let old = world.upstream.only_request();
    world.proxy.stop().await;
    let expired = SystemTime::UNIX_EPOCH + Duration::from_secs(claims(old.token())["exp"].as_u64().unwrap());
    sleep(attache::clock::Clock::system().until(expired) + Duration::from_millis(50)).await;
    let mut waiting = JoinSet::new();
    waiting.spawn(send(world.proxy.proxy, get("/", &[])));
    world.proxy.signal("CONT");
    assert_eq!(waiting.join_next().await.unwrap().unwrap().status, StatusCode::OK);
    let seen = world.upstream.seen().pop().unwrap();
    assert_ne!(seen.token(), old.token());
}
