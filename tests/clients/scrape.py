"""A Prometheus client against a running proxy: every metric that dashboards are built on is there, with its labels.

Usage: scrape.py PROXY METRICS, for example http://127.0.0.1:8080 http://127.0.0.1:9090/metrics. The proxy must be
fresh, speak http to its upstreams, let its callers name 127.0.0.1, localhost and 169.254.169.254 by any port but open
the addresses of the first two only; and its STS must refuse tokens for http://localhost. Prints one line a check, and
stops with status 1 at the first that fails.
"""

import http.client
import socket
import sys
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client.parser import text_string_to_metric_families

SCOPE = {"otel_scope_name": "attache", "otel_scope_version": None, "otel_scope_schema_url": None}
# Type, labels that every series has, labels that some have; names as the parser tells them, counters without _total.
CONTRACT = {
    "http_server_request_duration_seconds": (
        "histogram", {"http_request_method", "http_response_status_code"}, set()),
    "http_server_active_requests": ("gauge", set(), set()),
    "http_client_request_duration_seconds": (
        "histogram", {"server_address", "token_result"}, {"server_port", "error_type"}),
    "token_fetch_count": ("counter", {"audience", "result"}, {"error_class"}),
    "token_fetch_duration_seconds": ("histogram", {"audience"}, set()),
    "token_cache_hit_count": ("counter", {"audience"}, set()),
    "token_cache_miss_count": ("counter", {"audience"}, set()),
    "token_cached_audiences": ("gauge", set(), set()),
    "token_expiry_timestamp_seconds": ("gauge", {"audience"}, set()),
    "token_clock_skew_seconds": ("gauge", set(), set()),
    "policy_denied": ("counter", {"reason"}, set()),
    "token_refresh_skew_seconds": ("gauge", set(), set()),
    "token_cache_capacity": ("gauge", set(), set()),
    "attache_build_info": ("gauge", {"version", "target"}, set()),
    "process_cpu_seconds": ("counter", set(), set()),
    "process_resident_memory_bytes": ("gauge", set(), set()),
    "process_virtual_memory_bytes": ("gauge", set(), set()),
    "process_open_fds": ("gauge", set(), set()),
    "process_max_fds": ("gauge", set(), set()),
    "process_start_time_seconds": ("gauge", set(), set()),
    "tokio_workers": ("gauge", set(), set()),
    "tokio_alive_tasks": ("gauge", set(), set()),
    "tokio_global_queue_depth": ("gauge", set(), set()),
}
HTTP_BUCKETS = {"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1", "2.5",
                "5", "7.5", "10", "+Inf"}


class Failed(Exception):
    """A check that did not hold."""


def check(what, holds, seen=""):
    if not holds:
        raise Failed(f"{what}: {seen}")
    print(f"ok  {what}")


class Upstream(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if self.path == "/unwell" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_BREW = do_GET

    def log_message(self, *_):
        pass


def upstream():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def send(proxy, name, method="GET", path="/"):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(proxy).netloc, timeout=20)
    connection.request(method, path, headers={"X-Upstream-Host": name} if name else {})
    status = connection.getresponse().status
    connection.close()
    return status


def traffic(proxy):
    """One request of every kind that metrics tell apart, and their statuses."""
    port, silent = upstream(), free_port()
    kinds = {
        "a request": (200, f"127.0.0.1:{port}"),
        "a second": (200, f"127.0.0.1:{port}"),
        "an upstream's own 503": (503, f"127.0.0.1:{port}", "GET", "/unwell"),
        "a method of its own": (200, f"127.0.0.1:{port}", "BREW"),
        "an upstream that does not listen": (502, f"127.0.0.1:{silent}"),
        "a token that STS refuses": (502, f"localhost:{port}"),
        "no upstream named": (400, None),
        "a host that is not allowed": (403, "api.example.com"),
        "an address that is not allowed": (403, "169.254.169.254"),
    }
    for kind, (status, *request) in kinds.items():
        answered = send(proxy, *request)
        check(f"{kind} is answered {status}", answered == status, answered)
    return len(kinds), str(port), str(silent)


def scrape(url, requests):
    """The families once all requests are counted: a caller may have its answer a moment before that."""
    deadline = time.monotonic() + 10
    while True:
        with urllib.request.urlopen(url, timeout=20) as answer:
            content_type, text = answer.headers["Content-Type"], answer.read().decode()
        families = {family.name: family for family in text_string_to_metric_families(text)}
        name = "http_server_request_duration_seconds"
        samples = families[name].samples if name in families else []
        counted = sum(sample.value for sample in samples if sample.name.endswith("_count"))
        if counted == requests:
            return content_type, families
        if time.monotonic() > deadline:
            raise Failed(f"{requests} requests are counted as {counted}")
        time.sleep(0.05)


