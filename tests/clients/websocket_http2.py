"""WebSocket through attache with libraries that are not ours: hyper-h2 and wsproto call over HTTP/2 (RFC 8441), websockets
calls over HTTP/1.1, and websockets answers. Every frame is made and read by them.

Usage: websocket_http2.py serve | call PROXY
`serve` prints its port and echoes until it is ended.
"""

import asyncio
import socket
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings
import websockets
import wsproto
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

WAIT_LIMIT = 20
MESSAGES = ["hello", "Käse" * 5000, "x" * 200_000]


async def echo(connection):
    # The first message says who asked.
    await connection.send(connection.request.headers["Authorization"])
    async for message in connection:
        await connection.send(message)


async def serve():
    async with websockets.serve(echo, "127.0.0.1", 0, subprotocols=["chat"]) as server:
        print(f"port={server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


def check(name, found, expected):
    if found != expected:
        sys.exit(f"FAILED  {name}: {found!r} instead of {expected!r}")
    print(f"ok  {name}")


async def call_over_http1(proxy):
    async with websockets.connect(f"ws://{proxy}/chat", subprotocols=["chat"]) as connection:
        token = await connection.recv()
        check("HTTP/1.1: the token arrives", (token[:9], token.count(".")), ("Bearer ey", 2))
        for message in MESSAGES:
            await connection.send(message)
            check(f"  {len(message)} characters are echoed", await connection.recv(), message)
        await asyncio.wait_for(await connection.ping(), WAIT_LIMIT)
        print("ok  a ping is answered")


class Stream:
    """One WebSocket on an HTTP/2 connection of its own."""

    def __init__(self, proxy):
        host, port = proxy.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=WAIT_LIMIT)
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.http.initiate_connection()
        self.flush()
        self.frames = wsproto.connection.Connection(wsproto.connection.ConnectionType.CLIENT)
        self.id = None
        self.is_over = False

    def flush(self):
        self.socket.sendall(self.http.data_to_send())

    def events(self):
        """Whatever comes next from the proxy."""
        data = self.socket.recv(65536)
        if not data:
            sys.exit("FAILED  the proxy closed the connection")
        events = self.http.receive_data(data)
        for event in events:
            if isinstance(event, h2.events.DataReceived):
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if event.data:
                    self.frames.receive_data(event.data)
            if isinstance(event, h2.events.StreamEnded):
                self.is_over = True
            if isinstance(event, h2.events.StreamReset):
                sys.exit("FAILED  the proxy reset the stream")
        self.flush()
        return events

    def is_offered(self):
        while not any(isinstance(event, h2.events.RemoteSettingsChanged) for event in self.events()):
            pass
        return self.http.remote_settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL)

    def open(self):
        self.id = self.http.get_next_available_stream_id()
        self.http.send_headers(self.id, [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"),
            (":authority", "proxy.local"), ("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat"),
        ])
        self.flush()
        while True:
            for event in self.events():
                if isinstance(event, h2.events.ResponseReceived):
                    return dict(event.headers)

    def send(self, event):
        data = self.frames.send(event)
        while data:
            room = min(self.http.local_flow_control_window(self.id), self.http.max_outbound_frame_size)
            self.http.send_data(self.id, data[:room])
            data = data[room:]
            self.flush()
            while data and not self.http.local_flow_control_window(self.id):
                self.events()

    def receive(self):
        """The next message, whole."""
        text = ""
        while True:
            for event in self.frames.events():
                if not isinstance(event, (TextMessage, BytesMessage)):
                    return event
                text += event.data
                if event.message_finished:
                    return text
            self.events()

    def ended(self):
        while not self.is_over:
            self.events()
        return True


def call_over_http2(proxy):
    stream = Stream(proxy)
    check("HTTP/2: the proxy offers WebSocket", stream.is_offered(), 1)
    answer = stream.open()
    check("  says yes", (answer[":status"], answer.get("sec-websocket-protocol")), ("200", "chat"))
    token = stream.receive()
    check("  the token arrives", (token[:9], token.count(".")), ("Bearer ey", 2))
    for message in MESSAGES:
        stream.send(TextMessage(data=message))
        check(f"  {len(message)} characters are echoed", stream.receive(), message)
    stream.send(Ping(payload=b"still there"))
    check("  a ping is answered", stream.receive(), Pong(payload=b"still there"))
    stream.send(CloseConnection(code=1000))
    check("  and so is the end", stream.receive().code, 1000)
    check("  with which the stream ends", stream.ended(), True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve())
    else:
        asyncio.run(call_over_http1(sys.argv[2]))
        call_over_http2(sys.argv[2])
