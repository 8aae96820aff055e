//! What the `OTEL_*` variables mean. None of their values stops a start.

use attache::config::Config;
use attache::config::args::Args;
use attache::config::otel::OtelConfig;
use attache::config::otel_spans::{Sampling, SpanQueue};
use attache::config::problems::Problems;
use std::time::Duration;

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

fn resolve(environment: &[(&str, &str)]) -> Result<OtelConfig, Problems> {
    let environment = environment.iter().copied().collect();
    Config::resolve(&Args::default(), &environment).map(|config| config.otel)
}

/// What is left out, one line a variable.
fn left_out(environment: &[(&str, &str)]) -> Vec<String> {
    let environment = environment.iter().copied().collect();
    let notices = Config::resolve(&Args::default(), &environment).unwrap().notices;
    notices.iter().map(ToString::to_string).collect()
}

fn sampling(sampler: &str, argument: &str) -> Sampling {
    let variables = [ENDPOINT, ("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", argument)];
    resolve(&variables).unwrap().traces.unwrap().1
}

#[test]
fn nothing_is_pushed_without_an_endpoint_whatever_else_is_set() {
    for variables in [&[][..], &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_TRACES_EXPORTER", "jaeger")]]
    {
        let otel = resolve(variables).unwrap();
        assert!(otel.metrics.is_none() && otel.traces.is_none(), "{otel:?}");
    }
}

#[test]
fn one_endpoint_is_the_base_for_both_and_an_own_one_is_whole() {
    for base in ["http://collector:4318", "http://collector:4318/"] {
        let otel = resolve(&[("OTEL_EXPORTER_OTLP_ENDPOINT", base)]).unwrap();
        let ((metrics, every), (traces, sampling)) = (otel.metrics.unwrap(), otel.traces.unwrap());
        assert_eq!(metrics.endpoint, "http://collector:4318/v1/metrics");
        assert_eq!(traces.endpoint, "http://collector:4318/v1/traces");
        assert_eq!((every, traces.timeout), (Duration::from_secs(60), Duration::from_secs(10)));
        assert_eq!(sampling, Sampling { parent_based: true, ratio: 1.0 });
        assert_eq!(otel.resource, [("service.name".to_owned(), "attache".to_owned())]);
    }
    let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces.example/otlp");
    assert_eq!(resolve(&[ENDPOINT, own]).unwrap().traces.unwrap().0.endpoint, own.1);
    assert!(resolve(&[own]).unwrap().metrics.is_none());
}

/// The SDK would reserve room for 10^9 spans, or ask for the next delivery for ever.
#[test]
fn limits_of_the_span_queue_that_would_harm_are_left_out() {
    let sound = [("OTEL_BSP_MAX_QUEUE_SIZE", "100"), ("OTEL_BSP_SCHEDULE_DELAY", "250")];
    let queue = resolve(&[&[ENDPOINT], &sound[..]].concat()).unwrap().span_queue;
    assert_eq!(queue, SpanQueue { size: 100, batch: 100, interval: Duration::from_millis(250) });
    for (name, value) in [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1000000000"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "-1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
    ] {
        assert_eq!(resolve(&[ENDPOINT, (name, value)]).unwrap().span_queue, SpanQueue::default());
        let [notice] = &left_out(&[ENDPOINT, (name, value)])[..] else { panic!("{name}={value}") };
        assert!(
            notice.starts_with(&format!("{name} is not used: its value is {value}, and must be")),
            "{notice}"
        );
    }
}

#[test]
fn either_kind_can_be_turned_off_and_so_can_both() {
    let none = |name| resolve(&[ENDPOINT, (name, "none")]).unwrap();
    assert!(none("OTEL_TRACES_EXPORTER").traces.is_none() && none("OTEL_TRACES_EXPORTER").metrics.is_some());
    assert!(none("OTEL_METRICS_EXPORTER").metrics.is_none());
    let off = resolve(&[ENDPOINT, ("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_SAMPLER", "odd")]).unwrap();
    assert!(off.metrics.is_none() && off.traces.is_none());
}

#[test]
fn a_kinds_own_variable_wins_and_an_empty_one_counts_as_unset() {
    let variables = [
        ENDPOINT,
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "500"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", ""),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1500"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-a=1"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", " x-b = 2%2C3 ,,"),
    ];
    let otel = resolve(&variables).unwrap();
    let ((metrics, every), (traces, _)) = (otel.metrics.unwrap(), otel.traces.unwrap());
    assert_eq!((metrics.timeout, every), (Duration::from_secs(2), Duration::from_millis(1500)));
    assert_eq!(traces.timeout, Duration::from_millis(500));
    assert_eq!(metrics.headers, [("x-a".parse().unwrap(), "1".parse().unwrap())]);
    assert_eq!(traces.headers, [("x-b".parse().unwrap(), "2,3".parse().unwrap())]);
}

