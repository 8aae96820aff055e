//! Turns tracing events into log lines on stdout, in the format of Go's slog, which log pipelines parse.

use super::format::LogLine;
use super::recent::Recent;
use super::targets::{ACCESS, AWS, H2, OURS};
use super::writer::{Flush, LogWriter};
use crate::clock::Clock;
use crate::config::logs::{LogConfig, LogFormat, LogLevel};
use crate::waiting_writer::WaitingWriter;
use std::io::{self, Write};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::SetGlobalDefaultError;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry, reload};

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The thread that writes the log cannot be started.
    #[error("the thread that writes the log cannot be started")]
    Thread(#[source] io::Error),
    /// The process already logs.
    #[error("logging was started twice")]
    Twice(#[source] SetGlobalDefaultError),
}

/// Starts to log to stdout, until the process ends. Dropping the [`Flush`] waits for lines not yet written, so it
/// belongs at the end of `main`. Warnings and errors are also kept in `recent`.
///
/// # Errors
/// When no thread can be started, or the process already logs.
pub fn init(config: &LogConfig, recent: Recent) -> Result<(Flush, Verbosity), LogError> {
    let format = config.format;
    let stdout = WaitingWriter::new(io::stdout());
    let (writer, flush) =
        LogWriter::start(stdout, move |lost| lost_lines(format, lost)).map_err(LogError::Thread)?;
    let (subscriber, verbosity) = subscriber(config, writer);
    tracing::subscriber::set_global_default(subscriber.with(recent)).map_err(LogError::Twice)?;
    Ok((flush, verbosity))
}

/// A subscriber that formats and filters as `config` says, and writes each line to `writer` with a single write; and
/// the handle that changes its level.
pub fn subscriber<W>(config: &LogConfig, writer: W) -> (impl Subscriber + Send + Sync + use<W>, Verbosity)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = Lines { format: config.format, writer, clock: Clock::system() };
    let (filter, handle) = reload::Layer::new(filter(config, config.level));
    let verbosity = Verbosity { handle, config: config.clone(), raised: false };
    (tracing_subscriber::registry().with(filter).with(lines), verbosity)
}

/// Raises the log level to debug while the process runs, and lowers it again.
pub struct Verbosity {
    handle: reload::Handle<Targets, Registry>,
    config: LogConfig,
    raised: bool,
}

impl Verbosity {
    /// Changes from `--log-level` to debug, or back. The line that reports it is logged at debug level, so that it
    /// always passes.
    pub fn toggle(&mut self) {
        self.raised = !self.raised;
        if self.raised {
            self.apply(LogLevel::Debug);
            tracing::info!("logging at debug until told again");
        } else {
            tracing::info!(level = self.config.level.as_str(), "logging at --log-level again");
            self.apply(self.config.level);
        }
    }

    fn apply(&self, level: LogLevel) {
        // Reloading fails when the subscriber is gone, and then no level matters.
        let _ = self.handle.reload(filter(&self.config, level));
    }
}

/// The filter for a level. Other crates log from warn up, and at debug from info up; below that they may log headers,
/// and so tokens. Crates of AWS log nothing: they dump whole responses at warn, and the calling code logs the failure.
/// The HTTP/2 library logs nothing either, because a peer could fill the log.
fn filter(config: &LogConfig, level: LogLevel) -> Targets {
    let (ours, others) = match level {
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::INFO),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::WARN),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
    };
    let access = if config.access_log { LevelFilter::DEBUG } else { ours };
    Targets::new()
        .with_default(others)
        .with_target(AWS, LevelFilter::OFF)
        .with_target(H2, LevelFilter::OFF)
        .with_target(OURS, ours)
        .with_target(ACCESS, access)
}

struct Lines<W> {
    format: LogFormat,
    writer: W,
    clock: Clock,
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line =
            LogLine::of_event(self.format, self.clock.now(), event, is_ours(event.metadata().target()));
        // A write error cannot be logged, and requests matter more than the log.
        let _ = self.writer.make_writer_for(event.metadata()).write_all(line.as_bytes());
    }
}

fn is_ours(target: &str) -> bool {
    target.strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn lost_lines(format: LogFormat, lost: u64) -> String {
    let mut line = LogLine::new(format, Clock::system().now(), "WARN");
    line.message(&"log lines were dropped because stdout was not read fast enough");
    line.number("lines", lost);
    line.finish()
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
