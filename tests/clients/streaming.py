"""Python's httpx through attache, over HTTP/1.1 and HTTP/2: bodies as they come in both directions, kept connections, and
attache as the HTTP proxy that httpx is told to use.

Usage: streaming.py UPSTREAM PINNED BY_HEADER, three addresses; BY_HEADER is an attache without --upstream-host that may
reach UPSTREAM. Prints one line a check, and stops with status 1 at the first that fails.
"""

import hashlib
import itertools
import os
import statistics
import sys
import time

import httpx

WAIT_LIMIT = 60
EVERY = 0.4
EVENTS = 6


class Failed(Exception):
    """A check that did not hold."""


def check(what, holds, seen=""):
    if not holds:
        raise Failed(f"{what}: {seen}")
    print(f"ok  {what}", flush=True)


def caller(version, **options):
    return httpx.Client(http1=version == 1, http2=version == 2, timeout=WAIT_LIMIT, trust_env=False, **options)


def events_come_as_they_are_sent(http, base, name):
    came = []
    with http.stream("GET", f"{base}/events?every={EVERY}&count={EVENTS}") as answer:
        check(f"{name}: events have their type", answer.headers["content-type"] == "text/event-stream")
        lines = (line for line in answer.iter_lines() if line)
        for number, line in enumerate(lines):
            check(f"{name}: event {number} is whole", line == f"data: {number}", line)
            came.append(time.monotonic())
    check(f"{name}: {EVENTS} events", len(came) == EVENTS, came)
    gaps = [after - before for before, after in itertools.pairwise(came)]
    shown = ", ".join(f"{gap * 1000:.0f}" for gap in gaps)
    # Whoever buffers lets all come at once. A machine that stands still for a moment shifts one of them, hence the median.
    apart = statistics.median(gaps) > EVERY / 2
    check(f"{name}: sent {EVERY * 1000:.0f} ms apart, they come {shown} ms apart", apart, shown)


def bodies_are_whole(http, base, name):
    body = os.urandom(3 << 20)
    pieces = (body[at : at + 70001] for at in range(0, len(body), 70001))
    answer = http.post(f"{base}/digest", content=pieces)
    check(f"{name}: an upload of unknown length", answer.text == hashlib.sha256(body).hexdigest(), answer.text)
    answer = http.post(f"{base}/digest", content=body)
    check(f"{name}: an upload of known length", answer.text == hashlib.sha256(body).hexdigest(), answer.text)
    got = hashlib.sha256()
    with http.stream("GET", f"{base}/download?mebibytes=8") as answer:
        for piece in answer.iter_raw():
            got.update(piece)
    check(f"{name}: a download of 8 MiB", got.hexdigest() == hashlib.sha256(b"x" * (8 << 20)).hexdigest())


def answers_of_every_kind(http, base, name):
    for status in (200, 204, 301, 304, 404, 418, 429, 500, 503):
        answer = http.get(f"{base}/status/{status}")
        unmarked = "proxy-status" not in answer.headers
        check(f"{name}: {status} comes through unmarked", answer.status_code == status and unmarked, answer.headers)
    answer = http.head(f"{base}/digest")
    check(f"{name}: HEAD has a length and no body", answer.headers["content-length"] == "64" and answer.content == b"")


def connections_are_kept(http, base, name):
    answers = (http.get(f"{base}/status/200") for _ in range(50))
    ports = {answer.extensions["network_stream"].get_extra_info("client_addr") for answer in answers}
    check(f"{name}: 50 requests over one connection", len(ports) == 1, ports)


def one_token_arrives(http, base, name, **headers):
    seen = http.get(f"{base}/headers", headers={"Authorization": "Bearer of-the-caller", **headers}).json()
    tokens = [value for field, value in seen if field.lower() == "authorization"]
    check(f"{name}: one token arrives, not the caller's", len(tokens) == 1 and tokens[0].startswith("Bearer ey"), tokens)


PARTS = (one_token_arrives, events_come_as_they_are_sent, bodies_are_whole, answers_of_every_kind)


def main(upstream, pinned, by_header):
    for version in (1, 2):
        name = f"HTTP/{version}"
        with caller(version) as http:
            base = f"http://{pinned}"
            spoken = http.get(f"{base}/status/200").http_version
            check(f"{name} is spoken", spoken == ("HTTP/1.1" if version == 1 else "HTTP/2"), spoken)
            for part in (*PARTS, connections_are_kept):
                part(http, base, name)
            one_token_arrives(http, f"http://{by_header}", f"{name}, named in a header", **{"X-Upstream-Host": upstream})
    # The client is told that attache is its proxy, as with HTTP_PROXY, and names the upstream in the request target.
    with caller(1, proxy=f"http://{by_header}") as http:
        for part in PARTS:
            part(http, f"http://{upstream}", "as HTTP proxy")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (Failed, httpx.HTTPError) as failure:
        sys.exit(f"FAILED  {failure!r}")
