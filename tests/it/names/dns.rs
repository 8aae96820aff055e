//! A DNS that a test scripts.

use crate::support::spawn;
use attache::tasks::Owned;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use tokio::net::UdpSocket;

const A: u16 = 1;

/// What a question gets.
#[derive(Clone, Copy)]
pub(super) enum Reply {
    Address(Ipv4Addr),
    NoSuchName,
    /// SERVFAIL
    Failure,
    Silence,
}

/// A DNS on 127.0.0.1:53. Dropping it ends it.
pub(super) struct Dns {
    state: Arc<Mutex<State>>,
    _task: Owned,
}

struct State {
    reply: Box<dyn Fn(&str) -> Reply + Send>,
    asked: Vec<String>,
}

impl Dns {
    pub(super) async fn start(reply: impl Fn(&str) -> Reply + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:53").await.unwrap();
        let state = Arc::new(Mutex::new(State { reply: Box::new(reply), asked: Vec::new() }));
        let shared = state.clone();
        let task = spawn(async move {
            let mut buffer = [0; 512];
            loop {
                let (length, resolver) = socket.recv_from(&mut buffer).await.unwrap();
                let answer = shared.lock().unwrap().answer(&buffer[..length]);
                if let Some(answer) = answer {
                    socket.send_to(&answer, resolver).await.unwrap();
                }
            }
        });
        Self { state, _task: task }
    }

    /// Replies so from now on.
    pub(super) fn reply(&self, reply: impl Fn(&str) -> Reply + Send + 'static) {
        self.state.lock().unwrap().reply = Box::new(reply);
    }

    /// The names that were asked for, once for each question.
    pub(super) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl State {
    fn answer(&mut self, query: &[u8]) -> Option<Vec<u8>> {
        let (mut labels, mut at) = (Vec::new(), 12);
        while query[at] != 0 {
            let end = at + 1 + usize::from(query[at]);
            labels.push(std::str::from_utf8(&query[at + 1..end]).unwrap());
            at = end;
        }
        let (name, question) = (labels.join("."), &query[12..at + 5]);
        let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
        let reply = (self.reply)(&name);
        self.asked.push(name);
        let (code, address) = match reply {
            Reply::Silence => return None,
            Reply::Address(address) => (0, (kind == A).then_some(address)),
            Reply::NoSuchName => (3, None),
            Reply::Failure => (2, None),
        };
        let mut answer = query[..2].to_vec();
        answer.extend([0x85, 0x80 | code, 0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
        answer.extend(question);
        if let Some(address) = address {
            answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            answer.extend(address.octets());
        }
        Some(answer)
    }
}
