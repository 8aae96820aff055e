//! Metrics and spans as a collector gets them, and the trace context that requests carry.

use crate::support::certificates::Certificates;
use crate::support::client::{get, http2, send};
use crate::support::program::{Program, command};
use crate::support::upstream::{Upstream, text};
use crate::support::{Sts, scrape, spawn};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// What listens for OTLP over HTTP, and keeps what it gets.
struct Collector {
    server: Upstream,
    received: Received,
}

type Received = Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>;

impl Collector {
    async fn start() -> Self {
        Self::over(None).await
    }

    async fn over(tls: Option<TlsAcceptor>) -> Self {
        let received = Received::default();
        let keep = received.clone();
        let server = Upstream::start(tls, move |request| {
            let keep = keep.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                keep.lock().unwrap().push((parts.uri.path().to_owned(), parts.headers, body));
                text("")
            }
        });
        Self { server: server.await, received }
    }

    fn url(&self) -> String {
        format!("{}://{}", self.server.scheme, self.server.authority())
    }

    fn bodies(&self, path: &str) -> Vec<Bytes> {
        let received = self.received.lock().unwrap();
        received.iter().filter(|(at, ..)| at == path).map(|(.., body)| body.clone()).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.bodies("/v1/traces").into_iter();
        let resources =
            requests.flat_map(|body| ExportTraceServiceRequest::decode(body).unwrap().resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

/// A proxy whose callers name the upstream, with these variables besides.
async fn proxy(sts: &Sts, variables: &[(&str, &str)]) -> Program {
    let mut command = command(&sts.url);
    command.envs(variables.iter().copied());
    Program::start(command, &["--upstream-scheme", "http", "--allow-address", "127.0.0.0/8"]).await
}

/// Ends the program, so that everything has been delivered.
async fn stop(mut proxy: Program) {
    proxy.signal("TERM");
    assert!(proxy.ended().await.success());
}

fn attribute<'s>(attributes: &'s [KeyValue], key: &str) -> Option<&'s Value> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_callers_trace_goes_on_through_the_proxy_and_reaches_the_collector() {
    let (sts, upstream, collector) = (Sts::start().await, Upstream::echo().await, Collector::start().await);
    let proxy = proxy(&sts, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())]).await;
    let caller = format!("00-{TRACE}-{CALLER}-01");
    let name = upstream.authority();
    let headers =
        [("x-upstream-host", &*name), ("traceparent", &caller), ("tracestate", "vendor=a=b, other=1")];
    assert_eq!(send(proxy.proxy, get("/v1/items?key=1", &headers)).await.status, StatusCode::OK);
    assert_eq!(send(proxy.proxy, get("/v1/items?key=1", &headers)).await.status, StatusCode::OK);
    stop(proxy).await;

    let spans = collector.spans();
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE), "{spans:?}");
    let of =
        |parent: &[u8]| -> Vec<&Span> { spans.iter().filter(|span| span.parent_span_id == parent).collect() };
    let roots: Vec<&Span> = spans.iter().filter(|span| hex(&span.parent_span_id) == CALLER).collect();
    let names = |spans: &[&Span]| spans.iter().map(|span| span.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&roots), ["GET", "GET"]);
    // Only the first request waits for a token, and for a connection.
    assert_eq!(names(&of(&roots[0].span_id)), ["token", "GET"]);
    assert_eq!(names(&of(&roots[1].span_id)), ["GET"]);
    let calls = roots.iter().map(|root| *of(&root.span_id).last().unwrap()).collect::<Vec<_>>();
    assert_eq!(names(&of(&calls[0].span_id)), ["connect"]);
    assert_eq!(names(&of(&calls[1].span_id)), [""; 0]);

    let text = |text: &str| Some(Value::StringValue(text.to_owned()));
    for (span, key, value) in [
        (roots[0], "url.path", text("/v1/items")),
        (roots[0], "url.scheme", text("http")),
        (roots[0], "client.address", text("127.0.0.1")),
        (roots[0], "http.response.status_code", Some(Value::IntValue(200))),
        (calls[0], "server.address", text("localhost")),
        (calls[0], "server.port", Some(Value::IntValue(upstream.address.port().into()))),
        (calls[0], "url.full", text(&format!("http://{name}/v1/items"))),
        (calls[0], "http.response.status_code", Some(Value::IntValue(200))),
        (calls[0], "error.type", None),
    ] {
        assert_eq!(attribute(&span.attributes, key), value.as_ref(), "{key}");
    }
    for (call, seen) in calls.iter().zip(upstream.seen()) {
        let expected = format!("00-{TRACE}-{}-01", hex(&call.span_id));
        assert_eq!(seen.only("traceparent"), Some(expected.as_str()));
        assert_eq!(seen.only("tracestate"), Some("vendor=a=b, other=1"));
    }
}

