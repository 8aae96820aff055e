//! The ways in: TLS that follows its files and asks callers for certificates, Unix sockets, and sockets from systemd.

mod activation;
mod certificates;
mod directory;
mod names;
mod odd_files;
mod reload;
mod sockets;

pub(crate) use odd_files::make_fifo;
