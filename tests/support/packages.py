"""Packages of plugins: made by the program, and as somebody else would make them."""
import base64
import hashlib
import io
import pathlib
import shutil
import struct
import subprocess
import tarfile
import tempfile

from support.program import BINARY

BUILD = BINARY.parent.parent
RELEASE = BUILD / "plugins"
SAMPLES = BUILD / "samples"  # those of sdk/samples
SDK = BUILD / "sdk-installed"  # what `cmake --install` gives
MAGIC = b"ATRIUM-PLUGIN/1\n"


def atrium(*arguments):
    subprocess.run([BINARY, *arguments], check=True, capture_output=True)


def sent(client, package, path="/plugins", query=None, **fields):
    return client.post(path, params=query, files={"file": ("p.atp", package, "application/octet-stream")}, data=fields)


def granted(client, package, path="/plugins", **query):
    """Sent by somebody who has seen what it asks for."""
    return sent(client, package, path, query, grant=hashlib.sha256(package).hexdigest())


def release_without(folder, *plugins):
    """A release's folder that lacks these, so that they can come from a package."""
    folder.mkdir()
    for plugin in RELEASE.iterdir():
        if (plugin / "plugin.json").exists() and plugin.name not in plugins:
            (folder / plugin.name).symlink_to(plugin)
    return folder


def copied(plugin, folder):
    shutil.copytree(plugin, folder, ignore=shutil.ignore_patterns("CMakeFiles", "*.cmake"))
    return folder


class Key:
    """A vendor's key, for what `plugin pack` does not make."""

    def __init__(self, file):
        atrium("plugin", "keygen", file)
        self.file = pathlib.Path(file)
        raw = base64.urlsafe_b64decode(self.file.read_text().split()[1] + "==")
        seed, self.public = raw[:32], raw[32:]
        self.der = bytes.fromhex("302e020100300506032b657004220420") + seed

    @property
    def public_file(self):
        return f"{self.file}.pub"

    def sign(self, message):
        with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as text:
            for file, content in ((key, self.der), (text, message)):
                file.write(content)
                file.flush()
            return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", key.name,
                                   "-in", text.name], check=True, capture_output=True).stdout

    def packed(self, folder):
        """By the program."""
        with tempfile.TemporaryDirectory() as scratch:
            atrium("plugin", "pack", folder, "--key", self.file, "--output", f"{scratch}/p.atp")
            return pathlib.Path(scratch, "p.atp").read_bytes()

    def signed(self, archive):
        """A package of these bytes, whatever they are."""
        return MAGIC + self.public + self.sign(MAGIC + self.public + archive) + archive


def zstd(content):
    """A frame of blocks that are not compressed."""
    most = 1 << 17
    blocks = [content[at:at + most] for at in range(0, len(content), most)] or [b""]
    headers = [struct.pack("<I", len(block) << 3 | (number == len(blocks)))[:3]
               for number, block in enumerate(blocks, 1)]
    frame = struct.pack("<IBQ", 0xFD2FB528, 0b11100000, len(content))
    return frame + b"".join(header + block for header, block in zip(headers, blocks))


def archive(*entries):
    """Of (name, content) and of TarInfo that are more than a file."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size = len(entry[1])
            tar.addfile(info, io.BytesIO(entry[1]))
    return zstd(memory.getvalue())


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info