#[tokio::test]
async fn an_upstream_that_is_down_is_an_error_of_the_call_and_of_the_request() {
    let (sts, collector) = (Sts::start().await, Collector::start().await);
    let vacant = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let proxy = proxy(&sts, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())]).await;
    send(proxy.proxy, get("/", &[("x-upstream-host", &vacant)])).await;
    stop(proxy).await;
    let spans = collector.spans();
    let failed: Vec<&Span> = spans.iter().filter(|span| span.name == "GET").collect();
    assert_eq!(failed.len(), 2, "{spans:?}");
    for span in failed {
        assert_eq!(span.status.as_ref().unwrap().code, 2);
        let error = attribute(&span.attributes, "error.type");
        assert_eq!(error, Some(&Value::StringValue("upstream_connect".to_owned())));
    }
}

#[tokio::test]
async fn a_malformed_context_begins_a_new_trace_and_an_unsampled_one_leaves_no_span() {
    let (sts, upstream, collector) = (Sts::start().await, Upstream::echo().await, Collector::start().await);
    let proxy = proxy(&sts, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())]).await;
    let (malformed, unsampled) = (format!("00-{TRACE}-{CALLER}"), format!("00-{TRACE}-{CALLER}-00"));
    for parent in [&malformed, &unsampled] {
        let name = upstream.authority();
        let headers = [("x-upstream-host", &*name), ("traceparent", parent), ("tracestate", "a=b")];
        send(proxy.proxy, get("/", &headers)).await;
    }
    stop(proxy).await;
    let seen = upstream.seen();
    assert!(!seen[0].only("traceparent").unwrap().contains(TRACE));
    assert_eq!(seen[0].only("tracestate"), None);
    let parent = seen[1].only("traceparent").unwrap();
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-00"), "{parent}");
    assert!(!parent.contains(CALLER) && seen[1].only("tracestate") == Some("a=b"));
    let spans = collector.spans();
    assert!(!spans.is_empty() && spans.iter().all(|span| hex(&span.trace_id) != TRACE), "{spans:?}");
}

#[tokio::test]
async fn without_a_collector_a_callers_context_passes_unchanged_and_is_logged() {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let mut proxy = proxy(&sts, &[("OTEL_SERVICE_NAME", "x")]).await;
    let (good, odd) = (format!("00-{TRACE}-{CALLER}-01"), "anything".to_owned());
    for parent in [&good, &odd] {
        let name = upstream.authority();
        let headers = [("x-upstream-host", &*name), ("traceparent", parent), ("tracestate", "a=b")];
        send(proxy.proxy, get("/", &headers)).await;
        assert_eq!(upstream.seen().last().unwrap().only("traceparent"), Some(parent.as_str()));
        assert_eq!(upstream.seen().last().unwrap().only("tracestate"), Some("a=b"));
    }
    let line = proxy.logged(|line| line["msg"] == "request").await;
    assert_eq!(line["trace_id"], TRACE);
}

#[tokio::test]
async fn the_collector_gets_the_metrics_of_the_scrape_with_headers_and_resource() {
    let (sts, upstream, collector) = (Sts::start().await, Upstream::echo().await, Collector::start().await);
    let variables = [
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", format!("{}/v1/metrics", collector.url())),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20secret,x-other=1".to_owned()),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test,service.name=overridden".to_owned()),
        ("OTEL_SERVICE_NAME", "payments".to_owned()),
    ];
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let proxy = proxy(&sts, &variables).await;
    for _ in 0..3 {
        send(proxy.proxy, get("/", &[("x-upstream-host", &upstream.authority())])).await;
    }
    let scraped = scrape(&proxy).await;
    stop(proxy).await;

    assert_eq!(collector.spans(), []);
    let (_, headers, body) = collector.received.lock().unwrap().last().unwrap().clone();
    assert!(headers["x-key"] == "a secret" && headers["x-other"] == "1", "{headers:?}");
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let mut request = ExportMetricsServiceRequest::decode(body).unwrap();
    let pushed = request.resource_metrics.remove(0);
    let resource = pushed.resource.unwrap().attributes;
    for (key, value) in [("service.name", "payments"), ("deployment.environment", "test")] {
        assert_eq!(attribute(&resource, key), Some(&Value::StringValue(value.to_owned())));
    }
    let mut compared = 0;
    for metric in pushed.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
        let Some(Data::Histogram(histogram)) = metric.data else { continue };
        let family = format!("{}_seconds", metric.name.replace('.', "_"));
        let (count, sum) = histogram
            .data_points
            .iter()
            .fold((0, 0.0), |(count, sum), point| (count + point.count, sum + point.sum.unwrap()));
        assert_eq!(total(&scraped, &format!("{family}_count{{")), count as f64, "{family}");
        assert!((total(&scraped, &format!("{family}_sum{{")) - sum).abs() < 1e-9, "{family}");
        compared += 1;
    }
    assert_eq!(compared, 3);
}

