//! The ways in: TLS that follows its files and asks callers for certificates, Unix sockets, and sockets from systemd.
#![expect(clippy::unwrap_used, reason = "in a test a broken expectation is to end the test")]

mod support;

#[path = "inbound/activation.rs"]
mod activation;
#[path = "inbound/certificates.rs"]
mod certificates;
#[path = "inbound/directory.rs"]
mod directory;
#[path = "inbound/reload.rs"]
mod reload;
#[path = "inbound/sockets.rs"]
mod sockets;
