//! AWS's configuration and credentials files: where they are, and whether the SDK can read them.

use crate::credential::setup_error::{SetupError, named_path};
use crate::input_file;
use crate::model::aws_variables::{AwsVariables, FileVariable};
use std::io;
use std::path::{Path, PathBuf};
use tokio::fs::File;

/// A file that the SDK reads.
pub(super) struct AwsFile {
    /// The variable that names it; `None` if it is where AWS's tools keep it.
    variable: Option<&'static str>,
    pub(super) path: PathBuf,
}

/// The configuration file.
///
/// # Errors
/// When its variable holds what the file is to hold.
pub(super) fn config(variables: &AwsVariables) -> Result<AwsFile, SetupError> {
    AwsFile::new("AWS_CONFIG_FILE", variables.config_file.as_ref(), "~/.aws/config", variables)
}

/// The credentials file.
///
/// # Errors
/// When its variable holds what the file is to hold.
pub(super) fn credentials(variables: &AwsVariables) -> Result<AwsFile, SetupError> {
    let named = variables.shared_credentials_file.as_ref();
    AwsFile::new("AWS_SHARED_CREDENTIALS_FILE", named, "~/.aws/credentials", variables)
}

/// Checks that the SDK may read both files to their ends. It reads them whole, into memory.
///
/// # Errors
/// When one is too long, or a device that gives bytes without end.
pub(super) fn check_ends(variables: &AwsVariables) -> Result<(), SetupError> {
    for file in [config(variables), credentials(variables)].into_iter().flatten() {
        file.content()?;
    }
    Ok(())
}

/// Checks that both files are text. The SDK takes one that is not UTF-8 for an empty one.
///
/// # Errors
/// When one has another encoding, and when it does not come to an end.
pub(super) fn check_texts(variables: &AwsVariables) -> Result<(), SetupError> {
    for file in [config(variables), credentials(variables)].into_iter().flatten() {
        if let Some(flaw) = EncodingFlaw::of(&file.content()?) {
            return Err(file.unusable(&flaw));
        }
    }
    Ok(())
}

/// Checks that both files can be opened. The SDK takes one that it may not read for an empty one.
///
/// # Errors
/// When one is named and not there, or cannot be opened.
pub(super) async fn check_access(variables: &AwsVariables) -> Result<(), SetupError> {
    for file in [config(variables)?, credentials(variables)?] {
        if let Some(problem) = file.access_problem().await {
            return Err(file.unusable(&problem));
        }
    }
    Ok(())
}

/// A path that may begin with the home directory, as the SDK reads it.
pub(super) fn expanded(path: &Path, variables: &AwsVariables) -> PathBuf {
    match (path.strip_prefix("~"), &variables.home) {
        (Ok(rest), Some(home)) => home.join(rest),
        (Ok(_), None) | (Err(_), _) => path.to_owned(),
    }
}

impl AwsFile {
    fn new(
        variable: &'static str,
        named: Option<&FileVariable>,
        usual: &str,
        variables: &AwsVariables,
    ) -> Result<Self, SetupError> {
        let (variable, path) = match named {
            Some(file) => (Some(variable), named_path(variable, file)?),
            None => (None, Path::new(usual)),
        };
        Ok(Self { variable, path: expanded(path, variables) })
    }

    /// What is in it; nothing where it is no regular file, or cannot be read.
    fn content(&self) -> Result<Vec<u8>, SetupError> {
        input_file::read_to_end(&self.path).map_err(|problem| self.unusable(&problem))
    }

    async fn access_problem(&self) -> Option<io::Error> {
        match tokio::fs::metadata(&self.path).await {
            // Opening a pipe may wait for ever.
            Ok(metadata) if !metadata.is_file() => None,
            Ok(_) => File::open(&self.path).await.err(),
            Err(problem) if problem.kind() == io::ErrorKind::NotFound && self.variable.is_none() => None,
            Err(problem) => Some(problem),
        }
    }

    fn unusable(&self, problem: &dyn std::error::Error) -> SetupError {
        let (variable, path) = (self.variable, self.path.clone());
        SetupError::ProfileFile { variable, path, problem: problem.to_string() }
    }
}

/// Why the SDK does not understand a file. The texts go on after the name of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum EncodingFlaw {
    #[error("it is UTF-16, as some programs on Windows write it: save it as UTF-8 without a byte order mark")]
    Utf16,
    #[error("it begins with a byte order mark: save it as UTF-8 without one")]
    ByteOrderMark,
    #[error("it is not UTF-8: save it as UTF-8 without a byte order mark")]
    NotUtf8,
}

impl EncodingFlaw {
    fn of(content: &[u8]) -> Option<Self> {
        if content.starts_with(&[0xff, 0xfe]) || content.starts_with(&[0xfe, 0xff]) || content.contains(&0) {
            Some(Self::Utf16)
        } else if content.starts_with("\u{feff}".as_bytes()) {
            Some(Self::ByteOrderMark)
        } else {
            str::from_utf8(content).is_err().then_some(Self::NotUtf8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_of_a_file_is_recognised() {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for (content, flaw) in [
            (b"[default]\n".to_vec(), None),
            ("[default]\n# f\u{fc}r\n".as_bytes().to_vec(), None),
            (Vec::new(), None),
            (wide("\u{feff}[default]"), Some(EncodingFlaw::Utf16)),
            (wide("[default]"), Some(EncodingFlaw::Utf16)),
            ("\u{feff}[default]".as_bytes().to_vec(), Some(EncodingFlaw::ByteOrderMark)),
            (b"[default]\n# f\xfcr\n".to_vec(), Some(EncodingFlaw::NotUtf8)),
        ] {
            assert_eq!(EncodingFlaw::of(&content), flaw, "{content:?}");
        }
    }
}
