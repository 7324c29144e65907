"""URLs that lead to this machine, its networks and its cloud, in every spelling that a parser somewhere takes."""
import ipaddress

LOCAL = ["127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.254", "0.0.0.0"]
SPECIAL = ["10.0.0.1", "100.64.0.1", "100.100.100.200", "168.63.129.16", "169.254.0.1", "169.254.169.254",
           "169.254.170.2", "172.16.0.1", "172.31.255.254", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
           "192.168.0.1", "198.18.0.1", "198.19.255.254", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
           "240.0.0.1", "255.255.255.255"]
SIXES = ["::", "::1", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1", "2001:10::1", "2001:db8::1", "3fff::1",
         "fc00::1", "fd00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fec0::1", "ff02::1", "ff0e::1", "4000::1"]
NAMES = ["localhost", "LOCALHOST", "localhost.", "foo.localhost", "localhost.localdomain", "ip6-localhost",
         "ip6-loopback"]


def urls(port):
    """At least 300 of them; none may cause a packet."""
    found = []
    for address in LOCAL + SPECIAL:
        found += [f"http://{host}:{port}/" for host in spellings(address)]
    found += [f"http://[{address}]:{port}/" for address in SIXES]
    found += [f"http://[{ipaddress.ip_address(address).exploded}]:{port}/" for address in SIXES]
    found += [f"http://[fe80::1%25{zone}]:{port}/" for zone in ("lo", "1", "eth0")] + [f"http://[fe80::1%lo]:{port}/"]
    found += [f"http://{name}:{port}/" for name in NAMES]
    for userinfo in ("user@", "user:password@", "example.org@", "example.org%20@", "@"):
        found += [f"http://{userinfo}127.0.0.1:{port}/", f"http://{userinfo}[::1]:{port}/"]
    found += [f"http://127.0.0.1:{port}#@example.org/", f"http://127.0.0.1:{port}\\@example.org/", f"http:\\\\127.0.0.1:{port}/", f"http:/127.0.0.1:{port}/",
              f"http:127.0.0.1:{port}/", f"http:///127.0.0.1:{port}/", f"//127.0.0.1:{port}/",
              f"http://127.0.0.1\t:{port}/", f" http://127.0.0.1:{port}/", f"http://127.0.0.1:{port}/ x",
              f"http://127。0。0。1:{port}/", f"http://１２７.0.0.1:{port}/", f"http://①②⑦.0.0.1:{port}/",
              f"http://127%2e0%2e0%2e1:{port}/", f"http://%31%32%37.0.0.1:{port}/", f"HTTP://127.0.0.1:{port}/",
              f"http://127.0.0.1:0{port}/", f"http://[::ffff:127.0.0.1]:{port}/", f"http://[::127.0.0.1]:{port}/",
              f"ftp://127.0.0.1:{port}/", f"gopher://127.0.0.1:{port}/_x", "file:///etc/passwd", f"dict://127.0.0.1:{port}/",
              f"ws://127.0.0.1:{port}/", "unix:///run/x.sock", "data:text/plain,x", "javascript:alert(1)"]
    return list(dict.fromkeys(found))


def spellings(address):
    """Dotted, decimal, octal, hexadecimal and short forms, and the IPv6 addresses that carry it."""
    value = int(ipaddress.ip_address(address))
    a, b, c, d = address.split(".")
    low = value & 0xFFFFFF
    high, rest = f"{value >> 16:x}", f"{value & 0xFFFF:x}"
    inverse = value ^ 0xFFFFFFFF
    return [address, address + ".", str(value), hex(value), f"0{value:o}", f"{a}.{low}", f"{a}.{b}.{value & 0xFFFF}",
            ".".join(f"0{int(part):o}" for part in (a, b, c, d)), ".".join(hex(int(part)) for part in (a, b, c, d)),
            f"00{a}.{b}.{c}.{d}", f"[::ffff:{address}]", f"[::ffff:{high}:{rest}]", f"[::{address}]",
            f"[64:ff9b::{high}:{rest}]", f"[64:ff9b:1::{high}:{rest}]", f"[2002:{high}:{rest}::1]",
            f"[2001:0:{high}:{rest}::1]", f"[2001:0:4136:e378:8000:63bf:{inverse >> 16:x}:{inverse & 0xFFFF:x}]",
            f"[2606:4700::5efe:{high}:{rest}]"]
