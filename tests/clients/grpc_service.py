"""A gRPC service without generated code: messages are bytes.

Usage: grpc_service.py CERTIFICATE KEY. Speaks TLS, prints its port and serves until it is ended.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

# Calls whose end was not the service's own doing.
cancelled = threading.Semaphore(0)


def echo(message, context):
    metadata = dict(context.invocation_metadata())
    context.set_trailing_metadata([("seen-authorization", metadata["authorization"])])
    return message


def fail(_message, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "kein Käse, 100 %")


def collect(messages, _context):
    return b"".join(messages)


def count(message, _context):
    for number in range(int(message)):
        yield b"%d" % number


def converse(messages, _context):
    yield from messages


def hang(_message, context):
    """Sends one message, and then nothing until the caller is gone."""
    gone = threading.Event()

    # Not behind the wait: where the caller goes at once, grpcio never comes back to this function.
    def note():
        gone.set()
        cancelled.release()

    context.add_callback(note)
    yield b"begun"
    gone.wait()


def was_cancelled(_message, _context):
    return b"yes" if cancelled.acquire(timeout=15) else b"no"


METHODS = {
    "Echo": grpc.unary_unary_rpc_method_handler(echo),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "WasCancelled": grpc.unary_unary_rpc_method_handler(was_cancelled),
    "Collect": grpc.stream_unary_rpc_method_handler(collect),
    "Count": grpc.unary_stream_rpc_method_handler(count),
    "Hang": grpc.unary_stream_rpc_method_handler(hang),
    "Converse": grpc.stream_stream_rpc_method_handler(converse),
}


def main(certificate, key):
    server = grpc.server(ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Service", METHODS)])
    with open(certificate, "rb") as chain, open(key, "rb") as private:
        credentials = grpc.ssl_server_credentials([(private.read(), chain.read())])
    print(f"port={server.add_secure_port('localhost:0', credentials)}", flush=True)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
