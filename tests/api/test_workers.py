"""Workers: registered, approved, leasing tasks."""
import concurrent.futures
import uuid

import pytest

from support import accounts
from support.problems import pointers, problem

LOAD = {"cpu_usage_percent": 12.5, "memory_usage_percent": 40, "disk_usage_percent": 71}


@pytest.fixture
def workplace(member, new_worker, new_agent):
    """An approved worker with one started agent on it."""
    def make():
        worker, client = new_worker()
        agent = new_agent(worker_id=worker["id"], max_concurrent_tasks=10)
        assert member.client.post(f"/agents/{agent['id']}/start").status_code == 200
        return worker, client, agent
    return make


def claim(client, worker, max=1, wait_seconds=0):
    answer = client.post(f"/workers/{worker['id']}/claim", json={"max": max, "wait_seconds": wait_seconds})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_registration_shows_the_token_once(member, admin, new_worker):
    worker, _ = new_worker(approved=False)
    assert worker["token"]
    assert worker["is_approved"] is False
    listed = admin.client.get("/admin/workers?limit=200")
    assert listed.status_code == 200
    assert worker["id"] in [item["id"] for item in listed.json()["items"]]
    assert worker["token"] not in listed.text


def test_bad_registration(member):
    answer = member.client.post("/workers/register", json={
        "name": "", "ip_address": "not an address", "cpu_cores": -1, "max_agents": "many"})
    assert {"/name", "/ip_address", "/cpu_cores", "/max_agents"} <= set(pointers(answer))


def test_unapproved_gets_no_work(new_worker):
    worker, client = new_worker(approved=False)
    assert client.post(f"/workers/{worker['id']}/heartbeat", json=LOAD).status_code == 200
    problem(client.get(f"/workers/{worker['id']}/tasks"), 403)
    problem(client.post(f"/workers/{worker['id']}/claim", json={"max": 1, "wait_seconds": 0}), 403)


def test_approval_can_be_taken_back(admin, new_worker):
    worker, client = new_worker()
    assert client.get(f"/workers/{worker['id']}/tasks").status_code == 200
    stale = {"If-Match": f'"{worker["revision"] + 7}"'}
    problem(admin.client.patch(f"/admin/workers/{worker['id']}/approve", json={"is_approved": False}, headers=stale), 412)
    answer = admin.client.patch(f"/admin/workers/{worker['id']}/approve", json={"is_approved": False})
    assert (answer.status_code, answer.json()["is_approved"]) == (200, False)
    problem(client.get(f"/workers/{worker['id']}/tasks"), 403)


def test_heartbeat(new_worker, listen):
    events = listen("worker.*")
    worker, client = new_worker()
    answer = client.post(f"/workers/{worker['id']}/heartbeat", json=LOAD)
    assert answer.status_code == 200
    assert answer.json()["status"] != "offline"
    assert events.wait("worker.online", id=worker["id"])


@pytest.mark.parametrize("value", [-1, 100.5, "12", None, 1e400])
def test_percentages_are_percentages(new_worker, value):
    worker, client = new_worker()
    if value == 1e400:
        answer = client.post(f"/workers/{worker['id']}/heartbeat", content='{"cpu_usage_percent": 1e400}',
                             headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422)
    else:
        answer = client.post(f"/workers/{worker['id']}/heartbeat", json={**LOAD, "cpu_usage_percent": value})
        assert answer.status_code == 422 or value is None


