use super::*;
use tokio::time::{advance, timeout};

const LIMITS: Limits =
    Limits { header_read_timeout: Duration::from_secs(10), idle_timeout: Duration::from_secs(180) };

/// Which timeout passes, and after how many seconds from now.
async fn end(activity: &Activity) -> (Expired, u64) {
    let begun = Instant::now();
    let expired = activity.expired(LIMITS).await;
    (expired, begun.elapsed().as_secs())
}

/// Whether no timeout passes within a day.
async fn lasts(activity: &Activity) -> bool {
    timeout(Duration::from_secs(86_400), activity.expired(LIMITS)).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_idle_from_its_opening() {
    let activity = Activity::of_new_connection();
    assert_eq!(end(&activity).await, (Expired::Idle, 180));
}

#[tokio::test(start_paused = true)]
async fn a_header_has_its_time_from_its_first_byte_however_the_rest_drips() {
    let activity = Activity::of_new_connection();
    advance(Duration::from_secs(100)).await;
    activity.header_begun();
    advance(Duration::from_secs(6)).await;
    activity.header_begun();
    assert_eq!(end(&activity).await, (Expired::Header, 4));
}

#[tokio::test(start_paused = true)]
async fn a_header_that_begins_while_others_wait_is_noticed_in_time() {
    let activity = Activity::of_new_connection();
    let waiting = async { end(&activity).await };
    let sending = async {
        tokio::time::sleep(Duration::from_secs(95)).await;
        activity.header_begun();
    };
    let ((expired, seconds), ()) = tokio::join!(waiting, sending);
    assert_eq!(expired, Expired::Header);
    // The timeouts are checked at least once in each header timeout.
    assert!((105..=115).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_busy_connection_never_expires_and_its_idle_time_begins_when_it_is_done() {
    let activity = Activity::of_new_connection();
    activity.header_begun();
    let busy = activity.busy();
    assert!(lasts(&activity).await);
    activity.header_begun();
    assert!(lasts(&activity).await);
    drop(busy);
    assert_eq!(end(&activity).await, (Expired::Idle, 180));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_busy_until_its_last_request_is_done() {
    let activity = Activity::of_new_connection();
    let (first, second) = (activity.busy(), activity.busy());
    drop(first);
    assert!(lasts(&activity).await);
    drop(second);
    assert_eq!(end(&activity).await, (Expired::Idle, 180));
}

#[tokio::test(start_paused = true)]
async fn the_quiet_between_two_requests_is_not_a_headers() {
    let activity = Activity::of_new_connection();
    for _ in 0..3 {
        activity.header_begun();
        drop(activity.busy());
        assert!(timeout(Duration::from_secs(150), activity.expired(LIMITS)).await.is_err());
    }
    activity.header_begun();
    assert_eq!(end(&activity).await, (Expired::Header, 10));
}

#[tokio::test(start_paused = true)]
async fn what_was_no_header_is_forgotten() {
    let activity = Activity::of_new_connection();
    activity.header_begun();
    activity.speaks_http2();
    assert_eq!(end(&activity).await, (Expired::Idle, 180));
}

#[tokio::test(start_paused = true)]
async fn an_idle_timeout_shorter_than_a_headers_holds_behind_a_request_too() {
    let limits = Limits { idle_timeout: Duration::from_secs(2), ..LIMITS };
    let activity = Activity::of_new_connection();
    let busy = activity.busy();
    let begun = Instant::now();
    let answering = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(busy);
    };
    let (expired, ()) = tokio::join!(activity.expired(limits), answering);
    assert_eq!((expired, begun.elapsed()), (Expired::Idle, Duration::from_millis(2500)));
}
