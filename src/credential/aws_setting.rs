//! The place of a setting of AWS, so that an error can name it.

use crate::redact;
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

/// The place of a setting of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsSetting {
    /// An environment variable.
    Variable(&'static str),
    /// A key in AWS's configuration or credentials file.
    Key {
        /// The key.
        key: &'static str,
        /// The section of the file, without its brackets.
        section: String,
        /// The file.
        file: PathBuf,
    },
}

/// Shows `AWS_ENDPOINT_URL`, or `endpoint_url in [profile dev] of` the path of the file.
impl fmt::Display for AwsSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::Key { key, section, file } => {
                write!(f, "{key} in [{}] of {}", redact::without_secrets(section), shown(file))
            }
        }
    }
}

/// A path as an error may show it: an operator may have put a secret in its place.
pub(super) fn shown(path: &Path) -> String {
    let path: Cow<'_, str> = path.to_string_lossy();
    redact::without_secrets(&path).into_owned()
}
