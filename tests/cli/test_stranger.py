"""The whole journey of somebody who has never seen our source: from an empty folder to a plugin that serves."""
import os
import subprocess

from support import accounts
from support.program import BINARY, Atrium
from support.shell import done, failed

BUILD = BINARY.parent.parent
SDK = BUILD / "sdk-installed"  # what `cmake --install` gives


def run(*command, cwd):
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600,
                         env={**os.environ, "CMAKE_PREFIX_PATH": str(SDK)})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_from_an_empty_folder_to_a_plugin_that_serves(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done(shell.run("plugin", "new", "todo-list"))
    assert "already" in failed(shell.run("plugin", "new", "todo-list"))
    source = tmp_path / "todo-list"
    run("cmake", "-B", "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", cwd=source)
    run("cmake", "--build", "build", cwd=source)
    assert "100% tests passed" in run("ctest", "--test-dir", "build", cwd=source)

    done(shell.run("plugin", "keygen", "vendor.key"))
    done(shell.run("plugin", "pack", source / "build/plugins/todo-list", "--key", "vendor.key"))
    package = tmp_path / "todo-list-0.1.0.atp"
    with Atrium(tmp_path / "kernel", {"ATRIUM_PLUGINS_TRUSTED_KEYS": str(tmp_path / "vendor.key.pub")}) as kernel:
        admin = accounts.first_admin(kernel)
        there = {"ATRIUM_URL": kernel.url, "ATRIUM_TOKEN": admin.token}
        assert admin.client.get("/todo-list").status_code == 404
        done(shell.run("plugin", "install", package, "--yes", **there))
        made = admin.client.post("/todo-list", json={"title": "First", "body": "words to find"})
        assert made.status_code == 201, made.text
        kernel.stop()
        kernel.start()
        admin.sign_in()
        assert admin.client.get("/todo-list", params={"search": "words"}).json()["items"] == [made.json()]
        there = {"ATRIUM_URL": kernel.url, "ATRIUM_TOKEN": admin.token}
        done(shell.run("plugin", "disable", "todo-list", **there))
        assert admin.client.get("/todo-list").status_code == 404
        done(shell.run("plugin", "enable", "todo-list", **there))
        assert admin.client.get("/todo-list").json()["total"] == 1
        done(shell.run("plugin", "remove", "todo-list", **there))
        assert admin.client.get("/todo-list").status_code == 404
