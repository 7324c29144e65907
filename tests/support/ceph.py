#!/usr/bin/python3
"""An S3 store of the tests' own: one node of Ceph in memory with its RADOS gateway, gone when the tests are.

    tests/support/ceph.py COMMAND [ARGUMENT...]

runs COMMAND with the objects.url of an empty bucket in ATRIUM_TEST_S3. A URL that is already set there is used as it is.
"""
import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.child import run_with  # noqa: E402
from support.postgresql import free_port  # noqa: E402

VARIABLE = "ATRIUM_TEST_S3"
BUCKET, REGION = "atrium", "default"
STARTS_WITHIN = 120  # seconds

CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_port}/0]
public addr = 127.0.0.1
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
ms bind ipv4 = true
ms bind msgr1 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = {folder}/keyring
admin socket = {folder}/$name.asok
log file = {folder}/$name.log
run dir = {folder}
crash dir = {folder}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data avail crit = 1
mon data avail warn = 1
mon max pg per osd = 1000
[mon.a]
host = localhost
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd memory target = 1073741824
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{rgw_port}
rgw data = {folder}/rgw
"""


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        self.daemons = []
        self.rgw_port = free_port()
        for name in ("mon", "osd", "rgw"):
            os.mkdir(os.path.join(folder, name))
        self.fsid = str(uuid.uuid4())
        self.mon_port = free_port()
        with open(self.path("ceph.conf"), "w") as file:
            file.write(CONFIGURATION.format(folder=folder, fsid=self.fsid, mon_port=self.mon_port,
                                            rgw_port=self.rgw_port))
        self.environment = {**os.environ, "CEPH_CONF": self.path("ceph.conf")}

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *command):
        done = subprocess.run(command, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=STARTS_WITHIN)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        return done.stdout

    def spawn(self, *command):
        """In the foreground, as a child: it ends with us and needs no process file."""
        with open(self.path(command[0] + ".out"), "wb") as log:
            self.daemons.append(subprocess.Popen([*command, "-f"], env=self.environment, cwd=self.folder,
                                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                 start_new_session=True))

    def wait_until(self, what, ready):
        """Waits for a daemon to get ready; one that ended will not."""
        deadline = time.monotonic() + STARTS_WITHIN
        while not ready():
            ended = [daemon.args[0] for daemon in self.daemons if daemon.poll() is not None]
            if ended or time.monotonic() > deadline:
                sys.exit(f"Ceph: {what} did not come up" + "".join(f"; {name} ended" for name in ended))
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.daemons[-1].wait(0.1)

    def start(self):
        self.make_keys()
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", self.path("monmap"), "--keyring", self.path("keyring"))
        self.spawn("ceph-mon", "-i", "a")
        self.run("ceph", "--connect-timeout", "60", "-s")
        self.run("ceph", "osd", "create")
        for name, rights in (("osd.0", ("mon", "allow profile osd", "mgr", "allow profile osd", "osd", "allow *")),
                             ("client.rgw", ("mon", "allow rwx", "osd", "allow rwx"))):
            with open(self.path("keyring"), "a") as file:
                file.write(self.run("ceph", "auth", "get-or-create", name, *rights))
        self.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", str(uuid.uuid4()))
        self.run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
        self.spawn("ceph-osd", "-i", "0")
        self.wait_until("the OSD", lambda: "1 up" in self.run("ceph", "osd", "stat"))
        self.spawn("radosgw", "-n", "client.rgw")
        self.wait_until("the gateway", lambda: self.curl() == 0)

    def make_keys(self):
        keyring = self.path("keyring")
        self.run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        self.run("ceph-authtool", keyring, "--gen-key", "-n", "client.admin",
                 *(word for service in ("mon", "osd", "mgr") for word in ("--cap", service, "allow *")))
        self.run("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{self.mon_port}]", "--fsid", self.fsid,
                 self.path("monmap"))

    def curl(self, path="", *options):
        return subprocess.run(["curl", "-sf", "-o", "/dev/null", "--max-time", "30", *options,
                               f"http://127.0.0.1:{self.rgw_port}/{path}"]).returncode

    def new_bucket(self):
        """Returns the objects.url of an empty bucket and of a user who owns it."""
        key, secret = "TEST" + secrets.token_hex(8).upper(), secrets.token_urlsafe(24) + "/+="
        self.run("radosgw-admin", "user", "create", "--uid=" + key.lower(), "--display-name=test",
                 "--access-key=" + key, "--secret-key=" + secret)
        if self.curl(BUCKET, "-X", "PUT", "--aws-sigv4", f"aws:amz:{REGION}:s3", "--user", f"{key}:{secret}",
                     "-H", "x-amz-content-sha256: " + hashlib.sha256().hexdigest()) != 0:
            sys.exit("Ceph: the bucket could not be made")
        secret = urllib.parse.quote(secret, safe="")
        return f"s3+http://{key}:{secret}@127.0.0.1:{self.rgw_port}/{BUCKET}?region={REGION}"

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


@contextlib.contextmanager
def gateway():
    """Yields the objects.url of an empty bucket."""
    if url := os.environ.get(VARIABLE):
        yield url
        return
    if not shutil.which("radosgw"):
        sys.exit("Ceph is not installed: packaging/deps --install test")
    folder = tempfile.mkdtemp(prefix="atrium-ceph-")
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster.new_bucket()
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run_with(VARIABLE, gateway(), __doc__))
