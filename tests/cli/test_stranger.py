"""The whole journey of somebody who has never seen our source, against an installed kernel: from an empty folder to a
plugin that serves, to its next version, and back."""
import json
import os
import subprocess

import pytest

from support import accounts
from support.program import BINARY, Atrium
from support.shell import Shell, done, failed

BUILD = BINARY.parent.parent
OLD, NEW = "0.1.0", "0.2.0"


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Kernel, plugins and SDK, as `cmake --install` puts them."""
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", folder, cwd=folder)
    return folder


def run(*command, cwd, prefix=""):
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600,
                         env={**os.environ, "CMAKE_PREFIX_PATH": str(prefix)})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def replace(file, *pairs):
    text = file.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


class Items:
    """The plugin in C++: what it stores is there after a restart, and in the next version, which stores more."""

    def use(self, client):
        made = client.post("/todo-list", json={"title": "First", "body": "words to find"})
        assert made.status_code == 201, made.text
        self.made = made.json()

    def change(self, source):
        replace(source / "src/todo_list.cpp", ("title, body;", "title, body;\n  bool done = false;"),
                ('atrium::member("created_at"', 'atrium::member("done", &Item::done),\natrium::member("created_at"'))
        (source / "migrations/0002_done.sql").write_text(
            "ALTER TABLE todo_list ADD COLUMN done BOOLEAN NOT NULL DEFAULT FALSE;\n")

    def check(self, client, version):
        more = {"done": False} if version == NEW else {}
        assert client.get("/todo-list", params={"search": "words"}).json()["items"] == [{**self.made, **more}]


class Greeting:
    def __init__(self, language, file):
        self.language, self.file = language, file

    def use(self, client):
        self.check(client, OLD)

    def change(self, source):
        for file in (source / self.file, *source.glob("tests/*.cpp")):
            replace(file, ("Hello from", "Hello again from"))

    def check(self, client, version):
        greeting = f"Hello {'again ' if version == NEW else ''}from {self.language}"
        assert client.get("/todo-list").json() == {"greeting": greeting}


class Vendor:
    """Somebody with the SDK and a key of their own."""

    def __init__(self, shell, prefix, folder):
        self.shell, self.prefix, self.folder, self.source = shell, prefix, folder, folder / "todo-list"
        done(shell.run("plugin", "keygen", "vendor.key"))

    def build(self):
        run("cmake", "-B", "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", cwd=self.source, prefix=self.prefix)
        assert "warning:" not in run("cmake", "--build", "build", cwd=self.source)
        assert "100% tests passed" in run("ctest", "--test-dir", "build", cwd=self.source)

    def ship(self, version):
        done(self.shell.run("plugin", "pack", self.source / "build/plugins/todo-list", "--key", "vendor.key"))
        package = self.folder / f"todo-list-{version}.atp"
        told = done(self.shell.run("plugin", "verify", package, "--key", "vendor.key.pub"))
        assert version in told and "to answer requests under: /todo-list" in told
        return package


class Operator:
    """An admin of the installed kernel, at a terminal."""

    def __init__(self, shell, kernel):
        self.shell, self.kernel, self.admin = shell, kernel, accounts.first_admin(kernel)

    def run(self, *arguments):
        return self.shell.run("plugin", *arguments, ATRIUM_URL=self.kernel.url, ATRIUM_TOKEN=self.admin.token)

    def plugin(self, *arguments):
        return done(self.run(*arguments))

    def version(self):
        return json.loads(self.plugin("show", "todo-list", "--json"))["version"]

    def serves(self):
        return self.admin.client.get("/todo-list").status_code != 404

    def restart(self):
        self.kernel.stop()
        self.kernel.start()
        self.admin.sign_in()


@pytest.mark.parametrize("language, feature", [
    ("c++", Items()), ("c", Greeting("C", "src/todo_list.c")), ("rust", Greeting("Rust", "src/todo_list.rs"))],
    ids=["c++", "c", "rust"])
def test_from_an_empty_folder_to_the_next_version_and_back(prefix, tmp_path, monkeypatch, language, feature):
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, prefix / "bin/atrium")
    done(shell.run("plugin", "new", "todo-list", "--language", language))
    assert "already" in failed(shell.run("plugin", "new", "todo-list"))
    vendor = Vendor(shell, prefix, tmp_path)
    vendor.build()
    old = vendor.ship(OLD)
    with Atrium(tmp_path / "kernel", {"ATRIUM_PLUGINS_TRUSTED_KEYS": "vendor.key.pub"},
                binary=shell.binary) as kernel:
        operator = Operator(shell, kernel)
        assert not operator.serves()
        operator.plugin("install", old, "--yes")
        feature.use(operator.admin.client)
        operator.restart()
        feature.check(operator.admin.client, OLD)

        feature.change(vendor.source)
        replace(vendor.source / "plugin.json", (OLD, NEW))
        vendor.build()
        new = vendor.ship(NEW)
        operator.plugin("upgrade", new, "--yes")
        assert operator.version() == NEW
        feature.check(operator.admin.client, NEW)
        assert "older" in failed(operator.run("upgrade", old, "--yes"))
        operator.plugin("upgrade", old, "--yes", "--downgrade")
        operator.restart()
        assert operator.version() == OLD
        feature.check(operator.admin.client, OLD)

        operator.plugin("disable", "todo-list")
        assert not operator.serves()
        operator.plugin("enable", "todo-list")
        feature.check(operator.admin.client, OLD)
        operator.plugin("remove", "todo-list")
        assert not operator.serves()
