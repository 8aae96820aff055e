//! An egress identity proxy for AWS workloads: plain HTTP in, a verified AWS identity token out.

/// The command line: its commands, and the only part that prints.
pub mod cli;
/// The settings of flags and variables, parsed and checked.
pub mod config;
/// Builds a proxy from its configuration and runs it: bind, run, drain.
pub mod app;
/// The words of the domain, used by every other part.
pub mod model;
/// HTTP/1.1 in which a connection that waits holds no buffer.
pub mod http1;
/// What the HTTP/2 library leaves out: floods, and frames without content.
pub mod http2;
/// Whether a connection is busy, idle or within a request's header.
pub mod activity;
/// Callers' connections: sockets and lifetimes.
pub mod server;
/// One request, in reading order.
pub mod proxy;
/// From a name to an open connection.
pub mod dial;
/// The client for requests of attache's own.
pub mod http_client;
/// TLS with callers and upstreams.
pub mod tls;
/// What is put on requests, kept fresh.
pub mod credential;
/// Metrics, traces and logs.
pub mod telemetry;
/// HTTP/1.1 for the servers that forward nothing.
pub mod small_server;
/// The second listener: metrics, health and status.
pub mod admin;
/// Reads the files that an operator names.
pub mod input_file;
/// Has the system find out that a silent connection is gone.
pub mod keepalive;
/// Writes to standard streams that may be non-blocking.
pub mod waiting_writer;
/// The stable codes of everything that can go wrong.
pub mod diagnostics;
/// Values of an operator, as they may be shown.
pub mod redact;
/// Texts of other parties, as they may be shown.
pub mod legible;
/// Says on a socket that needs no address how the process is.
pub mod health_socket;
/// Tracked spawning.
pub mod tasks;
/// The only source of wall time.
pub mod clock;
/// A local STS for laptops, tests and the demo. Only the command line uses it.
pub mod emulator;
