"""Many clients that sign in at once, in a process of their own so that they do not hold up whoever measures."""
import multiprocessing
import selectors
import socket
import time


class Logins:
    """While it is open, `clients` connections each try to sign in, again and again, as Retry-After allows. Every try is
    answered when it closes."""

    def __init__(self, address, clients, body):
        self.begun, self.end = multiprocessing.Event(), multiprocessing.Event()
        self.statuses = multiprocessing.Queue()
        self.process = multiprocessing.Process(
            target=_run, args=(address, clients, body, self.begun, self.end, self.statuses), daemon=True)

    def __enter__(self):
        self.process.start()
        assert self.begun.wait(60)
        return self

    def __exit__(self, *_):
        self.end.set()
        self.answers = self.statuses.get(timeout=60)
        self.process.join(60)


def _run(address, clients, body, begun, end, statuses):
    request = (f"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    selector, later, answers = selectors.DefaultSelector(), [], {}
    for _ in range(clients):
        connection = socket.create_connection(address, 60)
        connection.sendall(request)
        selector.register(connection, selectors.EVENT_READ, bytearray())
    begun.set()
    waiting = clients
    while waiting or not end.is_set():
        for key, _ in selector.select(0.05):
            key.data.extend(key.fileobj.recv(65536))
            head, found, rest = bytes(key.data).partition(b"\r\n\r\n")
            lines = head.decode().lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines[1:])
            if not found or len(rest) < int(fields.get("content-length", 0)):
                continue
            key.data.clear()
            status = int(lines[0].split()[1])
            answers[status] = answers.get(status, 0) + 1
            if status in (429, 503):
                assert "retry-after" in fields
            waiting -= 1
            later.append((time.monotonic() + int(fields.get("retry-after", 0)), key.fileobj))
        due = [entry for entry in later if entry[0] <= time.monotonic()]
        later = [entry for entry in later if entry not in due]
        for _, connection in due:
            if not end.is_set():
                connection.sendall(request)
                waiting += 1
    statuses.put(answers)
