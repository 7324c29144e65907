"""Settings: who may read and change them, what is refused, and that a change is in effect at once, everywhere."""
import re
import shutil
import time

import pytest

from support import accounts, postgresql
from support.program import STORES, Atrium
from support.problems import pointers, problem

ONE = "/settings/security/max_sessions_per_user"


@pytest.fixture(autouse=True)
def as_they_were(admin):
    """The server is shared: what a test changes is put back."""
    before = admin.client.get("/settings").json()
    yield
    now = admin.client.get("/settings").json()
    changed = {f"{category}.{key}": setting["value"] for category, keys in before.items()
               for key, setting in keys.items() if now[category][key]["value"] != setting["value"]}
    if changed:
        assert admin.client.put("/settings/bulk", json={"settings": changed}).status_code == 200


def test_all_by_category(admin):
    settings = admin.client.get("/settings").json()
    assert {"security"} <= set(settings)
    for keys in settings.values():
        for setting in keys.values():
            assert {"value", "type", "default", "description", "updated_at", "secret"} <= set(setting)
            assert setting["description"]
            assert setting["type"] in ("string", "integer", "number", "boolean")
            wanted = {"string": str, "integer": int, "number": (int, float), "boolean": bool}[setting["type"]]
            assert isinstance(setting["value"], wanted) and isinstance(setting["default"], wanted)


def test_one_is_changed(admin):
    before = admin.client.get(ONE).json()
    answer = admin.client.put(ONE, json={"value": 7})
    assert answer.status_code == 200, answer.text
    assert answer.json()["value"] == 7
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer.json()["updated_at"])
    assert {key: value for key, value in answer.json().items() if key not in ("value", "updated_at")} == {
        key: value for key, value in before.items() if key not in ("value", "updated_at")}
    assert admin.client.get(ONE).json() == answer.json()
    assert admin.client.get("/settings").json()["security"]["max_sessions_per_user"] == answer.json()


def test_it_applies_to_the_next_request(server, admin, newcomer):
    assert admin.client.put(ONE, json={"value": 1}).status_code == 200
    first = newcomer.client
    accounts.Account(server, newcomer.email)
    assert first.get("/auth/me").status_code == 401


@pytest.mark.parametrize("value", ["7", 7.5, True, None, [7], {"value": 7}, 0, 1001, 2 ** 70])
def test_a_wrong_value(admin, value):
    before = admin.client.get(ONE).json()
    assert pointers(admin.client.put(ONE, json={"value": value})) == ["/value"]
    assert admin.client.get(ONE).json() == before


def test_wrong_bodies(admin):
    assert pointers(admin.client.put(ONE, json={})) == ["/value"]
    assert pointers(admin.client.put(ONE, json={"value": 7, "colour": "red"})) == ["/colour"]
    assert pointers(admin.client.put(ONE, json=[7])) == [""]
    problem(admin.client.put(ONE, content="{", headers={"content-type": "application/json"}), 400)
    problem(admin.client.put(ONE, content="value=7", headers={"content-type": "text/plain"}), 415)


def test_a_choice_names_the_others(admin):
    answer = admin.client.put("/settings/security/registration", json={"value": "maybe"})
    assert "open, approval, closed" in problem(answer, 422)["errors"][0]["detail"]


@pytest.mark.parametrize("path", ["security/nothing", "nothing/max_sessions_per_user", "security/a.b", "Security/registration"])
def test_no_such_setting(admin, path):
    problem(admin.client.get("/settings/" + path), 404)
    problem(admin.client.put("/settings/" + path, json={"value": 7}), 404)


