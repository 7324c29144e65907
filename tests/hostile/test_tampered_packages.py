"""No code of a package runs that was not signed by a trusted key, byte for byte: not even a constructor.

The plugin leaves a mark when the loader runs any of it, so that the mark tells what an answer would not.
"""
import contextlib
import hashlib
import json
import platform
import random
import shutil
import subprocess
import tarfile
import threading

import pytest

from support import accounts
from support.packages import MAGIC, SDK, Key, archive, granted, link
from support.program import ROOT, Atrium

ID = "intruder"
HEADER = len(MAGIC) + 32 + 64
OBJECT = f"lib/{platform.machine()}/{ID}.so"


def manifest_of(version):
    return json.dumps({"id": ID, "version": version, "name": "Intruder", "abi": {"major": 1, "minor": 0}}).encode()


MANIFEST = manifest_of("1.0.0")


class Built:
    """A plugin, the folder it was built in and the mark that it leaves."""

    def __init__(self, folder, version="1.0.0"):
        self.folder, self.mark = folder, folder.with_name(folder.name + ".ran")
        folder.mkdir()
        (folder / "plugin.json").write_bytes(manifest_of(version))
        self.object = folder / f"{ID}.so"
        subprocess.run(["gcc", "-shared", "-fPIC", f"-I{SDK / 'include'}", f'-DMARK="{self.mark}"',
                        f'-DVERSION="{version}"', ROOT / "tests/support/constructor_plugin.c", "-o", self.object],
                       check=True)


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    return Key(tmp_path_factory.mktemp("vendor") / "vendor.key")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Key(tmp_path_factory.mktemp("stranger") / "stranger.key")


@pytest.fixture
def good(tmp_path):
    return Built(tmp_path / "good")


@pytest.fixture
def evil(tmp_path):
    return Built(tmp_path / "evil")


@pytest.fixture
def server(vendor, tmp_path):
    with Atrium(tmp_path, {"ATRIUM_PLUGINS_TRUSTED_KEYS": vendor.public_file}) as program:
        program.admin = accounts.first_admin(program)
        yield program


def install(server, package):
    answer = granted(server.admin.client, package)
    assert answer.status_code == 201, answer.text


def changed(package, chance):
    """Without an end: one bit, one byte more or less, the end cut off, two pieces exchanged, a piece of zeros."""
    while True:
        content = bytearray(package)
        at = chance.randrange(HEADER) if chance.random() < 0.3 else chance.randrange(len(content))
        content[at] ^= 1 << chance.randrange(8)
        yield bytes(content)
        yield package[:chance.randrange(len(package))]
        yield package[:at] + bytes([chance.randrange(256)]) + package[at:]
        yield package[:at] + package[at + 1:]
        first, second = sorted(chance.sample(range(0, len(package) - 64, 64), 2))
        pieces = (package[second:second + 64], package[first + 64:second], package[first:first + 64])
        yield package[:first] + b"".join(pieces) + package[second + 64:]
        yield package[:at] + bytes(min(64, len(package) - at)) + package[at + 64:]


def forged(vendor, stranger, good, evil):
    """Signed by nobody, by somebody else, or for something else."""
    honest, foreign = vendor.packed(good.folder), stranger.packed(evil.folder)
    public, signature = slice(len(MAGIC), len(MAGIC) + 32), slice(len(MAGIC) + 32, HEADER)
    yield foreign
    yield MAGIC + bytes(96) + foreign[HEADER:]
    yield honest[:HEADER] + foreign[HEADER:]
    yield MAGIC + honest[public] + foreign[signature] + foreign[HEADER:]
    yield MAGIC + foreign[public] + honest[signature] + honest[HEADER:]
    yield MAGIC + vendor.public + stranger.sign(MAGIC + vendor.public + foreign[HEADER:]) + foreign[HEADER:]
    yield MAGIC + vendor.public + vendor.sign(foreign[HEADER:]) + foreign[HEADER:]
    yield honest + foreign
    yield foreign + honest


