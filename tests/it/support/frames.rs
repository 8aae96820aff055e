//! A connection of HTTP/2, frame by frame.

use super::program::WAIT_LIMIT;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const PING: u8 = 6;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const ENHANCE_YOUR_CALM: u32 = 11;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The fields `:method: POST`, `:scheme: http` and `:path: /` by their places in HPACK's table, and `:authority: p`.
pub const POST: &[u8] = &[0x83, 0x86, 0x84, 0x01, 1, b'p'];

/// A frame that has come.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// The bytes of a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// One end of a connection.
pub struct Frames(pub TcpStream);

impl Frames {
    /// A caller that has sent its preface and its settings.
    pub async fn of_caller(proxy: SocketAddr) -> Self {
        let mut caller = Self::silent(proxy).await;
        caller.0.write_all(PREFACE).await.unwrap();
        caller.write(SETTINGS, 0, 0, &[]).await;
        caller
    }

    /// A caller that has sent nothing.
    pub async fn silent(proxy: SocketAddr) -> Self {
        Self(TcpStream::connect(proxy).await.unwrap())
    }

    pub async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.try_write(kind, flags, stream, payload).await.unwrap();
    }

    /// Writes on a connection that the other side may have ended.
    pub async fn try_write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.0.write_all(&frame(kind, flags, stream, payload)).await
    }

    /// The next frame.
    pub async fn frame(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        timeout(WAIT_LIMIT, self.0.read_exact(&mut head)).await??;
        let [high, middle, low, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
        self.0.read_exact(&mut payload).await?;
        Ok(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// How the connection, which must not be reset, ends: the error code of the GOAWAY.
    pub async fn goodbye(mut self) -> u32 {
        loop {
            let frame = self.frame().await.unwrap();
            if frame.kind == GOAWAY {
                assert_eq!(
                    timeout(WAIT_LIMIT, self.0.read_to_end(&mut Vec::new())).await.unwrap().unwrap(),
                    0
                );
                // A reset could cost the caller what it has not read yet.
                assert!(self.0.take_error().unwrap().is_none());
                self.0.shutdown().await.unwrap();
                return u32::from_be_bytes(frame.payload[4..8].try_into().unwrap());
            }
        }
    }

    /// The content that comes on a stream until the message ends.
    pub async fn end_of(&mut self, stream: u32) -> Vec<u8> {
        let mut content = Vec::new();
        loop {
            let frame = self.frame().await.unwrap();
            assert!(![RST_STREAM, GOAWAY].contains(&frame.kind), "{frame:?}");
            if frame.stream == stream && frame.kind == DATA {
                content.extend(frame.payload);
            }
            if frame.stream == stream && [DATA, HEADERS].contains(&frame.kind) && frame.flags & END_STREAM > 0
            {
                return content;
            }
        }
    }
}
