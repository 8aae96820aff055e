"""An upstream that streams: events at a pace, long bodies, digests of what it is sent. Prints its port."""

import hashlib
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

MEBIBYTE = b"x" * (1 << 20)


class Server(ThreadingHTTPServer):
    # Hundreds of connections may come at once.
    request_queue_size = 1024


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Or the system waits for more before it sends a small event.
    disable_nagle_algorithm = True

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        match url.path.split("/")[1:]:
            case ["events"]:
                self.events(float(query["every"]), int(query["count"]))
            case ["download"]:
                self.download(int(query["mebibytes"]))
            case ["slow"]:
                time.sleep(float(query["seconds"]))
                self.answer(200, b"at last")
            case ["status", status]:
                self.answer(int(status), b"")
            case ["headers"]:
                self.answer(200, json.dumps(self.headers.items()).encode())
            case _:
                self.answer(404, b"")

    def do_HEAD(self):
        self.answer(200, b"0" * 64)

    def do_POST(self):
        digest = hashlib.sha256()
        for piece in self.body():
            digest.update(piece)
        self.answer(200, digest.hexdigest().encode())

    do_PUT = do_POST

    def answer(self, status, body):
        self.send_response(status)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def events(self, every, count):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(count):
            event = b"data: %d\n\n" % number
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            time.sleep(every)
        self.wfile.write(b"0\r\n\r\n")

    def download(self, mebibytes):
        self.send_response(200)
        self.send_header("Content-Length", str(mebibytes << 20))
        self.end_headers()
        for _ in range(mebibytes):
            self.wfile.write(MEBIBYTE)

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            rest = int(self.headers.get("Content-Length", "0"))
            while rest and (piece := self.rfile.read(min(rest, 1 << 20))):
                rest -= len(piece)
                yield piece
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    print(f"port={server.server_address[1]}", flush=True)
    server.serve_forever()
