//! Decodes the chunked transfer coding (RFC 9112, section 7.1), strictly: a line ends with CRLF only, and a size is hexadecimal
//! digits only.

use super::error::Error;
use super::limits::{MAX_FIELDS, MAX_HEADER_BYTES};
use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::{EMPTY_HEADER, Status, parse_headers};

/// The maximum size of the extensions of one chunk. Their sum over a body has no limit, because some senders sign each chunk.
const MAX_EXTENSION_BYTES: usize = 16 * 1024;
/// The maximum number of digits and blanks of a chunk's size. Some servers pad the size.
const MAX_SIZE_CHARACTERS: usize = 64;

/// The next piece of a chunked body.
#[derive(Debug)]
pub(super) enum Piece {
    /// A part of the body.
    Data(Bytes),
    /// The end of the body, with trailers.
    Trailers(HeaderMap),
    /// The end of the body, without trailers.
    End,
    /// More bytes are needed.
    NotYet,
}

/// The decoder of one body.
#[derive(Debug)]
pub(super) struct Chunked {
    at: At,
    /// The size that the line states, and later the number of bytes left of the chunk.
    size: u64,
    /// The number of digits and blanks of the size so far.
    size_line: usize,
    /// The number of bytes of the chunk's extensions so far.
    extensions: usize,
    trailers: Vec<u8>,
}

