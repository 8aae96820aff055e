//! A Unix socket's file: how it comes into being beside whatever is there already, and how it goes again.

use super::listener::BindError;
use crate::diagnostics::DiagnosticCode;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixSocket, UnixStream};

/// Owner and group may connect. The process's umask has no say: the usual one would leave out the group, and with it
/// the other containers of a pod.
const MODE: u32 = 0o660;

/// A socket's file that is removed when this is dropped, unless another has taken its place.
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

/// Listens at `path`. A socket's file there that nobody listens on any more is replaced.
///
/// # Errors
/// When something else is there, or the directory does not let a socket be made.
pub(super) async fn bind(path: &Path, backlog: u32) -> Result<(UnixListener, SocketFile), BindError> {
    let socket = UnixSocket::new_stream()?;
    match socket.bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            make_way(path).await?;
            socket.bind(path)?;
        }
        outcome => outcome?,
    }
    let file = SocketFile { path: path.to_owned(), identity: Identity::of(&fs::symlink_metadata(path)?) };
    // Before anybody can connect, because nobody listens yet.
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok((socket.listen(backlog)?, file))
}

/// Removes what an ended process left behind, and nothing else.
async fn make_way(path: &Path) -> Result<(), BindError> {
    let there = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        there => there?,
    };
    if !there.file_type().is_socket() {
        return Err(BindError::NotASocket);
    }
    match UnixStream::connect(path).await.map_err(|error| (error.kind(), error)) {
        Err((ErrorKind::ConnectionRefused, _)) => Ok(remove(path, Identity::of(&there))?),
        Err((ErrorKind::NotFound, _)) => Ok(()),
        // A full queue belongs to somebody, too.
        Ok(_) | Err((ErrorKind::WouldBlock, _)) => Err(BindError::InUse),
        Err((_, error)) => Err(BindError::Unclear(error)),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path, self.identity) {
            tracing::warn!(
                code = DiagnosticCode::SocketFileLeft.code(),
                see = DiagnosticCode::SocketFileLeft.see(),
                path = %self.path.display(),
                %error,
                "the socket's file cannot be removed"
            );
        }
    }
}

fn remove(path: &Path, identity: Identity) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if Identity::of(&there) == identity => fs::remove_file(path),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Tells a file from another of the same name. Sure only while the file's socket is open, as numbers are used again.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(file: &Metadata) -> Self {
        Self { device: file.dev(), inode: file.ino() }
    }
}