def test_a_worker_speaks_only_for_itself(new_worker, workplace, new_task):
    worker, client, agent = workplace()
    stranger, other = new_worker()
    task = new_task(agent_id=agent["id"])
    for method, path, body in (
            ("POST", f"/workers/{worker['id']}/heartbeat", LOAD),
            ("POST", f"/workers/{worker['id']}/claim", {"max": 1, "wait_seconds": 0}),
            ("PATCH", f"/tasks/{task['id']}", {"status": "in_progress", "worker_id": worker["id"]}),
            ("PATCH", f"/tasks/{task['id']}", {"status": "in_progress", "worker_id": stranger["id"]})):
        assert other.request(method, path, json=body).status_code in (403, 404, 409), path
    assert claim(client, worker)[0]["id"] == task["id"]


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/tasks", {"title": "x"}), ("POST", "/agents", {"name": "x"}), ("GET", "/admin/workers", None),
    ("POST", "/workers/register", {"name": "x"}), ("GET", "/auth/me", None),
])
def test_what_a_worker_may_not_do(new_worker, method, path, body):
    _, client = new_worker()
    assert client.request(method, path, json=body).status_code in (401, 403)


def test_a_worker_writes_only_what_it_reports(workplace, new_task):
    worker, client, agent = workplace()
    task = new_task(agent_id=agent["id"])
    claim(client, worker)
    answer = client.patch(f"/tasks/{task['id']}", json={"title": "mine now", "priority": "critical"})
    assert answer.status_code in (403, 422)


def test_claim_takes_the_most_urgent_first(workplace, new_task):
    worker, client, agent = workplace()
    order = ["low", "critical", "medium", "critical", "high"]
    tasks = [(new_task(agent_id=agent["id"], priority=priority)["id"], priority) for priority in order]
    urgency = ["critical", "high", "medium", "low"]
    expected = [id for id, priority in sorted(tasks, key=lambda task: urgency.index(task[1]))]
    assert [task["id"] for task in claim(client, worker, max=5)] == expected


def test_claimed_tasks_are_in_progress(workplace, new_task, member):
    worker, client, agent = workplace()
    task = new_task(agent_id=agent["id"])
    leased = claim(client, worker)[0]
    assert (leased["id"], leased["status"], leased["worker_id"]) == (task["id"], "in_progress", worker["id"])
    assert claim(client, worker) == []


def test_no_task_is_leased_twice(workplace, new_task):
    worker, client, agent = workplace()
    tasks = {new_task(agent_id=agent["id"])["id"] for _ in range(10)}
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        leased = [task["id"] for batch in pool.map(lambda _: claim(client, worker, max=3), range(6)) for task in batch]
    assert len(leased) == len(set(leased))
    assert set(leased) == tasks


def test_long_poll_answers_when_work_comes(workplace, new_task):
    worker, client, agent = workplace()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(claim, client, worker, 1, 50)
        task = new_task(agent_id=agent["id"])
        assert [leased["id"] for leased in waiting.result(timeout=60)] == [task["id"]]


def test_long_poll_ends_empty_handed(new_worker):
    worker, client = new_worker()
    assert claim(client, worker, wait_seconds=1) == []


@pytest.mark.parametrize("body", [{"max": 0}, {"max": 100000}, {"wait_seconds": -1}, {"wait_seconds": 100000}])
def test_claim_is_bounded(new_worker, body):
    worker, client = new_worker()
    problem(client.post(f"/workers/{worker['id']}/claim", json={"max": 1, "wait_seconds": 0, **body}), 422)


def test_many_wait_without_starving_others(workplace, new_worker, member):
    clients = [new_worker() for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(claim, client, worker, 1, 5) for worker, client in clients]
        for _ in range(20):
            assert member.client.get("/tasks?limit=1").status_code == 200
        assert all(future.result(timeout=120) == [] for future in waiting)


def test_overview(member, new_worker):
    worker, client = new_worker()
    client.post(f"/workers/{worker['id']}/heartbeat", json=LOAD)
    overview = member.client.get("/workers/overview")
    assert overview.status_code == 200
    assert overview.json()


def test_unknown_worker(member, admin):
    problem(admin.client.patch(f"/admin/workers/{uuid.uuid4()}/approve", json={"is_approved": True}), 404)


def test_token_is_no_user(server, new_worker):
    worker, _ = new_worker()
    problem(accounts.client(server, worker["token"] + "x").get(f"/workers/{worker['id']}/tasks"), 401)
