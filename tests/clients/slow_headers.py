"""A thousand callers send a header at a byte a second and never end it, while others are served: the slow ones are
dropped by --header-read-timeout, and how long the others wait is printed.

Usage: slow_headers.py ADDRESS SECONDS [CALLERS], for example 127.0.0.1:8080 10; SECONDS is that timeout.
"""

import asyncio
import statistics
import sys
import time

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


async def usual(address, until, times):
    """One caller after the other, each with a connection of its own, so that accepting is measured too."""
    while not until.done():
        began = time.monotonic()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(REQUEST)
        line = await asyncio.wait_for(reader.readline(), GRACE)
        if b" 200 " not in line:
            sys.exit(f"FAILED  a usual request was answered {line!r}")
        times.append(time.monotonic() - began)
        writer.close()
        await asyncio.sleep(0.01)


async def main(address, deadline, callers):
    host, port = address.rsplit(":", 1)
    address = (host, int(port))
    trickling = asyncio.gather(*(slow(address) for _ in range(callers)))
    times = []
    await usual(address, trickling, times)
    dropped = await trickling
    shown = ", ".join(f"{name} {value * 1000:.1f} ms" for name, value in (
        ("median", statistics.median(times)),
        ("99 %", statistics.quantiles(times, n=100)[98]),
        ("slowest", max(times)),
    ))
    print(f"{callers} slow callers dropped after {min(dropped):.1f} to {max(dropped):.1f} s")
    print(f"{len(times)} usual requests meanwhile: {shown}")
    if min(dropped) < deadline - 1 or max(dropped) > deadline + GRACE:
        sys.exit(f"FAILED  the deadline is {deadline} s")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1000))
