//! The name, unit, help and bounds of every metric.

use http::{Method, StatusCode};
use opentelemetry::metrics::{BoundHistogram, Counter, Histogram, Meter};
use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::metrics::{Instrument, Stream};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// The OpenTelemetry semantic conventions that the HTTP names follow.
pub(super) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.26.0";

/// Bucket bounds in seconds: those of the conventions, and two smaller ones because a proxy adds less than a
/// millisecond.
const HTTP_BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Bucket bounds in seconds: a near STS answers in about 20 ms, and the default timeout of a fetch is 10 s.
const FETCH_BUCKETS: [f64; 13] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0];

const ACTIVE_REQUESTS: &str = "http.server.active_requests";
const CACHED_AUDIENCES: &str = "token.cached_audiences";
const CLIENT_DURATION: &str = "http.client.request.duration";
const SERVER_DURATION: &str = "http.server.request.duration";
const FETCH_DURATION: &str = "token.fetch.duration";
const TOKEN_EXPIRY: &str = "token.expiry.timestamp";
const CREDENTIAL_EXPIRY: &str = "credential.expiry.timestamp";
const EXCHANGE_DURATION: &str = "credential.exchange.duration";

/// The instruments that requests and fetches record to.
pub(super) struct Instruments {
    pub(super) server: ServerDurations,
    pub(super) client: Histogram<f64>,
    pub(super) fetches: Counter<u64>,
    pub(super) fetch_duration: Histogram<f64>,
    pub(super) exchanges: Counter<u64>,
    pub(super) exchange_duration: Histogram<f64>,
    pub(super) hits: Counter<u64>,
    pub(super) misses: Counter<u64>,
    pub(super) mismatches: Counter<u64>,
    pub(super) denied: Counter<u64>,
}

impl Instruments {
    pub(super) fn new(meter: &Meter, observed: &Arc<Observed>) -> Self {
        observe(meter, observed);
        let counter = |name, help| meter.u64_counter(name).with_description(help).build();
        let seconds = |name, help, buckets: &[f64]| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(help);
            histogram.with_boundaries(buckets.to_vec()).build()
        };
        Self {
            server: ServerDurations::new(seconds(
                SERVER_DURATION,
                "Time from a request's header to its response's end.",
                &HTTP_BUCKETS,
            )),
            client: seconds(CLIENT_DURATION, "Time that the upstream took to answer.", &HTTP_BUCKETS),
            fetches: counter("token.fetch.count", "Tokens asked of STS."),
            fetch_duration: seconds(
                FETCH_DURATION,
                "Time that STS took to mint a token or to refuse one.",
                &FETCH_BUCKETS,
            ),
            exchanges: counter(
                "credential.exchange.count",
                "Tokens given to other parties for a credential of theirs.",
            ),
            exchange_duration: seconds(
                EXCHANGE_DURATION,
                "Time that a party took to give a credential for a token or to refuse one.",
                &FETCH_BUCKETS,
            ),
            hits: counter("token.cache.hit.count", "Requests that found a valid token in memory."),
            misses: counter(
                "token.cache.miss.count",
                "Requests that found none and waited for a fetch, or failed.",
            ),
            mismatches: counter(
                "token.difference.count",
                "Tokens that were not what was asked for, by the field that differs.",
            ),
            denied: counter("policy.denied", "Requests that the policy refused."),
        }
    }
}

/// Values that a scrape reads. Their series exist from the start, and end together with the thing they describe.
#[derive(Default)]
pub(super) struct Observed {
    pub(super) active: AtomicI64,
    pub(super) cached: AtomicU64,
    /// Seconds by which AWS's clock is ahead; `None` before the first response of AWS.
    clock_ahead: Mutex<Option<i64>>,
    expiries: Mutex<HashMap<Arc<str>, f64>>,
    credential_expiries: Mutex<HashMap<Arc<str>, f64>>,
}

impl Observed {
    pub(super) fn clock_ahead(&self) -> MutexGuard<'_, Option<i64>> {
        self.clock_ahead.lock().expect("nothing panics while holding this lock")
    }

    /// The expiry of tokens in seconds since 1970, by audience set.
    pub(super) fn expiries(&self) -> MutexGuard<'_, HashMap<Arc<str>, f64>> {
        self.expiries.lock().expect("nothing panics while holding this lock")
    }

    /// The expiry of exchanged credentials in seconds since 1970, by name.
    pub(super) fn credential_expiries(&self) -> MutexGuard<'_, HashMap<Arc<str>, f64>> {
        self.credential_expiries.lock().expect("nothing panics while holding this lock")
    }
}

fn observe(meter: &Meter, observed: &Arc<Observed>) {
    let source = Arc::clone(observed);
    meter
        .i64_observable_up_down_counter(ACTIVE_REQUESTS)
        .with_description("Requests that are being served.")
        .with_callback(move |gauge| gauge.observe(source.active.load(Ordering::Relaxed), &[]))
        .build();
    let source = Arc::clone(observed);
    meter
        .u64_observable_gauge(CACHED_AUDIENCES)
        .with_description("Audience sets that are held in memory.")
        .with_callback(move |gauge| gauge.observe(source.cached.load(Ordering::Relaxed), &[]))
        .build();
    let source = Arc::clone(observed);
    meter
        .i64_observable_gauge("token.clock.skew")
        .with_unit("s")
        .with_description("Seconds by which AWS's clock is ahead of this machine's.")
        .with_callback(move |gauge| {
            if let Some(ahead) = *source.clock_ahead() {
                gauge.observe(ahead, &[]);
            }
        })
        .build();
    let source = Arc::clone(observed);
    meter
        .f64_observable_gauge(TOKEN_EXPIRY)
        .with_unit("s")
        .with_description("When the token that is held expires, in seconds since 1970.")
        .with_callback(move |gauge| {
            for (audience, expires) in source.expiries().iter() {
                gauge.observe(*expires, &[KeyValue::new("audience", Arc::clone(audience))]);
            }
        })
        .build();
    let source = Arc::clone(observed);
    meter
        .f64_observable_gauge(CREDENTIAL_EXPIRY)
        .with_unit("s")
        .with_description("When the exchanged credential that is held expires, in seconds since 1970.")
        .with_callback(move |gauge| {
            for (credential, expires) in source.credential_expiries().iter() {
                gauge.observe(*expires, &[KeyValue::new("credential", Arc::clone(credential))]);
            }
        })
        .build();
}