def looks_at_families(families):
    for name, (kind, required, optional) in CONTRACT.items():
        check(f"{name} is there", name in families, sorted(families))
        family = families[name]
        check(f"  a {kind}", family.type == kind, family.type)
        check("  with help", bool(family.documentation))
        for sample in family.samples:
            labels = set(sample.labels) - set(SCOPE) - {"le"}
            if not required <= labels <= required | optional:
                raise Failed(f"{sample.name} has the labels {sorted(labels)}")
            for scope, value in SCOPE.items():
                if scope not in sample.labels or value not in (None, sample.labels[scope]):
                    raise Failed(f"{sample.name} has no {scope}: {sample.labels}")
        print(f"ok    with the labels {', '.join(sorted(required | optional)) or '(none)'} and the scope's")


def looks_at_values(families, port, silent):
    def value(name, **labels):
        found = [
            sample.value
            for family in families.values()
            for sample in family.samples
            if sample.name == name and {k: v for k, v in sample.labels.items() if k not in SCOPE} == labels
        ]
        return found[0] if len(found) == 1 else f"{len(found)} series"

    ours, denied = "http://127.0.0.1", "http://localhost"
    server, client = "http_server_request_duration_seconds_count", "http_client_request_duration_seconds_count"
    for seen, wanted in (
        (value(server, http_request_method="GET", http_response_status_code="200"), 2),
        (value(server, http_request_method="GET", http_response_status_code="503"), 1),
        (value(server, http_request_method="_OTHER", http_response_status_code="200"), 1),
        (value(server, http_request_method="GET", http_response_status_code="502"), 2),
        (value(server, http_request_method="GET", http_response_status_code="403"), 2),
        (value(server, http_request_method="GET", http_response_status_code="400"), 1),
        (value("http_server_active_requests"), 0),
        (value(client, server_address="127.0.0.1", server_port=port, token_result="ok"), 4),
        (value(client, server_address="127.0.0.1", server_port=silent, token_result="ok",
               error_type="connection_refused"), 1),
        (value(client, server_address="localhost", server_port=port, token_result="fetch_error"), 1),
        (value("token_fetch_count_total", audience=ours, result="ok"), 1),
        (value("token_fetch_count_total", audience=denied, result="error", error_class="AccessDenied"), 1),
        (value("token_cache_hit_count_total", audience=ours), 4),
        (value("token_cache_miss_count_total", audience=ours), 1),
        (value("token_cache_miss_count_total", audience=denied), 1),
        (value("token_cached_audiences"), 2),
        (value("policy_denied_total", reason="host"), 1),
        (value("policy_denied_total", reason="address"), 1),
        (value("token_refresh_skew_seconds"), 300),
        (value("token_cache_capacity"), 1000),
    ):
        if seen != wanted:
            raise Failed(f"{seen} instead of {wanted} in {families}")
    print("ok  every request is counted where it belongs")
    life = value("token_expiry_timestamp_seconds", audience=ours) - time.time()
    check("the token's expiry is an hour away", 3500 < life <= 3600, life)
    age = time.time() - value("process_start_time_seconds")
    check("the process began a moment ago", 0 <= age < 600, age)
    for name in ("cpu_seconds_total", "resident_memory_bytes", "virtual_memory_bytes", "open_fds", "max_fds"):
        check(f"process_{name} has a value", value(f"process_{name}") > 0, value(f"process_{name}"))
    for name in ("http_server_request_duration_seconds", "http_client_request_duration_seconds"):
        buckets = {s.labels["le"].removesuffix(".0") for s in families[name].samples if s.name.endswith("_bucket")}
        check(f"{name} has the buckets of the contract", buckets == HTTP_BUCKETS, sorted(buckets))


def main(proxy, metrics):
    requests, port, silent = traffic(proxy)
    content_type, families = scrape(metrics, requests)
    check("it is the Prometheus text format", content_type.startswith("text/plain; version=0.0.4"), content_type)
    looks_at_families(families)
    looks_at_values(families, port, silent)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        main(sys.argv[1].rstrip("/"), sys.argv[2])
    except Failed as failure:
        sys.exit(f"FAILED  {failure}")
