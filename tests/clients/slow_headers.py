"""A thousand callers send a header at a byte a second and never end it, while others are served: the slow ones are
dropped by --header-read-timeout, and how long the others wait is printed.

Usage: slow_headers.py ADDRESS SECONDS [CALLERS], for example 127.0.0.1:8080 10; SECONDS is that timeout.
"""

import asyncio
import socket
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor

HEADER = b"GET / HTTP/1.1\r\nhost: proxy.local\r\nx-never-ends: "
REQUEST = b"GET / HTTP/1.1\r\nhost: proxy.local\r\n\r\n"
# Beyond the deadline, for a machine that is busy with something else.
GRACE = 10


async def slow(address):
    """How long until a connection that trickles is closed."""
    reader, writer = await asyncio.open_connection(*address)
    began = time.monotonic()
    try:
        for byte in HEADER + b"a" * 1000:
            writer.write(bytes([byte]))
            await writer.drain()
            try:
                if await asyncio.wait_for(reader.read(1), 1) == b"":
                    break
            except TimeoutError:
                continue
    except ConnectionError:
        pass
    writer.close()
    return time.monotonic() - began


def trickle(address, callers):
    async def all_of_them():
        return await asyncio.gather(*(slow(address) for _ in range(callers)))

    return asyncio.run(all_of_them())


def usual(address):
    """One request on a connection of its own, so that accepting is measured too; how long it took."""
    began = time.monotonic()
    with socket.create_connection(address, timeout=GRACE) as connection:
        connection.sendall(REQUEST)
        answer = connection.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200 "):
        sys.exit(f"FAILED  a usual request was answered {answer!r}")
    return time.monotonic() - began


def main(address, deadline, callers):
    host, port = address.rsplit(":", 1)
    address = (host, int(port))
    times = []
    # Another process, so that its thousand callers do not delay the usual ones at their own end.
    with ProcessPoolExecutor(1) as pool:
        trickling = pool.submit(trickle, address, callers)
        while not trickling.done():
            times.append(usual(address))
            time.sleep(0.01)
    dropped = trickling.result()
    usually, nearly_all = statistics.median(times), statistics.quantiles(times, n=100, method="inclusive")[98]
    print(f"{callers} slow callers dropped after {min(dropped):.1f} to {max(dropped):.1f} s")
    print(
        f"{len(times)} usual requests meanwhile: median {usually * 1000:.1f} ms, "
        f"99 % {nearly_all * 1000:.1f} ms, slowest {max(times) * 1000:.1f} ms"
    )
    if min(dropped) < deadline - 1 or max(dropped) > deadline + GRACE:
        sys.exit(f"FAILED  the deadline is {deadline} s")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1000)