/// Bounds the series of each instrument. The SDK allocates for the bound at once, so an instrument that has one series
/// gets a bound of 1.
pub(super) fn view(limit: usize) -> impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static {
    move |instrument| {
        let name = instrument.name();
        let single = SINGLE.contains(&name) || SINGLE_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        let most =
            BOUNDS.iter().find(|(bounded, _)| *bounded == name).map_or(MAX_COUNTER_SERIES, |(_, most)| *most);
        Stream::builder().with_cardinality_limit(if single { 1 } else { limit.min(most) }).build().ok()
    }
}

/// The bounds of instruments whose series callers can multiply. With them a scrape stays below 2 MB, even with hosts of
/// 253 characters. A histogram's series has 16 to 19 lines.
const BOUNDS: [(&str, usize); 6] = [
    (CLIENT_DURATION, 100),
    (SERVER_DURATION, MAX_SERVER_SERIES),
    (FETCH_DURATION, 40),
    (EXCHANGE_DURATION, 40),
    (TOKEN_EXPIRY, 400),
    (CREDENTIAL_EXPIRY, 400),
];
/// The bound of every other instrument.
const MAX_COUNTER_SERIES: usize = 120;

/// Instruments with one series each.
const SINGLE: [&str; 5] =
    [ACTIVE_REQUESTS, CACHED_AUDIENCES, "token.cache.capacity", "token.clock.skew", "token.refresh.skew"];
const SINGLE_PREFIXES: [&str; 4] = ["attache.", "config.", "process.", "tokio."];

/// Durations of requests by method and status. Each pair has a series until its share of the series is used up. Callers
/// and upstreams choose both, so errors have a share of their own: a server error always shows as one.
pub(super) struct ServerDurations {
    histogram: Histogram<f64>,
    bound: [OnceLock<Box<ByStatus>>; METHODS.len()],
    errors: AtomicUsize,
    others: AtomicUsize,
}

/// The series of one method, indexed by status from 100 to 999.
type ByStatus = [OnceLock<BoundHistogram<f64>>; 900];

/// The maximum number of pairs of a method and a 5xx status with a series of their own.
const MAX_ERROR_PAIRS: usize = 18;
/// The maximum number of pairs of a method and any other status with a series of their own.
const MAX_OTHER_PAIRS: usize = 25;
/// The statuses of attache's own server errors and of most upstreams'. Beyond the share of 5xx they are counted under
/// the method `_OTHER`.
const COMMON_ERRORS: [u16; 4] = [500, 502, 503, 504];
/// The bound of the durations: both shares, and the series for the pairs beyond them.
const MAX_SERVER_SERIES: usize = MAX_ERROR_PAIRS + MAX_OTHER_PAIRS + COMMON_ERRORS.len() + 1;

const METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", OTHER_METHOD];
const OTHER_METHOD: &str = "_OTHER";

impl ServerDurations {
    fn new(histogram: Histogram<f64>) -> Self {
        let (errors, others) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { histogram, bound: Default::default(), errors, others }
    }

    pub(super) fn record(&self, method: &Method, status: StatusCode, seconds: f64) {
        let method = method_index(method);
        let slot = usize::from(status.as_u16() - 100);
        let statuses = self.bound[method].get_or_init(|| Box::new([const { OnceLock::new() }; 900]));
        statuses[slot].get_or_init(|| self.bind(METHODS[method], status)).record(seconds)
    }

    /// Creates the series of a pair; called once for each pair.
    fn bind(&self, method: &'static str, status: StatusCode) -> BoundHistogram<f64> {
        let (share, most) = if status.is_server_error() {
            (&self.errors, MAX_ERROR_PAIRS)
        } else {
            (&self.others, MAX_OTHER_PAIRS)
        };
        if share.fetch_add(1, Ordering::Relaxed) < most {
            self.histogram.bind(&server_attributes(method, status))
        } else if COMMON_ERRORS.contains(&status.as_u16()) {
            self.histogram.bind(&server_attributes(OTHER_METHOD, status))
        } else {
            // The SDK's own label for series beyond a limit.
            self.histogram.bind(&[KeyValue::new("otel.metric.overflow", true)])
        }
    }
}

/// The name of one of the nine methods that HTTP defines, or `_OTHER`.
pub(super) fn method_name(method: &Method) -> &'static str {
    METHODS[method_index(method)]
}

fn method_index(method: &Method) -> usize {
    METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(METHODS.len() - 1)
}

fn server_attributes(method: &'static str, status: StatusCode) -> [KeyValue; 2] {
    [
        KeyValue::new(Key::from_static_str("http.request.method"), method),
        KeyValue::new(Key::from_static_str("http.response.status_code"), i64::from(status.as_u16())),
    ]
}
