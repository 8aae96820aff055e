//! Callers of HTTP/2, frame by frame, for what no client sends on demand.

use crate::support::World;
use crate::support::frames::{DATA, END_HEADERS, END_STREAM, Frames, HEADERS, POST};
use crate::support::upstream::Upstream;

#[tokio::test]
async fn a_connection_lives_on_however_many_empty_data_frames_lie_between_others() {
    let world = World::pinned(Upstream::echo().await, &[]).await;
    let mut caller = Frames::of_caller(world.proxy.proxy).await;
    for request in 0..150 {
        let stream = 2 * request + 1;
        caller.write(HEADERS, END_HEADERS, stream, POST).await;
        for data in [&b"a"[..], b"", b"b", b""] {
            caller.write(DATA, 0, stream, data).await;
        }
        caller.write(DATA, END_STREAM, stream, b"c").await;
        assert_eq!(caller.end_of(stream).await, b"abc");
    }
}
