//! The emulator over real sockets.

#[path = "emulator/faults.rs"]
mod faults;
#[path = "emulator/sessions.rs"]
mod sessions;
#[path = "emulator/wire.rs"]
mod wire;
#[path = "emulator/world.rs"]
mod world;