#[test]
fn samplers_are_those_of_the_specification() {
    for (sampler, parent_based, ratio) in [
        ("always_on", false, 1.0),
        ("always_off", false, 0.0),
        ("traceidratio", false, 0.25),
        ("parentbased_always_on", true, 1.0),
        ("parentbased_always_off", true, 0.0),
        ("parentbased_traceidratio", true, 0.25),
    ] {
        assert_eq!(sampling(sampler, "0.25"), Sampling { parent_based, ratio }, "{sampler}");
    }
    assert_eq!(sampling("traceidratio", ""), Sampling { parent_based: false, ratio: 1.0 });
}

#[test]
fn a_value_that_is_not_known_is_left_out_and_told_once() {
    for (name, value, rule) in [
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "must be none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "must be a whole number of milliseconds"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", "must be a whole number of milliseconds"),
        ("OTEL_TRACES_EXPORTER", "odd", "must be otlp or none"),
        ("OTEL_TRACES_SAMPLER", "xray", "must be always_on"),
        ("OTEL_RESOURCE_ATTRIBUTES", "no-value", "must be a comma list of key=value"),
        ("OTEL_SDK_DISABLED", "maybe", "must be true or false"),
    ] {
        let told = left_out(&[ENDPOINT, (name, value)]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with(&format!("{name} is not used: its value is {value}, and {rule}")),
            "{told:?}"
        );
        let (otel, without) = (resolve(&[ENDPOINT, (name, value)]).unwrap(), resolve(&[ENDPOINT]).unwrap());
        assert_eq!(format!("{otel:?}"), format!("{without:?}"), "{name}");
    }
    assert_eq!(sampling("traceidratio", "2"), sampling("traceidratio", ""));
    assert_eq!(left_out(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]).len(), 1);
}

#[test]
fn what_another_protocol_is_meant_for_is_not_pushed_and_told_once() {
    for protocol in ["grpc", "http/json"] {
        let variables = [ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        let otel = resolve(&variables).unwrap();
        assert!(otel.metrics.is_none() && otel.traces.is_none(), "{otel:?}");
        let expected = "OTEL_EXPORTER_OTLP_PROTOCOL is not used: attache speaks http/protobuf only, so nothing is pushed";
        assert_eq!(left_out(&variables), [expected]);
    }
    let own = [ENDPOINT, ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc")];
    let otel = resolve(&own).unwrap();
    assert!(otel.metrics.is_none() && otel.traces.is_some());
    let other = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "HTTP/protobuf");
    let otel = resolve(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), other]).unwrap();
    assert!(otel.metrics.is_none() && otel.traces.is_some());
}

#[test]
fn words_are_read_in_any_case_and_only_true_is_true() {
    let pushes = |name, value| resolve(&[ENDPOINT, (name, value)]).unwrap().metrics.is_some();
    for (value, pushed) in [("tRuE", false), ("true", false), ("1", true), ("yes", true), ("False", true)] {
        assert_eq!(pushes("OTEL_SDK_DISABLED", value), pushed, "{value}");
    }
    for (value, pushed) in [
        ("OTLP", true),
        ("prometheus", false),
        ("None", false),
        ("console,otlp", true),
        ("prometheus, none", false),
    ] {
        assert_eq!(pushes("OTEL_METRICS_EXPORTER", value), pushed, "{value}");
        assert_eq!(left_out(&[ENDPOINT, ("OTEL_METRICS_EXPORTER", value)]), [""; 0], "{value}");
    }
    assert_eq!(sampling("Always_Off", "").ratio, 0.0);
}

#[test]
fn no_value_of_a_header_is_shown() {
    for bad in ["hunter2", "x=hunter2\u{1}", "b\u{e4}d=hunter2"] {
        let told = left_out(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_HEADERS", bad)]);
        let expected = "OTEL_EXPORTER_OTLP_HEADERS is not used: its value must be a comma list of name=value, values percent-encoded";
        assert_eq!(told, [expected]);
    }
    let otel = resolve(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_HEADERS", "x=hunter2")]).unwrap();
    assert!(!format!("{otel:?}").contains("hunter2"));
    let told = left_out(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://me:hunter2@collector")]);
    assert!(told.len() == 1 && !told[0].contains("hunter2"), "{told:?}");
}
