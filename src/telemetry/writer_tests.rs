use super::*;
use std::sync::mpsc::{self, Receiver, Sender};
use tokio::time::Instant;

/// A reader that takes nothing until it is told to.
struct Gate {
    open: Receiver<()>,
    written: Sender<String>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An error means that the test let everything through for good.
        let _ = self.open.recv();
        let _ = self.written.send(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gated() -> (LogWriter, Flush, Sender<()>, Receiver<String>) {
    let ((opener, open), (written, writes)) = (mpsc::channel(), mpsc::channel());
    let (writer, flush) = LogWriter::start(Gate { open, written }, |lost| format!("lost {lost}\n")).unwrap();
    (writer, flush, opener, writes)
}

#[test]
fn the_end_waits_for_lines_that_are_not_written_yet() {
    let (writer, flush, opener, writes) = gated();
    drop(opener);
    (&writer).write_all(b"last words\n").unwrap();
    drop(flush);
    assert_eq!(writes.try_recv().unwrap(), "last words\n");
}

#[test]
fn a_reader_who_takes_nothing_delays_the_end_by_a_second_only() {
    let (writer, flush, _opener, _writes) = gated();
    (&writer).write_all(b"unread\n").unwrap();
    let start = Instant::now();
    drop(flush);
    assert!((FLUSH_TIMEOUT..FLUSH_TIMEOUT * 3).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[test]
fn lines_wait_in_order_and_go_out_whole() {
    let (writer, flush, opener, writes) = gated();
    for number in 0..100 {
        (&writer).write_all(format!("line {number}\n").as_bytes()).unwrap();
    }
    drop(opener);
    drop(flush);
    let written: Vec<String> = writes.try_iter().collect();
    assert!(written.iter().all(|batch| batch.ends_with('\n')));
    let expected: String = (0..100).map(|number| format!("line {number}\n")).collect();
    assert_eq!(written.concat(), expected);
}

#[test]
fn what_a_stalled_reader_made_us_drop_is_counted_and_told() {
    let (writer, flush, opener, writes) = gated();
    let line = [b'x'; 1023].into_iter().chain([b'\n']).collect::<Vec<u8>>();
    for _ in 0..5000 {
        (&writer).write_all(&line).unwrap();
    }
    drop(opener);
    drop(flush);
    let text: String = writes.try_iter().collect();
    let lost: usize = text.lines().filter_map(|line| line.strip_prefix("lost ")?.parse::<usize>().ok()).sum();
    let kept = text.lines().filter(|line| line.starts_with('x')).count();
    assert!(lost > 0 && lost + kept == 5000, "{lost} lost, {kept} kept");
}

#[test]
fn a_sink_that_fails_is_tried_again_with_the_next_line() {
    struct Flaky(Sender<String>, bool);
    impl Write for Flaky {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::mem::take(&mut self.1) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let _ = self.0.send(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (sender, written) = mpsc::channel();
    let (writer, flush) = LogWriter::start(Flaky(sender, true), |_| String::new()).unwrap();
    (&writer).write_all(b"lost\n").unwrap();
    let again = Flush(Arc::clone(&flush.0));
    drop(flush);
    (&writer).write_all(b"written\n").unwrap();
    drop(again);
    assert_eq!(written.try_recv().unwrap(), "written\n");
}
