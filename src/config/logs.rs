//! What is logged, and in which format.

/// What is logged, and in which format.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// `--log-level`.
    pub level: LogLevel,
    /// `--log-format`.
    pub format: LogFormat,
    /// `--access-log`: one line a request at any level.
    pub access_log: bool,
}

/// The least severe level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything, each request included.
    Debug,
    /// Events of normal operation.
    Info,
    /// Problems that may need attention.
    Warn,
    /// Problems that need attention.
    Error,
}

impl LogLevel {
    /// The level as `--log-level` accepts it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The format of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// `key=value` pairs.
    Text,
}
