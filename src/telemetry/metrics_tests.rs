use super::*;
use std::collections::{BTreeMap, BTreeSet};

const MOMENT: Duration = Duration::from_millis(3);

fn scrape(metrics: &Metrics) -> String {
    metrics.exposition().unwrap().unwrap()
}

fn samples(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

/// The sample that begins like this, up to and without its value.
fn value<'a>(text: &'a str, series: &str) -> Option<&'a str> {
    samples(text).find(|line| line.starts_with(series))?.rsplit_once(' ').map(|(_, value)| value)
}

fn labels_of(sample: &str) -> BTreeSet<&str> {
    let (_, labels) = sample.split_once('{').unwrap();
    labels.split("\",").map(|label| label.split_once('=').unwrap().0).collect()
}

fn record_everything(metrics: &Metrics) {
    metrics.request_started();
    metrics.request_finished(&Method::GET, StatusCode::OK, MOMENT);
    let (plain, odd) = (ServerLabels::new("a.example", None), ServerLabels::new("b.example", Some(8443)));
    metrics.upstream_call(&plain, None, TokenResult::Ok, MOMENT);
    metrics.upstream_call(&odd, Some(ErrorType::Timeout), TokenResult::FetchError, MOMENT);
    let audience = AudienceLabel::new("https://a.example,https://b.example");
    metrics.token_fetch(&audience, Ok(()), MOMENT);
    metrics.token_fetch(&audience, Err(ErrorClass::TRANSPORT), MOMENT);
    metrics.cache_hit(&audience);
    metrics.cache_miss(&audience);
    metrics.token_expiry(&audience, UNIX_EPOCH + Duration::from_secs(1_790_000_000));
    metrics.cached_audiences(1);
    metrics.policy_denied("host");
}

#[test]
fn a_scrape_holds_the_contract_and_nothing_else() {
    let metrics = Metrics::new(1000).unwrap();
    record_everything(&metrics);
    let text = scrape(&metrics);
    let families: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let contract = [
        ("http_client_request_duration_seconds", "histogram"),
        ("http_server_active_requests", "gauge"),
        ("http_server_request_duration_seconds", "histogram"),
        ("policy_denied_total", "counter"),
        ("token_cache_hit_count_total", "counter"),
        ("token_cache_miss_count_total", "counter"),
        ("token_cached_audiences", "gauge"),
        ("token_expiry_timestamp_seconds", "gauge"),
        ("token_fetch_count_total", "counter"),
        ("token_fetch_duration_seconds", "histogram"),
    ];
    assert_eq!(families, contract.into());
}

#[test]
fn each_series_has_its_labels_and_the_scope() {
    let metrics = Metrics::new(1000).unwrap();
    record_everything(&metrics);
    let text = scrape(&metrics);
    let scope = format!(
        r#"otel_scope_name="attache",otel_scope_version="{}",otel_scope_schema_url="https://opentelemetry.io/schemas/1.26.0""#,
        env!("CARGO_PKG_VERSION")
    );
    let expected: &[(&str, &[&str])] = &[
        ("http_client_request_duration_seconds_count{server_a", &["server_address", "token_result"]),
        (
            "http_client_request_duration_seconds_count{error",
            &["error_type", "server_address", "server_port", "token_result"],
        ),
        ("http_server_active_requests", &[]),
        ("http_server_request_duration_seconds_count", &["http_request_method", "http_response_status_code"]),
        ("policy_denied_total", &["reason"]),
        ("token_cache_hit_count_total", &["audience"]),
        ("token_cache_miss_count_total", &["audience"]),
        ("token_cached_audiences", &[]),
        ("token_expiry_timestamp_seconds", &["audience"]),
        (
            r#"token_fetch_count_total{audience="https://a.example,https://b.example",error"#,
            &["audience", "error_class", "result"],
        ),
        (
            r#"token_fetch_count_total{audience="https://a.example,https://b.example",result"#,
            &["audience", "result"],
        ),
        ("token_fetch_duration_seconds_count", &["audience"]),
    ];
    for (series, labels) in expected {
        let sample = samples(&text).find(|line| line.starts_with(series)).expect(series);
        let scope_labels = ["otel_scope_name", "otel_scope_version", "otel_scope_schema_url"];
        assert_eq!(labels_of(sample), labels.iter().copied().chain(scope_labels).collect(), "{sample}");
    }
    assert!(samples(&text).all(|sample| sample.contains(&scope)));
}

