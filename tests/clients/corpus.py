"""The requests that gunicorn's own tests are made of, well-formed and malformed ones, each sent to attache with a second
request behind it, nginx being the upstream. Each is refused, or forwarded so that nginx reads the very requests that
attache meant, with the answers that attache got for them, and no other.

Usage: corpus.py DIRECTORY PROXY ACCESS-LOG NGINX-LOG, where DIRECTORY is tests/requests of gunicorn's source package,
ACCESS-LOG is attache's output with --access-log, and NGINX-LOG has lines "connection status request-line".
"""

import collections
import json
import pathlib
import socket
import sys
import time

MARKER = b"GET /marker HTTP/1.1\r\nhost: proxy.local\r\nconnection: close\r\n\r\n"
# The last answer may come long before its line in a log.
WAIT_LIMIT = 20


def read(file):
    """As gunicorn's tests read them: line ends count only where they are written out."""
    text = file.read_bytes().replace(b"\n", b"")
    for written, meant in ((rb"\r\n", b"\r\n"), (rb"\0", b"\0"), (rb"\n", b"\n"), (rb"\t", b"\t"), (rb"\r", b"\r")):
        text = text.replace(written, meant)
    return text


def converse(proxy, request):
    answer = b""
    with socket.create_connection(proxy, timeout=10) as connection:
        try:
            connection.sendall(request)
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionError:
            pass
    return answer


def sent(log):
    """What attache may have sent, and what it must have. A body that breaks off leaves it open how much nginx has seen."""
    lines = (json.loads(line) for line in log.read_text().splitlines())
    requests = [line for line in lines if line["msg"] == "request" and line["target"]]
    names = [(line["method"], line["path"]) for line in requests]
    answered = [name for name, line in zip(names, requests) if line["status"] == 200]
    return collections.Counter(names), collections.Counter(answered)


def arrived(log):
    lines = (line.split(" ") for line in log.read_text().splitlines())
    return collections.Counter((method, path.partition("?")[0]) for _, _, method, path, _ in lines)


def main(directory, proxy, access_log, nginx_log):
    host, port = proxy.rsplit(":", 1)
    files = sorted(pathlib.Path(directory).glob("*/*.http"))
    counts = collections.Counter()
    for file in files:
        # Without a Host most would be refused for that alone; so each is tried as it is, and with one.
        request = read(file)
        start, separator, rest = request.partition(b"\r\n")
        for variant in {request, start + separator + b"host: proxy.local\r\n" + rest}:
            answer = converse((host, int(port)), variant + MARKER)
            by_nginx = b"\r\nserver: nginx" in answer.partition(b"\r\n\r\n")[0]
            counts["forwarded" if by_nginx else "refused"] += 1
    deadline = time.monotonic() + WAIT_LIMIT
    while True:
        (may, must), came = sent(access_log), arrived(nginx_log)
        agreed = must <= came <= may
        if agreed or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    shown = ", ".join(f"{count} {what}" for what, count in counts.items())
    print(f"{counts.total()} cases of {len(files)} files: {shown}; {came.total()} requests reached nginx")
    if not files or not agreed:
        sys.exit(f"FAILED  nginx read {came - may} besides, and lacks {must - came}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(pathlib.Path, sys.argv[3:5]))