#[tokio::test]
async fn a_call_that_its_caller_abandons_ends_as_an_error() {
    let (sts, collector) = (Sts::start().await, Collector::start().await);
    let upstream = Upstream::scripted(|_| std::future::pending()).await;
    let proxy = proxy(&sts, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())]).await;
    let (sender, connection) = http2(proxy.proxy).await;
    let request = http::Request::get("http://p/").header("x-upstream-host", upstream.authority());
    let answer = sender.clone().send_request(request.body(Default::default()).unwrap());
    let asking = spawn(async { answer.await.map(drop).unwrap_or_default() });
    upstream.requests(1).await;
    drop((asking, connection));
    stop(proxy).await;
    let spans = collector.spans();
    let requests = spans.iter().filter(|span| span.name == "GET");
    let errors: Vec<_> = requests.map(|span| attribute(&span.attributes, "error.type")).collect();
    let gone = Value::StringValue("client_gone".to_owned());
    assert_eq!(errors, [Some(&gone), Some(&gone)], "the caller's request and the call of the upstream");
}

fn total(scrape: &str, series: &str) -> f64 {
    let values = scrape.lines().filter(|line| line.starts_with(series));
    values.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn an_https_collector_is_verified_as_upstreams_are() {
    let (sts, certificates) = (Sts::start().await, Certificates::new("otel"));
    // HTTP/2 is on offer and not taken.
    let collector = Collector::over(Some(certificates.acceptor(&["h2", "http/1.1"]))).await;
    let (endpoint, authority) = (collector.url(), certificates.path("ca.pem"));
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint), ("OTEL_METRIC_EXPORT_INTERVAL", "50")];
    let mut strange = proxy(&sts, &variables).await;
    let line = strange.logged(|line| line["msg"] == "telemetry is not delivered").await;
    assert!(line["error"].as_str().unwrap().contains("certificate"), "{line}");
    assert!(collector.bodies("/v1/metrics").is_empty());
    let known = proxy(&sts, &[&variables[..], &[("ATTACHE_UPSTREAM_CA_CERT", &authority)]].concat()).await;
    collector.server.requests(2).await;
    stop(known).await;
    assert!(collector.bodies("/v1/metrics").len() >= 2);
}

#[tokio::test]
async fn a_collector_that_is_away_is_one_line_and_another_when_it_is_back() {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let endpoint = format!("http://{address}");
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint), ("OTEL_METRIC_EXPORT_INTERVAL", "50")];
    let mut proxy = proxy(&sts, &variables).await;
    let line = proxy.logged(|line| line["msg"] == "telemetry is not delivered").await;
    assert_eq!((&line["code"], &line["signal"]), (&json!("collector_unreachable"), &json!("metrics")));
    assert!(line["error"].as_str().unwrap().contains("refused"), "{line}");
    let name = upstream.authority();
    assert_eq!(send(proxy.proxy, get("/", &[("x-upstream-host", &name)])).await.status, StatusCode::OK);

    let collector = Upstream::scripted_at(address, |_| async { text("") }).await;
    let again = proxy.logged(|line| line["msg"] == "telemetry is delivered again").await;
    assert!(again["failures"].as_u64().unwrap() >= 1, "{again}");
    drop(collector);
    let log = proxy.log();
    let away = |line: &&serde_json::Value| {
        line["msg"] == "telemetry is not delivered" && line["signal"] == "metrics"
    };
    assert!(log.iter().filter(away).count() <= 2, "{log:?}");
    assert!(!log.iter().any(|line| line.get("logger").is_some()), "{log:?}");
}
