//! Reads the files that an operator names: certificates, keys and authorities. Each of them is a regular file of moderate size.
//! Anything else must neither hang a start nor fill the memory: a FIFO without a writer, a device, a disk image.

use rustix::fs::{Mode, OFlags, open};
use std::fs::{File, FileType, metadata};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The most bytes that a file may hold, 4 MiB. The authorities of a Linux distribution take about 220 kB, and less than 1 MiB with
/// the text that `openssl x509 -text` adds.
pub const MAX_LENGTH: u64 = 4 << 20;

/// Why a file cannot be read. The texts go on after the name of the file.
#[derive(Debug, thiserror::Error)]
pub enum InputFileError {
    /// The system refuses to open or to read it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is something else than a regular file.
    #[error("it is {0}, and not a regular file: name the file itself")]
    NotRegular(Kind),
    /// It is longer than [`MAX_LENGTH`].
    #[error(
        "it is longer than {} MiB, which no file of this kind is: see that the path is the right one",
        MAX_LENGTH >> 20
    )]
    TooLong,
}

/// What stands at a path in place of a regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A FIFO or a pipe.
    Fifo,
    /// A character or block device.
    Device,
    /// Anything else that a system may have.
    Other,
}

impl Kind {
    fn of(found: FileType) -> Self {
        if found.is_dir() {
            Self::Directory
        } else if found.is_fifo() {
            Self::Fifo
        } else if found.is_char_device() || found.is_block_device() {
            Self::Device
        } else {
            Self::Other
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Directory => "a directory",
            Self::Fifo => "a FIFO or a pipe",
            Self::Device => "a device",
            Self::Other => "a special file",
        })
    }
}

/// Reads the whole file. Symbolic links are followed.
///
/// # Errors
/// When it cannot be opened or read, is no regular file, or is too long.
pub fn read(path: &Path) -> Result<Vec<u8>, InputFileError> {
    bounded(checked(path)?)
}

/// Checks what [`read`] checks before it reads, for a file that a library reads by its path.
///
/// # Errors
/// When it cannot be opened, is no regular file, or is too long.
pub fn check(path: &Path) -> Result<(), InputFileError> {
    checked(path).map(drop)
}

/// Checks that a library may read this file to its end by its path, without memory that grows for ever: a device must be empty,
/// as `/dev/null` is, and a file must not be too long. A pipe is not opened, since its writer would lose its reader. Returns
/// the content of a regular file, and nothing for any other.
///
/// # Errors
/// When there is more to read than a file may hold. What cannot be read at all is left to the library to tell.
pub fn read_to_end(path: &Path) -> Result<Vec<u8>, InputFileError> {
    let nothing = Vec::new();
    let Ok(metadata) = metadata(path) else { return Ok(nothing) };
    let kind = Kind::of(metadata.file_type());
    if !metadata.is_file() && kind != Kind::Device {
        return Ok(nothing);
    }
    let Ok(mut file) = opened(path) else { return Ok(nothing) };
    if metadata.is_file() {
        return match bounded(file) {
            Ok(content) => Ok(content),
            Err(InputFileError::TooLong) => Err(InputFileError::TooLong),
            Err(InputFileError::Io(_) | InputFileError::NotRegular(_)) => Ok(nothing),
        };
    }
    let is_empty = file.read(&mut [0]).map_or(true, |read| read == 0);
    if is_empty { Ok(nothing) } else { Err(InputFileError::NotRegular(kind)) }
}

fn checked(path: &Path) -> Result<File, InputFileError> {
    let file = opened(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(InputFileError::NotRegular(Kind::of(metadata.file_type())));
    }
    if metadata.len() > MAX_LENGTH { Err(InputFileError::TooLong) } else { Ok(file) }
}

fn opened(path: &Path) -> io::Result<File> {
    // Without NONBLOCK, opening a FIFO waits for a writer; with NOCTTY, no terminal becomes that of this process.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(open(path, flags, Mode::empty())?))
}

fn bounded(file: File) -> Result<Vec<u8>, InputFileError> {
    let mut content = Vec::new();
    // A file may grow while it is read, and those of /proc have no length.
    file.take(MAX_LENGTH + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_LENGTH { Err(InputFileError::TooLong) } else { Ok(content) }
}
