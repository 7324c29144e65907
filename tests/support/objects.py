"""Where a server keeps the bytes of files, looked at past the server: a folder, or a bucket of a real S3 gateway."""
import hashlib
import os
import secrets
import subprocess
import time
import urllib.parse
import xml.etree.ElementTree as xml

OF_FILES = "files_"  # the kernel puts the plugin's name before its ids


class Folder:
    def __init__(self, server):
        self.server = server

    def _paths(self):
        found = (self.server.data / "objects").rglob("*")
        return {path.name.removeprefix(OF_FILES): path for path in found
                if path.is_file() and "incoming" not in path.parts}

    def ids(self):
        return set(self._paths())

    def read(self, id):
        """Where the bytes are, and which."""
        path = self._paths()[id]
        return path, path.read_bytes()

    def write(self, place, data):
        place.write_bytes(data)

    def grow_old(self):
        """Two hours pass for what lies there: the sweep leaves the young to their uploads."""
        then = time.time() - 7200
        for path in self._paths().values():
            os.utime(path, (then, then))


class Bucket:
    """A part of it that no other test knows."""

    def __init__(self, server, bucket):
        self.server, self.prefix = server, secrets.token_hex(8) + "/"
        url = urllib.parse.urlsplit(bucket)
        self.user = urllib.parse.unquote(url.username) + ":" + urllib.parse.unquote(url.password)
        self.region = urllib.parse.parse_qs(url.query)["region"][0]
        self.url = f"{url.scheme.removeprefix('s3+')}://{url.netloc.rpartition('@')[2]}{url.path}"
        server.environment["ATRIUM_OBJECTS_URL"] = url._replace(path=f"{url.path}/{self.prefix}").geturl()

    def _asked(self, path, body=b"", *options):
        signed = ["--aws-sigv4", f"aws:amz:{self.region}:s3", "--user", self.user,
                  "-H", "x-amz-content-sha256: " + hashlib.sha256(body).hexdigest()]
        return subprocess.run(["curl", "-sSf", "--max-time", "60", *signed, *options, self.url + path], input=body,
                              check=True, capture_output=True).stdout

    def ids(self):
        """Of the first thousand, which is more than a test leaves there."""
        listed = xml.fromstring(self._asked(f"?list-type=2&prefix={self.prefix.replace('/', '%2F')}"))
        return {key.text.removeprefix(self.prefix + OF_FILES) for key in listed.iterfind("{*}Contents/{*}Key")}

    def read(self, id):
        place = f"/{self.prefix}{OF_FILES}{id}"
        return place, self._asked(place)

    def write(self, place, data):
        self._asked(place, data, "-X", "PUT", "--data-binary", "@-")

    def grow_old(self):
        """Nobody can turn S3's clock: instead, from now on, whatever lies there is old."""
        configuration = self.server.data.parent / "sweep.toml"
        configuration.write_text("[plugin.files]\nsweep_after_seconds = 0\n")
        self.server.arguments = ["--config", configuration]
