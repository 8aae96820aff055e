//! Protections that the HTTP/2 library lacks. They see the frames of a connection before the library does (RFC 9113, section 4),
//! and end a connection whose peer floods it or does not complete a header.

/// What is observed of a connection to an upstream.
pub mod observed;
/// The window of a connection for what is sent.
pub mod send_window;
/// Bodies whose failure is reported after everything before it has been sent.
pub mod flushes;
/// Joins the small pieces of a body while the peer does not read.
pub mod batches;
/// A connection that continues after a refused CONNECT.
pub mod lasting;
/// A stream that inspects the frames of a connection.
pub mod frames;
/// Parses the headers of frames.
mod frame_headers;
/// Removes empty DATA frames from the frames that are received.
mod inbound;
/// The deadline of a header.
mod header_deadline;
/// The end of a connection whose caller has been told why it ends.
mod lingering;
/// Detects floods of frames.
mod counts;