#[test]
fn what_is_known_before_the_first_request_is_shown_before_it() {
    let text = scrape(&Metrics::new(1000).unwrap());
    assert_eq!(value(&text, "http_server_active_requests"), Some("0"));
    assert_eq!(value(&text, "token_cached_audiences"), Some("0"));
    assert_eq!(samples(&text).count(), 2);
}

#[test]
fn requests_in_flight_are_counted_until_they_finish() {
    let metrics = Metrics::new(1000).unwrap();
    metrics.request_started();
    metrics.request_started();
    assert_eq!(value(&scrape(&metrics), "http_server_active_requests"), Some("2"));
    metrics.request_finished(&Method::GET, StatusCode::OK, MOMENT);
    assert_eq!(value(&scrape(&metrics), "http_server_active_requests"), Some("1"));
}

#[test]
fn http_buckets_are_in_seconds_and_reach_from_one_millisecond_to_ten_seconds() {
    let metrics = Metrics::new(1000).unwrap();
    metrics.request_finished(&Method::GET, StatusCode::OK, Duration::from_micros(2500));
    let text = scrape(&metrics);
    let buckets: Vec<(&str, &str)> =
        samples(&text).filter_map(|line| line.split_once("le=\"")?.1.split_once("\"} ")).collect();
    let bounds = "0.001 0.0025 0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 +Inf";
    let counted: Vec<(&str, &str)> =
        bounds.split(' ').map(|bound| (bound, if bound == "0.001" { "0" } else { "1" })).collect();
    assert_eq!(buckets, counted);
}

#[test]
fn a_method_or_status_that_nobody_defined_makes_one_series_and_no_panic() {
    let metrics = Metrics::new(1000).unwrap();
    for method in ["FOO", "get", "PROPFIND"] {
        metrics.request_finished(&Method::from_bytes(method.as_bytes()).unwrap(), StatusCode::OK, MOMENT);
    }
    for status in [100, 599, 600, 999] {
        metrics.request_finished(&Method::PATCH, StatusCode::from_u16(status).unwrap(), MOMENT);
        metrics.request_finished(&Method::PATCH, StatusCode::from_u16(status).unwrap(), MOMENT);
    }
    let text = scrape(&metrics);
    let count = "http_server_request_duration_seconds_count";
    assert_eq!(value(&text, &format!("{count}{{http_request_method=\"_OTHER\"")), Some("3"));
    for status in [100, 599, 600, 999] {
        let series = format!("{count}{{http_request_method=\"PATCH\",http_response_status_code=\"{status}\"");
        assert_eq!(value(&text, &series), Some("2"));
    }
}

#[test]
fn server_errors_are_counted_as_such_whatever_came_before_them() {
    let metrics = Metrics::new(1000).unwrap();
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "X"];
    for status in (200..500).chain(505..600) {
        for method in methods {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            metrics.request_finished(&method, StatusCode::from_u16(status).unwrap(), MOMENT);
        }
    }
    for status in [500, 502, 503, 504] {
        metrics.request_finished(&Method::GET, StatusCode::from_u16(status).unwrap(), MOMENT);
    }
    let text = scrape(&metrics);
    let count = "http_server_request_duration_seconds_count";
    for status in [500, 502, 503, 504] {
        let series =
            format!("{count}{{http_request_method=\"_OTHER\",http_response_status_code=\"{status}\"");
        assert_eq!(value(&text, &series), Some("1"), "{status}");
    }
    let counts: Vec<&str> = samples(&text).filter(|line| line.starts_with(count)).collect();
    let total: u64 = counts.iter().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    assert_eq!((counts.len(), total), (48, 3954));
    assert_eq!(counts.iter().filter(|line| line.contains("otel_metric_overflow")).count(), 1);
}

#[test]
fn five_thousand_upstreams_fold_into_the_overflow_series_and_none_is_lost() {
    let metrics = Metrics::new(1000).unwrap();
    for number in 0..5000 {
        let server = ServerLabels::new(format!("h{number}.example"), None);
        let error = (number % 2 == 1).then_some(ErrorType::Unknown);
        metrics.upstream_call(&server, error, TokenResult::Ok, MOMENT);
    }
    let text = scrape(&metrics);
    let counts: Vec<&str> = samples(&text)
        .filter(|line| line.starts_with("http_client_request_duration_seconds_count"))
        .collect();
    assert_eq!(counts.len(), 101);
    assert_eq!(
        value(&text, "http_client_request_duration_seconds_count{otel_metric_overflow=\"true\""),
        Some("4900")
    );
    let total: u64 = counts.iter().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    assert_eq!(total, 5000);
}

