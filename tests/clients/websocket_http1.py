"""Python's websockets speaks to its own echo server, through attache: sizes, pings, fragments, closing, compression.

Usage: websocket_http1.py URL [SECONDS], for example ws://127.0.0.1:8080. With SECONDS one more connection stays open and
echoes so long. Prints one line a check, and stops with status 1 at the first that fails.
"""

import asyncio
import os
import sys
import time

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

# Around the lengths at which a frame's header grows, and one far beyond what any buffer on the way holds.
SIZES = [0, 1, 125, 126, 127, 65535, 65536, 70000, 16 << 20]
WAIT_LIMIT = 60


class Failed(Exception):
    """A check that did not hold."""


def check(what, holds, seen=""):
    if not holds:
        raise Failed(f"{what}: {seen}")
    print(f"ok  {what}", flush=True)


async def echoes(url, compression):
    how = compression or "no compression"
    async with connect(url, compression=compression, max_size=None) as connection:
        agreed = [extension.name for extension in connection.protocol.extensions]
        check(f"{how}: both sides agree", agreed == (["permessage-deflate"] if compression else []), agreed)
        for size in SIZES:
            message = os.urandom(size)
            await connection.send(message)
            check(f"{how}: {size} bytes come back", await connection.recv() == message)
        text = "καλημέρα κόσμε 🌍 " * 1000
        await connection.send(text)
        check(f"{how}: text comes back as text", await connection.recv() == text)


async def many_on_their_way(url):
    async with connect(url) as connection:
        messages = [f"message {number}" for number in range(2000)]

        async def send():
            for message in messages:
                await connection.send(message)

        sending = asyncio.create_task(send())
        echoed = [await connection.recv() for _ in messages]
        await sending
        check("2,000 messages sent without waiting come back in order", echoed == messages)


async def fragments_and_pings(url):
    async with connect(url) as connection:
        pongs = []

        async def pieces():
            for number in range(20):
                pongs.append(await connection.ping())
                yield f"piece {number} "

        await connection.send(pieces())
        whole = "".join(f"piece {number} " for number in range(20))
        check("a message in 20 frames, pings in between, comes back", await connection.recv() == whole)
        times = [await pong for pong in pongs]
        check("each of 20 pings is answered", len(times) == 20)


async def closes(url):
    for code, reason in ((1000, ""), (1001, "going"), (3000, "of a library"), (4999, "x" * 123)):
        connection = await connect(url)
        await connection.close(code, reason)
        check(f"closing with {code} is answered alike", connection.close_code == code, connection.close_code)
    connection = await connect(url)
    await connection.send(b"a")
    await connection.recv()
    connection.transport.abort()
    try:
        await connection.recv()
    except ConnectionClosed as end:
        check("a connection torn down has no closing frame", end.rcvd is None, end)


async def several_at_once(url):
    async def one(number):
        async with connect(url) as connection:
            for turn in range(20):
                message = f"{number}/{turn}"
                await connection.send(message)
                if await connection.recv() != message:
                    return False
        return True

    outcomes = await asyncio.gather(*(one(number) for number in range(50)))
    check("50 connections keep their messages apart", all(outcomes))


async def stays_open(url, seconds):
    began, turns, slowest = time.monotonic(), 0, 0.0
    async with connect(url, ping_interval=None) as connection:
        while time.monotonic() - began < seconds:
            sent = time.monotonic()
            await connection.send(f"turn {turns}")
            if await connection.recv() != f"turn {turns}":
                check("an echo is its message", False, turns)
            slowest = max(slowest, time.monotonic() - sent)
            turns += 1
            # Longer than attache's timeouts as websocket.sh sets them: a quiet pipe is not an idle connection.
            await asyncio.sleep(2.5)
    check(f"{turns} echoes in {seconds} s on one connection, slowest {slowest * 1000:.1f} ms", turns > 0)


async def main(url, seconds):
    for compression in (None, "deflate"):
        await asyncio.wait_for(echoes(url, compression), WAIT_LIMIT)
    for part in (many_on_their_way, fragments_and_pings, closes, several_at_once):
        await asyncio.wait_for(part(url), WAIT_LIMIT)
    if seconds:
        await stays_open(url, seconds)


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
    except (Failed, TimeoutError) as error:
        sys.exit(f"FAILED  {error or 'it took too long'}")
