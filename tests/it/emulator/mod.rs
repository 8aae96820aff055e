//! The emulator over real sockets.

mod faults;
mod sessions;
mod wire;
mod world;