#[test]
fn whatever_callers_do_a_scrape_is_less_than_2_mb() {
    let metrics = Metrics::new(1000).unwrap();
    for number in 0..2000 {
        let host = format!("h{number:0>244}.example");
        assert_eq!(host.len(), 253);
        let server = ServerLabels::new(&host, Some(8443));
        for error in [None, Some(ErrorType::ConnectionRefused)] {
            metrics.upstream_call(&server, error, TokenResult::Ok, MOMENT);
        }
        let audience = AudienceLabel::new(format!("https://{host}:8443"));
        metrics.token_fetch(&audience, Ok(()), MOMENT);
        metrics.token_fetch(&audience, Err(ErrorClass::TRANSPORT), MOMENT);
        metrics.cache_hit(&audience);
        metrics.cache_miss(&audience);
        metrics.token_expiry(&audience, UNIX_EPOCH + Duration::from_secs(1_790_000_000));
        metrics.token_difference(&audience, "aud");
    }
    for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
        for status in 200..600 {
            metrics.request_finished(&method, StatusCode::from_u16(status).unwrap(), MOMENT);
        }
    }
    let length = scrape(&metrics).len();
    assert!(length < 2_000_000, "{length}");
}

#[test]
fn the_upstreams_that_were_there_first_keep_their_own_series() {
    let metrics = Metrics::new(10).unwrap();
    let first = ServerLabels::new("first.example", None);
    metrics.upstream_call(&first, None, TokenResult::Ok, MOMENT);
    for number in 0..50 {
        metrics.upstream_call(&ServerLabels::new(number, None), None, TokenResult::Ok, MOMENT);
    }
    metrics.upstream_call(&first, None, TokenResult::Ok, MOMENT);
    let series = "http_client_request_duration_seconds_count{server_address=\"first.example\"";
    assert_eq!(value(&scrape(&metrics), series), Some("2"));
}

#[test]
fn an_audience_that_was_forgotten_shows_no_expiry() {
    let metrics = Metrics::new(1000).unwrap();
    let (kept, dropped) = (AudienceLabel::new("kept"), AudienceLabel::new("dropped"));
    for audience in [&kept, &dropped] {
        metrics.token_expiry(audience, UNIX_EPOCH + Duration::from_secs(1_790_000_000));
    }
    let text = scrape(&metrics);
    assert_eq!(value(&text, "token_expiry_timestamp_seconds{audience=\"dropped\""), Some("1790000000"));
    metrics.forget_audience(&dropped);
    let text = scrape(&metrics);
    assert_eq!(value(&text, "token_expiry_timestamp_seconds{audience=\"dropped\""), None);
    assert_eq!(value(&text, "token_expiry_timestamp_seconds{audience=\"kept\""), Some("1790000000"));
}

#[test]
fn no_label_value_can_forge_a_line() {
    let metrics = Metrics::new(1000).unwrap();
    metrics.cache_hit(&AudienceLabel::new("a\"} 1\nforged{b=\"\\"));
    let text = scrape(&metrics);
    assert!(text.contains(r#"{audience="a\"} 1\nforged{b=\"\\",otel"#), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("forged")));
}

#[test]
fn the_brackets_of_an_address_are_no_part_of_it() {
    let metrics = Metrics::new(1000).unwrap();
    metrics.upstream_call(&ServerLabels::new("[::1]", Some(80)), None, TokenResult::Ok, MOMENT);
    assert!(scrape(&metrics).contains(r#"server_address="::1",server_port="80""#));
}

#[test]
fn disabled_metrics_take_everything_and_show_nothing() {
    let metrics = Metrics::disabled();
    record_everything(&metrics);
    assert!(metrics.exposition().is_none());
}

#[test]
fn a_limit_that_bounds_nothing_is_refused() {
    assert!(matches!(Metrics::new(0), Err(MetricsError::CardinalityLimit(0))));
    assert!(matches!(Metrics::new(usize::MAX), Err(MetricsError::CardinalityLimit(_))));
}
