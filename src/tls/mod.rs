//! TLS with callers and with upstreams: what is shown, which authorities are trusted, and the files of both, which change under
//! a running proxy.

/// TLS with callers.
pub mod server;
/// TLS with upstreams.
pub mod client;
/// With whom TLS is spoken.
pub mod side;
/// Settings made of files, replaced when the files change.
pub mod watched;
/// Asks for a look at the files.
pub mod reload;
/// Says when a certificate that attache shows is about to expire.
pub mod expiry;
/// Verifies certificates of upstreams and of callers.
pub mod verifier;
/// What a failure of TLS means.
pub mod error;
/// The authorities that this system trusts.
pub mod authorities;
/// What PEM files hold.
pub mod pem;
