use super::super::watched::Protocol;
use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{advance, timeout};

const LIMITS: Limits =
    Limits { header_read_timeout: Duration::from_secs(10), idle_timeout: Duration::from_secs(180) };

/// A watched connection, and the caller's end of it.
fn connection() -> (Activity, Watched<DuplexStream>, DuplexStream) {
    let (caller, ours) = duplex(1024);
    let activity = Activity::of_new_connection();
    let watched = activity.watch(ours);
    (activity, watched, caller)
}

/// The caller sends these bytes, and they are read at once.
async fn send(caller: &mut DuplexStream, watched: &mut Watched<DuplexStream>, bytes: &[u8]) {
    caller.write_all(bytes).await.unwrap();
    let mut read = vec![0; bytes.len()];
    watched.read_exact(&mut read).await.unwrap();
}

/// What the connection runs out of, and after how many seconds from now.
async fn end(activity: &Activity) -> (Expired, u64) {
    let begun = Instant::now();
    let expired = activity.expired(LIMITS).await;
    (expired, begun.elapsed().as_secs())
}

/// That nothing runs out for as long as anybody would look.
async fn lasts(activity: &Activity) -> bool {
    timeout(Duration::from_secs(86_400), activity.expired(LIMITS)).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_idle_from_its_opening() {
    let (activity, _watched, _caller) = connection();
    assert_eq!(end(&activity).await, (Expired::Idle, 180));
}

#[tokio::test(start_paused = true)]
async fn a_header_has_its_time_from_its_first_byte_however_the_rest_drips() {
    let (activity, mut watched, mut caller) = connection();
    advance(Duration::from_secs(100)).await;
    send(&mut caller, &mut watched, b"G").await;
    advance(Duration::from_secs(6)).await;
    send(&mut caller, &mut watched, b"ET / HTTP/1.1\r\n").await;
    assert_eq!(end(&activity).await, (Expired::Header, 4));
}

#[tokio::test(start_paused = true)]
async fn a_header_that_begins_while_others_wait_is_noticed_in_time() {
    let (activity, mut watched, mut caller) = connection();
    let waiting = async { end(&activity).await };
    let sending = async {
        tokio::time::sleep(Duration::from_secs(95)).await;
        send(&mut caller, &mut watched, b"GET").await;
    };
    let ((expired, seconds), ()) = tokio::join!(waiting, sending);
    assert_eq!(expired, Expired::Header);
    // No look is later than one deadline after the last.
    assert!((105..=115).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_busy_connection_never_expires_and_its_idle_time_begins_when_it_is_done() {
    let (activity, mut watched, mut caller) = connection();
    send(&mut caller, &mut watched, b"GET / HTTP/1.1\r\n\r\n").await;
    let busy = activity.busy();
    assert!(lasts(&activity).await);
    send(&mut caller, &mut watched, b"a body").await;
    assert!(lasts(&activity).await);
    drop(busy);
    assert_eq!(end(&activity).await, (Expired::Idle, 180));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_busy_until_its_last_request_is_done() {
    let (activity, _watched, _caller) = connection();
    let (first, second) = (activity.busy(), activity.busy());
    drop(first);
    assert!(lasts(&activity).await);
    drop(second);
    assert_eq!(end(&activity).await, (Expired::Idle, 180));
}

#[tokio::test(start_paused = true)]
async fn the_quiet_between_two_requests_is_not_a_headers() {
    let (activity, mut watched, mut caller) = connection();
    for _ in 0..3 {
        send(&mut caller, &mut watched, b"GET / HTTP/1.1\r\n\r\n").await;
        drop(activity.busy());
        assert!(timeout(Duration::from_secs(150), activity.expired(LIMITS)).await.is_err());
    }
    send(&mut caller, &mut watched, b"GET").await;
    assert_eq!(end(&activity).await, (Expired::Header, 10));
}

#[tokio::test(start_paused = true)]
async fn the_frames_of_http_2_are_no_headers_even_when_its_preface_drips() {
    for preface in
        [&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"][..], &["P", "RI * HT", "TP/2.0", "\r\n\r\nSM\r\n\r\n"]]
    {
        let (activity, mut watched, mut caller) = connection();
        let sending = async {
            for part in preface {
                caller.write_all(part.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let (protocol, ()) = tokio::join!(watched.protocol(), sending);
        assert_eq!(protocol.unwrap(), Protocol::Http2);
        assert_eq!(end(&activity).await, (Expired::Idle, 180));
        drop(activity.busy());
        send(&mut caller, &mut watched, b"a ping").await;
        assert_eq!(end(&activity).await, (Expired::Idle, 180), "{preface:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_preface_has_the_time_of_a_header() {
    let (activity, mut watched, mut caller) = connection();
    send(&mut caller, &mut watched, b"PRI * HTTP/").await;
    assert_eq!(end(&activity).await, (Expired::Header, 10));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_only_looks_like_http_2_at_first_is_timed_as_a_header() {
    let (activity, mut watched, mut caller) = connection();
    for part in ["PRI", " /index HTTP/1.1\r\n"] {
        send(&mut caller, &mut watched, part.as_bytes()).await;
    }
    assert_eq!(end(&activity).await, (Expired::Header, 10));
}
