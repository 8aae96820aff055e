//! What the `OTEL_*` variables mean, and which of their values stop a start.

use attache::config::Config;
use attache::config::args::Args;
use attache::config::otel::{OtelConfig, Sampling};
use attache::config::problems::Problems;
use std::time::Duration;

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

fn resolve(environment: &[(&str, &str)]) -> Result<OtelConfig, Problems> {
    let environment = environment.iter().copied().collect();
    Config::resolve(&Args::default(), &environment).map(|config| config.otel)
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
fn a_bad_value_is_a_problem_like_any_other_setting_s() {
    for (name, value, rule) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "must be an http or https URL"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "must be http/protobuf"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json", "must be http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "must be none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "must be a whole number of milliseconds"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", "must be a whole number of milliseconds"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "must be otlp or none"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote", "must be always_on"),
        ("OTEL_RESOURCE_ATTRIBUTES", "no-value", "must be a comma list of key=value"),
        ("OTEL_SDK_DISABLED", "maybe", "must be"),
    ] {
        let variables = [ENDPOINT, (name, value)];
        let report = resolve(&variables).unwrap_err().to_string();
        assert!(report.contains(&format!("\n  {name} is ")) && report.contains(rule), "{report}");
        assert!(report.contains(value), "{report}");
    }
    let ratio = [ENDPOINT, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
    assert!(resolve(&ratio).unwrap_err().to_string().contains("must be a number from 0 to 1"));
}

#[test]
fn no_value_of_a_header_is_shown() {
    for bad in ["hunter2", "x=hunter2\u{1}", "b\u{e4}d=hunter2"] {
        let report = resolve(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_HEADERS", bad)]).unwrap_err().to_string();
        assert!(report.contains("OTEL_EXPORTER_OTLP_HEADERS is not shown, must be"), "{report}");
        assert!(!report.contains("hunter2"), "{report}");
    }
    let otel = resolve(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_HEADERS", "x=hunter2")]).unwrap();
    assert!(!format!("{otel:?}").contains("hunter2"));
}
