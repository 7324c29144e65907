"""Plugins of others: installed from a signed package into a running kernel, and removed again."""
import collections
import concurrent.futures
import hashlib
import json
import shutil
import subprocess
import threading

import pytest

from support import accounts, postgresql
from support.program import BINARY, Atrium
from test_conventions import problem

RELEASE = BINARY.parent.parent / "plugins"
ID = "messages"  # here in the part of a stranger's: this release comes without it


def atrium(*arguments):
    subprocess.run([BINARY, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    """A key, and a package signed with it."""
    folder = tmp_path_factory.mktemp("vendor")
    atrium("plugin", "keygen", folder / "vendor.key")
    atrium("plugin", "pack", RELEASE / ID, "--key", folder / "vendor.key", "--output", folder / "package.atp")
    return folder


@pytest.fixture
def server(vendor, store, request, tmp_path):
    """A kernel that trusts the vendor, on a database that has never seen the plugin."""
    if store == "sqlite":
        yield from running(vendor, tmp_path, {})
        return
    with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
        yield from running(vendor, tmp_path, {"ATRIUM_DATABASE_URL": url})


def running(vendor, tmp_path, environment):
    release = tmp_path / "release"
    release.mkdir()
    for plugin in RELEASE.iterdir():
        if (plugin / "plugin.json").exists() and plugin.name != ID:
            (release / plugin.name).symlink_to(plugin)
    with Atrium(tmp_path, {**environment, "ATRIUM_PLUGINS_DIRECTORY": str(release),
                           "ATRIUM_PLUGINS_TRUSTED_KEYS": str(vendor / "vendor.key.pub")}) as program:
        program.admin = accounts.first_admin(program)
        yield program


def sent(client, package, **fields):
    return client.post("/plugins", files={"file": ("p.atp", package, "application/octet-stream")}, data=fields)


def install(server, package):
    answer = sent(server.admin.client, package, grant=hashlib.sha256(package).hexdigest())
    assert answer.status_code == 201, answer.text
    return answer


def state(server, plugin=ID):
    answer = server.admin.client.get(f"/plugins/{plugin}")
    return answer.json()["state"] if answer.status_code == 200 else answer.status_code


def test_nothing_runs_before_its_wishes_were_seen(server, vendor):
    package = (vendor / "package.atp").read_bytes()
    answer = sent(server.admin.client, package)
    problem(answer, 422)
    told = [fault["detail"] for fault in answer.json()["errors"]]
    assert hashlib.sha256(package).hexdigest() in told[0]
    assert any("tables of its own: messages" in line for line in told)
    problem(sent(server.admin.client, package, grant="0" * 64), 422)
    assert state(server) == 404
    assert server.admin.client.get("/messages").status_code == 404


def test_it_is_installed_at_run_time_and_outlives_a_restart(server, vendor):
    answer = install(server, (vendor / "package.atp").read_bytes())
    assert answer.json()["state"] == "running" and answer.headers["location"] == f"/api/v1/plugins/{ID}"
    assert server.admin.client.get("/messages").status_code == 200
    problem(sent(server.admin.client, (vendor / "package.atp").read_bytes(),
                 grant=hashlib.sha256((vendor / "package.atp").read_bytes()).hexdigest()), 409)
    server.stop()
    server.start()
    server.admin.sign_in()
    assert state(server) == "running"
    assert server.admin.client.get("/messages").status_code == 200


def test_removed_it_is_gone_and_its_tables_stay(server, vendor):
    package = (vendor / "package.atp").read_bytes()
    install(server, package)
    agents = [server.admin.client.post("/agents", json={"name": name}).json()["id"] for name in ("a", "b")]
    body = {"sender_agent_id": agents[0], "recipient_agent_id": agents[1], "subject": "kept", "body": "kept"}
    assert server.admin.client.post("/messages/send", json=body).status_code == 201
    assert server.admin.client.delete(f"/plugins/{ID}").status_code == 204
    assert state(server) == 404 and server.admin.client.get("/messages").status_code == 404
    assert server.admin.client.delete(f"/plugins/{ID}").status_code == 404
    assert not list((server.data / "plugins").glob("*.atp"))
    install(server, package)
    assert server.admin.client.get("/messages").json()["total"] == 1
    server.admin.client.delete(f"/plugins/{ID}")
    server.stop()
    server.start()
    server.admin.sign_in()
    assert state(server) == 404


def test_what_comes_with_the_release_is_not_removed(server):
    problem(server.admin.client.delete("/plugins/agents"), 409)
    assert state(server, "agents") == "running"


def test_a_package_that_changed_on_the_disk_is_not_run(server, vendor):
    install(server, (vendor / "package.atp").read_bytes())
    server.stop()
    kept, = (server.data / "plugins").glob("*.atp")
    content = bytearray(kept.read_bytes())
    content[-20] ^= 1
    kept.write_bytes(content)
    server.start()
    server.admin.sign_in()
    shown = server.admin.client.get(f"/plugins/{ID}").json()
    assert shown["state"] == "failed" and "changed after it was signed" in shown["reason"]
    assert state(server, "agents") == "running"


def test_what_was_changed_where_it_was_unpacked_is_not_run(server, vendor):
    install(server, (vendor / "package.atp").read_bytes())
    server.stop()
    unpacked, = (server.data / "plugins" / "unpacked").glob(f"{ID}-*/{ID}.so")
    unpacked.write_bytes(b"\x7fELF, and something else")
    server.start()
    server.admin.sign_in()
    assert state(server) == "running"


def test_a_stranger_and_nobody_are_refused(server, vendor, tmp_path):
    atrium("plugin", "keygen", tmp_path / "other.key")
    for key in (["--key", tmp_path / "other.key"], []):
        package = tmp_path / f"{len(key)}.atp"
        atrium("plugin", "pack", RELEASE / ID, *key, "--output", package)
        refused = sent(server.admin.client, package.read_bytes(), grant=hashlib.sha256(package.read_bytes()).hexdigest())
        problem(refused, 422)
        assert "plugins." in refused.json()["errors"][0]["detail"]
    assert state(server) == 404


def test_one_that_does_not_start_leaves_nothing(server, vendor, tmp_path):
    source = tmp_path / "broken"
    shutil.copytree(RELEASE / ID, source)
    manifest = json.loads((source / "plugin.json").read_text())
    manifest["services"] = {**manifest.get("services", {}), "requires": ["nothing/there"]}
    (source / "plugin.json").write_text(json.dumps(manifest))
    atrium("plugin", "pack", source, "--key", vendor / "vendor.key", "--output", tmp_path / "broken.atp")
    package = (tmp_path / "broken.atp").read_bytes()
    refused = sent(server.admin.client, package, grant=hashlib.sha256(package).hexdigest())
    problem(refused, 409)
    assert "nothing/there" in refused.json()["detail"]
    assert state(server) == 404 and not list((server.data / "plugins").glob("*.atp"))
    install(server, (vendor / "package.atp").read_bytes())


def test_what_is_no_package(server):
    client = server.admin.client
    for content in (b"", b"x", b"ATRIUM-PLUGIN/1\n", b"ATRIUM-PLUGIN/1\n" + bytes(96), b"PK\x03\x04" + bytes(1000)):
        problem(sent(client, content), 422)
    problem(client.post("/plugins", files={"other": ("p", b"x")}), 422)
    problem(client.post("/plugins", json={}), 415)


def test_each_change_is_in_the_audit_log(server, vendor):
    install(server, (vendor / "package.atp").read_bytes())
    client = server.admin.client
    for action in ("disable", "enable"):
        assert client.post(f"/plugins/{ID}/{action}").status_code == 200
    client.delete(f"/plugins/{ID}")
    rows = client.get("/admin/audit", params={"resource": f"plugin/{ID}"}).json()["items"]
    assert [row["action"] for row in rows] == ["plugin.removed", "plugin.enabled", "plugin.disabled",
                                               "plugin.installed"]


# -- upgrades


@pytest.fixture(scope="module")
def versions(vendor, tmp_path_factory):
    """Packages of the same plugin by version."""
    packages = {}
    for version in ("0.1.0", "0.2.0", "0.3.0"):
        source = tmp_path_factory.mktemp("version") / ID
        shutil.copytree(RELEASE / ID, source, ignore=shutil.ignore_patterns("CMakeFiles", "*.cmake"))
        for file in (source / "plugin.json", source / f"{ID}.so"):  # as if it had been built with that version
            file.write_bytes(file.read_bytes().replace(b"0.1.0", version.encode()))
        atrium("plugin", "pack", source, "--key", vendor / "vendor.key", "--output", source / "p.atp")
        packages[version] = (source / "p.atp").read_bytes()
    return packages


def upgrade(server, package, **query):
    return server.admin.client.post(f"/plugins/{ID}/upgrade", params=query,
                                    files={"file": ("p.atp", package, "application/octet-stream")},
                                    data={"grant": hashlib.sha256(package).hexdigest()})


def version(server):
    return server.admin.client.get(f"/plugins/{ID}").json()["version"]


def test_an_upgrade_takes_over_and_outlives_a_restart(server, versions):
    install(server, versions["0.1.0"])
    answer = upgrade(server, versions["0.2.0"])
    assert answer.status_code == 200 and answer.json()["version"] == "0.2.0" and answer.json()["state"] == "running"
    assert server.admin.client.get("/messages").status_code == 200
    kept, = (server.data / "plugins").glob("*.atp")
    assert "0.2.0" in kept.name
    server.stop()
    server.start()
    server.admin.sign_in()
    assert version(server) == "0.2.0" and state(server) == "running"


def test_an_older_version_must_be_asked_for(server, versions):
    install(server, versions["0.2.0"])
    problem(upgrade(server, versions["0.2.0"]), 409)
    problem(upgrade(server, versions["0.1.0"]), 409)
    assert version(server) == "0.2.0"
    assert upgrade(server, versions["0.1.0"], downgrade="true").status_code == 200
    assert version(server) == "0.1.0"
    problem(server.admin.client.post("/plugins/agents/upgrade", data={
        "grant": hashlib.sha256(versions["0.3.0"]).hexdigest()}, files={"file": ("p", versions["0.3.0"])}), 422)


def test_one_that_does_not_start_leaves_the_old_one_running(server, versions, vendor, tmp_path):
    install(server, versions["0.1.0"])
    source = tmp_path / ID
    shutil.copytree(RELEASE / ID, source, ignore=shutil.ignore_patterns("CMakeFiles", "*.cmake"))
    manifest = json.loads((source / "plugin.json").read_text())
    (source / "plugin.json").write_text(json.dumps({**manifest, "version": "0.9.0"}))  # its code says another
    atrium("plugin", "pack", source, "--key", vendor / "vendor.key", "--output", tmp_path / "p.atp")
    problem(upgrade(server, (tmp_path / "p.atp").read_bytes()), 409)
    assert version(server) == "0.1.0" and state(server) == "running"
    agents = [server.admin.client.post("/agents", json={"name": name}).json()["id"] for name in ("a", "b")]
    body = {"sender_agent_id": agents[0], "recipient_agent_id": agents[1], "subject": "s", "body": "b"}
    assert server.admin.client.post("/messages/send", json=body).status_code == 201
    server.stop()
    server.start()
    server.admin.sign_in()
    assert version(server) == "0.1.0" and state(server) == "running"


def test_one_that_cannot_be_kept_leaves_the_old_one_running(server, versions):
    install(server, versions["0.1.0"])
    in_the_way = server.data / "plugins" / "installed.json.part"
    in_the_way.mkdir()
    problem(upgrade(server, versions["0.2.0"]), 503)
    assert version(server) == "0.1.0" and state(server) == "running"
    assert server.admin.client.get("/messages").status_code == 200
    problem(server.admin.client.delete(f"/plugins/{ID}"), 503)
    assert server.admin.client.get("/messages").status_code == 200
    in_the_way.rmdir()
    assert upgrade(server, versions["0.2.0"]).status_code == 200
    assert version(server) == "0.2.0"


def test_upgrades_under_load_fail_no_request(server, versions):
    install(server, versions["0.1.0"])
    agents = [server.admin.client.post("/agents", json={"name": name}).json()["id"] for name in ("a", "b")]
    body = {"sender_agent_id": agents[0], "recipient_agent_id": agents[1], "subject": "s", "body": "b"}
    done = threading.Event()

    def load(number):
        answers = collections.Counter()
        with accounts.client(server, server.admin.token) as client:
            while not done.is_set():
                answer = client.get("/messages") if number % 2 else client.post("/messages/send", json=body)
                answers[answer.status_code] += 1
        return answers

    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = [pool.submit(load, number) for number in range(8)]
        try:
            for package in 4 * [versions["0.2.0"], versions["0.3.0"], versions["0.1.0"]]:
                answer = upgrade(server, package, downgrade="true")
                assert answer.status_code == 200, answer.text
        finally:
            done.set()
        answers = sum((one.result() for one in running), collections.Counter())
    assert set(answers) == {200, 201}, answers
    assert server.admin.client.get("/messages").json()["total"] == answers[201]
