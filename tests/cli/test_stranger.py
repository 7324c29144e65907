"""The whole journey of somebody who has never seen our source: from an empty folder to a plugin that serves."""
import os
import subprocess

import pytest

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


def use_items(client):
    """Of the plugin in C++: what it stores is there after a restart. Returns what to ask then."""
    made = client.post("/todo-list", json={"title": "First", "body": "words to find"})
    assert made.status_code == 201, made.text

    def again(client):
        assert client.get("/todo-list", params={"search": "words"}).json()["items"] == [made.json()]
    return again


def use_greeting(language):
    def use(client):
        def again(client):
            assert client.get("/todo-list").json() == {"greeting": f"Hello from {language}"}
        again(client)
        return again
    return use


@pytest.mark.parametrize("language, use", [
    ("c++", use_items), ("c", use_greeting("C")), ("rust", use_greeting("Rust"))], ids=["c++", "c", "rust"])
def test_from_an_empty_folder_to_a_plugin_that_serves(shell, tmp_path, monkeypatch, language, use):
    monkeypatch.chdir(tmp_path)
    done(shell.run("plugin", "new", "todo-list", "--language", language))
    assert "already" in failed(shell.run("plugin", "new", "todo-list"))
    source = tmp_path / "todo-list"
    run("cmake", "-B", "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", cwd=source)
    assert "warning:" not in run("cmake", "--build", "build", cwd=source)
    assert "100% tests passed" in run("ctest", "--test-dir", "build", cwd=source)

    done(shell.run("plugin", "keygen", "vendor.key"))
    done(shell.run("plugin", "pack", source / "build/plugins/todo-list", "--key", "vendor.key"))
    package = tmp_path / "todo-list-0.1.0.atp"
    with Atrium(tmp_path / "kernel", {"ATRIUM_PLUGINS_TRUSTED_KEYS": str(tmp_path / "vendor.key.pub")}) as kernel:
        admin = accounts.first_admin(kernel)

        def plugin(*arguments):
            return done(shell.run("plugin", *arguments, ATRIUM_URL=kernel.url, ATRIUM_TOKEN=admin.token))

        def there():
            return admin.client.get("/todo-list").status_code

        assert there() == 404
        plugin("install", package, "--yes")
        again = use(admin.client)
        kernel.stop()
        kernel.start()
        admin.sign_in()
        again(admin.client)
        plugin("disable", "todo-list")
        assert there() == 404
        plugin("enable", "todo-list")
        again(admin.client)
        plugin("remove", "todo-list")
        assert there() == 404
