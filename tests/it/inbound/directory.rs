//! A directory whose path is short enough for sockets, wherever the sources lie.

use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

use crate::support::client::Http1;

/// A directory that goes with the test.
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new(test: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("attache-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// For `--listen-addr` and the like.
    pub(super) fn address(&self, file: &str) -> String {
        format!("unix:{}", self.path(file).display())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A directory left behind is no failure of what was tested.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A caller through a socket.
pub(super) async fn connect(path: &Path) -> Http1 {
    Http1::over(UnixStream::connect(path).await.unwrap()).await
}
