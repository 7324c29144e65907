"""The plugin that the guide shows works in a real kernel, on each database."""
import contextlib

import pytest

from support import accounts, postgresql
from support.program import BINARY, Atrium
from support.shell import Shell, done

BUILT = BINARY.parent.parent / "samples/bookmarks"


@pytest.fixture
def kernel(store, request, tmp_path):
    """One that takes packages of anybody: the plugin is being developed."""
    with contextlib.ExitStack() as stack:
        environment = {"ATRIUM_PLUGINS_ALLOW_UNSIGNED": "true"}
        if store == "postgresql":
            cluster = request.getfixturevalue("postgresql_cluster")
            environment["ATRIUM_DATABASE_URL"] = stack.enter_context(postgresql.database(cluster))
        program = stack.enter_context(Atrium(tmp_path, environment))
        program.admin = accounts.first_admin(program)
        yield program


def test_it_serves_and_is_listed_by_its_command(kernel, tmp_path):
    shell = Shell(tmp_path, ATRIUM_URL=kernel.url, ATRIUM_TOKEN=kernel.admin.token)
    client = kernel.admin.client
    done(shell.run("plugin", "pack", BUILT, "--output", tmp_path / "bookmarks.atp"))
    done(shell.run("plugin", "install", tmp_path / "bookmarks.atp", "--yes"))
    made = client.post("/bookmarks", json={"url": "https://example.org/", "title": "Home"})
    assert made.status_code == 201, made.text
    assert client.post("/bookmarks", json={"url": "https://example.org/"}).status_code == 409
    assert client.post("/bookmarks", json={"url": "http://127.0.0.1/"}).status_code == 422

    path = f"/bookmarks/{made.json()['id']}"
    assert client.put(path + "/snapshot", content=b"<p>here</p>").status_code == 204
    link = client.post(path + "/snapshot-link").json()["url"]
    assert accounts.anonymous(kernel).get(link).content == b"<p>here</p>"
    assert client.put(path + "/token", json={"token": "hush"}).status_code == 204
    assert client.put("/settings/bookmarks/checks_per_minute", json={"value": 0}).status_code == 200
    assert done(shell.run("bookmarks")) == "https://example.org/  Home\n"
