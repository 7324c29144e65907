"""Real OpenSSH servers and agents, each on a folder and a loopback port of its own."""
import contextlib
import os
import pathlib
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time

from support.events import PATIENCE
from support.postgresql import free_port

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def wait_until(condition, what):
    """What condition() answers, as soon as that is something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)
    return found


def keygen(path, kind="ed25519", passphrase="", *options):
    """A new key pair; returns the private key's text."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", path, *options], check=True)
    return path.read_text()


def fingerprint(public_key):
    said = subprocess.run(["ssh-keygen", "-lf", public_key], check=True, capture_output=True, text=True).stdout
    return said.split()[1]


def alive(pid):
    """Whether a process is there, and more than an entry that nobody has collected."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class User:
    """Whom commands run as: an account made for the tests, with a password, where the tests run as root; else the one
    that runs them, who has no password here."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="atrium-ssh-"))
        self.home.chmod(0o755)
        self.made = os.geteuid() == 0
        if not self.made:
            self.name, self.password = pwd.getpwuid(os.geteuid()).pw_name, None
            return
        self.name, self.password = "atrium-" + secrets.token_hex(4), secrets.token_hex(12)
        subprocess.run(["useradd", "--no-create-home", "--home-dir", self.home, "--shell", "/bin/bash", self.name],
                       check=True)
        subprocess.run(["chpasswd"], input=f"{self.name}:{self.password}", text=True, check=True)
        shutil.chown(self.home, self.name)

    def remove(self):
        shutil.rmtree(self.home, ignore_errors=True)
        if self.made:
            subprocess.run(["userdel", "--force", self.name], check=True, capture_output=True)


class OpenSsh:
    """One sshd: `with OpenSsh(folder, user) as server:`. Its log is kept whole, down to the packets."""

    def __init__(self, folder, user, host_keys=("ed25519",), **options):
        self.folder, self.user, self.port = pathlib.Path(folder), user, free_port()
        self.folder.mkdir(exist_ok=True)
        self.options = options
        self.authorized = user.home / ("authorized_keys-" + secrets.token_hex(4))  # read by the user
        self.authorized.touch()
        self.log_file = self.folder / "log"
        for kind in host_keys:
            keygen(self.folder / f"host_{kind}", kind)
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        if os.geteuid() == 0:
            pathlib.Path("/run/sshd").mkdir(exist_ok=True)  # where sshd locks its own privileges away
        lines = {"Port": self.port, "ListenAddress": "127.0.0.1", "PidFile": "none", "LogLevel": "DEBUG1",
                 "AuthorizedKeysFile": self.authorized, "StrictModes": "no", "UsePAM": "no",
                 "PasswordAuthentication": "yes" if self.user.made else "no", "UseDNS": "no", **self.options}
        config = self.folder / "sshd_config"
        host_keys = "".join(f"HostKey {path}\n" for path in sorted(self.folder.glob("host_*")) if path.suffix != ".pub")
        config.write_text(host_keys + "".join(f"{name} {value}\n" for name, value in lines.items()))
        self.process = subprocess.Popen([SSHD, "-D", "-f", config, "-E", self.log_file], stdin=subprocess.DEVNULL)
        before = self.log().count("Server listening on")
        wait_until(lambda: self.process.poll() is not None or self.log().count("Server listening on") > before,
                   "sshd listens")
        assert self.process.poll() is None, self.log()[-2000:]
        return self

    def stop(self):
        """The listener and every connection of it."""
        for pid in [*self.connections(), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def connections(self):
        """The processes that serve connections now: the listener's children, and theirs that are sshd too."""
        found, parents = [], [self.process.pid]
        while parents:
            said = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", ",".join(map(str, parents))],
                                  capture_output=True, text=True).stdout
            parents = [int(line.split()[0]) for line in said.splitlines() if line.split()[1].startswith("sshd")]
            found += parents
        return found

    def allow(self, public_key):
        with self.authorized.open("a") as file:
            file.write(pathlib.Path(public_key).read_text())

    def new_host_key(self, kind="ed25519"):
        for path in self.folder.glob("host_*"):
            path.unlink()
        keygen(self.folder / f"host_{kind}", kind)

    def fingerprint(self, kind="ed25519"):
        return fingerprint(self.folder / f"host_{kind}.pub")

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def authentications(self):
        """The requests to sign in that any client has sent, as the server saw them."""
        return re.findall(r"userauth-request for user (\S+) service \S+ method (\S+)", self.log())


class Agent:
    """An ssh-agent with these keys."""

    def __init__(self, folder, *keys):
        self.folder, self.keys = pathlib.Path(folder), keys
        self.folder.mkdir(exist_ok=True)
        # A socket's path is short.
        self.place = tempfile.mkdtemp(prefix="agent-")
        self.socket = os.path.join(self.place, "socket")

    def __enter__(self):
        self.process = subprocess.Popen(["ssh-agent", "-D", "-a", self.socket], stdout=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(self.socket), "ssh-agent listens")
        for key in self.keys:
            subprocess.run(["ssh-add", "-q", key], env={**os.environ, "SSH_AUTH_SOCK": self.socket}, check=True)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.place, ignore_errors=True)
