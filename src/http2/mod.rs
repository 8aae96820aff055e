//! What the HTTP/2 library leaves out: it sees the frames of a connection before the library does (RFC 9113, section 4), and
//! ends a connection whose other side floods it or does not complete what it begins.

/// Bodies that break off behind what came before.
pub mod flushes;
/// A connection that outlasts a request for a tunnel.
pub mod lasting;
/// The frames of a connection, counted.
pub mod frames;
/// The headers of frames.
mod frame_headers;
/// Frames that come in, without those that carry nothing.
mod inbound;
/// Until when a header must be whole.
mod header_deadline;
/// What of a connection's frames is a flood.
mod counts;
