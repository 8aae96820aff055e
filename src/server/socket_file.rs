//! The file of a Unix socket: creates it, replaces one that an ended process has left, and removes it at the end.

use super::bind_error::BindError;
use crate::diagnostics::DiagnosticCode;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixSocket, UnixStream};

/// The file's mode: owner and group may connect. It does not depend on the process's umask, which usually excludes the group and
/// thus the other containers of a pod.
const MODE: u32 = 0o660;

/// The file of a socket. Dropping this removes the file, unless another file has replaced it.
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

/// Listens at `path`. Replaces a socket's file there if no process listens on it.
///
/// # Errors
/// When the path has another file, or the socket cannot be created in its directory.
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
    // No caller can connect before the socket listens, so the mode applies to all of them.
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok((socket.listen(backlog)?, file))
}

/// Removes a socket's file that an ended process has left, and no other file.
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
        // A full queue means that a process listens, too.
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

/// Identifies a file among others at the same path. It is reliable only while the file's socket is open, because inode numbers
/// are reused.
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
