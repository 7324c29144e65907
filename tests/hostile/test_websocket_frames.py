"""RFC 6455 as a hostile client sees it."""
import struct

import pytest

from support import accounts
from support.program import Atrium
from support.raw import Raw, request

UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
           "Sec-WebSocket-Version: 13")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Atrium(tmp_path_factory.mktemp("frames")) as program:
        program.admin = accounts.first_admin(program)
        yield program


def frame(payload=b"", opcode=1, fin=True, masked=True, reserved=0, length=None):
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    size = len(payload) if length is None else length
    bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    return head + (bytes(4) if masked else b"") + payload


@pytest.fixture
def socket(server):
    with Raw(server) as raw:
        raw.send(request("GET", "/ws?token=" + server.admin.token, *UPGRADE))
        assert raw.answer()[0] == 101
        yield raw


def close_code(received):
    """The code of the close frame at the end, or None."""
    at = received.rfind(b"\x88")
    return struct.unpack(">H", received[at + 2:at + 4])[0] if at >= 0 and len(received) >= at + 4 else None


PING, PONG = frame(b'{"type":"ping"}'), b'{"type":"pong"}'
GOODBYE = frame(struct.pack(">H", 1000), opcode=8)


def test_accept_key(server):
    with Raw(server) as raw:
        raw.send(request("GET", "/ws", *UPGRADE))
        status, headers, _ = raw.answer()
        assert (status, headers["sec-websocket-accept"]) == (101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")


@pytest.mark.parametrize("change", [
    ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"), ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "X: 1"),
    ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key: short"), ("Upgrade: websocket", "Upgrade: h2c"),
    ("Connection: Upgrade", "Connection: keep-alive")])
def test_bad_handshakes(server, change):
    with Raw(server) as raw:
        raw.send(request("GET", "/ws", *(change[1] if line == change[0] else line for line in UPGRADE)))
        assert raw.answer()[0] in (400, 426)


@pytest.mark.parametrize("data, codes", [
    (frame(b'{"type":"ping"}', masked=False), {1002}),
    (frame(b"x", reserved=4), {1002}),
    (frame(b"x", opcode=3), {1002}),
    (frame(b"x", opcode=15), {1002}),
    (frame(b"x" * 126, opcode=9), {1002}),
    (frame(b"x", opcode=9, fin=False), {1002}),
    (frame(b"x", opcode=0), {1002}),
    (frame(b"a", fin=False) + frame(b"b"), {1002}),
    (frame(b"\xc3\x28"), {1007}),
    (frame(b"x" * 1_000_000), {1009}),
    (frame(b"x" * 1000, length=2**63 - 1), {1009, 1002}),
    (frame(b"x", length=2**63), {1002, 1009}),
    (frame(b"\x03", opcode=8), {1002}),
    (frame(struct.pack(">H", 1005), opcode=8), {1002}),
    (frame(b"binary", opcode=2), {1003, 1008}),
    (frame(b"a", fin=False) + frame(b"a", opcode=0, fin=False) * 100_000, {1009, 1008}),
], ids=["unmasked", "reserved bits", "reserved opcode", "reserved control", "long ping", "fragmented ping",
        "continuation of nothing", "message inside a message", "bad utf-8", "huge", "endless", "sign bit", "short close",
        "close with a reserved code", "binary", "endless fragments"])
def test_protocol_faults_close(socket, data, codes):
    socket.send(data)
    code = close_code(socket.closed())
    assert code in codes or code is None


def test_fragments_and_bytewise(socket):
    data = frame(b'{"type":', fin=False) + frame(b"", opcode=9) + frame(b'"ping"}', opcode=0)
    for byte in data:
        socket.send(bytes([byte]))
    received = socket.until(PONG)
    assert b"\x8a" in received
    socket.send(GOODBYE)
    assert close_code(socket.closed()) == 1000


def test_frames_with_the_handshake(server):
    with Raw(server) as raw:
        raw.send(request("GET", "/ws?token=" + server.admin.token, *UPGRADE) + PING * 3)
        assert raw.answer()[0] == 101
        raw.until(PONG, times=3)


def test_five_hundred_that_vanish(server):
    sockets = []
    for _ in range(500):
        raw = Raw(server)
        raw.send(request("GET", "/ws?token=" + server.admin.token, *UPGRADE) + frame(b'{"type":"subscribe","event":"*"}'))
        sockets.append(raw)
    for raw in sockets:
        raw.socket.close()
    assert server.admin.client.get("/auth/me").status_code == 200


def test_a_flood_of_messages_is_ended(socket):
    """More than any client needs to say: policy violation, and no unbounded work."""
    socket.send(PING * 5000)
    assert close_code(socket.until(b"too many")) == 1008
