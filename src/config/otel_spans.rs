//! Which requests have spans, and the queue of spans: `OTEL_TRACES_SAMPLER` and `OTEL_BSP_*` (OpenTelemetry specification,
//! "Batch Span Processor").

use super::otel_values::milliseconds;
use super::parse;
use super::problems::Fault;
use super::reader::Reader;
use std::time::Duration;

/// The maximum size of the queue. Its memory is reserved at the start, about 370 bytes for each span.
const MAX_QUEUE_SIZE: usize = 16_384;

/// Which requests are traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Whether the caller's sampling decision is followed.
    pub parent_based: bool,
    /// The share of requests that are sampled without a caller's decision, 0 to 1.
    pub ratio: f64,
}

/// The queue of spans that wait for their export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanQueue {
    /// The maximum number of spans that wait. Further spans are dropped.
    pub size: usize,
    /// The maximum number of spans in one export.
    pub batch: usize,
    /// The interval between two exports.
    pub interval: Duration,
}

impl Default for SpanQueue {
    fn default() -> Self {
        Self { size: 2048, batch: 512, interval: Duration::from_secs(5) }
    }
}

pub(super) fn queue(reader: &mut Reader<'_>) -> SpanQueue {
    let usual = SpanQueue::default();
    let size = reader.foreign("OTEL_BSP_MAX_QUEUE_SIZE", spans).unwrap_or(usual.size);
    let batch = reader.foreign("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", spans).unwrap_or(usual.batch);
    let interval = reader.foreign("OTEL_BSP_SCHEDULE_DELAY", milliseconds).unwrap_or(usual.interval);
    SpanQueue { size, batch: batch.min(size), interval }
}

fn spans(text: &str) -> Result<usize, Fault> {
    let count = parse::count(text, MAX_QUEUE_SIZE)
        .map_err(|_| Fault::new(format!("must be a whole number from 1 to {MAX_QUEUE_SIZE}")))?;
    Ok(count.get())
}

pub(super) fn sampling(reader: &mut Reader<'_>) -> Sampling {
    let (parent_based, share) =
        reader.foreign("OTEL_TRACES_SAMPLER", sampler).unwrap_or((true, Share::Fixed(1.0)));
    let ratio = match share {
        Share::Fixed(ratio) => ratio,
        Share::ByArgument => reader.foreign("OTEL_TRACES_SAMPLER_ARG", ratio).unwrap_or(1.0),
    };
    Sampling { parent_based, ratio }
}

/// The source of the share of traced requests.
enum Share {
    Fixed(f64),
    ByArgument,
}

fn sampler(text: &str) -> Result<(bool, Share), Fault> {
    let text = text.to_ascii_lowercase();
    let (parent_based, root) = match text.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, text.as_str()),
    };
    let share = match root {
        "always_on" => Share::Fixed(1.0),
        "always_off" => Share::Fixed(0.0),
        "traceidratio" => Share::ByArgument,
        _ => {
            let rule = "must be always_on, always_off or traceidratio, or one of them after parentbased_";
            return Err(Fault::new(rule));
        }
    };
    Ok((parent_based, share))
}

fn ratio(text: &str) -> Result<f64, Fault> {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err(Fault::new("must be a number from 0 to 1")),
    }
}
