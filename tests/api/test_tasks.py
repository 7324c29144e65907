"""Tasks: their states and who may move them."""
import concurrent.futures
import datetime
import uuid

import pytest

from support.problems import pointers, problem



@pytest.fixture
def assigned(new_worker, new_agent, new_task):
    """A task of an agent on a worker of the test's own: (task, worker, the worker's client)."""
    worker, client = new_worker()
    agent = new_agent(worker_id=worker["id"])
    return new_task(agent_id=agent["id"]), worker, client


def claim(client, task, worker):
    return client.patch(f"/tasks/{task['id']}", json={"status": "in_progress", "worker_id": worker["id"]})


def test_defaults(new_task):
    task = new_task()
    assert (task["status"], task["priority"], task["max_retries"], task["retry_count"]) == ("pending", "medium", 3, 0)
    assert task["agent_id"] is task["result"] is task["error"] is task["completed_at"] is None
    assert task["cost_usd"] == 0


def test_an_agent_assigns(new_agent, new_task, member):
    agent = new_agent()
    assert new_task(agent_id=agent["id"])["status"] == "assigned"
    task = new_task()
    moved = member.client.patch(f"/tasks/{task['id']}", json={"agent_id": agent["id"]})
    assert (moved.status_code, moved.json()["status"]) == (200, "assigned")


def test_unknown_agent(member):
    for agent in (str(uuid.uuid4()), "nonsense"):
        assert pointers(member.client.post("/tasks", json={"title": "x", "agent_id": agent})) == ["/agent_id"]


@pytest.mark.parametrize("status", ["in_progress", "review", "completed", "failed"])
def test_moves_that_pending_does_not_know(member, new_task, status):
    task = new_task()
    answer = member.client.patch(f"/tasks/{task['id']}", json={"status": status})
    assert answer.status_code == 409, answer.text
    assert member.client.get(f"/tasks/{task['id']}").json()["status"] == "pending"


def test_no_such_status(member, new_task):
    assert pointers(member.client.patch(f"/tasks/{new_task()['id']}", json={"status": "sleeping"})) == ["/status"]


def test_cancelling_is_final_and_idempotent(member, new_task, listen):
    events = listen("task.*")
    path = f"/tasks/{new_task()['id']}"
    for _ in range(2):
        answer = member.client.post(path + "/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert member.client.patch(path, json={"status": "assigned"}).status_code == 409
    assert events.wait("task.updated", id=answer.json()["id"], status="cancelled")


def test_life_of_a_task(assigned, member, listen):
    task, worker, client = assigned
    path = f"/tasks/{task['id']}"
    events = listen("task.*")
    claimed = claim(client, task, worker)
    assert (claimed.status_code, claimed.json()["status"]) == (200, "in_progress")
    assert claimed.json()["started_at"]
    assert client.patch(path, json={"progress_percent": 40}).json()["progress_percent"] == 40
    assert client.patch(path, json={"status": "review"}).status_code == 200
    assert client.patch(path, json={"status": "in_progress", "worker_id": worker["id"]}).status_code == 200
    done = client.patch(path, json={"status": "completed", "result": "42", "input_tokens": 7, "output_tokens": 9})
    assert done.status_code == 200, done.text
    final = member.client.get(path).json()
    assert (final["status"], final["result"], final["input_tokens"]) == ("completed", "42", 7)
    assert final["completed_at"]
    assert events.wait("task.completed", id=task["id"])
    assert client.patch(path, json={"status": "failed", "error": "too late"}).status_code == 409
    assert member.client.post(path + "/cancel").status_code == 409


def test_result_is_recorded_once(assigned):
    task, worker, client = assigned
    claim(client, task, worker)

    def finish(number):
        return client.patch(f"/tasks/{task['id']}", json={"status": "completed", "result": str(number)})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(finish, range(8)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert all(answer.status_code == 409 for answer in answers if answer not in won)
    assert client.get(f"/workers/{worker['id']}/tasks").status_code == 200


def test_of_many_claims_one_wins(assigned):
    task, worker, client = assigned
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        statuses = [answer.status_code for answer in pool.map(lambda _: claim(client, task, worker), range(12))]
    assert sorted(statuses) == [200] + [409] * 11


def test_stale_revision_and_conflict_differ(member, new_task):
    task = new_task()
    path = f"/tasks/{task['id']}"
    tag = member.client.get(path).headers["etag"]
    member.client.patch(path, json={"description": "moved on"})
    problem(member.client.patch(path, json={"status": "completed"}, headers={"If-Match": tag}), 412)
    problem(member.client.patch(path, json={"status": "completed"}), 409)


def test_past_deadline_fails(member, new_task, listen):
    events = listen("task.*")
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=300)
    task = new_task(deadline=soon.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    failed = events.wait("task.failed", id=task["id"])
    assert failed["data"]["status"] == "failed"
    assert "deadline_exceeded" in str(failed["data"]["error"])


def test_filters_and_order(member, new_agent, new_task):
    agent = new_agent()
    tasks = {priority: new_task(agent_id=agent["id"], priority=priority)["id"]
             for priority in ("low", "critical", "medium", "high")}
    mine = {"agent_id": agent["id"]}
    listed = member.client.get("/tasks", params=mine).json()
    assert {item["id"] for item in listed["items"]} == set(tasks.values())
    only = member.client.get("/tasks", params={**mine, "priority": "high"}).json()
    assert [item["id"] for item in only["items"]] == [tasks["high"]]
    assert member.client.get("/tasks", params={**mine, "status_filter": "completed"}).json()["total"] == 0
    assert member.client.get("/tasks", params={**mine, "status_filter": "assigned"}).json()["total"] == 4


def test_statistics(member, new_task):
    before = member.client.get("/tasks/stats").json()
    new_task(priority="critical")
    after = member.client.get("/tasks/stats").json()
    assert after["total"] >= before["total"] + 1
    assert after["by_status"]["pending"] >= 1
    assert after["by_priority"]["critical"] >= before["by_priority"].get("critical", 0) + 1
    assert sum(after["by_status"].values()) == after["total"] == sum(after["by_priority"].values())


def test_events_carry_the_whole_resource(member, new_task, listen):
    events = listen("task.created")
    task = new_task()
    event = events.wait("task.created", id=task["id"])
    assert event["data"] == task
    assert event["id"].isdigit()
