"""Agents: made, started, stopped, deleted."""
import uuid

import pytest

from support.problems import pointers, problem



def test_defaults(new_agent):
    agent = new_agent()
    assert agent["status"] == "offline"
    assert agent["autonomy"] == "cautious"
    assert agent["max_concurrent_tasks"] == 1
    assert agent["worker_id"] is None


def test_name_is_required(member):
    assert pointers(member.client.post("/agents", json={})) == ["/name"]


def test_every_bound_is_reported(member):
    answer = member.client.post("/agents", json={
        "name": "x", "temperature": 99, "max_tokens": 0, "max_concurrent_tasks": 0, "autonomy": "reckless",
        "enabled_tools": [7]})
    assert {"/temperature", "/max_tokens", "/max_concurrent_tasks", "/autonomy"} <= set(pointers(answer))


@pytest.mark.parametrize("members, pointer", [
    ({"llm_provider": "no-such-provider"}, "/llm_provider"),
    ({"enabled_tools": ["no_such_tool"]}, "/enabled_tools/0"),
    ({"worker_id": str(uuid.uuid4())}, "/worker_id"),
])
def test_unknown_references(member, members, pointer):
    answer = member.client.post("/agents", json={"name": "x", **members})
    found = pointers(answer)
    assert any(pointer.startswith(entry) or entry.startswith(pointer) for entry in found), found


def test_start_and_stop_are_idempotent(member, new_agent):
    agent = new_agent()
    for action, status in (("start", "idle"), ("start", "idle"), ("stop", "offline"), ("stop", "offline")):
        answer = member.client.post(f"/agents/{agent['id']}/{action}")
        assert (answer.status_code, answer.json()["status"]) == (200, status)


def test_status_events(member, new_agent, listen):
    events = listen("agent.*")
    agent = new_agent()
    member.client.post(f"/agents/{agent['id']}/start")
    assert events.wait("agent.status", id=agent["id"], status="idle")
    member.client.post(f"/agents/{agent['id']}/stop")
    assert events.wait("agent.status", id=agent["id"], status="offline")


def test_status_cannot_be_written(member, new_agent):
    agent = new_agent()
    answer = member.client.patch(f"/agents/{agent['id']}", json={"status": "busy"})
    assert answer.status_code in (200, 422)
    assert member.client.get(f"/agents/{agent['id']}").json()["status"] == "offline"


def test_filters(member, new_agent):
    agent = new_agent(role="filtered-" + uuid.uuid4().hex)
    member.client.post(f"/agents/{agent['id']}/start")
    listed = member.client.get("/agents", params={"role": agent["role"], "status_filter": "idle"}).json()
    assert [item["id"] for item in listed["items"]] == [agent["id"]]
    assert member.client.get("/agents", params={"role": agent["role"], "status_filter": "busy"}).json()["total"] == 0


def test_the_workspace_is_shared(new_agent, newcomer):
    agent = new_agent()
    assert newcomer.client.get(f"/agents/{agent['id']}").status_code == 200


def test_deleting_cancels_its_tasks_and_keeps_history(member, new_agent, new_task):
    agent = new_agent()
    task = new_task(agent_id=agent["id"])
    assert member.client.delete(f"/agents/{agent['id']}").status_code == 204
    problem(member.client.get(f"/agents/{agent['id']}"), 404)
    problem(member.client.post(f"/agents/{agent['id']}/start"), 404)
    assert agent["id"] not in [item["id"] for item in member.client.get("/agents?limit=200").json()["items"]]
    kept = member.client.get(f"/tasks/{task['id']}").json()
    assert kept["agent_id"] == agent["id"]
    assert "/agent_id" in pointers(member.client.post("/tasks", json={"title": "x", "agent_id": agent["id"]}))
