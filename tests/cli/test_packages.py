"""plugin keygen, pack and verify: a plugin as one signed file."""
import json
import shutil
import stat

import pytest

from support import accounts
from support.program import BINARY, Atrium
from support.shell import done, failed

BUILT = BINARY.parent.parent / "plugins" / "messages"


@pytest.fixture
def key(shell, tmp_path):
    file = tmp_path / "vendor.key"
    done(shell.run("plugin", "keygen", file))
    return file


@pytest.fixture
def package(shell, key, tmp_path):
    file = tmp_path / "messages.atp"
    done(shell.run("plugin", "pack", BUILT, "--key", key, "--output", file))
    return file


def test_a_key_is_for_its_owner_alone(shell, key):
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    public = key.with_name(key.name + ".pub").read_text()
    assert public.startswith("atrium-public-key ") and public.split()[1] not in key.read_text()
    assert "already" in failed(shell.run("plugin", "keygen", key))


def test_a_package_says_what_it_asks_for(shell, key, package):
    shown = json.loads(done(shell.run("plugin", "verify", package, "--key", f"{key}.pub", "--json")))
    assert shown["id"] == "messages" and shown["signed_by"]
    assert "messages" in shown["permissions"]["tables"]
    for_people = done(shell.run("plugin", "verify", package, "--key", f"{key}.pub"))
    assert "It asks for:" in for_people and shown["signed_by"] in for_people


def test_trusted_keys_stand_in_the_configuration(shell, key, package):
    assert "plugins.trusted_keys" in failed(shell.run("plugin", "verify", package))
    done(shell.run("plugin", "verify", package, ATRIUM_PLUGINS_TRUSTED_KEYS=f"{key}.pub"))
    line = key.with_name(key.name + ".pub").read_text().strip()
    done(shell.run("plugin", "verify", package, ATRIUM_PLUGINS_TRUSTED_KEYS=line))


def test_a_changed_package_is_refused(shell, key, package):
    content = bytearray(package.read_bytes())
    content[len(content) // 2] ^= 1
    package.write_bytes(content)
    assert "changed after it was signed" in failed(shell.run("plugin", "verify", package, "--key", f"{key}.pub"))


def test_an_unsigned_package_needs_leave(shell, tmp_path):
    file = tmp_path / "unsigned.atp"
    assert "nobody" in done(shell.run("plugin", "pack", BUILT, "--output", file))
    assert "plugins.allow_unsigned" in failed(shell.run("plugin", "verify", file))
    done(shell.run("plugin", "verify", file, ATRIUM_PLUGINS_ALLOW_UNSIGNED="true"))


def test_a_folder_that_is_not_built(shell, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(BUILT, source)
    (source / "messages.so").unlink()
    assert "build the plugin first" in failed(shell.run("plugin", "pack", source))
    assert "plugin.json" in failed(shell.run("plugin", "pack", tmp_path / "nowhere"))


def test_install_shows_what_is_asked_for_and_waits_for_a_yes(shell, key, package, tmp_path):
    release = tmp_path / "release"
    release.mkdir()
    (release / "agents").symlink_to(BUILT.parent / "agents")
    environment = {"ATRIUM_PLUGINS_DIRECTORY": str(release), "ATRIUM_PLUGINS_TRUSTED_KEYS": f"{key}.pub"}
    with Atrium(tmp_path / "kernel", environment) as kernel:
        admin = accounts.first_admin(kernel)
        there = {"ATRIUM_URL": kernel.url, "ATRIUM_TOKEN": admin.token}
        refused = shell.run("plugin", "install", package, input="n\n", **there)
        assert "tables of its own: messages" in refused.stdout and "nothing was installed" in failed(refused)
        assert "is installed and running" in done(shell.run("plugin", "install", package, input="y\n", **there))
        assert "already" in failed(shell.run("plugin", "install", package, "--yes", **there))
        assert "tables of its own: messages" in done(shell.run("plugin", "show", "messages", **there))
        assert admin.client.get("/messages").status_code == 200
        assert "removed" in done(shell.run("plugin", "remove", "messages", **there))
        assert admin.client.get("/messages").status_code == 404
        installed = json.loads(done(shell.run("plugin", "install", package, "--yes", "--json", **there)))
        assert installed["state"] == "running"
