"""plugin and events: what a running kernel tells and is told."""
import json

from support.shell import done, failed


def test_plugins_come_and_go(kernel, signed_in):
    def state():
        return json.loads(done(signed_in.run("plugin", "show", "messages", "--json")))["state"]

    assert "messages" in done(signed_in.run("plugin", "list"))
    assert state() == "running"
    done(signed_in.run("plugin", "disable", "messages"))
    try:
        assert state() == "disabled"
        assert kernel.admin.client.get("/messages").status_code == 404
    finally:
        done(signed_in.run("plugin", "enable", "messages"))
    assert state() == "running"
    assert kernel.admin.client.get("/messages").status_code == 200


def test_a_plugin_that_is_not_there(signed_in):
    failed(signed_in.run("plugin", "show", "nothing"))
    failed(signed_in.run("plugin", "enable", "../../etc"))


def test_events_follow_from_where_they_are_told(kernel, signed_in):
    task = kernel.admin.client.post("/tasks", json={"title": "heard"}).json()
    with signed_in.begin("events", "task.*", "--json", "--after", "0") as following:
        heard = next(event for line in following.stdout if (event := json.loads(line)["data"])["id"] == task["id"])
        later = kernel.admin.client.post("/tasks", json={"title": "heard live"}).json()
        assert next(event for line in following.stdout if (event := json.loads(line)["data"])["id"] == later["id"])
        following.kill()
    assert heard["title"] == "heard"
