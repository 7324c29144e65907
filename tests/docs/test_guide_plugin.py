"""The plugin that the guide shows works in a real kernel, on each database."""
import contextlib

import pytest

from support import accounts, postgresql
from support.bookmarks import install_and_use
from support.packages import BUILD, atrium
from support.program import Atrium


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


def test_it_does_what_the_guide_says(kernel, tmp_path):
    package = tmp_path / "bookmarks.atp"
    atrium("plugin", "pack", BUILD / "samples/bookmarks", "--output", package)
    install_and_use(kernel, package, tmp_path)
