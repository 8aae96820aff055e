//! Where requests come in: what is the same for all of one listener.

use crate::model::target::Scheme;

/// A listener as its requests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerInfo {
    /// The name of the listener, which routes may ask for.
    pub listener: String,
    /// Whether callers are on this machine, and over TCP, so that a browser may be among them.
    pub on_loopback: bool,
    /// What callers speak.
    pub scheme: Scheme,
}
