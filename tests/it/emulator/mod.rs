//! The emulator over real sockets.

mod faults;
mod parties;
mod sessions;
mod wire;
mod world;
