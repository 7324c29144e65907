import pytest

from support import accounts, postgresql
from support.packages import Key, granted, release_without
from support.program import Atrium

ID = "messages"  # here in the part of a stranger's: the release comes without it


@pytest.fixture(scope="session")
def vendor(tmp_path_factory):
    return Key(tmp_path_factory.mktemp("vendor") / "vendor.key")


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


class Host(Atrium):
    """A kernel, as whoever manages its plugins sees it."""

    def install(self, package):
        answer = granted(self.admin.client, package)
        assert answer.status_code == 201, answer.text
        return answer

    def upgrade(self, package, **query):
        return granted(self.admin.client, package, f"/plugins/{ID}/upgrade", **query)

    def shown(self, plugin=ID):
        """What /plugins says of it; empty: it is not there."""
        answer = self.admin.client.get(f"/plugins/{plugin}")
        return answer.json() if answer.status_code == 200 else {}

    def state(self, plugin=ID):
        return self.shown(plugin).get("state")

    def restart(self):
        self.stop()
        self.start()
        self.admin.sign_in()

    def new_message(self):
        """What to send to /messages/send."""
        agents = [self.admin.client.post("/agents", json={"name": name}).json()["id"] for name in ("a", "b")]
        return {"sender_agent_id": agents[0], "recipient_agent_id": agents[1], "subject": "kept", "body": "kept"}
