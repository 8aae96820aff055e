//! An upstream without an HTTP library: it keeps every byte it gets and reads them by its own strict rules.

use super::message::{self, Message};
use crate::support::program::WAIT_LIMIT;
use crate::support::spawn;
use attache::tasks::Owned;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What came over one connection, in the order of arrival.
#[derive(Debug)]
pub enum Record {
    /// A whole request.
    Request(Message),
    /// The beginning of a request, and then the end of the connection.
    Cut(Vec<u8>),
    /// Something that different readers would read differently.
    Ambiguous(String, Vec<u8>),
}

/// A running upstream. Dropping it closes it.
pub struct Recorder {
    pub address: SocketAddr,
    records: Arc<Mutex<Vec<Record>>>,
    open: watch::Receiver<usize>,
    _task: Owned,
}

impl Recorder {
    pub async fn start() -> Self {
        Self::answering(ANSWER).await
    }

    /// Answers every request with these bytes.
    pub async fn answering(answer: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let records = Arc::new(Mutex::new(Vec::new()));
        let (count, open) = watch::channel(0);
        let task = spawn(accept(listener, answer, records.clone(), count));
        Self { address, records, open, _task: task }
    }

    /// Waits until every connection is closed, and returns what came.
    pub async fn finish(mut self) -> Vec<Record> {
        timeout(WAIT_LIMIT, self.open.wait_for(|open| *open == 0)).await.unwrap().unwrap();
        std::mem::take(&mut self.records.lock().unwrap())
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn accept(
    listener: TcpListener,
    answer: &'static [u8],
    records: Arc<Mutex<Vec<Record>>>,
    count: watch::Sender<usize>,
) {
    let mut connections = JoinSet::new();
    let count = Arc::new(count);
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        count.send_modify(|open| *open += 1);
        let (records, count) = (records.clone(), count.clone());
        connections.spawn(async move {
            record(stream, answer, &records).await;
            count.send_modify(|open| *open -= 1);
        });
    }
}

async fn record(mut stream: TcpStream, answer: &[u8], records: &Mutex<Vec<Record>>) {
    let mut bytes = Vec::new();
    // A reset ends a connection as well as its end does.
    while let Ok(1..) = stream.read_buf(&mut bytes).await {
        loop {
            match message::read(&bytes) {
                Ok(None) => break,
                Ok(Some((message, length))) => {
                    bytes.drain(..length);
                    // A response to HEAD ends with its header.
                    let end = if message.method == "HEAD" { answer.len() - 2 } else { answer.len() };
                    records.lock().unwrap().push(Record::Request(message));
                    if stream.write_all(&answer[..end]).await.is_err() {
                        break;
                    }
                }
                Err(why) => {
                    records.lock().unwrap().push(Record::Ambiguous(why, bytes));
                    return;
                }
            }
        }
    }
    if !bytes.is_empty() {
        records.lock().unwrap().push(Record::Cut(bytes));
    }
}
