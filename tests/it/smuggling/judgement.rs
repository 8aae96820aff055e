//! Compares what reached the upstream with what may have.

use super::case::Outcome;
use super::message::Message;
use super::recorder::Record;
use std::net::SocketAddr;

/// Fields that must not come through, as they were for the caller's hop or are settled in the header.
const NOT_FORWARDED: [&str; 5] =
    ["keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "x-upstream-host"];

pub struct Judgement {
    authority: String,
    /// Whether the marker comes on a stream of its own, so that it may outlive its case.
    multiplexed: bool,
    expected: Vec<(usize, &'static str, Outcome)>,
    faults: Vec<String>,
}

impl Judgement {
    pub fn new(upstream: SocketAddr, multiplexed: bool) -> Self {
        Self { authority: upstream.to_string(), multiplexed, expected: Vec::new(), faults: Vec::new() }
    }

    /// Notes what may become of a case, and how its caller was answered.
    pub fn expect(&mut self, number: usize, name: &'static str, outcome: &Outcome, answer: &[u8]) {
        let accepted = answer.windows(12).any(|window| window == b"HTTP/1.1 200");
        if *outcome == Outcome::Refused && accepted {
            self.faults
                .push(format!("case {number}, {name}: answered {:?}", String::from_utf8_lossy(answer)));
        }
        self.expected.push((number, name, outcome.clone()));
    }

    /// Judges everything that reached the upstream.
    #[expect(clippy::print_stdout, reason = "the count is what a reader of the test's log looks for")]
    pub fn close(mut self, records: Vec<Record>) {
        let mut requests = Vec::new();
        for record in &records {
            match record {
                Record::Request(message) => {
                    self.sound(message);
                    requests.push(message);
                }
                Record::Cut(_) => {}
                Record::Ambiguous(why, bytes) => {
                    self.faults.push(format!("ambiguous: {why}: {:?}", String::from_utf8_lossy(bytes)));
                }
            }
        }
        let (mut refused, mut forwarded, mut cut) = (0, 0, 0);
        for (number, name, outcome) in std::mem::take(&mut self.expected) {
            let path = format!("/case-{number}-");
            let of_case = |message: &&&Message| message.target.contains(&path);
            let (markers, own): (Vec<&&Message>, Vec<&&Message>) = requests
                .iter()
                .filter(of_case)
                .partition(|message| message.target == format!("{path}marker"));
            let bodies: Vec<&[u8]> = own.iter().map(|message| message.body.as_slice()).collect();
            let empty = markers.iter().all(|marker| marker.body.is_empty() && marker.method == "GET");
            let alone = markers.is_empty() || self.multiplexed && markers.len() == 1;
            let right = match &outcome {
                Outcome::Refused => bodies.is_empty() && alone && !cut_off(&records, &path),
                Outcome::Cut => bodies.is_empty() && alone,
                Outcome::Forwarded(body) => bodies == [body] && markers.len() == 1,
                Outcome::Last(body) => bodies == [body] && markers.is_empty(),
            };
            match outcome {
                Outcome::Refused => refused += 1,
                Outcome::Cut => cut += 1,
                Outcome::Forwarded(_) | Outcome::Last(_) => forwarded += 1,
            }
            if !right || !empty {
                self.faults
                    .push(format!("case {number}, {name}: wanted {outcome:?}, got {own:?} and {markers:?}"));
            }
        }
        let total = refused + forwarded + cut;
        println!("{total} cases: {refused} refused, {forwarded} forwarded, {cut} cut off before their end");
        assert!(self.faults.is_empty(), "{} faults:\n{}", self.faults.len(), self.faults.join("\n"));
    }

    /// What holds for every request, whatever the caller sent.
    fn sound(&mut self, message: &Message) {
        let mut faults = Vec::new();
        if message.values("host") != [self.authority.as_bytes()] {
            faults.push("host");
        }
        match message.values("authorization")[..] {
            [token] if token.starts_with(b"Bearer ey") => {}
            _ => faults.push("authorization"),
        }
        if NOT_FORWARDED.iter().any(|name| !message.values(name).is_empty()) {
            faults.push("a field of another hop");
        }
        let [named, upgrade, te] =
            ["connection", "upgrade", "te"].map(|name| message.values(name).join(&b"|"[..]));
        match (&named[..], &upgrade[..], &te[..]) {
            (b"", b"", b"") | (b"te", b"", b"trailers") => {}
            (b"upgrade", b"websocket", b"") | (b"upgrade, te", b"websocket", b"trailers") => {}
            _ => faults.push("connection"),
        }
        if !message.trailers.iter().all(|(name, _)| name.eq_ignore_ascii_case("x-sum")) {
            faults.push("trailers");
        }
        if message.target.starts_with("/smuggled") || !message.target.contains("/case-") {
            faults.push("target");
        }
        for fault in faults {
            self.faults.push(format!("{fault}: {message:?}"));
        }
    }
}

/// Whether a part of a case came, be it half a header.
fn cut_off(records: &[Record], path: &str) -> bool {
    records.iter().any(|record| match record {
        Record::Request(_) => false,
        Record::Cut(bytes) | Record::Ambiguous(_, bytes) => String::from_utf8_lossy(bytes).contains(path),
    })
}
