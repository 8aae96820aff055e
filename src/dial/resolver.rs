//! Looks up names by the system's resolver, which blocks a thread for as long as it likes. So it gets a few threads of its
//! own, one look-up for each name at a time, and a short memory.

use super::lookups::{Lookups, NameState};
use crate::model::target::Host;
use std::borrow::Cow;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Looks up names. Cloning is cheap and gives the same.
#[derive(Clone, Default)]
pub struct Resolver(Arc<Shared>);

#[derive(Default)]
struct Shared(Mutex<Lookups>);

impl Resolver {
    /// The addresses of a host, at least one, each with this port, where `absolute` says that a name is looked up as it is.
    ///
    /// # Errors
    /// Those of [`Resolver::resolve`].
    pub async fn addresses(&self, (host, port, absolute): (&Host, u16, bool)) -> io::Result<Vec<SocketAddr>> {
        match host {
            Host::Address(address) => Ok(vec![(*address, port).into()]),
            Host::Name(name) => self.resolve(&searched(name, absolute), port).await,
        }
    }

    /// The addresses of the name, at least one, each with this port.
    ///
    /// # Errors
    /// When the name has none, and had none in the last minutes either.
    pub async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        loop {
            match self.ask(name) {
                NameState::Known(addresses) => {
                    let mut addresses = addresses.to_vec();
                    addresses.iter_mut().for_each(|address| address.set_port(port));
                    return Ok(addresses);
                }
                NameState::Failed(problem) => return Err(io::Error::other(String::from(&*problem))),
                NameState::Running { mut done, stale_from } => match stale_from {
                    // Either way the next question finds an answer.
                    Some(moment) => drop(timeout_at(moment, done.changed()).await),
                    None => drop(done.changed().await),
                },
            }
        }
    }

    /// How much of the time since `begin` passed before the name had an answer; `None` while it has none.
    pub fn time_to_answer(&self, name: &str, begin: Instant) -> Option<Duration> {
        self.0.lookups().time_to_answer(name, begin, Instant::now())
    }

    fn ask(&self, name: &str) -> NameState {
        let mut lookups = self.0.lookups();
        let now = Instant::now();
        let state = lookups.ask(name, now);
        if lookups.wants_thread() {
            let shared = self.0.clone();
            let thread = thread::Builder::new().name("resolver".to_owned()).spawn(move || shared.work());
            match thread {
                Ok(_) => lookups.thread_started(),
                Err(error) => lookups.no_thread(&error, now),
            }
        }
        state
    }
}

/// A name as the resolver is asked for it. With a final dot it is looked up without search domains (RFC 1034, section 3.1).
pub fn searched(name: &str, absolute: bool) -> Cow<'_, str> {
    if absolute { format!("{name}.").into() } else { name.into() }
}

impl Shared {
    /// Looks up names until none waits.
    fn work(&self) {
        while let Some(name) = self.next() {
            let outcome = (&*name, 0).to_socket_addrs().map(Iterator::collect);
            self.lookups().finish(&name, outcome, Instant::now());
        }
    }

    fn next(&self) -> Option<Box<str>> {
        self.lookups().next()
    }

    fn lookups(&self) -> MutexGuard<'_, Lookups> {
        // A panic elsewhere cannot have left it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_is_found_and_one_that_nobody_has_is_not() {
        let resolver = Resolver::default();
        for _ in 0..2 {
            let found = resolver.resolve("localhost", 8080).await.unwrap();
            assert!(found.iter().all(|found| found.ip().is_loopback() && found.port() == 8080), "{found:?}");
            assert!(resolver.resolve("nowhere.invalid", 8080).await.is_err());
        }
    }
}
