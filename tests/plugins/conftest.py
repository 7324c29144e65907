import pytest

from support import accounts, postgresql
from support.host import ID, Host
from support.packages import RELEASE, Key, copied, release_without


@pytest.fixture(scope="session")
def vendor(tmp_path_factory):
    return Key(tmp_path_factory.mktemp("vendor") / "vendor.key")


@pytest.fixture(scope="session")
def versions(vendor, tmp_path_factory):
    """Packages of the same plugin by version."""
    packages = {}
    for version in ("0.1.0", "0.2.0", "0.3.0"):
        source = copied(RELEASE / ID, tmp_path_factory.mktemp("version") / ID)
        for file in (source / "plugin.json", source / f"{ID}.so"):  # as if it had been built with that version
            file.write_bytes(file.read_bytes().replace(b"0.1.0", version.encode()))
        packages[version] = vendor.packed(source)
    return packages


@pytest.fixture
def server(vendor, store, request, tmp_path):
    """A kernel that trusts the vendor, on a database that has never seen the plugin."""
    if store == "sqlite":
        yield from running(vendor, tmp_path, {})
        return
    with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
        yield from running(vendor, tmp_path, {"ATRIUM_DATABASE_URL": url})


def running(vendor, tmp_path, environment):
    release = release_without(tmp_path / "release", ID)
    with Host(tmp_path, {**environment, "ATRIUM_PLUGINS_DIRECTORY": str(release),
                         "ATRIUM_PLUGINS_TRUSTED_KEYS": vendor.public_file}) as program:
        program.admin = accounts.first_admin(program)
        yield program