def misshapen(vendor, evil):
    """Signed by a trusted key: somebody tricked the vendor, or took the key. What has no place in one is not unpacked."""
    manifest, code = ("plugin.json", MANIFEST), evil.object.read_bytes()
    shapes = [
        [manifest, link(OBJECT, str(evil.object))],
        [manifest, link(OBJECT, str(evil.object), tarfile.LNKTYPE)],
        [manifest, ("docs/code.md", code), link(OBJECT, "docs/code.md", tarfile.LNKTYPE)],
        [manifest, link("lib", str(evil.folder.parent)), (OBJECT, code)],
        [manifest, link("docs", "/etc"), ("docs/passwd", b"x"), (OBJECT, code)],
        [link("plugin.json", str(evil.folder / "plugin.json")), (OBJECT, code)],
        [manifest, link(OBJECT, "", tarfile.FIFOTYPE)],
        [manifest, link(OBJECT, "", tarfile.CHRTYPE)],
        [manifest, (OBJECT, code), (OBJECT, code)],
        [manifest, (OBJECT, code), manifest],
        [(OBJECT, code)],
        *([manifest, (OBJECT, code), (name, b"x")] for name in (
            "../plugin.json", "/etc/passwd", "docs/../../x", "docs/./x", "./docs/x", "docs//x", f"{ID}.so", "setup.sh",
            f"lib/{platform.machine()}/../{ID}.so", f"lib/{platform.machine()}/other.so", "docs/a b", "docs/\n",
            "docs\\x", "docs/" + "x" * 300, "migrations/../../x.sql")),
    ]
    yield from (vendor.signed(archive(*shape)) for shape in shapes)
    yield vendor.signed(b"")
    yield vendor.signed(evil.object.read_bytes())


def test_the_mark_is_left_by_an_honest_package(server, vendor, good):
    install(server, vendor.packed(good.folder))
    assert good.mark.exists()


def refused(server, package, path="/plugins"):
    answer = granted(server.admin.client, package, path)
    assert answer.status_code == 422, (answer.status_code, answer.text, package[:200])


def test_a_thousand_that_are_not_honest(server, vendor, stranger, good, evil, tmp_path):
    """All of them as a new plugin, and every tenth as the next version of one that runs."""
    packages = {*forged(vendor, stranger, good, evil), *misshapen(vendor, evil)}
    mutations = changed(vendor.packed(evil.folder), random.Random(6))
    honest = vendor.packed(evil.folder)
    while len(packages) < 1000:
        packages |= {next(mutations)} - {honest}
    packages = sorted(packages)
    for package in packages:
        refused(server, package)
    assert server.admin.client.get(f"/plugins/{ID}").status_code == 404
    assert not list((server.data / "plugins").glob("*.atp"))
    assert not good.mark.exists() and not evil.mark.exists()
    install(server, vendor.packed(Built(tmp_path / "former", "0.9.0").folder))
    for package in packages[::10]:
        refused(server, package, f"/plugins/{ID}/upgrade")
        now = server.admin.client.get(f"/plugins/{ID}").json()
        assert (now["version"], now["state"]) == ("0.9.0", "running")
    assert not good.mark.exists() and not evil.mark.exists()
    assert granted(server.admin.client, honest, f"/plugins/{ID}/upgrade").json()["version"] == "1.0.0"
    assert evil.mark.exists()


@contextlib.contextmanager
def stopped(server):
    server.stop()
    yield server.data / "plugins"
    server.start()
    server.admin.sign_in()


def test_what_lies_there_in_its_place_after_a_restart(server, vendor, stranger, good, evil, tmp_path):
    install(server, vendor.packed(good.folder))
    foreign = tmp_path / "foreign.atp"
    foreign.write_bytes(stranger.packed(evil.folder))
    kept, = (server.data / "plugins").glob("*.atp")
    honest = kept.read_bytes()

    def state():
        return server.admin.client.get(f"/plugins/{ID}").json()["state"]

    for exchange in (lambda: kept.symlink_to(foreign), lambda: kept.write_bytes(foreign.read_bytes())):
        with stopped(server):
            kept.unlink()
            exchange()
        assert state() == "running" and kept.read_bytes() == honest  # fetched again
    assert not evil.mark.exists()
    with stopped(server) as plugins:
        shutil.rmtree(plugins / "unpacked", ignore_errors=True)
        (plugins / "unpacked").mkdir()
        (plugins / "unpacked" / f"{ID}-{hashlib.sha256(honest).hexdigest()[:16]}").symlink_to(evil.folder)
    assert state() == "running"
    assert good.mark.exists() and not evil.mark.exists()


def test_exchanged_between_the_check_and_the_load(server, vendor, good, evil):
    """Somebody who may write where it is unpacked puts other code there, again and again, by every means."""
    install(server, vendor.packed(good.folder))
    folder, = (server.data / "plugins" / "unpacked").glob(f"{ID}-*")
    target, done = folder / f"{ID}.so", threading.Event()
    own, other = good.object.read_bytes(), evil.object.read_bytes()

    def exchange():
        beside = folder / "beside"
        while not done.is_set():
            with contextlib.suppress(OSError):  # it is written anew meanwhile
                target.write_bytes(other)
                target.write_bytes(own)
                beside.symlink_to(evil.object)
                beside.rename(target)
                beside.write_bytes(own)
                beside.rename(target)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for _ in range(60):
            for action in ("disable", "enable"):
                assert server.admin.client.post(f"/plugins/{ID}/{action}").status_code == 200
        for _ in range(5):
            with stopped(server):
                pass
    finally:
        done.set()
        thread.join()
    assert not evil.mark.exists()
