//! The way to upstreams: which protocol they are spoken to in, which connections carry a request, what attache shows of
//! itself.

mod bodiless;
mod certificates;
mod client_certificates;
mod connect_to;
mod connections;
mod files;
mod floods;
mod frames;
mod invalid;
mod protocol;
mod resets;
mod send_window;
mod silence;
mod slow_readers;
mod small_frames;
mod turned_away;
