//! The world that the proxy lives in: the emulator as its STS, an upstream that can be scripted, and the proxy itself
//! as the built program, each on a real socket.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]

pub mod aws_environment;
pub mod certificates;
pub mod client;
pub mod frames;
pub mod program;
pub mod upstream;
pub mod websocket;
pub mod wire;

use attache::emulator::Emulator;
use attache::emulator::handle::EmulatorHandle;
use attache::emulator::options::Options;
use attache::tasks::{Owned, Tasks};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use program::Program;
use serde_json::Value;
use std::net::SocketAddr;
use upstream::Upstream;

/// An emulator that runs until it is dropped.
pub struct Sts {
    pub url: String,
    pub handle: EmulatorHandle,
    address: SocketAddr,
    task: Option<Owned>,
}

impl Sts {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// One whose keys are made: a busy machine may need longer for them than a call to STS may take.
    pub async fn with(options: Options) -> Self {
        let emulator = Emulator::bind(options).await.unwrap();
        let (url, handle, address) = (emulator.url(), emulator.handle(), emulator.addr());
        let task = Some(spawn(emulator.run(std::future::pending())));
        if let Some(issuer) = handle.issuer().strip_prefix(&url) {
            let keys = client::get(&format!("{issuer}/.well-known/jwks.json"), &[]);
            assert_eq!(client::send(address, keys).await.status, http::StatusCode::OK);
        }
        Self { url, handle, address, task }
    }

    /// Nothing listens any more.
    pub fn stop(&mut self) {
        self.task = None;
    }

    /// Another emulator listens where the one before did.
    pub async fn start_again(&mut self) {
        *self = Self::with(Options { listen: self.address, ..Options::default() }).await;
    }

    /// How many tokens have been asked for.
    pub fn mints(&self) -> u64 {
        self.handle.received(attache::emulator::call::Operation::GetWebIdentityToken)
    }
}

/// Emulator, upstream and proxy.
pub struct World {
    pub sts: Sts,
    pub upstream: Upstream,
    pub proxy: Program,
}

impl World {
    /// A proxy pinned to an upstream that echoes.
    pub async fn start() -> Self {
        Self::pinned(Upstream::echo().await, &[]).await
    }

    /// A proxy pinned to this upstream.
    pub async fn pinned(upstream: Upstream, flags: &[&str]) -> Self {
        Self::pinned_with(Sts::start().await, upstream, flags).await
    }

    /// A proxy pinned to this upstream, which mints here.
    pub async fn pinned_with(sts: Sts, upstream: Upstream, flags: &[&str]) -> Self {
        let host = upstream.authority();
        let mut all = vec!["--upstream-host", host.as_str(), "--upstream-scheme", upstream.scheme];
        all.extend(flags);
        let proxy = Program::serve(&sts.url, &all).await;
        Self { sts, upstream, proxy }
    }

    /// A proxy whose callers name the upstream, loopback addresses allowed.
    pub async fn by_header(upstream: Upstream, flags: &[&str]) -> Self {
        let sts = Sts::start().await;
        let mut all = vec!["--upstream-scheme", upstream.scheme, "--allow-address", "127.0.0.0/8"];
        all.extend(flags);
        let proxy = Program::serve(&sts.url, &all).await;
        Self { sts, upstream, proxy }
    }
}

/// Drives a connection until the guard is dropped.
pub fn in_background(work: impl Future<Output = hyper::Result<()>> + Send + 'static) -> Owned {
    spawn(async {
        // The user of the connection notices its end.
        let _ = work.await;
    })
}

/// Runs a task until the guard is dropped.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Owned {
    Tasks::default().spawn(work).into()
}

/// The value of the only series whose line begins so.
pub async fn metric(proxy: &Program, series: &str) -> f64 {
    let scrape = scrape(proxy).await;
    let lines: Vec<&str> = scrape.lines().filter(|line| line.starts_with(series)).collect();
    let [line] = lines[..] else { panic!("{series} is not one series: {lines:?}") };
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Runs a task that ends by itself, or with the test.
pub fn detached(work: impl Future<Output = ()> + Send + 'static) {
    Tasks::default().spawn(work);
}

/// What a token says.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

/// One part of a token, decoded.
pub fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// All metrics as text.
pub async fn scrape(proxy: &Program) -> String {
    client::send(proxy.admin, client::get("/metrics", &[])).await.text().to_owned()
}
