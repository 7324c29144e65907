"""Several kernels on one PostgreSQL and one object store: what an admin does to a plugin on one, each of them does."""
import contextlib
import hashlib
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import accounts, postgresql, stored
from support.events import PATIENCE
from support.host import ID, Host
from support.packages import release_without
from support.program import STORES

@pytest.fixture
def start_node(request, vendor, tmp_path):
    """start_node(): another node with the keys of the first, and its admin."""
    if "postgresql" not in STORES:
        pytest.skip("several nodes need PostgreSQL")
    release = release_without(tmp_path / "release", ID)
    with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url, contextlib.ExitStack() as stack:
        nodes = []

        def start(trusted=vendor.public_file):
            environment = {"ATRIUM_DATABASE_URL": url, "ATRIUM_OBJECTS_URL": f"file:{tmp_path / 'objects'}",
                           "ATRIUM_PLUGINS_DIRECTORY": str(release), "ATRIUM_PLUGINS_TRUSTED_KEYS": trusted}
            node = Host(tmp_path / f"node-{len(nodes)}", environment)
            if nodes:
                shutil.copytree(nodes[0].data / "keys", node.data / "keys")
            stack.enter_context(node)
            node.admin = accounts.Account(node, nodes[0].admin.email) if nodes else accounts.first_admin(node)
            nodes.append(node)
            return node
        yield start


def wait_until(node, **shown):
    """Until /plugins/{id} of this node says so; without anything: until there is no such plugin."""
    deadline = time.monotonic() + PATIENCE
    while not (shown.items() <= node.shown().items() and bool(shown) == bool(node.shown())):
        assert time.monotonic() < deadline, f"{node.shown()}\n" + node.last_words()


def test_what_is_done_on_one_is_done_on_the_other(start_node, versions):
    first, second = start_node(), start_node()
    first.install(versions["0.1.0"])
    wait_until(second, state="running", version="0.1.0")
    assert second.admin.client.post("/messages/send", json=second.new_message()).status_code == 201
    assert first.admin.client.get("/messages").json()["total"] == 1
    assert second.upgrade(versions["0.2.0"]).status_code == 200
    wait_until(first, state="running", version="0.2.0")
    for action, state in (("disable", "disabled"), ("enable", "running")):
        assert first.admin.client.post(f"/plugins/{ID}/{action}").status_code == 200
        wait_until(second, state=state)
    assert second.admin.client.delete(f"/plugins/{ID}").status_code == 204
    wait_until(first)
    assert first.admin.client.get("/messages").status_code == 404


def test_who_was_away_catches_up_at_the_start(start_node, versions):
    first, second = start_node(), start_node()
    second.stop()
    first.install(versions["0.2.0"])
    assert first.admin.client.post("/plugins/agents/disable").status_code == 200
    second.start()
    second.admin.sign_in()
    assert second.shown()["version"] == "0.2.0" and second.state("agents") == "disabled"
    second.stop()
    assert first.admin.client.delete(f"/plugins/{ID}").status_code == 204
    second.start()
    second.admin.sign_in()
    assert second.state() is None


def test_a_node_that_does_not_trust_the_key_says_so_and_goes_on(start_node, versions):
    first, wary = start_node(), start_node(trusted="")
    first.install(versions["0.1.0"])
    wary.wait_for(f"{ID}: installed on another node: ")
    assert wary.state() == "failed" and "plugins.trusted_keys" in wary.shown()["reason"]
    assert wary.state("agents") == "running"
    assert first.admin.client.delete(f"/plugins/{ID}").status_code == 204
    wait_until(wary)


def test_one_node_removes_and_installs_again_what_another_switched_off(start_node, versions):
    first, second = start_node(), start_node()
    first.install(versions["0.1.0"])
    wait_until(second, state="running")
    second.admin.client.post(f"/plugins/{ID}/disable")
    wait_until(first, state="disabled")
    assert first.admin.client.delete(f"/plugins/{ID}").status_code == 204
    first.install(versions["0.1.0"])
    wait_until(second, state="running")
    assert first.state() == "running"


def test_two_that_upgrade_at_once_end_with_the_same(start_node, versions):
    first, second = start_node(), start_node()
    first.install(versions["0.1.0"])
    wait_until(second, version="0.1.0")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda node, version: node.upgrade(versions[version], downgrade="true").status_code,
                                (first, second), ("0.2.0", "0.3.0")))
    assert set(answers) <= {200, 409} and 200 in answers
    (sha256,), = stored.run(first, "SELECT sha256 FROM plugin_packages WHERE id = %s", ID)
    last, = (version for version, package in versions.items() if hashlib.sha256(package).hexdigest() == sha256)
    for node in (first, second):
        wait_until(node, version=last, state="running")
