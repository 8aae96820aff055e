use super::super::frame_headers::Passing;
use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep, timeout};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const WITHIN: Duration = Duration::from_secs(10);
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

fn frame(kind: u8, stream: u32, payload: usize) -> Vec<u8> {
    let mut text = vec![0, 0, u8::try_from(payload).unwrap(), kind, 0];
    text.extend(stream.to_be_bytes());
    text.extend(vec![0; payload]);
    text
}

/// Whether a connection outlives these frames, and what the caller is told.
async fn outcome(frames: Vec<Vec<u8>>) -> (bool, Vec<u8>) {
    let (mut caller, ours) = duplex(64);
    let mut counted = CountedFrames::of_caller(ours, Flushes::default(), WITHIN);
    let sending = async move {
        caller.write_all(PREFACE).await.unwrap();
        for frame in frames {
            // The connection may have ended.
            if caller.write_all(&frame).await.is_err() {
                break;
            }
        }
        caller.shutdown().await.unwrap();
        caller
    };
    let reading = async {
        let outcome = counted.read_to_end(&mut Vec::new()).await;
        drop(counted);
        outcome.is_ok()
    };
    let (mut caller, lives) = tokio::join!(sending, reading);
    let mut told = Vec::new();
    DuplexStream::read_to_end(&mut caller, &mut told).await.unwrap();
    (lives, told)
}

