//! Writes the body of a message with the framing that its header states.

use super::error::Error;
use super::field_lines::write_fields;
use super::write::WriteBuffer;
use bytes::Bytes;
use http_body::Frame;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoder {
    /// There is no body, even where the header states a length.
    Nothing,
    /// This many bytes are left to write.
    Exact(u64),
    /// The body is chunked (RFC 9112, section 7.1).
    Chunked {
        /// Trailers are written too.
        trailers: bool,
    },
    /// The end of the connection ends the body.
    UntilClose,
}

impl Encoder {
    /// Appends a frame of the body. Trailers end the body.
    pub(super) fn add(&mut self, frame: Frame<Bytes>, out: &mut WriteBuffer) -> Result<(), Error> {
        match frame.into_data() {
            Ok(data) => self.add_data(data, out),
            Err(frame) => {
                if let (Self::Chunked { trailers: true }, Ok(trailers)) = (&self, frame.into_trailers()) {
                    out.text().extend_from_slice(b"0\r\n");
                    write_fields(&trailers, out.text());
                    out.text().extend_from_slice(b"\r\n");
                    *self = Self::Nothing;
                }
                Ok(())
            }
        }
    }

    /// Appends what follows the last frame.
    pub(super) fn finish(self, out: &mut WriteBuffer) -> Result<(), Error> {
        match self {
            Self::Nothing | Self::Exact(0) | Self::UntilClose => Ok(()),
            Self::Exact(_) => Err(Error::Length),
            Self::Chunked { .. } => {
                out.text().extend_from_slice(b"0\r\n\r\n");
                Ok(())
            }
        }
    }

    fn add_data(&mut self, data: Bytes, out: &mut WriteBuffer) -> Result<(), Error> {
        if data.is_empty() {
            return Ok(());
        }
        match self {
            Self::Nothing => {}
            Self::UntilClose => out.push(data),
            Self::Exact(rest) => {
                *rest = rest.checked_sub(data.len() as u64).ok_or(Error::Length)?;
                out.push(data);
            }
            Self::Chunked { .. } => {
                out.text().extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
                out.push(data);
                out.text().extend_from_slice(b"\r\n");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, duplex};

    const TRAILERS: [(&str, &str); 2] = [("x-sum", "1"), ("x-end", "yes")];

    /// What becomes of these parts and, where there are any, of trailers.
    async fn encoded(mut encoder: Encoder, parts: &[&'static str], trailers: bool) -> Option<String> {
        let mut out = WriteBuffer::default();
        for part in parts {
            encoder.add(Frame::data(Bytes::from_static(part.as_bytes())), &mut out).ok()?;
        }
        if trailers {
            let fields =
                TRAILERS.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            encoder.add(Frame::trailers(HeaderMap::from_iter(fields)), &mut out).ok()?;
        }
        encoder.finish(&mut out).ok()?;
        let (mut stream, mut other) = duplex(1024);
        poll_fn(|context| out.poll_write(&mut stream, context)).await.unwrap();
        drop(stream);
        let mut written = String::new();
        other.read_to_string(&mut written).await.unwrap();
        Some(written)
    }

    #[tokio::test]
    async fn a_body_is_written_as_its_header_says() {
        let chunked = Encoder::Chunked { trailers: true };
        for (encoder, trailers, expected) in [
            (Encoder::Exact(5), false, "hello"),
            (Encoder::UntilClose, true, "hello"),
            (Encoder::Nothing, true, ""),
            (chunked, false, "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
            (chunked, true, "2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\nX-End: yes\r\n\r\n"),
            (Encoder::Chunked { trailers: false }, true, "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
        ] {
            let written = encoded(encoder, &["he", "", "llo"], trailers).await;
            assert_eq!(written.as_deref(), Some(expected), "{encoder:?}");
        }
    }

    #[tokio::test]
    async fn a_length_is_kept_to_the_byte() {
        for (length, whole) in [(4, false), (5, true), (6, false)] {
            assert_eq!(encoded(Encoder::Exact(length), &["hello"], false).await.is_some(), whole);
        }
    }
}
