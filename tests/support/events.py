"""The event stream as a test reads it: it waits for what it expects, and never sleeps."""
import asyncio
import contextlib
import json

import websockets

PATIENCE = 60  # seconds until a test gives up waiting


class Events:
    """One WebSocket. `with Events(server, token, "task.*") as events: events.wait("task.created", id=...)`."""

    def __init__(self, server, token=None, *patterns, path="/ws", query=True, source=None):
        self.url = server.url.replace("http", "ws", 1) + path + (f"?token={token}" if token and query else "")
        self.patterns = patterns
        self.origin = {"local_addr": (source, 0)} if source else {}
        self.loop = asyncio.new_event_loop()
        self.seen = []

    def __enter__(self):
        async def connect():  # inside the loop: the client takes the running one when it is made
            return await websockets.connect(self.url, ping_interval=None, max_size=2**22, **self.origin)
        self.socket = self._run(connect())
        for pattern in self.patterns:
            self.subscribe(pattern)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self._run(self.socket.close())
        self.loop.close()

    def send(self, message):
        self._run(self.socket.send(message if isinstance(message, (str, bytes)) else json.dumps(message)))

    def receive(self):
        message = json.loads(self._run(self.socket.recv()))
        self.seen.append(message)
        return message

    def subscribe(self, pattern):
        self.send({"type": "subscribe", "event": pattern})
        self.until(lambda message: message == {"type": "subscribed", "event": pattern})

    def until(self, wanted):
        """The next message for which wanted(message) holds; those before it are passed over."""
        while True:
            message = self.receive()
            if wanted(message):
                return message

    def wait(self, topic, **members):
        """The next event of this topic whose data has these members."""
        return self.until(lambda message: message["type"] == topic and
                          all(message["data"].get(name) == value for name, value in members.items()))

    def nothing_before_pong(self):
        """Everything that the server had to say was said before it answers a ping: returns what that was."""
        self.send({"type": "ping"})
        before = []
        while (message := self.receive()) != {"type": "pong"}:
            before.append(message)
        return before

    def closed(self):
        """Waits for the server to close; returns the code."""
        async def drain():
            with contextlib.suppress(websockets.ConnectionClosed):
                while True:
                    await self.socket.recv()
            return self.socket.close_code
        return self._run(drain())

    def _run(self, work):
        async def bounded():
            return await asyncio.wait_for(work, PATIENCE)
        return self.loop.run_until_complete(bounded())


@contextlib.contextmanager
def server_sent(client, pattern="*", **headers):
    """GET /events: yields an iterator of {"event", "id", "data"} blocks."""
    with client.stream("GET", "/events", params={"event": pattern}, timeout=PATIENCE,
                       headers={"Accept": "text/event-stream", **headers}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")

        def blocks():
            block = {}
            for line in answer.iter_lines():
                line = line.rstrip("\r\n")
                if not line:
                    if "data" in block:
                        yield {**block, "data": json.loads(block["data"])}
                    block = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(":")
                    value = value.removeprefix(" ")
                    block[name] = block[name] + "\n" + value if name == "data" and name in block else value

        yield blocks()
