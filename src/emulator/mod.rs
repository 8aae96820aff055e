//! A local STS, so that a laptop, a test and the demo need no AWS account.

use self::handle::EmulatorHandle;
use self::issuer::IssuerUrl;
use self::options::{Options, OptionsError};
use self::role::RoleArn;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// How an emulator starts.
pub mod options;
/// Connections, from accept to drain.
mod server;
/// One call's way: parse, faults, authorization, action, answer.
mod service;
/// What callers may ask for.
pub mod call;
/// Form bytes to a typed call.
pub mod query;
/// Form bytes to parameters.
mod form;
/// Parameter rules, and how AWS words their violation.
mod constraint;
/// The `Authorization` header.
mod authorization;
/// The STS actions.
mod sts;
/// The IAM actions that turn the feature on and off.
mod iam;
/// Who a caller is, and when their session ends.
mod sessions;
/// A role's ARN.
pub mod role;
/// The issuer of tokens: its address, and its keys old and new.
mod issuer;
/// What a token says.
mod claims;
/// The signing keys.
mod keys;
/// The issuer's public documents.
mod discovery;
/// Whole seconds of the emulator's own clock.
mod unix_seconds;
/// Why a call was refused.
pub mod api_error;
/// XML out.
mod answer;
/// What is to go wrong.
pub mod faults;
/// What has been asked, and what was answered.
pub mod call_log;
/// Faults and counters in the same process.
pub mod handle;
/// Faults and counters over HTTP.
mod control;

/// An emulator that owns its socket and knows its address.
pub struct Emulator {
    listener: TcpListener,
    addr: SocketAddr,
    handle: EmulatorHandle,
}

impl Emulator {
    /// Opens the socket and starts making the signing keys in the background.
    ///
    /// # Errors
    /// When the address cannot be bound; of kind `InvalidInput`, around an [`OptionsError`], when an option is invalid.
    pub async fn bind(options: Options) -> io::Result<Self> {
        let role = RoleArn::of(&options.account, &options.role).map_err(invalid)?;
        if !is_region(&options.region) {
            return Err(invalid(OptionsError::Region(options.region)));
        }
        let listener = TcpListener::bind(options.listen).await?;
        let addr = listener.local_addr()?;
        let issuer = match &options.issuer {
            Some(url) => IssuerUrl::parse(url).map_err(invalid)?,
            None => IssuerUrl::local(reachable(addr)),
        };
        let handle = EmulatorHandle::new(options, role, issuer);
        Ok(Self { listener, addr, handle })
    }

    /// The address it is bound to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The endpoint for `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL_IAM` or an SDK's `endpoint_url`; no slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", reachable(self.addr))
    }

    /// The issuer of its tokens.
    pub fn issuer(&self) -> &str {
        self.handle.issuer()
    }

    /// The handle to its faults and counters.
    pub fn handle(&self) -> EmulatorHandle {
        self.handle.clone()
    }

    /// Serves until `shutdown` completes, then answers the calls it holds, for at most ten seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        server::serve(self.listener, self.handle, shutdown).await;
    }
}

fn invalid(error: OptionsError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

fn is_region(region: &str) -> bool {
    !region.is_empty() && region.len() <= 64 && region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Where a client on the same machine reaches `addr`.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        given @ (IpAddr::V4(_) | IpAddr::V6(_)) => given,
    };
    SocketAddr::new(ip, addr.port())
}
