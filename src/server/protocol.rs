//! Detects the version of HTTP from the first bytes of a connection.

use crate::activity::Activity;
use bytes::Bytes;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The beginning of HTTP/2's connection preface (RFC 9113, section 3.4). No request of HTTP/1.1 begins so.
const PREFACE: [u8; 14] = *b"PRI * HTTP/2.0";

/// The version of HTTP that a caller uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 or older, or an unknown protocol.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Reads until the first bytes determine the version, and returns the version and these bytes. They may arrive one by one.
///
/// # Errors
/// When the connection fails first.
pub async fn spoken_on(
    stream: &mut (impl AsyncRead + Unpin),
    activity: &Activity,
) -> io::Result<(Protocol, Bytes)> {
    let (mut first, mut read) = ([0; PREFACE.len()], 0);
    while read < first.len() && first[..read] == PREFACE[..read] {
        match stream.read(&mut first[read..]).await? {
            0 => break,
            more => read += more,
        }
        activity.header_begun();
    }
    let before = Bytes::copy_from_slice(&first[..read]);
    if first == PREFACE {
        activity.speaks_http2();
        return Ok((Protocol::Http2, before));
    }
    Ok((Protocol::Http1, before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::{Expired, Limits};
    use std::time::Duration;
    use tokio::io::{AsyncWriteExt, duplex};

    const LIMITS: Limits =
        Limits { header_read_timeout: Duration::from_secs(10), idle_timeout: Duration::from_secs(180) };

    /// The version that these bytes yield, sent part by part, the timeout that passes then, and everything that is read.
    async fn opened_by(parts: &[&str]) -> (Protocol, Expired, String) {
        let (mut caller, mut ours) = duplex(1024);
        let sending = async {
            for part in parts {
                caller.write_all(part.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            caller.shutdown().await.unwrap();
        };
        let activity = Activity::of_new_connection();
        let (outcome, ()) = tokio::join!(spoken_on(&mut ours, &activity), sending);
        let (protocol, first) = outcome.unwrap();
        let mut read = String::from_utf8(first.to_vec()).unwrap();
        ours.read_to_string(&mut read).await.unwrap();
        (protocol, activity.expired(LIMITS).await, read)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_bytes_tell_the_protocol_and_are_not_lost() {
        let cases: [(&[&str], Protocol); 6] = [
            (&["GET / HTTP/1.1\r\n\r\n"], Protocol::Http1),
            (&["P", "OST / HTTP/1.1\r\n\r\n"], Protocol::Http1),
            (&["PRI", " * HTTP/1.1\r\n\r\n"], Protocol::Http1),
            (&["PRI * HTTP/"], Protocol::Http1),
            (&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], Protocol::Http2),
            (&["P", "RI * HT", "TP/2.0", "\r\n\r\nSM\r\n\r\n"], Protocol::Http2),
        ];
        for (parts, protocol) in cases {
            // The preface of HTTP/2 is no header, even when it arrives slowly; an incomplete or similar text begins a header.
            let expired = if protocol == Protocol::Http2 { Expired::Idle } else { Expired::Header };
            assert_eq!(opened_by(parts).await, (protocol, expired, parts.concat()), "{parts:?}");
        }
        assert_eq!(opened_by(&[""]).await, (Protocol::Http1, Expired::Idle, String::new()));
    }
}
