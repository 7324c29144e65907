"""The Debian packages: made, checked, installed into a root that is thrown away, upgraded, removed and purged."""
import os
import re
import shlex
import subprocess

import pytest

from support import accounts
from support.program import BINARY, ROOT, Atrium
from support.throwaway_root import ThrowawayRoot

PLUGINS = {path.parent.name for path in ROOT.glob("plugins/*/plugin.json")}
CONFIG, DATA = "/etc/atrium/atrium.toml", "/var/lib/atrium"


def said(*command, **options):
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, **options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The file of each package, by its name."""
    folder = tmp_path_factory.mktemp("debs")
    said(ROOT / "packaging/debs", folder)
    return {file.name.split("_")[0]: file for file in folder.iterdir()}


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
    assert {name for name in packages if not name.endswith("-dbgsym")} == programs | {"atrium-sdk-dev"}


@pytest.mark.parametrize("plugin", sorted(PLUGINS))
def test_a_plugin_is_installed_whole(unpacked, plugin):
    source, installed = ROOT / "plugins" / plugin, unpacked / "usr/lib/atrium/plugins" / plugin
    expected = {"plugin.json", f"{plugin}.so"}
    expected |= {str(file.relative_to(source)) for file in source.glob("migrations/*")}
    assert {str(file.relative_to(installed)) for file in installed.rglob("*") if file.is_file()} == expected


def test_the_service_is_hardly_exposed(unpacked):
    unit, = unpacked.glob("**/systemd/system/atrium.service")
    said("systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)


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


class Service(Atrium):
    """The kernel as the unit starts it, in another root and on a free port."""

    def __init__(self, root):
        super().__init__(root.path("/"), {"ATRIUM_HTTP_LISTEN": "127.0.0.1:0"})
        self.root, self.data = root, root.path(DATA)

    def command_line(self):
        unit = self.root.run("cat", "/lib/systemd/system/atrium.service")
        start, user = (re.search(rf"^{key}=(.*)$", unit, re.M)[1] for key in ("ExecStart", "User"))
        return self.root.line("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *shlex.split(start))


@pytest.fixture
def root(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("packages can be installed by root alone")
    folder = tmp_path / "root"
    folder.mkdir()
    with ThrowawayRoot(folder) as root:
        yield root


def next_version(package, folder):
    """The same package with a higher version and another sample configuration."""
    said("dpkg-deb", "--raw-extract", package, folder)
    control, sample = folder / "DEBIAN/control", folder / CONFIG[1:]
    control.write_text(re.sub(r"^(Version: .*)$", r"\1+next", control.read_text(), flags=re.M))
    sample.write_text(sample.read_text() + "# A new key.\n")
    said("dpkg-deb", "--build", "--root-owner-group", "-Znone", folder, folder.with_suffix(".deb"))
    return folder.with_suffix(".deb")


def test_installed_upgraded_removed_and_purged(packages, root, tmp_path):
    names = ["atrium", *(f"atrium-plugin-{plugin}" for plugin in PLUGINS)]
    root.run("dpkg", "--install", *(root.put(packages[name]) for name in names))
    config = root.path(CONFIG)
    assert root.run("stat", "--format=%a %U %G", DATA, CONFIG) == "700 atrium atrium\n640 root atrium\n"

    service = Service(root)
    with service:
        admin = accounts.first_admin(service)
        plugins = admin.client.get("/plugins").json()["items"]
        assert {plugin["id"]: plugin["state"] for plugin in plugins} == dict.fromkeys(PLUGINS, "running")
    config.write_text(config.read_text() + "# The operator's own.\n")
    edited = config.read_text()

    root.run("dpkg", "--force-confold", "--install", root.put(next_version(packages["atrium"], tmp_path / "next")))
    assert root.run("dpkg-query", "-W", "-f", "${Version}", "atrium").endswith("+next")
    assert config.read_text() == edited
    with service:
        assert accounts.Account(service, admin.email).id == admin.id

    root.run("dpkg", "--remove", *names)
    assert not root.path("/usr/bin/atrium").exists() and not root.path("/usr/lib/atrium").exists()
    assert config.read_text() == edited and (service.data / "atrium.db").exists()

    root.run("dpkg", "--purge", *names)
    assert not root.path("/etc/atrium").exists() and not service.data.exists()
    account = root.run("getent", "passwd", "atrium").strip().split(":")
    assert account[-1] == "/usr/sbin/nologin"