#[tokio::test(start_paused = true)]
async fn frames_that_carry_nothing_end_the_connection_and_say_so() {
    for kind in [DATA, PING, 2, 4, 8, 9, 77] {
        let payload = usize::from(kind == PING) * 8;
        let (lives, told) = outcome(vec![frame(kind, 0, payload); 1100]).await;
        assert!(!lives, "{kind}");
        assert_eq!(told, [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11], "{kind}");
        assert!(outcome(vec![frame(kind, 0, payload); 900]).await.0, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn useful_frames_account_for_others() {
    let one = || [vec![frame(DATA, 1, 100)], vec![frame(PING, 0, 8); 9]].concat();
    assert!(outcome((0..1000).flat_map(|_| one()).collect()).await.0);
}

#[tokio::test(start_paused = true)]
async fn streams_that_are_opened_to_be_reset_end_the_connection() {
    let cancelled = |stream: u32| [frame(HEADERS, stream, 10), frame(RESET, stream, 4)];
    let (lives, told) = outcome((0..300).flat_map(|n| cancelled(2 * n + 1)).collect()).await;
    assert!(!lives);
    assert_eq!(told[9..13], 401_u32.to_be_bytes());
    assert!(outcome((0..200).flat_map(|n| cancelled(2 * n + 1)).collect()).await.0);
    // A page that goes on without a third of what it asked for.
    let page = |n: u32| {
        let [asked, reset] = cancelled(6 * n + 1);
        [asked, reset, frame(HEADERS, 6 * n + 3, 10), frame(HEADERS, 6 * n + 5, 10)]
    };
    assert!(outcome((0..300).flat_map(page).collect()).await.0);
}

/// After how many seconds a connection is closed on which these parts come, a second apart, and the caller is told so. The caller
/// keeps its end open, which takes a second of them.
async fn ended_after(parts: &[&[u8]]) -> Option<u64> {
    let (mut caller, ours) = duplex(1024);
    let mut counted = CountedFrames::of_caller(ours, Flushes::default(), WITHIN);
    let begun = Instant::now();
    let sending = async {
        for part in parts {
            caller.write_all(part).await.unwrap();
            sleep(Duration::from_secs(1)).await;
        }
    };
    let mut read = Vec::new();
    let reading = timeout(WITHIN * 5, counted.read_to_end(&mut read));
    let ((), outcome) = tokio::join!(sending, reading);
    let ended = outcome.ok()?;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::TimedOut);
    drop(counted);
    let (after, mut told) = (begun.elapsed().as_secs(), Vec::new());
    caller.read_to_end(&mut told).await.unwrap();
    assert_eq!((told[3], told[16]), (7, 11), "{told:?}");
    Some(after)
}

#[tokio::test(start_paused = true)]
async fn what_is_begun_must_be_whole_in_time_and_content_may_take_its_time() {
    let flagged = |flags: u8, mut frame: Vec<u8>| {
        frame[4] = flags;
        frame
    };
    let settings = [PREFACE, &frame(4, 0, 6)].concat();
    let block = frame(HEADERS, 1, 10);
    let request = flagged(4, block.clone());
    let (more, end) = (frame(9, 1, 1), flagged(4, frame(9, 1, 1)));
    let (ping, data) = (frame(PING, 0, 8), frame(DATA, 1, 100));
    let cases: [(&[&[u8]], Option<u64>); 14] = [
        (&[], Some(11)),
        (&[&PREFACE[..14], &PREFACE[14..]], Some(11)),
        (&[PREFACE, &settings[24..30]], Some(11)),
        (&[&settings], None),
        (&[&settings, &request[..1]], Some(12)),
        (&[&settings, &request[..12]], Some(12)),
        (&[&settings, &request], None),
        (&[&settings, &block], Some(12)),
        (&[&settings, &block, &more, &more, &more], Some(12)),
        (&[&settings, &block, &more, &end], None),
        (&[&settings, &ping[..16]], Some(12)),
        (&[&settings, &request, &data[..50]], None),
        (&[&settings, &request, &data[..5]], Some(13)),
        // Each has its own time.
        (&[&settings, &block, &end, &ping[..10]], Some(14)),
    ];
    for (parts, after) in cases {
        assert_eq!(ended_after(parts).await, after, "{parts:?}");
    }
}

/// What goes on of these bytes when they come, and are read, in pieces of these lengths.
async fn passed_on(bytes: &[u8], written: usize, read: usize) -> Vec<u8> {
    let (mut upstream, ours) = duplex(written);
    let mut counted = CountedFrames::of_upstream(ours, Observed::default());
    let sending = async move {
        upstream.write_all(bytes).await.unwrap();
        upstream.shutdown().await.unwrap();
    };
    let reading = async {
        let (mut all, mut room) = (Vec::new(), vec![0; read]);
        while let length @ 1.. = counted.read(&mut room).await.unwrap() {
            all.extend(&room[..length]);
        }
        all
    };
    tokio::join!(sending, reading).1
}

#[tokio::test]
async fn data_frames_that_carry_nothing_are_left_out_however_they_are_cut() {
    const END_STREAM: u8 = 1;
    let with = |flags: u8, mut frame: Vec<u8>| {
        frame[4] = flags;
        frame
    };
    let void = || frame(DATA, 1, 0);
    let whole_block = || with(4, frame(HEADERS, 1, 10));
    let block = || [frame(HEADERS, 1, 10), void(), with(4, frame(9, 1, 3))].concat();
    let kept = [whole_block(), frame(DATA, 1, 20), frame(DATA, 3, 1), frame(PING, 0, 8)].concat();
    let between = [void(), whole_block(), void(), void(), frame(DATA, 1, 20), void(), frame(DATA, 3, 1)];
    let cases = [
        ([between.concat(), frame(PING, 0, 8), void()].concat(), kept),
        (with(END_STREAM, void()), with(END_STREAM, void())),
        // Padded, of no stream, and within a header block, they are the library's to judge.
        (with(8, frame(DATA, 1, 1)), with(8, frame(DATA, 1, 1))),
        (frame(DATA, 0, 0), frame(DATA, 0, 0)),
        (block(), block()),
    ];
    for (bytes, kept) in &cases {
        for written in [1, 2, 5, 9, 10, 13, 64] {
            for read in [1, 3, 9, 11, 64] {
                assert_eq!(&passed_on(bytes, written, read).await, kept, "{written} {read} {bytes:?}");
            }
        }
    }
}

#[tokio::test]
async fn small_data_frames_of_one_stream_that_arrive_together_are_joined_and_their_content_is_the_same() {
    const END_STREAM: u8 = 1;
    let data = |flags, stream, text: &str| {
        let mut frame = frame(DATA, stream, text.len());
        frame[4] = flags;
        frame[9..].copy_from_slice(text.as_bytes());
        frame
    };
    let long = "l".repeat(250);
    let came = [
        [data(0, 1, "a"), data(0, 1, &long), data(0, 1, ""), data(0, 1, "b")].concat(),
        [data(0, 3, "c"), frame(PING, 0, 8), data(0, 3, "d"), data(0, 1, "e")].concat(),
        data(END_STREAM, 1, "f"),
    ];
    let joined = [
        [0, 0, 252, DATA, 0, 0, 0, 0, 1].to_vec(),
        format!("a{long}b").into_bytes(),
        [data(0, 3, "c"), frame(PING, 0, 8), data(0, 3, "d"), data(0, 1, "e")].concat(),
        data(END_STREAM, 1, "f"),
    ];
    let (came, joined) = (came.concat(), joined.concat());
    assert_eq!(passed_on(&came, 4096, 4096).await, joined);
    for written in [1, 5, 9, 10, 13, 64, 300] {
        for read in [1, 3, 9, 11, 64, 300] {
            let passed = passed_on(&came, written, read).await;
            for stream in [1, 3] {
                assert_eq!(content(&passed, stream), content(&joined, stream), "{written} {read}");
            }
        }
    }
}

#[tokio::test]
async fn the_header_of_an_answer_that_ends_with_nothing_more_says_so() {
    let with = |flags: u8, mut frame: Vec<u8>| {
        frame[4] = flags;
        frame
    };
    let (end, other) = (|| with(1, frame(DATA, 1, 0)), || with(4, frame(HEADERS, 3, 4)));
    let came = [with(4, frame(HEADERS, 1, 4)), end(), other(), end()].concat();
    let passed = [with(5, frame(HEADERS, 1, 4)), other(), end()].concat();
    assert_eq!(passed_on(&came, 4096, 4096).await, passed);
    // A header that is not complete, and one that is padded or has a priority.
    let came = [with(0, frame(HEADERS, 1, 4)), with(4, frame(9, 1, 4)), end()].concat();
    assert_eq!(passed_on(&came, 4096, 4096).await, came);
    let came = [with(0x2c, frame(HEADERS, 1, 9)), end()].concat();
    assert_eq!(passed_on(&came, 4096, 4096).await, with(0x2d, frame(HEADERS, 1, 9)));
}

/// The content of a stream and its last flags.
fn content(mut frames: &[u8], stream: u8) -> (Vec<u8>, u8) {
    let (mut content, mut flags) = (Vec::new(), 0);
    while let [high, middle, low, kind, flag, _, _, _, number, rest @ ..] = frames {
        let (payload, rest) = rest.split_at(u32::from_be_bytes([0, *high, *middle, *low]) as usize);
        if (*kind, *number) == (DATA, stream) {
            content.extend_from_slice(payload);
            flags = *flag;
        }
        frames = rest;
    }
    (content, flags)
}

#[test]
fn error_codes_and_grants_of_the_connection_s_window_are_read_however_they_are_cut() {
    let number = |kind, stream, number: u32| {
        let mut text = frame(kind, stream, 4);
        text[9..].copy_from_slice(&number.to_be_bytes());
        text
    };
    let goaway = |payload: &[u8]| {
        let mut text = frame(GOAWAY, 0, payload.len());
        text[9..].copy_from_slice(payload);
        text
    };
    let parts = [
        frame(DATA, 1, 20),
        number(RESET, 1, 8),
        number(WINDOW_UPDATE, 1, 5),
        frame(PING, 0, 8),
        // The first bit is reserved.
        number(WINDOW_UPDATE, 0, 1 << 31 | 7),
        number(RESET, 3, 1),
        goaway(&[0, 0, 0, 5, 0, 0, 0, 11]),
        // One with debug data, and one that is no frame of this kind, because it is too short.
        goaway(b"\x7f\xff\xff\xff\x00\x00\x00\x00debug"),
        goaway(&[1, 2, 3, 4]),
    ];
    for piece in [1, 2, 5, 10, 13, 200] {
        let (mut numbers, mut sent) = (Vec::new(), FrameHeaders::default());
        for piece in parts.concat().chunks(piece) {
            sent.follow(piece, |passing| {
                if !matches!(passing, Passing::Begun(_)) {
                    numbers.push(passing);
                }
            });
        }
        let ends = [Passing::GoesAway(11), Passing::GoesAway(0)];
        let others = [Passing::ResetBy(8), Passing::Grants(7), Passing::ResetBy(1)];
        assert_eq!(numbers, [&others[..], &ends].concat(), "{piece}");
    }
}
