"""Bytes on a socket, for what no well-behaved client would send."""
import socket

PATIENCE = 60


class Raw:
    def __init__(self, server, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(server.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.waiting, self.is_done = b"", False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Returns False when the server has already hung up on us, which hostile clients must expect."""
        try:
            self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def done_sending(self):
        self.is_done = True
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _more(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.waiting += piece
        return bool(piece)

    def answer(self, head=False):
        """The next whole answer as (status, headers, body); None when the connection has ended instead."""
        while b"\r\n\r\n" not in self.waiting:
            if not self._more():
                return None
        top, _, self.waiting = self.waiting.partition(b"\r\n\r\n")
        lines = top.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if status == 100 and self.is_done:
            return self.answer(head)  # asks whether we are still there, now that we have closed our half
        if head or status in (101, 204, 304) or status < 200:
            return status, headers, b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return status, headers, self._chunks()
        length = int(headers.get("content-length", 0))
        while len(self.waiting) < length and self._more():
            pass
        body, self.waiting = self.waiting[:length], self.waiting[length:]
        return status, headers, body

    def _line(self):
        while b"\r\n" not in self.waiting:
            if not self._more():
                return b""
        line, _, self.waiting = self.waiting.partition(b"\r\n")
        return line

    def _chunks(self):
        body = b""
        while size := int(self._line() or b"0", 16):
            while len(self.waiting) < size + 2 and self._more():
                pass
            body += self.waiting[:size]
            self.waiting = self.waiting[size + 2:]
        self._line()
        return body

    def until(self, wanted, times=1):
        """Waits until these bytes have come so often; returns everything up to there."""
        while self.waiting.count(wanted) < times:
            assert self._more(), f"the connection ended after {self.waiting[-200:]}"
        received, self.waiting = self.waiting, b""
        return received

    def closed(self):
        """Waits for the end of the connection; returns the bytes that came before it."""
        while self._more():
            pass
        rest, self.waiting = self.waiting, b""
        return rest


def request(method="GET", path="/health", *lines, body="", host="localhost"):
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", *lines]
    if body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in lines):
        head.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + (body if isinstance(body, bytes) else body.encode())