/// What the decoder expects next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// The first digit of a size.
    Start,
    Size,
    /// Blanks after the size.
    Blank,
    Extension,
    /// The LF that ends the line of the size.
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// The beginning of a trailer, or of the empty last line.
    Line,
    Trailer,
    TrailerLf,
    EndLf,
    End,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self { at: At::Start, size: 0, size_line: 0, extensions: 0, trailers: Vec::new() }
    }

    /// Decodes the next piece and removes its bytes from `held`.
    pub(super) fn next(&mut self, held: &mut Bytes) -> Result<Piece, Error> {
        while self.at != At::End {
            if self.at == At::Data {
                if held.is_empty() {
                    return Ok(Piece::NotYet);
                }
                return Ok(Piece::Data(self.data(held)));
            }
            let Some(&byte) = held.first() else { return Ok(Piece::NotYet) };
            held.advance(1);
            self.step(byte)?;
        }
        if self.trailers.is_empty() { Ok(Piece::End) } else { self.fields().map(Piece::Trailers) }
    }

    fn data(&mut self, held: &mut Bytes) -> Bytes {
        let length = usize::try_from(self.size).unwrap_or(usize::MAX).min(held.len());
        self.size -= length as u64;
        if self.size == 0 {
            self.at = At::DataCr;
        }
        held.split_to(length)
    }

    fn step(&mut self, byte: u8) -> Result<(), Error> {
        self.at = match (self.at, byte) {
            (At::Start | At::Size, byte) if byte.is_ascii_hexdigit() => self.digit(byte)?,
            (At::Size | At::Blank, b' ' | b'\t') => self.size_line(At::Blank)?,
            (At::Size | At::Blank, b';') => At::Extension,
            (At::Size | At::Blank | At::Extension, b'\r') => At::SizeLf,
            (At::Extension, byte) if byte != b'\n' => self.extension()?,
            (At::SizeLf, b'\n') => {
                if self.size == 0 {
                    At::Line
                } else {
                    At::Data
                }
            }
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => {
                (self.size_line, self.extensions) = (0, 0);
                At::Start
            }
            (At::Line, b'\r') => At::EndLf,
            (At::Line | At::Trailer, byte) if byte != b'\n' => self.trailer(byte)?,
            (At::TrailerLf, b'\n') => {
                self.trailer(byte)?;
                At::Line
            }
            (At::EndLf, b'\n') => At::End,
            (At::Start | At::Size | At::Blank | At::Extension | At::SizeLf, _) => {
                return Err(Error::Malformed("chunk size"));
            }
            (At::DataCr | At::DataLf, _) => return Err(Error::Malformed("chunk end")),
            (At::Line | At::Trailer | At::TrailerLf | At::EndLf | At::Data | At::End, _) => {
                return Err(Error::Malformed("trailers"));
            }
        };
        Ok(())
    }

    fn digit(&mut self, byte: u8) -> Result<At, Error> {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        let sum = digit.and_then(|digit| self.size.checked_mul(16)?.checked_add(digit));
        self.size = sum.ok_or(Error::Malformed("chunk size"))?;
        self.size_line(At::Size)
    }

    fn size_line(&mut self, next: At) -> Result<At, Error> {
        self.size_line += 1;
        if self.size_line <= MAX_SIZE_CHARACTERS { Ok(next) } else { Err(Error::Malformed("chunk size")) }
    }

    fn extension(&mut self) -> Result<At, Error> {
        self.extensions += 1;
        if self.extensions < MAX_EXTENSION_BYTES { Ok(At::Extension) } else { Err(Error::HeaderTooLarge) }
    }

    fn trailer(&mut self, byte: u8) -> Result<At, Error> {
        if self.trailers.len() >= MAX_HEADER_BYTES {
            return Err(Error::HeaderTooLarge);
        }
        self.trailers.push(byte);
        Ok(if byte == b'\r' { At::TrailerLf } else { At::Trailer })
    }

    fn fields(&mut self) -> Result<HeaderMap, Error> {
        self.trailers.extend_from_slice(b"\r\n");
        let mut room = [EMPTY_HEADER; MAX_FIELDS];
        let Status::Complete((_, fields)) = parse_headers(&self.trailers, &mut room)? else {
            return Err(Error::Malformed("trailers"));
        };
        let read = fields.iter().map(|field| {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(field.value).ok()?))
        });
        let fields = read.collect::<Option<Vec<_>>>().ok_or(Error::Malformed("trailers"))?;
        self.trailers.clear();
        let mut trailers = HeaderMap::with_capacity(fields.len());
        for (name, value) in fields {
            trailers.append(name, value);
        }
        Ok(trailers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The body and the trailers of chunks that arrive in these pieces, and the bytes after them; `None` where the chunks are
    /// incomplete or malformed.
    fn read(pieces: &[&[u8]]) -> Option<(Vec<u8>, HeaderMap, Vec<u8>)> {
        let (mut chunked, mut body, mut held) = (Chunked::new(), Vec::new(), Bytes::new());
        let mut trailers = None;
        for piece in pieces {
            held = [held, Bytes::copy_from_slice(piece)].concat().into();
            while trailers.is_none() {
                match chunked.next(&mut held).ok()? {
                    Piece::Data(data) => body.extend(data),
                    Piece::Trailers(fields) => trailers = Some(fields),
                    Piece::End => trailers = Some(HeaderMap::new()),
                    Piece::NotYet => break,
                }
            }
        }
        Some((body, trailers?, held.to_vec()))
    }

    #[test]
    fn chunks_make_a_body() {
        let body = |text: &str| read(&[text.as_bytes()]).map(|(body, ..)| String::from_utf8(body).unwrap());
        for (text, expected) in [
            ("0\r\n\r\n", ""),
            ("5\r\nhello\r\n0\r\n\r\n", "hello"),
            ("2\r\nhe\r\n003 ;a=b\r\nllo\r\n000;\r\n\r\n", "hello"),
            ("A\r\n0123456789\r\n0\r\nx-sum: 1\r\n\r\n", "0123456789"),
        ] {
            assert_eq!(body(text).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn extensions_are_limited_for_each_chunk() {
        let body = |length: usize| {
            let extensions = "x".repeat(length);
            format!("1;{extensions}\r\na\r\n").repeat(3) + &format!("0;{extensions}\r\n\r\n")
        };
        assert_eq!(read(&[body(16_000).as_bytes()]).unwrap().0, b"aaa");
        assert!(read(&[body(17_000).as_bytes()]).is_none());
    }

    #[test]
    fn what_is_behind_the_end_stays() {
        let (_, trailers, rest) = read(&[b"1\r\nx\r\n0\r\nx-sum: 1\r\nx-sum: 2\r\n\r\nGET /"]).unwrap();
        assert_eq!(trailers.get_all("x-sum").iter().count(), 2);
        assert_eq!(rest, b"GET /");
    }

    #[test]
    fn nothing_else_is_a_chunk() {
        for text in [
            "",
            "\r\n",
            "5\nhello\r\n",
            "5\r\nhello\n",
            "5\r\nhello!\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            "5\r\nhello\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            "10000000000000000\r\n",
            "5;a\n\r\nhello\r\n0\r\n\r\n",
            "0\r\n\n",
            "0\r\nx sum: 1\r\n\r\n",
            "0\r\nx-sum: 1\n\r\n",
            "0\r\n: 1\r\n\r\n",
            "0\r\nx-sum : 1\r\n\r\n",
            "0\r\nx-sum\t: 1\r\n\r\n",
            "0\r\na: b\r\nx-sum : 1\r\n\r\n",
            "0\r\n\"x\": 1\r\n\r\n",
        ] {
            assert!(read(&[text.as_bytes()]).is_none(), "{text:?}");
        }
        for (before, repeated) in [
            ("5;", "a"),
            ("5", " "),
            ("", "0"),
            ("0\r\nx-sum: ", "1234567890"),
            ("0\r\n", "x: 1234567890\r\n"),
        ] {
            let text = [before, &repeated.repeat(20_000)].concat();
            assert!(Chunked::new().next(&mut Bytes::from(text)).is_err(), "{before:?}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_come(cut in 0..60_usize, other in 0..60_usize) {
            let text = b"5;a=b\r\nhello\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nx-sum: 1\r\n\r\nGET";
            let (cut, other) = (cut.min(other), cut.max(other));
            let whole = read(&[text]).unwrap();
            prop_assert_eq!(read(&[&text[..cut], &text[cut..other], &text[other..]]).unwrap(), whole);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&[&bytes]);
        }
    }
}
