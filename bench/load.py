"""Calls through a proxy, as wrk and h2load make them, and whether every answer was right."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from ssl import create_default_context

REPORT = Path(__file__).with_name("report.lua")


@dataclass
class Load:
    """What one run measured."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float


def probe(url, ca, headers, length):
    """One request, looked at closely, before many that are only counted."""
    context = create_default_context(cafile=ca) if ca else None
    request = urllib.request.Request(url, headers=headers | {"Authorization": "Bearer of-the-caller"})
    try:
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            body = answer.read()
    except OSError as error:
        sys.exit(f"{url}: {error}")
    if body != b"x" * length:
        sys.exit(f"{url} answered with {len(body)} bytes")


def wrk(url, connections, seconds, length, cores, hosts=0, port=0):
    """HTTP/1.1 with keep-alive. Fails unless every answer is 2xx and has brought its body."""
    command = [
        "taskset",
        "-c",
        cores,
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
        "-s",
        REPORT,
        url,
    ]
    environment = os.environ | {"ATTACHE_BENCH_HOSTS": str(hosts), "ATTACHE_BENCH_PORT": str(port)}
    said = subprocess.run(command, env=environment, capture_output=True, text=True)
    if said.returncode:
        sys.exit(f"wrk: {said.stdout}{said.stderr}")
    seen = json.loads(said.stdout.splitlines()[-1])
    if seen["failed"] or seen["bytes"] < seen["requests"] * length:
        sys.exit(f"wrk saw wrong answers: {said.stdout}")
    return Load(seen["requests"], seen["seconds"], seen["p50_ms"], seen["p99_ms"])


def h2load(url, connections, streams, seconds, cores, log):
    """HTTP/2 without TLS. Fails unless every answer is 2xx."""
    log.unlink(missing_ok=True)
    command = [
        "taskset",
        "-c",
        cores,
        "h2load",
        f"-c{connections}",
        f"-m{streams}",
        f"-D{seconds}",
        f"--log-file={log}",
        url,
    ]
    said = subprocess.run(command, capture_output=True, text=True)
    counts = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", said.stdout)
    if said.returncode or not counts or any(int(counts.group(n)) for n in (3, 4)):
        sys.exit(f"h2load: {said.stdout}{said.stderr}")
    # A line for each request: when it began, its status, and its microseconds.
    lines = [line.split("\t") for line in log.read_text().splitlines()]
    if any(not line[1].startswith("2") for line in lines):
        sys.exit(f"h2load saw wrong answers: {said.stdout}")
    times = sorted(int(line[2]) / 1e3 for line in lines)
    return Load(int(counts.group(2)), seconds, times[len(times) // 2], times[len(times) * 99 // 100])
