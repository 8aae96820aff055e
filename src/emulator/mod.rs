//! A local STS and the token endpoints of relying parties, so that laptops, tests and the demo need no AWS account.

use self::handle::EmulatorHandle;
use self::issuer::IssuerUrl;
use self::options::{Options, OptionsError};
use self::role::RoleArn;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// The options that an emulator starts with.
pub mod options;
/// The HTTP server, from accept to drain.
mod server;
/// Answers one call: parse, log, faults, authorization, operation, response.
mod service;
/// Calls with their parameters checked.
pub mod call;
/// Parses form bytes into a call.
pub mod query;
/// Parses form bytes into parameters.
mod form;
/// The parameter constraints, in the wording of AWS.
mod constraint;
/// The `Authorization` header.
mod authorization;
/// The STS operations.
mod sts;
/// The IAM operations that turn outbound federation on and off.
mod iam;
/// Callers, and the end of their sessions.
mod sessions;
/// The ARN of a role.
pub mod role;
/// The issuer of tokens: its URL, and its current and old keys.
mod issuer;
/// The claims of a token.
mod claims;
/// The signing keys.
mod keys;
/// The issuer's public documents.
mod discovery;
/// Time in whole seconds.
mod unix_seconds;
/// Errors with the codes of AWS.
pub mod api_error;
/// Responses in XML.
mod answer;
/// Faults that the emulator injects.
pub mod faults;
/// Counters of calls, and the last calls.
pub mod call_log;
/// The relying parties that the emulator plays.
pub mod party;
/// A bounded set.
mod recent;
/// The log of exchanges.
pub mod exchange_log;
/// The tokens that relying parties gave out.
mod party_results;
/// What the emulator remembers of the relying parties.
pub mod party_records;
/// The token endpoints of relying parties, and the APIs behind them.
mod parties;
/// A handle that sets faults and reads the call log in the same process.
pub mod handle;
/// The control API, which does the same over HTTP.
mod control;

/// An emulator that has bound its socket and does not serve yet.
pub struct Emulator {
    listener: TcpListener,
    addr: SocketAddr,
    handle: EmulatorHandle,
}

impl Emulator {
    /// Binds the socket and starts to generate the signing keys in the background.
    ///
    /// # Errors
    /// When the address cannot be bound, or an option is invalid; then the kind is `InvalidInput`, around an
    /// [`OptionsError`].
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

    /// The bound address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The endpoint URL for `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL_IAM` or an SDK's `endpoint_url`, without a
    /// trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", reachable(self.addr))
    }

    /// The issuer of the emulator's tokens.
    pub fn issuer(&self) -> &str {
        self.handle.issuer()
    }

    /// A handle that sets faults and reads the call log.
    pub fn handle(&self) -> EmulatorHandle {
        self.handle.clone()
    }

    /// Serves until `shutdown` completes, then finishes the calls in progress, for at most ten seconds.
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

/// The address at which a client on the same machine reaches `addr`.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        given @ (IpAddr::V4(_) | IpAddr::V6(_)) => given,
    };
    SocketAddr::new(ip, addr.port())
}
