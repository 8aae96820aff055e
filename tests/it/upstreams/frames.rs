//! An HTTP/2 upstream, frame by frame, for what no server says on demand.

use crate::support::program::WAIT_LIMIT;
use attache::tasks::Owned;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const END_STREAM_AND_HEADERS: u8 = 5;
const PADDED: u8 = 8;

/// An upstream whose connections, numbered from 0, each follow a script. Dropping it ends them.
pub(crate) struct Frames {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _task: Owned,
}

impl Frames {
    pub(crate) async fn scripted<F>(script: impl Fn(usize, Connection) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let task = crate::support::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let script = script(count.fetch_add(1, Ordering::Relaxed), Connection(stream));
                // The proxy ends a connection whenever it has no more use for it.
                tasks.spawn(async move { script.await.unwrap_or_default() });
            }
        });
        Self { address, connections, _task: task }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

pub(crate) struct Connection(TcpStream);

/// How a stream is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Open,
    Reset,
}

impl Connection {
    /// Reads the preface and says how many streams there may be.
    pub(crate) async fn greet(&mut self, most_streams: Option<u32>) -> io::Result<()> {
        self.0.read_exact(&mut [0; 24]).await?;
        let settings = most_streams.map(|most| [&[0, 3][..], &most.to_be_bytes()].concat());
        self.write(SETTINGS, 0, 0, &settings.unwrap_or_default()).await
    }

    /// Reads the preface and gives all bodies as much room as there can be.
    pub(crate) async fn greet_with_room(&mut self) -> io::Result<()> {
        const MAX_WINDOW: u32 = u32::MAX >> 1;
        self.0.read_exact(&mut [0; 24]).await?;
        self.write(SETTINGS, 0, 0, &[&[0, 4][..], &MAX_WINDOW.to_be_bytes()].concat()).await?;
        self.write(WINDOW_UPDATE, 0, 0, &(MAX_WINDOW - 65_535).to_be_bytes()).await
    }

    /// The stream of the next request.
    pub(crate) async fn request(&mut self) -> io::Result<u32> {
        loop {
            match self.frame().await? {
                (SETTINGS, flags, _) if flags & ACK == 0 => self.write(SETTINGS, ACK, 0, &[]).await?,
                (HEADERS, _, stream) => return Ok(stream),
                _ => {}
            }
        }
    }

    /// Says how many streams there may be from now on, and waits until the proxy has taken note.
    pub(crate) async fn allow(&mut self, most_streams: u32) -> io::Result<()> {
        self.write(SETTINGS, 0, 0, &[&[0, 3][..], &most_streams.to_be_bytes()].concat()).await?;
        self.write(PING, 0, 0, &[0; 8]).await?;
        loop {
            if self.frame().await?.0 == PING {
                return Ok(());
            }
        }
    }

    /// Reads bodies and answers each request that has ended. Grants no window, and tells how much of bodies has come.
    pub(crate) async fn answer_all(&mut self, mut came: impl FnMut(usize)) -> io::Result<()> {
        loop {
            let (kind, flags, stream, length) = self.whole_frame().await?;
            match kind {
                SETTINGS if flags & ACK == 0 => self.write(SETTINGS, ACK, 0, &[]).await?,
                DATA => came(length),
                _ => {}
            }
            if [DATA, HEADERS].contains(&kind) && flags & END_STREAM > 0 {
                self.answer(stream).await?;
            }
        }
    }

    /// Reads requests and resets, answers neither, and tells of each.
    pub(crate) async fn never_answer(&mut self, mut told: impl FnMut(Ending)) -> io::Result<()> {
        loop {
            match self.frame().await? {
                (SETTINGS, flags, _) if flags & ACK == 0 => self.write(SETTINGS, ACK, 0, &[]).await?,
                (HEADERS, _, _) => {
                    // A connection that is silent is left for that.
                    self.write(PING, 0, 0, &[0; 8]).await?;
                    told(Ending::Open);
                }
                (RST_STREAM, _, _) => told(Ending::Reset),
                _ => {}
            }
        }
    }

    /// Kind, flags and stream of the next frame.
    async fn frame(&mut self) -> io::Result<(u8, u8, u32)> {
        self.whole_frame().await.map(|(kind, flags, stream, _)| (kind, flags, stream))
    }

