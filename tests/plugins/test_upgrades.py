"""Another version of an installed plugin takes over from the one that runs."""
import collections
import concurrent.futures
import hashlib
import json
import threading
import time

import pytest

from support import accounts
from support.host import ID
from support.packages import RELEASE, copied, granted, sent
from support.problems import problem


def version(server):
    return server.shown()["version"]


def test_an_upgrade_takes_over_and_outlives_a_restart(server, versions):
    server.install(versions["0.1.0"])
    answer = server.upgrade(versions["0.2.0"])
    assert answer.status_code == 200 and answer.json()["version"] == "0.2.0" and answer.json()["state"] == "running"
    assert server.admin.client.get("/messages").status_code == 200
    kept, = (server.data / "plugins").glob("*.atp")
    assert kept.read_bytes() == versions["0.2.0"]
    server.restart()
    assert version(server) == "0.2.0" and server.state() == "running"


def test_what_an_upgrade_asks_for_beyond_what_was_given_is_marked(server, versions, vendor, tmp_path):
    server.install(versions["0.1.0"])
    assert server.shown()["permissions"]["routes"] == ["/messages"]
    source = copied(RELEASE / ID, tmp_path / ID)
    manifest = json.loads((source / "plugin.json").read_text())
    (source / "plugin.json").write_text(
        json.dumps({**manifest, "version": "0.9.0", "routes": ["/messages", "/letters"], "egress": ["example.org"]}))
    refused = problem(sent(server.admin.client, vendor.packed(source), f"/plugins/{ID}/upgrade"), 422)
    told = [fault["detail"] for fault in refused["errors"][1:]]
    assert [line for line in told if line.startswith("new: ")] == [
        "new: to answer requests under: /letters",
        "new: the network, for these hosts and no others: example.org"]
    assert "tables of its own: messages" in told and "to answer requests under: /messages" in told


def test_an_older_version_must_be_asked_for(server, versions):
    server.install(versions["0.2.0"])
    problem(server.upgrade(versions["0.2.0"]), 409)
    problem(server.upgrade(versions["0.1.0"]), 409)
    assert version(server) == "0.2.0"
    assert server.upgrade(versions["0.1.0"], downgrade="true").status_code == 200
    assert version(server) == "0.1.0"
    problem(granted(server.admin.client, versions["0.3.0"], "/plugins/agents/upgrade"), 422)


def test_one_that_does_not_start_leaves_the_old_one_running(server, versions, vendor, tmp_path):
    server.install(versions["0.1.0"])
    source = copied(RELEASE / ID, tmp_path / ID)
    manifest = json.loads((source / "plugin.json").read_text())
    (source / "plugin.json").write_text(json.dumps({**manifest, "version": "0.9.0"}))  # its code says another
    problem(server.upgrade(vendor.packed(source)), 409)
    assert version(server) == "0.1.0" and server.state() == "running"
    assert server.admin.client.post("/messages/send", json=server.new_message()).status_code == 201
    server.restart()
    assert version(server) == "0.1.0" and server.state() == "running"


def test_one_that_cannot_be_kept_leaves_the_old_one_running(server, versions):
    server.install(versions["0.1.0"])
    in_the_way = server.data / "plugins" / f"{ID}-{hashlib.sha256(versions['0.2.0']).hexdigest()}.atp.part"
    in_the_way.mkdir()
    problem(server.upgrade(versions["0.2.0"]), 503)
    assert version(server) == "0.1.0" and server.state() == "running"
    assert server.admin.client.get("/messages").status_code == 200
    in_the_way.rmdir()
    assert server.upgrade(versions["0.2.0"]).status_code == 200
    assert version(server) == "0.2.0"


def load(server, done, number, body):
    """One client until it is told to stop: (status, when asked, when answered) of each of its requests."""
    answers = []
    with accounts.client(server, server.admin.token) as client:
        while not done.is_set():
            begun = time.monotonic()
            answer = client.get("/messages") if number % 2 else client.post("/messages/send", json=body)
            answers.append((answer.status_code, begun, time.monotonic()))
    return answers


def under_load(server, change):
    """What eight clients were answered while change() ran, and when."""
    body, done = server.new_message(), threading.Event()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = [pool.submit(load, server, done, number, body) for number in range(8)]
        try:
            change()
        finally:
            done.set()
        return [answer for one in running for answer in one.result()]


def test_upgrades_under_load_fail_no_request(server, versions):
    server.install(versions["0.1.0"])

    def change():
        for package in 4 * [versions["0.2.0"], versions["0.3.0"], versions["0.1.0"]]:
            answer = server.upgrade(package, downgrade="true")
            assert answer.status_code == 200, answer.text

    answers = collections.Counter(status for status, _, _ in under_load(server, change))
    assert set(answers) == {200, 201}, answers
    assert server.admin.client.get("/messages").json()["total"] == answers[201]


def test_disabling_and_removing_under_load_loses_nothing(server, versions):
    """Whoever comes while it is off, and nobody else, is told that it is not there; whoever came before is answered."""
    server.install(versions["0.1.0"])
    off = []  # from when it is sent away until it is said to be back

    def change():
        for _ in range(3):
            begun = time.monotonic()
            for action in ("disable", "enable"):
                assert server.admin.client.post(f"/plugins/{ID}/{action}").status_code == 200
            off.append((begun, time.monotonic()))
            begun = time.monotonic()
            assert server.admin.client.delete(f"/plugins/{ID}").status_code == 204
            server.install(versions["0.1.0"])
            off.append((begun, time.monotonic()))

    answers = under_load(server, change)
    counts = collections.Counter(status for status, _, _ in answers)
    assert set(counts) <= {200, 201, 404}, counts
    refused = [(asked, answered) for status, asked, answered in answers if status == 404]
    assert not [one for one in refused if not any(one[0] < end and one[1] > begin for begin, end in off)]
    assert server.admin.client.get("/messages").json()["total"] == counts[201]
