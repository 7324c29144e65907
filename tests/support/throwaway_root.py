"""This machine's file system as somebody's own: what is installed and written there is gone with it.

An overlay over / in a mount namespace of its own, so it needs root. Its /run is empty: no service manager runs there.
"""
import pathlib
import subprocess

MOUNTS = r"""
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/written" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/written,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/run"
mount -t tmpfs tmpfs "$1/root/tmp"
echo mounted
exec cat
"""


class ThrowawayRoot:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def __enter__(self):
        # It holds the namespace until its standard input is closed.
        self.holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", MOUNTS, "sh", self.folder], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = self.holder.stdout.readline()
        assert said == "mounted\n", self.holder.communicate()[1]
        return self

    def __exit__(self, *_):
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
        """Copies a file into its /tmp; returns its path there."""
        self.path("/tmp").joinpath(file.name).write_bytes(file.read_bytes())
        return f"/tmp/{file.name}"
