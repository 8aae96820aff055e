use super::*;
use crate::http2::observed::Observed;
use crate::model::target::Scheme;
use crate::proxy::connection::FramedBody;
use crate::proxy::heard::Heard;
use crate::proxy::pools::Pools;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::atomic::AtomicUsize;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::time::advance;

/// Longer than any connection is kept.
const LONG: Duration = Duration::from_secs(301);

fn target() -> Target {
    Target::new(Scheme::Https, "api.example.com".parse().unwrap())
}

fn pool(tasks: &Tasks) -> Pool {
    // So long that nothing ends for want of use.
    Pool::new(LONG * 10, tasks)
}

/// A connection that stays open, and its other end.
fn http1() -> (Connection, DuplexStream) {
    let (ours, theirs) = duplex(1024);
    (Connection::Http1(Http1::new(Box::new(ours))), theirs)
}

/// The same for many requests, of which the upstream takes this many at once.
async fn http2(tasks: &Tasks, max_streams: usize) -> (Connection, DuplexStream) {
    let (ours, theirs) = duplex(64 * 1024);
    let handshake = http2::handshake::<_, _, FramedBody>(TokioExecutor::new(), TokioIo::new(ours));
    let (sender, connection) = handshake.await.unwrap();
    tasks.spawn(async {
        let _ = connection.await;
    });
    let (max_streams, heard) = (Arc::new(AtomicUsize::new(max_streams)), Heard::now());
    let connection = Http2::new(sender, max_streams, heard, Observed::default());
    (Connection::Http2(connection), theirs)
}

fn give_back(pool: &Pool, connection: Connection) {
    match connection {
        Connection::Http1(Http1 { connection, retirement }) => {
            pool.pooled(&target(), ConnectionState::Http1(retirement))
                .give_back(Remains::Connection(connection));
        }
        Connection::Http2(part) => {
            pool.pooled(&target(), ConnectionState::Http2(Some(part))).give_back(Remains::Nothing)
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_is_not_given_to_another_request() {
    let tasks = Tasks::default();
    let pool = pool(&tasks);
    let (connection, _theirs) = http1();
    pool.opened(&target(), &connection);
    give_back(&pool, connection);
    let young = pool.checkout(&target(), false).unwrap();
    give_back(&pool, young);
    advance(LONG).await;
    assert!(pool.checkout(&target(), false).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_grows_old_in_use_is_not_kept() {
    let tasks = Tasks::default();
    let pool = pool(&tasks);
    let (connection, _theirs) = http1();
    advance(LONG).await;
    give_back(&pool, connection);
    assert!(pool.checkout(&target(), false).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_shared_connection_that_grows_old_serves_those_who_have_it_and_no_others() {
    let tasks = Tasks::default();
    let pool = pool(&tasks);
    let (Connection::Http2(first), _theirs) = http2(&tasks, 100).await else { panic!("it speaks HTTP/2") };
    pool.opened(&target(), &Connection::Http2(first.clone()));
    let Some(Connection::Http2(second)) = pool.checkout(&target(), false) else { panic!("it is shared") };
    advance(LONG).await;
    assert!(pool.checkout(&target(), false).is_none());
    assert!(!first.sender.is_closed() && !second.sender.is_closed());
}

#[tokio::test]
async fn a_shared_connection_takes_as_many_requests_as_its_upstream_allows() {
    let tasks = Tasks::default();
    let pool = pool(&tasks);
    let (connection, _theirs) = http2(&tasks, 2).await;
    pool.opened(&target(), &connection);
    let second = pool.checkout(&target(), false).unwrap();
    assert!(pool.checkout(&target(), false).is_none());
    give_back(&pool, connection);
    let third = pool.checkout(&target(), false).unwrap();
    assert!(pool.checkout(&target(), false).is_none());
    drop((second, third));
    assert!(pool.checkout(&target(), false).is_some());
}

#[tokio::test]
async fn a_shared_connection_that_turned_a_request_away_gets_no_other() {
    let tasks = Tasks::default();
    let pool = pool(&tasks);
    let (connection, _theirs) = http2(&tasks, 100).await;
    pool.opened(&target(), &connection);
    let Connection::Http2(refused) = connection else { panic!("it speaks HTTP/2") };
    refused.stream().turn_away();
    assert!(pool.checkout(&target(), false).is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_target_speaks_is_remembered_while_it_is_used() {
    let tasks = Tasks::default();
    let pool = pool(&tasks);
    assert!(!pool.speaks_http1(&target()));
    let (connection, _theirs) = http1();
    pool.opened(&target(), &connection);
    drop(connection);
    assert!(pool.speaks_http1(&target()));
    advance(LONG * 9).await;
    pool.0.unused().drop_expired(pool.0.idle_timeout);
    assert!(pool.speaks_http1(&target()));
    advance(LONG).await;
    pool.0.unused().drop_expired(pool.0.idle_timeout);
    assert!(!pool.speaks_http1(&target()));
    assert!(pool.0.unused().by_target.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_shared_connection_in_use_does_not_count_as_idle() {
    let tasks = Tasks::default();
    let pool = Pool::new(Duration::from_secs(90), &tasks);
    let (connection, _theirs) = http2(&tasks, 100).await;
    pool.opened(&target(), &connection);
    advance(Duration::from_secs(100)).await;
    pool.0.unused().drop_expired(pool.0.idle_timeout);
    give_back(&pool, connection);
    assert!(pool.checkout(&target(), false).is_some(), "a request was on it until now");
    advance(Duration::from_secs(91)).await;
    pool.0.unused().drop_expired(pool.0.idle_timeout);
    assert!(pool.checkout(&target(), false).is_none());
}

#[tokio::test]
async fn a_connection_on_which_the_upstream_speaks_unasked_or_hangs_up_is_not_kept() {
    let tasks = Tasks::default();
    for words in [&b""[..], b"HTTP/1.1 408 Request Timeout\r\n\r\n"] {
        let pool = pool(&tasks);
        let (connection, mut theirs) = http1();
        give_back(&pool, connection);
        assert_eq!(pool.overview()[0].http1, 1);
        theirs.write_all(words).await.unwrap();
        drop(theirs);
        assert!(pool.checkout(&target(), false).is_none());
    }
}

#[tokio::test]
async fn one_route_closes_what_another_does_not_use() {
    let tasks = Tasks::default();
    let pools = Pools::new(&tasks);
    let (one, other) = (pools.open(LONG), pools.open(LONG));
    let (connection, _theirs) = http1();
    give_back(&one, connection);
    assert_eq!((pools.overview().len(), other.overview().len()), (1, 0));
    assert!(pools.close_one_unused() && !pools.close_one_unused());
    assert!(one.checkout(&target(), false).is_none());
}

#[tokio::test(start_paused = true)]
async fn unused_connections_of_all_routes_are_closed_in_time() {
    let tasks = Tasks::default();
    let pools = Pools::new(&tasks);
    let (short, long) = (pools.open(Duration::from_secs(10)), pools.open(Duration::from_secs(60)));
    let ((brief, _gone), (lasting, _theirs)) = (http1(), http1());
    give_back(&short, brief);
    give_back(&long, lasting);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(pools.overview(), long.overview());
    assert_eq!(long.overview().len(), 1);
}
