"""grpcio calls grpc_service.py through attache: every kind of call, its status and trailers, deadlines, cancellation, and
attache's own failures as grpcio understands them.

Usage: grpc_calls.py forwarded PROXY [AUTHORITY] | refused PROXY UPSTREAM
`forwarded` calls through a proxy that is pinned to the service, over TLS where the file of an authority is given.
`refused` calls through one whose callers name upstreams: only localhost and 127.0.0.1 may be named, the service listens
at UPSTREAM, and no token can be had for 127.0.0.1.
"""

import queue
import sys

import grpc

WAIT_LIMIT = 20


class Service:
    """The methods of the service, each as a callable."""

    def __init__(self, channel):
        def method(kind, name):
            return kind(f"/test.Service/{name}")

        self.echo = method(channel.unary_unary, "Echo")
        self.fail = method(channel.unary_unary, "Fail")
        self.was_cancelled = method(channel.unary_unary, "WasCancelled")
        self.collect = method(channel.stream_unary, "Collect")
        self.count = method(channel.unary_stream, "Count")
        self.hang = method(channel.unary_stream, "Hang")
        self.converse = method(channel.stream_stream, "Converse")


def check(name, found, expected):
    if found != expected:
        sys.exit(f"FAILED  {name}: {found!r} instead of {expected!r}")
    print(f"ok  {name}")


def status(call):
    """How a call fails: its code and its message."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


def forwarded(proxy, authority=None):
    if authority:
        with open(authority, "rb") as file:
            channel = grpc.secure_channel(proxy, grpc.ssl_channel_credentials(file.read()))
    else:
        channel = grpc.insecure_channel(proxy)
    service = Service(channel)
    how = "TLS" if authority else "h2c"
    answer, call = service.echo.with_call(b"hello", metadata=[("authorization", "Bearer mine")], timeout=WAIT_LIMIT)
    check(f"{how}: one message there and back", answer, b"hello")
    token = dict(call.trailing_metadata())["seen-authorization"]
    check("  with one token that is not the caller's", (token.count("."), "mine" in token), (2, False))
    large = bytes(3_000_000)
    check("  also a large one", service.echo(large, timeout=WAIT_LIMIT) == large, True)
    check("  the service's own failure", status(lambda: service.fail(b"", timeout=WAIT_LIMIT)), ("NOT_FOUND", "kein Käse, 100 %"))
    check("  many messages, one answer", service.collect(iter([b"a", b"b", b"c"]), timeout=WAIT_LIMIT), b"abc")
    check("  one message, many answers", list(service.count(b"1000", timeout=WAIT_LIMIT))[-1], b"999")
    check("  many of both, each awaited before the next", conversation(service), [b"0", b"1", b"2"])
    late = status(lambda: list(service.hang(b"", timeout=1)))
    check("  a deadline ends the call", late[0], "DEADLINE_EXCEEDED")
    check("    at the service, too", service.was_cancelled(b"", timeout=WAIT_LIMIT), b"yes")
    hanging = service.hang(b"", timeout=WAIT_LIMIT)
    check("  a call that is under way", next(hanging), b"begun")
    hanging.cancel()
    check("    is cancelled at the service", service.was_cancelled(b"", timeout=WAIT_LIMIT), b"yes")


def conversation(service):
    """Sends a message only when the one before has been answered, so that nothing can be held back."""
    waiting = queue.Queue()
    answers = service.converse(iter(waiting.get, None), timeout=WAIT_LIMIT)
    seen = []
    for number in range(3):
        waiting.put(b"%d" % number)
        seen.append(next(answers))
    waiting.put(None)
    return seen + list(answers)


def refused(proxy, upstream):
    service = Service(grpc.insecure_channel(proxy))

    def call(host):
        metadata = [("x-upstream-host", host)] if host else None
        return status(lambda: service.echo(b"hello", metadata=metadata, timeout=WAIT_LIMIT))

    missing = "missing upstream: set --upstream-host or provide X-Upstream-Host"
    check("no upstream named", call(None), ("INVALID_ARGUMENT", missing))
    check("a malformed upstream", call("a/b"), ("INVALID_ARGUMENT", "invalid upstream"))
    check("a forbidden upstream", call("evil.example.com"), ("PERMISSION_DENIED", "upstream not allowed"))
    check("no token", call("127.0.0.1:9"), ("UNAVAILABLE", "token unavailable"))
    check("nothing listens there", call("localhost:9"), ("UNAVAILABLE", "upstream error"))
    metadata = [("x-upstream-host", upstream)]
    # Without a deadline of the caller's own: a longer one counts instead of --upstream-timeout.
    slow = status(lambda: service.was_cancelled(b"", metadata=metadata))
    check("an answer that is late", slow, ("DEADLINE_EXCEEDED", "upstream timeout"))


if __name__ == "__main__":
    {"forwarded": forwarded, "refused": refused}[sys.argv[1]](*sys.argv[2:])
