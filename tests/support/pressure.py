"""Many clients at once, in a process of their own so that they do not hold up whoever measures; and the measuring."""
import concurrent.futures
import http.client
import multiprocessing
import selectors
import socket
import statistics
import threading
import time


def seconds(count):
    """A condition that holds for so long."""
    until = time.monotonic() + count
    return lambda: time.monotonic() < until


def median_time(attempt, goes_on):
    """How long attempt() takes, in seconds: the median of its times while goes_on()."""
    taken = []
    while goes_on():
        begun = time.perf_counter()
        attempt()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


class Burst:
    """A POST from each of as many clients as there are bodies, all sent at the moment when it opens. It closes when all
    are answered: `answers` are then their statuses and bodies, in order."""

    def __init__(self, server, token, path, bodies):
        self.begun, self.over = multiprocessing.Event(), multiprocessing.Event()
        self.queue = multiprocessing.Queue()
        self.process = multiprocessing.Process(
            target=_burst, args=(server.address, token, "/api/v1" + path, bodies, self.begun, self.over, self.queue),
            daemon=True)

    def __enter__(self):
        self.process.start()
        assert self.begun.wait(60)
        return self

    def running(self):
        return self.process.is_alive() and not self.over.is_set()

    def __exit__(self, *_):
        self.answers = self.queue.get(timeout=60)
        self.process.join(60)


def _burst(address, token, path, bodies, begun, over, queue):
    ready = threading.Barrier(len(bodies), begun.set)

    def post(body):
        connection = http.client.HTTPConnection(*address, timeout=60)
        connection.connect()
        ready.wait(60)
        connection.request("POST", path, body, {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    with concurrent.futures.ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(post, bodies))
    over.set()
    queue.put(answers)


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
