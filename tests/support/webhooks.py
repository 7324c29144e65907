"""Servers that may send to this machine, and the receivers that they send to."""
import contextlib
import http.server
import json
import pathlib
import queue
import re
import secrets
import socket
import socketserver
import subprocess
import threading
import time

from support import accounts, postgresql
from support.events import PATIENCE
from support.program import Atrium

TOOLS = pathlib.Path(__file__).resolve().parents[1] / "tools"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@contextlib.contextmanager
def sending_server(request, kind, folder, allow=("127.0.0.0/8",), **settings):
    """An own server, not started yet, whose webhooks may reach `allow`; settings: those of the plugin."""
    file = pathlib.Path(folder) / "atrium.toml"
    lines = ["[egress]", f"allow_private = {json.dumps(list(allow))}", "[plugin.webhooks]"]
    file.write_text("\n".join(lines + [f"{name} = {json.dumps(value)}" for name, value in settings.items()]) + "\n")
    with postgresql.environment(request, kind) as environment:
        program = Atrium(folder, environment, ["--config", file])
        program.store = kind
        try:
            yield program
        finally:
            if program.running():
                program.kill()


def new_webhook(account, url, events=("task.*",), **members):
    answer = account.client.post("/webhooks", json={"url": url, "events": list(events), **members})
    assert answer.status_code == 201, answer.text
    return answer.json()


def new_task(account, title=None):
    answer = account.client.post("/tasks", json={"title": title or "Task " + secrets.token_hex(4)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def log_of(account, webhook, **query):
    answer = account.client.get(f"/webhooks/{webhook['id']}/deliveries", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def eventually(look, what):
    """The first answer of look() that is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"never: {what}"
        threading.Event().wait(0.05)
    return found


class Received:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.json = path, headers, json.loads(body)
        self.id = headers["webhook-id"]


class Receiver(http.server.ThreadingHTTPServer):
    """`with Receiver() as receiver:` keeps what it gets; answer(received) says (status, headers)."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, answer=None, host="127.0.0.1", port=0):
        super().__init__((host, port), _Handler)
        self.answer = answer or (lambda received: (204, {}))
        self.received, self.changed = [], threading.Condition()
        self.url = f"http://{host}:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # a sender that was killed

    def wait(self, enough):
        """Waits until enough(received) holds; returns what was received by then."""
        with self.changed:
            assert self.changed.wait_for(lambda: enough(self.received), PATIENCE), \
                f"{len(self.received)} deliveries came, and no more"
            return list(self.received)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        received = Received(self.path, self.headers, body)
        with self.server.changed:
            self.server.received.append(received)
            self.server.changed.notify_all()
        status, headers = self.server.answer(received)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass


class Silent(socketserver.ThreadingTCPServer):
    """Accepts connections and never answers: the dead receiver. Remembers who came."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host="127.0.0.1", port=0):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.came, self.over = queue.Queue(), threading.Event()
        super().__init__((host, port), _Mute)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.shutdown()
        self.server_close()


class _Mute(socketserver.BaseRequestHandler):
    def handle(self):
        self.server.came.put(self.client_address)
        self.server.over.wait()


class Verifier:
    """A receiver on Node.js that checks every delivery with the official library of Standard Webhooks."""

    def __init__(self, *accepted_secrets):
        self.secrets = accepted_secrets

    def __enter__(self):
        self.process = subprocess.Popen([TOOLS / "webhook-receiver", *self.secrets], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"listening on (http://\S+)", line)
        assert found, f"the receiver did not start: {line}"
        self.url = found[1]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=60)

    def next(self):
        """The next delivery: {id, payload, verified: [whether each secret verifies it]}."""
        return json.loads(self.process.stdout.readline())
