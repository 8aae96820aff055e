"""A collector made of OpenTelemetry's own protocol definitions, and a caller with OpenTelemetry's own SDK: the spans that
arrive belong to the caller's trace, and the metrics are those of the scrape.

Usage: otlp.py ATTACHE. The environment names an STS, as start.sh's start_emulator does. Prints one line a check, and stops
with status 1 at the first that fails.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry import trace
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client.parser import text_string_to_metric_families

REQUESTS = 3
# What changes between the scrape and the last push.
MOVING = ("process.", "tokio.")
SUFFIXES = {"s": "_seconds", "By": "_bytes"}


class Failed(Exception):
    """A check that did not hold."""


def check(what, holds, seen=""):
    if not holds:
        raise Failed(f"{what}: {seen}")
    print(f"ok  {what}")


class Collector(BaseHTTPRequestHandler):
    """Keeps what it gets, by path."""

    protocol_version = "HTTP/1.1"
    received = {"/v1/traces": [], "/v1/metrics": []}
    headers_seen = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received[self.path].append(body)
        self.headers_seen.append(self.headers)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Upstream(BaseHTTPRequestHandler):
    parents = []

    def do_GET(self):
        self.parents.append(self.headers["traceparent"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def start(attache, collector, upstream):
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector}",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=a%20b",
        "OTEL_SERVICE_NAME": "payments",
    }
    flags = ["--listen-addr", "127.0.0.1:0", "--metrics-listen-addr", "127.0.0.1:0", "--upstream-scheme", "http",
             "--upstream-host", f"127.0.0.1:{upstream}"]
    proxy = subprocess.Popen([attache, *flags], env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True)
    for line in proxy.stdout:
        said = json.loads(line)
        if said["msg"] == "listening":
            threading.Thread(target=proxy.stdout.read, daemon=True).start()
            return proxy, said["listen_addr"], said["metrics_listen_addr"]
    raise Failed("attache ended instead of listening")


def call(address):
    """Calls as a traced program does. Answers the ids of its trace and span."""
    provider = TracerProvider()
    with provider.get_tracer("caller").start_as_current_span("caller"):
        headers = {}
        TraceContextTextMapPropagator().inject(headers)
        connection = http.client.HTTPConnection(address, timeout=20)
        for _ in range(REQUESTS):
            connection.request("GET", "/v1/things?key=secret", headers=headers)
            answer = connection.getresponse()
            answer.read()
            check("a request is answered 200", answer.status == 200, answer.status)
        connection.close()
        context = trace.get_current_span().get_span_context()
        return context.trace_id.to_bytes(16), context.span_id.to_bytes(8)


def scraped(address):
    """Values by name and labels, the scope's left out."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    samples = [sample for family in families for sample in family.samples]
    return {key(sample.name, sample.labels): sample.value for sample in samples}


def key(name, labels):
    return name, frozenset((k, str(v)) for k, v in labels.items() if not k.startswith("otel_scope_"))


def pushed(body):
    """The same of what was pushed, under the names of the scrape."""
    values = {}
    for metric in each(ExportMetricsServiceRequest.FromString(body).resource_metrics, "scope_metrics", "metrics"):
        if metric.name.startswith(MOVING):
            continue
        name = metric.name.replace(".", "_") + SUFFIXES.get(metric.unit, "")
        kind = metric.WhichOneof("data")
        for point in getattr(metric, kind).data_points:
            labels = {a.key.replace(".", "_"): getattr(a.value, a.value.WhichOneof("value")) for a in point.attributes}
            if kind == "histogram":
                values[key(f"{name}_count", labels)] = point.count
                values[key(f"{name}_sum", labels)] = point.sum
                total = 0
                for bound, count in zip([*point.explicit_bounds, "+Inf"], point.bucket_counts, strict=True):
                    total += count
                    le = bound if bound == "+Inf" else f"{bound:g}"
                    values[key(f"{name}_bucket", {**labels, "le": le})] = total
            else:
                total = "_total" if kind == "sum" and metric.sum.is_monotonic else ""
                values[key(name + total, labels)] = getattr(point, point.WhichOneof("value"))
    return values


def each(items, *fields):
    for field in fields:
        items = [inner for item in items for inner in getattr(item, field)]
    return items


def looks_at_spans(bodies, trace_id, span_id):
    spans = [span for body in bodies
             for span in each(ExportTraceServiceRequest.FromString(body).resource_spans, "scope_spans", "spans")]
    check(f"{len(spans)} spans arrived", len(spans) >= 2 * REQUESTS, len(spans))
    check("  each of the caller's trace", {span.trace_id for span in spans} == {trace_id})
    servers = [span for span in spans if span.kind == span.SPAN_KIND_SERVER]
    check("  a server span a request", len(servers) == REQUESTS, len(servers))
    check("  whose parent is the caller's", {span.parent_span_id for span in servers} == {span_id})
    clients = [span for span in spans if span.kind == span.SPAN_KIND_CLIENT]
    check("  a client span each, within it", sorted(s.parent_span_id for s in clients) == sorted(s.span_id for s in servers))
    named = sorted(parent.split("-")[2] for parent in Upstream.parents)
    check("  which the upstream was told", named == sorted(span.span_id.hex() for span in clients), named)
    check("  and no query in any", not any(b"secret" in body for body in bodies))


def main(attache):
    collector, upstream = serve(Collector), serve(Upstream)
    proxy, address, metrics = start(attache, collector, upstream)
    try:
        trace_id, span_id = call(address)
        seen = scraped(metrics)
        proxy.send_signal(signal.SIGTERM)
        check("attache ends in peace", proxy.wait(timeout=20) == 0)
    finally:
        proxy.kill()
    check("each delivery has the configured header", {h["x-tenant"] for h in Collector.headers_seen} == {"a b"})
    looks_at_spans(Collector.received["/v1/traces"], trace_id, span_id)
    values = pushed(Collector.received["/v1/metrics"][-1])
    moving = tuple(name.replace(".", "_") for name in MOVING)
    seen = {key: value for key, value in seen.items() if not key[0].startswith(moving)}
    # One program prints a bound as 1, the other as 1.0.
    seen = {(name, frozenset((k, f"{float(v):g}" if k == "le" and v != "+Inf" else v) for k, v in labels)): value
            for (name, labels), value in seen.items()}
    check(f"{len(values)} values were pushed", len(values) > 50)
    check("  and the same were scraped", values == seen, set(values.items()) ^ set(seen.items()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1])
    except Failed as failure:
        sys.exit(f"FAILED  {failure}")
