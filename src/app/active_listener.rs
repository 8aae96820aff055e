//! A listener with what its connections share, and the task that accepts them.

use super::load_error::LoadError;
use super::routes::READ_WITHIN;
use crate::activity::Limits;
use crate::config::listener::ListenerConfig;
use crate::model::target::Scheme;
use crate::proxy::Proxy;
use crate::proxy::listener_info::ListenerInfo;
use crate::server::connection::Drain;
use crate::server::listener::Listener;
use crate::server::refused_certificates::RefusedCertificates;
use crate::server::shared::Server;
use crate::tasks::{BlockingWork, Owned, Tasks};
use crate::tls::reload::Reload;
use crate::tls::server::{CallerFiles, InboundTls};
use crate::tls::watched;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinHandle;

/// Makes active listeners, with what all of them share.
pub(super) struct ListenerFactory {
    pub(super) proxy: Arc<Proxy>,
    pub(super) limits: Limits,
    pub(super) max_connections: Option<NonZeroUsize>,
    /// The tasks of callers' connections.
    pub(super) connections: Tasks,
    /// The tasks that accept.
    pub(super) accepting: Tasks,
    /// The end of all of them.
    pub(super) drain: Drain,
    /// Has TLS files looked at.
    pub(super) reload: Reload,
    pub(super) blocking: BlockingWork,
}

/// A listener with what its connections share.
pub(super) struct ActiveListener {
    pub(super) config: ListenerConfig,
    pub(super) listener: Arc<Listener>,
    server: Arc<Server>,
    drain: Drain,
    /// The task that accepts.
    task: Mutex<Option<JoinHandle<()>>>,
    _following: Option<Owned>,
}

impl ListenerFactory {
    /// The active listeners for these: those of before that are configured alike, and others, which accept nothing yet. A listener
    /// whose address has not changed keeps its sockets. `made` is a socket for the first.
    pub(super) async fn prepare(
        &self,
        before: &[Arc<ActiveListener>],
        mut made: Option<Listener>,
        listeners: Vec<ListenerConfig>,
    ) -> Result<Vec<Arc<ActiveListener>>, LoadError> {
        let mut free: Vec<&Arc<ActiveListener>> = before.iter().collect();
        let mut all = Vec::new();
        for config in listeners {
            let is_same = |known: &&Arc<ActiveListener>| known.config == config;
            let has_address = |known: &&Arc<ActiveListener>| known.config.listen == config.listen;
            let place = free.iter().position(is_same).or_else(|| free.iter().position(has_address));
            let known = place.map(|place| free.swap_remove(place));
            all.push(match known.filter(is_same) {
                Some(known) => known.clone(),
                None => {
                    let listener = match (known, made.take()) {
                        (Some(known), _) => known.listener.clone(),
                        (None, Some(made)) => Arc::new(made),
                        (None, None) => Arc::new(bind(&config).await?),
                    };
                    Arc::new(self.activate(config, listener).await?)
                }
            });
        }
        Ok(all)
    }

    async fn activate(
        &self,
        config: ListenerConfig,
        listener: Arc<Listener>,
    ) -> Result<ActiveListener, LoadError> {
        let tls = match config.tls.clone() {
            None => None,
            Some(files) => {
                let loading = async move { InboundTls::new(CallerFiles(files)) };
                let loaded = self.blocking.run(READ_WITHIN, loading).await;
                Some(Arc::new(loaded.map_err(|error| LoadError::Tls(config.name.clone(), error))?))
            }
        };
        let following = tls.clone().map(|tls| {
            let reload = self.reload.clone();
            let following = move || tls.clone().follow(watched::INTERVAL, reload.clone());
            Owned::from(Tasks::default().supervise(following))
        });
        let server = Server {
            listener_info: ListenerInfo {
                listener: config.name.clone(),
                on_loopback: listener.address().is_loopback(),
                scheme: if tls.is_some() { Scheme::Https } else { Scheme::Http },
            },
            proxy: self.proxy.clone(),
            tls,
            limits: self.limits,
            max_connections: self.max_connections,
            connections: self.connections.clone(),
            refused_certificates: RefusedCertificates::default(),
        };
        let drain = self.drain.child();
        Ok(ActiveListener {
            config,
            listener,
            server: Arc::new(server),
            drain,
            task: Mutex::default(),
            _following: following,
        })
    }

    /// Accepts connections from now on.
    pub(super) fn open(&self, active: &ActiveListener) {
        let (server, listener, drain) =
            (active.server.clone(), active.listener.clone(), active.drain.clone());
        let task = self.accepting.supervise(move || server.clone().run(listener.clone(), drain.clone()));
        *active.task() = Some(task);
    }
}

impl ActiveListener {
    /// Accepts no more, and has the connections finish their requests. Its sockets are another's from then on, as a socket wakes
    /// one task alone.
    pub(super) async fn close(&self) {
        self.drain.begin();
        let task = self.task().take();
        if let Some(task) = task {
            // Where it was ended it accepts no more either.
            let _ = task.await;
        }
    }

    fn task(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        // Every change is a single assignment, so a panic elsewhere cannot have left it half done.
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn bind(config: &ListenerConfig) -> Result<Listener, LoadError> {
    let failed = |error| LoadError::Listen(config.name.clone(), config.listen.clone(), error);
    Listener::bind(&config.listen).await.map_err(failed)
}
