"""This machine's file system as somebody's own: what is installed and written there is gone with it.

An overlay over / in a mount namespace of its own, so it needs root.
"""
import os
import pathlib
import secrets
import signal
import socket
import subprocess

OVERLAY = r"""
set -e
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir written work root cgroup
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/written,workdir=$1/work" root
mount --rbind /dev root/dev
mount -t tmpfs tmpfs root/run
mount -t tmpfs tmpfs root/tmp
rm -f root/usr/sbin/policy-rc.d  # of images whose services are not to start
rm -f root/var/lib/man-db/auto-update  # every package would have it read all manual pages again
"""
HOLD = OVERLAY + r"""
mount -t proc proc root/proc
echo mounted
exec cat
"""
# Control groups of its own below $2, the machine's settings to read only: what boots there changes nothing outside.
BOOT = OVERLAY + r"""
mount -t cgroup2 cgroup2 cgroup
mkdir "cgroup/$2"
echo $$ >"cgroup/$2/cgroup.procs"
echo mounted
exec unshare --pid --fork --kill-child --uts --ipc --cgroup sh -ec '
  mount -t proc proc root/proc
  mount --bind root/proc/sys root/proc/sys
  mount -o remount,bind,ro root/proc/sys
  mount -t sysfs sysfs root/sys
  mount -o remount,bind,ro root/sys
  mount -t cgroup2 cgroup2 root/sys/fs/cgroup
  cd root
  pivot_root . mnt
  umount -l mnt
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test NOTIFY_SOCKET="@$0" \
    /lib/systemd/systemd --system --unit=basic.target
' "$2"
"""
FORGET = r"""
mount -t cgroup2 cgroup2 "$1" && find "$1/$2" -depth -type d -exec rmdir {} +
"""
BOOTS_WITHIN = 120  # seconds


class ThrowawayRoot:
    """No service manager runs there."""

    script = HOLD

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.name = "atrium-test-" + secrets.token_hex(8)

    def __enter__(self):
        # It holds the namespace until it ends.
        self.holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", self.script, "sh", self.folder, self.name],
                                       text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = self.holder.stdout.readline()
        assert said == "mounted\n", self.holder.communicate()[1]
        return self

    def __exit__(self, *_):
        self.holder.kill()
        self.holder.communicate()

    def path(self, inside):
        """Where a file of it can be seen from here."""
        return pathlib.Path(f"/proc/{self.holder.pid}/root{self.folder}/root{inside}")

    def line(self, *command):
        """The command line that runs a command in it."""
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "chroot", self.folder / "root", *command]

    def run(self, *command):
        ran = subprocess.run(self.line(*command), capture_output=True, text=True, timeout=300,
                             stdin=subprocess.DEVNULL)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def put(self, file):
        """Copies a file there; returns its path."""
        inside = f"/var/tmp/{file.name}"
        self.path(inside).write_bytes(file.read_bytes())
        return inside


class BootedRoot(ThrowawayRoot):
    """With systemd as its first process."""

    script = BOOT

    def __enter__(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as boot:
            boot.bind("\0" + self.name)
            boot.settimeout(BOOTS_WITHIN)
            super().__enter__()
            while b"READY=1" not in boot.recv(4096):
                pass
        self.init, = pathlib.Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        return self

    def __exit__(self, *_):
        os.kill(int(self.init), signal.SIGKILL)
        self.holder.communicate()  # it ends when everything that ran there has
        subprocess.run(["unshare", "--mount", "sh", "-c", FORGET, "sh", self.folder, self.name], check=True)

    def path(self, inside):
        return pathlib.Path(f"/proc/{self.init}/root{inside}")

    def line(self, *command):
        return ["nsenter", f"--target={self.init}", "--mount", "--pid", "--uts", "--ipc", "--cgroup", *command]
