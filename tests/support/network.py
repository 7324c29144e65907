"""A network of a test's own, in which every address leads back to this machine and every packet is seen."""
import contextlib
import ctypes
import ipaddress
import shutil
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
ALL_PROTOCOLS = 3
RCVBUFFORCE = 33
SOL_PACKET, STATISTICS, IGNORE_OUTGOING = 263, 6, 23
MOST_WAITING = 64 << 20  # bytes of packets that nobody has looked at yet
TCP, UDP, LOOKUP = socket.IPPROTO_TCP, socket.IPPROTO_UDP, 53
ROUTES = ["link set lo up", "route add local 0.0.0.0/0 dev lo", "-6 route add local ::/0 dev lo",
          "-6 route add local fe80::/10 dev lo"]


@contextlib.contextmanager
def own_network():
    """For this thread and whatever it starts from now on. OSError: this machine gives none."""
    ip = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if not ip:
        raise OSError("iproute2 is not installed")
    kernel = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as before:
        if kernel.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace: it needs root and a machine that permits it")
        try:
            for route in ROUTES:
                subprocess.run([ip, *route.split()], check=True)
            yield
        finally:
            assert kernel.setns(before.fileno(), CLONE_NEWNET) == 0, "the tests cannot leave their network again"


class Packets:
    """`with Packets() as packets:` sees all that is sent in this network, also to where nobody listens."""

    def __enter__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PROTOCOLS))
        self.socket.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, MOST_WAITING)
        self.socket.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)  # else each comes twice
        self.socket.bind(("lo", ALL_PROTOCOLS))
        self.socket.setblocking(False)
        return self

    def __exit__(self, *_):
        self.socket.close()

    def new(self):
        """Those since the last look, as ((address, port), (address, port)): TCP, and UDP that looks up no name."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                if ends := ends_of(self.socket.recv(128)):
                    found.append(ends)
        _, dropped = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, STATISTICS, 8))
        assert dropped == 0, "packets were missed"
        return found


def ends_of(packet):
    """From where and to where it goes; None: it belongs to no conversation of a program's."""
    if packet[0] >> 4 == 4:
        protocol, addresses, ports = packet[9], packet[12:20], (packet[0] & 15) * 4
    else:
        protocol, addresses, ports = packet[6], packet[8:40], 40
    if protocol not in (TCP, UDP):
        return None
    half = len(addresses) // 2
    source, target = struct.unpack_from("!HH", packet, ports)
    if protocol == UDP and LOOKUP in (source, target):
        return None
    return ((ipaddress.ip_address(addresses[:half]), source), (ipaddress.ip_address(addresses[half:]), target))
