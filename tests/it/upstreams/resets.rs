//! Callers that hang up reset streams on the HTTP/2 connection to their upstream. Upstreams end a connection on which many are reset,
//! and the requests of others with it.

use super::frames::{Ending, Frames};
use crate::support::client::{get, http2};
use crate::support::program::{Program, WAIT_LIMIT};
use crate::support::{Sts, spawn};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::timeout;

/// The requests and the resets on each connection.
type Seen = Vec<(usize, usize)>;

#[tokio::test]
async fn a_connection_on_which_callers_reset_many_streams_gets_no_further_requests() {
    let (seen, told) = watch::channel(Seen::new());
    let seen = Arc::new(seen);
    let upstream = Frames::scripted(move |number, mut connection| {
        let seen = seen.clone();
        async move {
            connection.greet(None).await?;
            let note = |ending| {
                seen.send_modify(|seen| {
                    seen.resize(seen.len().max(number + 1), (0, 0));
                    let (open, reset) = &mut seen[number];
                    *(if ending == Ending::Open { open } else { reset }) += 1;
                });
            };
            connection.never_answer(note).await
        }
    });
    let upstream = upstream.await;
    let (sts, host) = (Sts::start().await, upstream.address.to_string());
    let flags = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
    let proxy = Program::serve(&sts.url, &flags).await;
    let sum = async |of: fn(&(usize, usize)) -> usize, wanted: usize| {
        let mut told = told.clone();
        let wait = told.wait_for(|seen| seen.iter().map(of).sum::<usize>() == wanted);
        timeout(WAIT_LIMIT, wait).await.unwrap().map(drop).unwrap();
    };
    for number in 1..=250 {
        // Each on a connection of its own, because a caller that resets many streams is refused itself.
        let (mut sender, _connection) = http2(proxy.proxy).await;
        let request = spawn(async move { drop(sender.send_request(get("http://p/", &[])).await) });
        sum(|(open, _)| *open, number).await;
        drop(request);
        sum(|(_, reset)| *reset, number).await;
    }
    let seen = told.borrow().clone();
    // What the upstream has read, the proxy may not have counted yet.
    let most = seen.iter().map(|(_, reset)| *reset).max();
    assert!(seen.len() == 3 && most < Some(105), "{seen:?}");
}