def test_several_at_once(admin):
    answer = admin.client.put("/settings/bulk", json={
        "settings": {"security.max_sessions_per_user": 9, "security.lockout_seconds": 99}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["security"]["max_sessions_per_user"]["value"] == 9
    assert answer.json()["security"]["lockout_seconds"]["value"] == 99
    assert admin.client.get(ONE).json()["value"] == 9


def test_all_or_nothing_with_every_fault(admin):
    before = admin.client.get("/settings").json()
    answer = admin.client.put("/settings/bulk", json={"settings": {
        "security.max_sessions_per_user": 9, "security.lockout_seconds": "long", "security.nothing": 1,
        "no dot": 1, "a/b.c": 1}})
    assert pointers(answer) == ["/settings/a~1b.c", "/settings/no dot", "/settings/security.lockout_seconds",
                                "/settings/security.nothing"]
    assert admin.client.get("/settings").json() == before


@pytest.mark.parametrize("body,where", [({}, "/settings"), ({"settings": []}, "/settings"),
                                        ({"settings": {}, "more": 1}, "/more")])
def test_wrong_bulk(admin, body, where):
    assert pointers(admin.client.put("/settings/bulk", json=body)) == [where]


def test_nothing_to_change(admin):
    answer = admin.client.put("/settings/bulk", json={"settings": {}})
    assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.parametrize("who", ["member", "viewer"])
def test_only_admins(request, who):
    client = request.getfixturevalue(who).client
    for answer in (client.get("/settings"), client.get(ONE), client.put(ONE, json={"value": 7}),
                   client.put("/settings/bulk", json={"settings": {}})):
        problem(answer, 403)


def test_nobody_hears_of_it_but_nodes(admin, new_task, listen):
    events = listen("*", token=admin.token)
    assert admin.client.put(ONE, json={"value": 8}).status_code == 200
    task = new_task()
    while (event := events.receive())["data"].get("id") != task["id"]:
        assert not event["type"].startswith("setting")


def test_a_plugins_setting(admin, member, new_agent, new_task, listen):
    """The runner's bound on steps: the rehearsal uses a tool first, so that one step is too few."""
    shown = admin.client.get("/settings").json()["runner"]["max_steps"]
    assert (shown["value"], shown["default"], shown["type"]) == (50, 50, "integer")
    agent = new_agent(llm_provider="rehearsal", llm_model="rehearsal", enabled_tools=["calculator"])
    assert member.client.post(f"/agents/{agent['id']}/start").status_code == 200
    events = listen("task.*")

    def outcome():
        task = new_task(agent_id=agent["id"], instructions="What is 12 * 7 + 3? Use the calculator.", max_retries=0)
        while True:
            event = events.receive()
            if event["data"]["id"] == task["id"] and event["type"] in ("task.completed", "task.failed"):
                return event
    assert outcome()["type"] == "task.completed"
    assert admin.client.put("/settings/runner/max_steps", json={"value": 1}).status_code == 200
    failed = outcome()
    assert failed["type"] == "task.failed" and "the most that are allowed" in str(failed["data"]["error"])
    assert pointers(admin.client.put("/settings/runner/max_steps", json={"value": 0})) == ["/value"]


def test_it_survives_a_restart(own_server):
    server = own_server()
    admin = accounts.first_admin(server)
    assert admin.client.put(ONE, json={"value": 7}).status_code == 200
    server.kill()
    server.start()
    assert accounts.Account(server, admin.email).client.get(ONE).json()["value"] == 7


def test_other_nodes_follow_within_a_second(request, tmp_path):
    """The second is the promise."""
    if "postgresql" not in STORES:
        pytest.skip("several nodes need PostgreSQL")
    with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
        first = Atrium(tmp_path / "first", {"ATRIUM_DATABASE_URL": url})
        second = Atrium(tmp_path / "second", {"ATRIUM_DATABASE_URL": url})
        with first:
            admin = accounts.first_admin(first)
            shutil.copytree(first.data, second.data, ignore=shutil.ignore_patterns("lock"))
            with second:
                there = accounts.client(second, admin.token)
                for value in (7, 8, 9):
                    assert admin.client.put(ONE, json={"value": value}).status_code == 200
                    until = time.monotonic() + 1
                    while there.get(ONE).json()["value"] != value:
                        assert time.monotonic() < until, "the other node has not heard of it"
