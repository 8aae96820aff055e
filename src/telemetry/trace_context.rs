//! Reads and writes the trace context of a request's headers (W3C Trace Context, level 2).

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};
use std::fmt;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The flags that the specification defines: sampled and random. Other flags are not passed on.
const KNOWN_FLAGS: u8 = 0b11;

/// The id of a trace, displayed as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub(super) opentelemetry::trace::TraceId);

impl TraceId {
    /// The trace id of these headers; `None` when they have none, or an invalid one.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        parent(headers).map(|(trace, ..)| trace)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The span of the caller; `None` when a new trace begins.
pub(super) fn caller(headers: &HeaderMap) -> Option<SpanContext> {
    let (TraceId(trace), span, flags) = parent(headers)?;
    let state: Vec<&[u8]> = headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes).collect();
    // A state that cannot be parsed is passed on as it came, and is only missing in our own spans.
    let state = String::from_utf8(state.join(&b","[..])).ok().and_then(|state| state.parse().ok());
    Some(SpanContext::new(trace, span, flags, true, state.unwrap_or_default()))
}

/// Makes `span` the parent of the receiver's spans. The caller's state is kept if its trace continues.
pub(super) fn put(headers: &mut HeaderMap, span: &SpanContext, continued: bool) {
    let value = format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8());
    let value = HeaderValue::try_from(value).expect("digits and dashes are a header value");
    headers.insert(TRACEPARENT, value);
    if !continued {
        headers.remove(TRACESTATE);
    }
}

fn parent(headers: &HeaderMap) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
    let mut fields = value.splitn(5, '-');
    let version = hexadecimal(fields.next()?, 2)?;
    let trace = u128::from_str_radix(lower_case(fields.next()?, 32)?, 16).ok().filter(|&id| id != 0)?;
    let span = hexadecimal(fields.next()?, 16).filter(|&id| id != 0)?;
    let flags = u8::try_from(hexadecimal(fields.next()?, 2)?).ok()?;
    match (version, fields.next()) {
        // Later versions may append fields, version 0 may not.
        (0, Some(_)) | (0xff, _) => None,
        _ => Some((TraceId(trace.into()), span.into(), TraceFlags::new(flags & KNOWN_FLAGS))),
    }
}

fn hexadecimal(text: &str, digits: usize) -> Option<u64> {
    u64::from_str_radix(lower_case(text, digits)?, 16).ok()
}

fn lower_case(text: &str, digits: usize) -> Option<&str> {
    let fits = text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::try_from(*value).unwrap())).collect()
    }

    fn trace_of(values: &[&str]) -> Option<String> {
        TraceId::of(&headers(&TRACEPARENT, values)).map(|trace| trace.to_string())
    }

    #[test]
    fn a_trace_is_read_and_so_is_one_of_a_later_version() {
        for flags in ["00", "01", "ff"] {
            assert_eq!(trace_of(&[&format!("00-{TRACE}-b7ad6b7169203331-{flags}")]).unwrap(), TRACE);
        }
        for end in ["", "-", "-what-the-future-will-be-like"] {
            assert_eq!(trace_of(&[&format!("cc-{TRACE}-b7ad6b7169203331-01{end}")]).unwrap(), TRACE);
        }
    }

    #[test]
    fn what_the_specification_forbids_names_no_trace() {
        let good = format!("00-{TRACE}-b7ad6b7169203331-01");
        assert_eq!(trace_of(&[]), None);
        assert_eq!(trace_of(&[&good, &good]), None);
        for bad in [
            String::new(),
            good.to_uppercase(),
            format!(" {good} x"),
            format!("{good}-"),
            format!("{good}-x"),
            format!("{good}1"),
            good.replacen("00", "ff", 1),
            good.replacen("00", "0", 1),
            good.replacen("00", "+0", 1),
            good.replace(TRACE, &"0".repeat(32)),
            good.replace("b7ad6b7169203331", &"0".repeat(16)),
            good.replace(TRACE, &TRACE[1..]),
            good.replace('-', "_"),
            format!("cc-{TRACE}-b7ad6b7169203331-01x"),
        ] {
            assert_eq!(trace_of(&[&bad]), None, "{bad}");
        }
    }

    #[test]
    fn what_is_put_is_read_again_and_unknown_flags_are_left_out() {
        let mut map = headers(&TRACEPARENT, &[&format!("00-{TRACE}-b7ad6b7169203331-ff")]);
        map.extend(headers(&TRACESTATE, &["a=1", "b=2"]));
        let span = caller(&map).unwrap();
        assert_eq!(span.trace_state().header(), "a=1,b=2");
        put(&mut map, &span, true);
        assert_eq!(map[TRACEPARENT], format!("00-{TRACE}-b7ad6b7169203331-03"));
        assert_eq!(map.get_all(TRACESTATE).iter().count(), 2);
        put(&mut map, &span, false);
        assert_eq!(map.get(TRACESTATE), None);
    }
}
