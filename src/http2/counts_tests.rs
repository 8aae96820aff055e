use super::*;

#[tokio::test(start_paused = true)]
async fn good_behaviour_long_ago_is_no_licence() {
    let mut counts = Counts::begin(0);
    let frame = |kind, stream| Frame { kind, flags: 0, length: 4, stream };
    assert!((1..100_000).all(|n| !counts.received(frame(Kind::Headers, n))));
    tokio::time::sleep(WINDOW * 2).await;
    let one = |n| [Kind::Headers, Kind::Reset].map(|kind| frame(kind, n));
    assert!((100_000..101_000).flat_map(one).any(|frame| counts.received(frame)));
}

#[tokio::test(start_paused = true)]
async fn a_slow_trickle_is_no_flood() {
    let mut counts = Counts::begin(0);
    for n in 0..5000 {
        assert!(!counts.received(Frame { kind: Kind::Other, flags: 0, length: 8, stream: 0 }), "{n}");
        assert!(!counts.received(Frame { kind: Kind::Reset, flags: 0, length: 4, stream: 1 }), "{n}");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

#[test]
fn trailers_are_no_streams_of_their_own() {
    let mut counts = Counts::begin(0);
    let frame = |kind, stream| Frame { kind, flags: 0, length: 4, stream };
    let one = |n| [Kind::Headers, Kind::Headers, Kind::Reset].map(|kind| frame(kind, n));
    assert!((1..300).flat_map(one).any(|frame| counts.received(frame)));
}

#[test]
fn streams_that_are_reset_because_of_what_comes_on_them_count_as_reset_by_the_peer() {
    let frame = |kind, stream| Frame { kind, flags: 0, length: 4, stream };
    for (code, floods) in [(0, false), (1, true), (2, false), (3, true), (5, false), (6, true), (8, false)] {
        let mut counts = Counts::begin(0);
        let mut one = |n| {
            counts.sent(Passing::ResetBy(code));
            counts.received(frame(Kind::Headers, n))
        };
        assert!((1..200).all(|n| !one(n)), "{code}");
        assert_eq!((200..300).any(one), floods, "{code}");
    }
}