    /// Kind, flags, stream and length of the next frame.
    async fn whole_frame(&mut self) -> io::Result<(u8, u8, u32, usize)> {
        let mut head = [0; 9];
        timeout(WAIT_LIMIT, self.0.read_exact(&mut head)).await??;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        self.0.read_exact(&mut vec![0; length]).await?;
        Ok((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), length))
    }

    /// Answers 200 without a body.
    pub(crate) async fn answer(&mut self, stream: u32) -> io::Result<()> {
        // The eighth entry of HPACK's table is `:status: 200`.
        self.answer_with(stream, &[0x88]).await
    }

    /// Answers with these fields and without a body.
    pub(crate) async fn answer_with(&mut self, stream: u32, fields: &[u8]) -> io::Result<()> {
        self.write(HEADERS, END_STREAM_AND_HEADERS, stream, fields).await
    }

    /// Sends so many frames of this kind.
    pub(crate) async fn flood(
        &mut self,
        kind: u8,
        stream: u32,
        payload: &[u8],
        count: usize,
    ) -> io::Result<()> {
        for _ in 0..count {
            self.write(kind, 0, stream, payload).await?;
        }
        Ok(())
    }

    /// Answers 200 with a body of these DATA frames, of which the last ends it.
    pub(crate) async fn answer_in(&mut self, stream: u32, data: &[&[u8]]) -> io::Result<()> {
        self.write(HEADERS, END_HEADERS, stream, &[0x88]).await?;
        let (last, others) = data.split_last().unwrap();
        for data in others {
            self.write(DATA, 0, stream, data).await?;
        }
        self.write(DATA, END_STREAM, stream, last).await
    }

    /// Answers 200 with a body of which this much comes, in frames of 8 bytes. Padded frames carry seven of them.
    pub(crate) async fn answer_in_small_frames(
        &mut self,
        stream: u32,
        padded: bool,
        length: usize,
    ) -> io::Result<()> {
        self.write(HEADERS, END_HEADERS, stream, &[0x88]).await?;
        let flags = if padded { PADDED } else { 0 };
        let frame = [&[0, 0, 8, DATA, flags][..], &stream.to_be_bytes(), &[0; 8]].concat();
        self.0.write_all(&frame.repeat(length / 8)).await
    }

    /// Answers 200 with a part of a body and closes the connection, all in one segment.
    pub(crate) async fn break_off(mut self, stream: u32) -> io::Result<()> {
        rustix::net::sockopt::set_tcp_cork(&self.0, true)?;
        self.write(HEADERS, END_HEADERS, stream, &[0x88]).await?;
        self.write(DATA, 0, stream, b"ok").await
    }

    /// Answers with these fields, and ends the body with this content: in the same segment, or when the proxy has read the header.
    pub(crate) async fn answer_and_end(
        &mut self,
        stream: u32,
        fields: &[u8],
        content: &[u8],
        at_once: bool,
    ) -> io::Result<()> {
        rustix::net::sockopt::set_tcp_cork(&self.0, at_once)?;
        self.write(HEADERS, END_HEADERS, stream, fields).await?;
        if !at_once {
            self.write(PING, 0, 0, &[0; 8]).await?;
            while self.frame().await?.0 != PING {}
        }
        self.write(DATA, END_STREAM, stream, content).await?;
        rustix::net::sockopt::set_tcp_cork(&self.0, false).map_err(io::Error::from)
    }

    /// Says that it has not looked at this stream.
    pub(crate) async fn refuse(&mut self, stream: u32) -> io::Result<()> {
        self.write(RST_STREAM, 0, stream, &7u32.to_be_bytes()).await
    }

    /// Says which stream is the last that it looks at.
    pub(crate) async fn go_away(&mut self, last: u32) -> io::Result<()> {
        self.write(GOAWAY, 0, 0, &[last.to_be_bytes(), [0; 4]].concat()).await
    }

    /// Says so, why, and this besides, and looks at no stream.
    pub(crate) async fn go_away_saying(&mut self, debug_data: &[u8]) -> io::Result<()> {
        const ENHANCE_YOUR_CALM: u32 = 11;
        let fixed = [0_u32.to_be_bytes(), ENHANCE_YOUR_CALM.to_be_bytes()].concat();
        self.write(GOAWAY, 0, 0, &[&fixed, debug_data].concat()).await
    }

    async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await
    }
}
