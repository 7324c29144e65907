"""The Debian packages: made, checked, installed into a root that is thrown away, upgraded, removed and purged."""
import os
import re
import shlex
import subprocess

import pytest

from support import accounts
from support.program import BINARY, ROOT, Atrium
from support.throwaway_root import BootedRoot, ThrowawayRoot

PLUGINS = {path.parent.name for path in ROOT.glob("plugins/*/plugin.json")}
CONFIG, DATA = "/etc/atrium/atrium.toml", "/var/lib/atrium"
UNIT = "/lib/systemd/system/atrium.service"


def said(*command, **options):
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, **options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The file of each package, by its name; without debug information, which takes time to compress."""
    folder = tmp_path_factory.mktemp("debs")
    said(ROOT / "packaging/debs", folder, env={**os.environ, "DEB_BUILD_OPTIONS": "noautodbgsym"})
    return {file.name.split("_")[0]: file for file in folder.glob("*.deb")}


@pytest.fixture(scope="module")
def unpacked(packages, tmp_path_factory):
    """A folder into which all of them are unpacked, none of them installed."""
    folder = tmp_path_factory.mktemp("unpacked")
    for file in packages.values():
        said("dpkg-deb", "--extract", file, folder)
    return folder


def test_lintian_has_nothing_to_say(packages):
    assert said("lintian", "--fail-on", "error,warning", "--no-tag-display-limit", *packages.values()) == ""


def test_a_package_for_the_kernel_each_plugin_and_the_sdk(packages):
    programs = {"atrium"} | {f"atrium-plugin-{plugin}" for plugin in PLUGINS}
    assert set(packages) == programs | {"atrium-sdk-dev"}


@pytest.mark.parametrize("plugin", sorted(PLUGINS))
def test_a_plugin_is_installed_whole(unpacked, plugin):
    source, installed = ROOT / "plugins" / plugin, unpacked / "usr/lib/atrium/plugins" / plugin
    expected = {"plugin.json", f"{plugin}.so"}
    expected |= {str(file.relative_to(source)) for file in source.glob("migrations/*")}
    assert {str(file.relative_to(installed)) for file in installed.rglob("*") if file.is_file()} == expected


def test_the_service_is_hardly_exposed(unpacked):
    said("systemd-analyze", "security", "--offline=yes", "--threshold=20", unpacked / UNIT[1:])


def test_the_sample_configuration_differs_in_the_data_directory_alone(unpacked):
    sample, installed = (file.read_text().splitlines() for file in (ROOT / "config/atrium.toml", unpacked / CONFIG[1:]))
    assert [after for before, after in zip(sample, installed, strict=True) if before != after] == [
        f'directory = "{DATA}"']


def test_a_plugin_builds_against_the_installed_sdk(unpacked, tmp_path):
    said(BINARY, "plugin", "new", "greeting", "--language", "c", cwd=tmp_path)
    said("cmake", "-S", "greeting", "-B", "build", "-G", "Ninja", "-DATRIUM_TESTS=OFF",
         f"-DCMAKE_PREFIX_PATH={unpacked}/usr", cwd=tmp_path)
    said("cmake", "--build", "build", cwd=tmp_path)
    said("cmake", "--install", "build", "--prefix", tmp_path / "usr", cwd=tmp_path)
    assert {file.name for file in (tmp_path / "usr/lib/atrium/plugins/greeting").iterdir()} == {
        "greeting.so", "plugin.json"}


class Program(Atrium):
    """The kernel as the unit starts it, in another root and on a free port."""

    def __init__(self, root):
        super().__init__(root.path("/"), {"ATRIUM_HTTP_LISTEN": "127.0.0.1:0"})
        self.root, self.data = root, root.path(DATA)

    def command_line(self):
        unit = self.root.run("cat", UNIT)
        start, user = (re.search(rf"^{key}=(.*)$", unit, re.M)[1] for key in ("ExecStart", "User"))
        return self.root.line("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *shlex.split(start))


class Service:
    """The kernel as systemd runs it in a booted root."""

    def __init__(self, root):
        self.root, self.data = root, root.path(DATA)

    def log(self):
        self.root.run("journalctl", "--sync")
        return self.root.run("journalctl", "--unit=atrium", "--output=cat")

    @property
    def url(self):
        return re.findall(r"^listening on (\S+)$", self.log(), re.M)[-1]

    @property
    def api(self):
        return self.url + "/api/v1"


def plugins(account):
    return {plugin["id"]: plugin["state"] for plugin in account.client.get("/plugins").json()["items"]}


def needs(script):
    """Skips the test, with the reason, on a machine that does not let it do this in a mount namespace."""
    tried = subprocess.run(["unshare", "--mount", "sh", "-ec", script], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip("this needs root and a machine that permits it: " + tried.stderr.strip())


def next_version(package, folder):
    """The same package with a higher version and another sample configuration."""
    said("dpkg-deb", "--raw-extract", package, folder)
    control, sample = folder / "DEBIAN/control", folder / CONFIG[1:]
    control.write_text(re.sub(r"^(Version: .*)$", r"\1+next", control.read_text(), flags=re.M))
    sample.write_text(sample.read_text() + "# A new key.\n")
    said("dpkg-deb", "--build", "--root-owner-group", "-Znone", folder, folder.with_suffix(".deb"))
    return folder.with_suffix(".deb")


@pytest.fixture
def root(tmp_path):
    needs("mount -t tmpfs tmpfs /mnt")
    with ThrowawayRoot(tmp_path / "root") as root:
        yield root


@pytest.fixture
def booted(tmp_path):
    needs("mount -t cgroup2 cgroup2 /mnt; mkdir /mnt/atrium-test; rmdir /mnt/atrium-test")
    with BootedRoot(tmp_path / "root") as root:
        yield root


def test_installed_upgraded_removed_and_purged(packages, root, tmp_path):
    names = ["atrium", *(f"atrium-plugin-{plugin}" for plugin in PLUGINS)]
    root.run("dpkg", "--install", *(root.put(packages[name]) for name in names))
    config = root.path(CONFIG)
    assert root.run("stat", "--format=%a %U %G", DATA, CONFIG) == "700 atrium atrium\n640 root atrium\n"

    program = Program(root)
    with program:
        admin = accounts.first_admin(program)
        assert plugins(admin) == dict.fromkeys(PLUGINS, "running")
    config.write_text(config.read_text() + "# The operator's own.\n")
    edited = config.read_text()

    root.run("dpkg", "--force-confold", "--install", root.put(next_version(packages["atrium"], tmp_path / "next")))
    assert root.run("dpkg-query", "-W", "-f", "${Version}", "atrium").endswith("+next")
    assert config.read_text() == edited
    with program:
        assert accounts.Account(program, admin.email).id == admin.id

    root.run("dpkg", "--remove", *names)
    assert not root.path("/usr/bin/atrium").exists() and not root.path("/usr/lib/atrium").exists()
    assert config.read_text() == edited and (program.data / "atrium.db").exists()

    root.run("dpkg", "--purge", *names)
    assert not root.path("/etc/atrium").exists() and not program.data.exists()
    account = root.run("getent", "passwd", "atrium").strip().split(":")
    assert account[-1] == "/usr/sbin/nologin"


def test_as_a_service(packages, booted, tmp_path):
    """Under all that the unit forbids it: plugins of packages and of a vendor, a reload, and its end."""
    drop_in = booted.path("/etc/systemd/system/atrium.service.d/port.conf")
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nEnvironment=ATRIUM_HTTP_LISTEN=127.0.0.1:0\n")
    booted.run("dpkg", "--install", booted.put(packages["atrium"]))
    booted.run("systemctl", "is-active", "atrium")
    service = Service(booted)
    admin = accounts.first_admin(service)
    assert plugins(admin) == {}

    said(BINARY, "plugin", "keygen", "vendor.key", cwd=tmp_path)
    said(BINARY, "plugin", "pack", BINARY.parents[1] / "plugins/tools", "--key", "vendor.key", "--output", "tools.atp",
         cwd=tmp_path)
    config = booted.path(CONFIG)
    key = (tmp_path / "vendor.key.pub").read_text().strip()
    config.write_text(config.read_text().replace("# trusted_keys = []", f'trusted_keys = ["{key}"]'))
    # Another plugin's package comes, and the service is started again with it.
    booted.run("dpkg", "--install", booted.put(packages["atrium-plugin-messages"]))
    admin.sign_in()
    assert plugins(admin) == {"messages": "running"}
    said(BINARY, "plugin", "install", tmp_path / "tools.atp", "--yes",
         env={**os.environ, "ATRIUM_URL": service.url, "ATRIUM_TOKEN": admin.token})
    assert plugins(admin) == {"messages": "running", "tools": "running"}

    config.write_text(config.read_text().replace('# level = "info"', 'level = "debug"'))
    booted.run("systemctl", "reload", "atrium")
    booted.run("systemctl", "restart", "atrium")
    assert "log.level has changed" in service.log()
    admin.sign_in()
    assert plugins(admin) == {"messages": "running", "tools": "running"}

    booted.run("dpkg", "--remove", "atrium-plugin-messages", "atrium")
    assert booted.run("systemctl", "show", "--property=Result", "--value", "atrium") == "success\n"
    assert service.log().rstrip().endswith("Stopped atrium.service - Atrium, a platform for AI agents.")
