"""The ways to fail that alerts.py goes through: each is a proxy with an STS of its own, traffic while it is well, what then
happens to it, and the alerts that have to come of it.
"""

import http.client
import itertools
import json
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3

# Renewed 20 to 22 s before its end, so that a renewal that fails is noticed soon.
SHORT_TOKENS = ["--token-life", "30s"]
SHORT_SKEW = ["--token-refresh-skew", "20s"]
# What comes of it when an audience gets no more tokens, beside the reason.
NO_MORE_TOKENS = {"AttacheTokenNotRenewed", "AttacheNoToken", "AttacheRequestsWithoutToken", "AttacheErrorRatio"}
WITHOUT_TOKEN = {"AttacheRequestsWithoutToken", "AttacheErrorRatio"}


class Failed(Exception):
    """A check that did not hold."""


class Upstream(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(6 if self.path == "/slow" else 0)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def upstream():
    """On every address of the machine, so that each of 127.0.0.0/8 is a host of its own."""
    server = Server(("0.0.0.0", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def scenarios(attache):
    """By name, each with an upstream that it may share."""
    shared = upstream()
    lost = upstream()
    port = shared.server_port
    pinned = ["--upstream-host", f"127.0.0.1:{port}"]
    named = ["--allow-address", "127.0.0.0/8"]
    home = f"127.0.0.1:{port}"

    def proxy(*arguments, **more):
        return Scenario(attache, *arguments, **more)

    def home_and_more(hosts, count=1):
        """Some more of these in each round once it fails."""
        return lambda failing: [home, *(itertools.islice(hosts, count) if failing else [])]

    # A series is seen to count from its second value on, so these come again.
    def a_few():
        return itertools.cycle([f"127.0.0.{n}:{port}" for n in range(2, 12)])

    return {
        "well": proxy(set(), pinned),
        "outage": proxy({"AttacheStsFailing ServiceUnavailable"} | NO_MORE_TOKENS, pinned + SHORT_SKEW, SHORT_TOKENS,
                        fault=lambda it, _: it.faults(outage=503)),
        "denied": proxy({"AttacheStsDenied AccessDenied"} | NO_MORE_TOKENS, pinned + SHORT_SKEW, SHORT_TOKENS,
                        fault=lambda it, _: it.faults(error="AccessDenied")),
        "federation disabled": proxy(
            {"AttacheStsDenied OutboundWebIdentityFederationDisabledException"} | NO_MORE_TOKENS, pinned + SHORT_SKEW,
            SHORT_TOKENS, fault=lambda it, _: it.disable_federation()),
        "throttled": proxy({"AttacheStsThrottled"} | WITHOUT_TOKEN, named,
                           hosts=home_and_more(a_few()), fault=lambda it, _: it.faults(throttle=True)),
        "STS hangs": proxy({"AttacheStsFailing transport"} | WITHOUT_TOKEN, [*named, "--token-fetch-timeout", "1s"],
                           hosts=home_and_more(a_few()), fault=lambda it, _: it.faults(hang=True)),
        "clock": proxy({"AttacheClockSkew"}, pinned + SHORT_SKEW, SHORT_TOKENS,
                       fault=lambda it, _: it.faults(clock_offset_seconds=120, mint_algorithm="ES384")),
        "cache full": proxy({"AttacheTokenCacheFull"}, [*named, "--token-cache-capacity", "5"],
                            hosts=home_and_more(a_few())),
        "many hosts": proxy({"AttacheSeriesOverflow"}, [*named, "--token-audience", "https://api.example.com"],
                            hosts=home_and_more(new_hosts(port), 50)),
        "refused": proxy({"AttachePolicyDenials host", "AttachePolicyDenials address"},
                         [*named, "--allow-host", home, "--allow-host", "169.254.169.254"],
                         hosts=lambda failing: [home, "127.0.0.2", "169.254.169.254"] if failing else [home]),
        "slow": proxy({"AttacheLatency"}, pinned, path="/slow", callers=3),
        "upstream gone": proxy({"AttacheUpstreamErrors", "AttacheErrorRatio"},
                               ["--upstream-host", f"127.0.0.1:{lost.server_port}"],
                               fault=lambda *_: (lost.shutdown(), lost.server_close())),
        "restarts": proxy({"AttacheRestarts"}, pinned, fault=restart_thrice),
        "files": proxy({"AttacheFileDescriptors"}, [*pinned, "--max-connections", "1000"], files=200, fault=fill_up),
        # It also shows the dashboard the metrics of a file and of an exchange.
        "file": proxy({"AttacheConfigFileRejected"}, file=lambda sts: routes(sts, home), fault=spoil_file),
        "down": proxy({"AttacheDown"}, pinned, fault=lambda it, _: it.end()),
    }


def routes(sts, upstream):
    """A configuration file whose only route has a credential that a party gives."""
    return f"""
[credentials.claude.exchange]
preset = "anthropic"
token-endpoint = "{sts}/parties/anthropic/v1/oauth/token"
federation-rule-id = "fdrl_emulator"
organization-id = "00000000-0000-4000-8000-000000000001"

[listeners.all]
address = "127.0.0.1:0"

[routes.claude]
upstream = "http://{upstream}"
credential = "claude"
"""


def new_hosts(port):
    """A new host each time, and so a new audience; none that is used otherwise."""
    for a, b, c in itertools.product(range(1, 9), range(256), range(1, 255)):
        yield f"127.{a}.{b}.{c}:{port}"


class Scenario:
    def __init__(self, attache, alerts, flags=(), emulator_flags=(), *, hosts=lambda _: [None], file=None, fault=None, path="/", callers=1,
                 files=1024):
        self.attache = attache
        self.alerts = alerts
        self.flags = ["--listen-addr", "127.0.0.1:0", "--upstream-scheme", "http", *flags]
        # Called with the URL of STS: the content of a configuration file, which takes the place of the flags.
        self.file = file
        self.emulator_flags = emulator_flags
        # Called with whether it fails already: whom a round of requests goes to.
        self.hosts = hosts
        self.fault = fault
        self.path = path
        self.callers = callers
        self.files = files
        self.failing = self.ended = False
        self.processes = []
        self.connections = []

    def start(self):
        emulator, found = self.run("emulator", ["emulator", "--listen-addr", "127.0.0.1:0", *self.emulator_flags],
                                   r"AWS_ENDPOINT_URL_STS=(\S+)")
        self.emulator = found[1]
        if self.file:
            self.config = tempfile.NamedTemporaryFile("w", suffix=".toml")
            self.config.write(self.file(self.emulator))
            self.config.flush()
            self.flags = ["--config-file", self.config.name]
        self.start_proxy("127.0.0.1:0")
        for _ in range(self.callers):
            threading.Thread(target=self.call, daemon=True).start()

    def start_proxy(self, metrics):
        flags = ["--metrics-listen-addr", metrics, *self.flags]
        self.proxy, found = self.run("proxy", flags, r'"listen_addr":"([^"]+)".*"metrics_listen_addr":"([^"]+)"')
        self.address, self.metrics = found.groups()

    def run(self, what, flags, expression):
        """Starts the program and waits for a line. Answers both."""
        variables = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
                     "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL_STS": getattr(self, "emulator", "")}
        command = ["sh", "-c", f'ulimit -n {self.files} && exec "$@"', "sh", self.attache, *flags]
        # What the emulator says there is for people.
        errors = subprocess.DEVNULL if what == "emulator" else None
        process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.processes.append(process)
        for line in process.stdout:
            if found := re.search(expression, line):
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return process, found
        raise Failed(f"the {what} ended instead of listening")

    def call(self):
        """Rounds of requests, for as long as it lives."""
        while not self.ended:
            for host in self.hosts(self.failing):
                self.request(host, self.path if self.failing else "/")
            time.sleep(0.1)

    def request(self, host, path):
        connection = http.client.HTTPConnection(self.address, timeout=20)
        try:
            connection.request("GET", path, headers={"X-Upstream-Host": host} if host else {})
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            # The alerts are looked at, and a proxy that is down answers nothing.
            pass
        finally:
            connection.close()

    def fail(self, prometheus):
        self.failing = True
        if self.fault:
            self.fault(self, prometheus)

    def faults(self, **fields):
        request = urllib.request.Request(f"{self.emulator}/_emulator/faults", json.dumps(fields).encode(), method="PATCH")
        urllib.request.urlopen(request, timeout=20).close()

    def disable_federation(self):
        iam = boto3.client("iam", endpoint_url=self.emulator, region_name="eu-central-1", aws_access_key_id="AKIAEXAMPLE",
                           aws_secret_access_key="secret")
        iam.disable_outbound_web_identity_federation()

    def end(self):
        self.ended = True
        for process in self.processes:
            process.kill()
            process.wait()


def restart_thrice(scenario, prometheus):
    """Under the same address, and seen by Prometheus each time."""
    for times in range(1, 4):
        scenario.proxy.kill()
        scenario.proxy.wait()
        scenario.start_proxy(scenario.metrics)
        deadline = time.monotonic() + 60
        while not prometheus.query(f'changes(process_start_time_seconds{{instance="restarts"}}[1h]) >= {times}'):
            if time.monotonic() > deadline:
                raise Failed(f"restart {times} is not seen")
            time.sleep(0.2)


def spoil_file(scenario, _):
    scenario.config.write("[routes")
    scenario.config.flush()


def fill_up(scenario, prometheus):
    """Opens connections until nine in ten of the files are."""
    open_already = float(prometheus.query('process_open_fds{instance="files"}')[0]["value"][1])
    for _ in range(int(0.9 * scenario.files - open_already)):
        connection = http.client.HTTPConnection(scenario.address, timeout=20)
        connection.connect()
        scenario.connections.append(connection)
