"""A way to a server that can be blocked: what is sent meanwhile waits, as on a network that lost its packets."""
import contextlib
import socket
import socketserver
import threading


class Relay(socketserver.ThreadingTCPServer):
    """`with Relay(host, port) as relay:` leads from relay.port to that server; relay.open is an Event."""

    daemon_threads = True

    def __init__(self, host, port):
        super().__init__(("127.0.0.1", 0), _Passage)
        self.target, self.open = (host, port), threading.Event()
        self.open.set()
        self.port = self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.open.set()
        self.shutdown()
        self.server_close()


class _Passage(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(self.server.target) as server:
            back = threading.Thread(target=self.carry, args=(server, self.request), daemon=True)
            back.start()
            self.carry(self.request, server)
            back.join()

    def carry(self, source, target):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                self.server.open.wait()
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
