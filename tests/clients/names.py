"""Serves DNS and, on every address, HTTP; asks attache for names and looks where its requests come out. See names.sh.

Usage: names.py PROXY EMULATOR
"""

import http.client
import ipaddress
import json
import socket
import socketserver
import struct
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ALLOWED = "10.99.0.1"
PORT = 8000
# What each look-up of a name answers; the last answer stays. Each name is asked for both kinds of addresses.
NAMES = {
    "good": [[ALLOWED]],
    "loopback": [["127.0.0.1"]],
    "another-loopback": [["127.1.2.3"]],
    "metadata": [["169.254.169.254"]],
    "this-host": [["0.0.0.0"]],
    "ipv6-loopback": [["::1"]],
    "mapped": [["::ffff:169.254.169.254"]],
    "translated": [["64:ff9b::a9fe:a9fe"]],
    "tunnelled": [["2002:7f00:1::1"]],
    "two-refused": [["127.0.0.1", "169.254.169.254", "::1"]],
    "mixed": [["127.0.0.1", ALLOWED, "::1", "169.254.169.254"]],
    "changes": [[ALLOWED], ["127.0.0.1"]],
    "changes-to-metadata": [[ALLOWED], ["169.254.169.254"]],
    "changes-back": [["127.0.0.1"], [ALLOWED]],
}
A, AAAA = 1, 28
asked = {}
reached = []


class Failed(Exception):
    """A check that did not hold."""


def check(what, holds, seen=""):
    if not holds:
        raise Failed(f"{what}: {seen}")
    print(f"ok  {what}", flush=True)


class Resolver(socketserver.BaseRequestHandler):
    def handle(self):
        query, connection = self.request
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1 : at + 1 + length].decode())
            at += 1 + length
        question = query[12 : at + 5]
        (kind,) = struct.unpack("!H", query[at + 1 : at + 3])
        addresses = [ipaddress.ip_address(text) for text in answers(labels[0].lower(), kind)]
        wanted = [address for address in addresses if address.version == (4 if kind == A else 6)]
        records = b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(address.packed)) + address.packed for address in wanted
        )
        header = query[:2] + struct.pack("!HHHHH", 0x8580, 1, len(wanted), 0, 0)
        connection.sendto(header + question + records, self.client_address)


def answers(name, kind):
    turns = NAMES.get(name, [[]])
    turn = asked.get((name, kind), 0)
    asked[name, kind] = turn + 1
    return turns[min(turn, len(turns) - 1)]


class Everywhere(BaseHTTPRequestHandler):
    def do_GET(self):
        reached.append(self.connection.getsockname()[0].removeprefix("::ffff:"))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class BothFamilies(ThreadingHTTPServer):
    address_family = socket.AF_INET6


def in_background(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()


def ask(proxy, name):
    reached.clear()
    connection = http.client.HTTPConnection(proxy, timeout=60)
    connection.request("GET", "/", headers={"X-Upstream-Host": f"{name}.test:{PORT}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status, list(reached)


def mints(emulator):
    with urllib.request.urlopen(f"{emulator}/_emulator") as answer:
        return json.load(answer)["counters"].get("GetWebIdentityToken", {}).get("received", 0)


def in_time(look, wanted):
    """Looks until it sees what is wanted, which takes as long as an answer is remembered."""
    end = time.monotonic() + 10
    while (seen := look()) != wanted and time.monotonic() < end:
        pass
    return seen == wanted, seen


def main(proxy, emulator):
    in_background(socketserver.ThreadingUDPServer(("127.0.0.1", 53), Resolver))
    in_background(BothFamilies(("::", PORT), Everywhere))
    for name in NAMES:
        before = mints(emulator)
        status, where = ask(proxy, name)
        minted = mints(emulator) - before
        if ALLOWED in NAMES[name][0]:
            check(f"{name}: reaches {ALLOWED} and no other", (status, where) == (200, [ALLOWED]), (status, where))
            check("  the address that was judged before the token is the one that was dialled", asked[name, A] == 1, asked)
        else:
            check(f"{name}: 403, and nothing is reached", (status, where) == (403, []), (status, where))
            check("  and mints nothing", minted == 0, minted)
    for name in ("changes", "changes-to-metadata"):
        check(f"{name}: the next answer is judged, too", *in_time(lambda: ask(proxy, name), (403, [])))
    check("changes-back: the next answer is followed", *in_time(lambda: ask(proxy, "changes-back"), (200, [ALLOWED])))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Failed as failure:
        sys.exit(f"FAILED  {failure}")
