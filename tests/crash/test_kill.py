"""kill -9 at random moments of running tasks: none is lost, and no result is recorded twice."""
import os
import random
import secrets
import threading

import httpx
import pytest

from support import accounts, events, postgresql
from support.program import STORES, Atrium

KILLS = int(os.environ.get("ATRIUM_TEST_KILLS", "100"))
SEED = int(os.environ.get("ATRIUM_TEST_SEED") or secrets.randbits(32))
INSTRUCTIONS = "What is 12 * 7 + 3? Use the calculator, then answer with the number and the current time."
AGENTS, MOST_WAITING = 4, 40


class Work:
    """Keeps the agents busy and remembers every task whose creation was answered."""

    def __init__(self, server):
        self.server, self.created = server, set()
        self.admin = accounts.first_admin(server)
        self.agents = []
        for number in range(AGENTS):
            agent = self.admin.client.post("/agents", json={
                "name": f"Crash {number}", "llm_provider": "rehearsal", "llm_model": "rehearsal",
                "enabled_tools": ["calculator", "current_time"]}).json()
            assert self.admin.client.post(f"/agents/{agent['id']}/start").status_code == 200
            self.agents.append(agent["id"])

    def client(self):
        return accounts.client(self.server, self.admin.token)

    def add(self, client, count):
        for number in range(count):
            key = secrets.token_hex(16)
            answer = client.post("/tasks", json={"title": f"crash {key}", "instructions": INSTRUCTIONS,
                                                 "agent_id": self.agents[number % AGENTS]})
            assert answer.status_code == 201, answer.text
            self.created.add(answer.json()["id"])

    def add_until_killed(self, killed):
        client = self.client()
        while not killed.is_set():
            try:
                stats = client.get("/tasks/stats").json()["by_status"]
                if sum(stats.get(status, 0) for status in ("assigned", "in_progress")) < MOST_WAITING:
                    self.add(client, 5)
            except (httpx.HTTPError, KeyError, ValueError):
                return


@pytest.mark.parametrize("kind", STORES)
def test_nothing_is_lost_and_nothing_twice(kind, request, tmp_path, capsys):
    chance = random.Random(SEED)
    # A word every few milliseconds: most kills hit tasks in the middle of a step.
    slowly = tmp_path / "atrium.toml"
    slowly.write_text("[plugin.llm-rehearsal]\ndelay_ms = 5\n")
    arguments = ("--config", slowly)
    with capsys.disabled():
        print(f"\n  {KILLS} kills on {kind}; ATRIUM_TEST_SEED={SEED} repeats the moments")
    if kind == "postgresql":
        with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
            crash_again_and_again(Atrium(tmp_path, {"ATRIUM_DATABASE_URL": url}, arguments), chance)
    else:
        crash_again_and_again(Atrium(tmp_path, arguments=arguments), chance)


def crash_again_and_again(server, chance):
    work = Work(server.start())
    for _ in range(KILLS):
        work.add(work.client(), 5)
        killed = threading.Event()
        adding = threading.Thread(target=work.add_until_killed, args=(killed,))
        adding.start()
        killed.wait(chance.uniform(0.0, 0.4))
        killed.set()
        server.kill()
        adding.join()
        server.start()
    with events.Events(server, work.admin.token, "*") as stream:
        wait_until_all_rest(work, stream)
    check_every_task(work)
    check_the_log(server, work)
    server.stop()


def wait_until_all_rest(work, stream):
    client = work.client()
    while True:
        stats = client.get("/tasks/stats").json()["by_status"]
        if not any(stats.get(status) for status in ("pending", "assigned", "in_progress", "review")):
            return
        stream.until(lambda message: message["type"] in ("task.completed", "task.failed", "task.updated"))


def check_every_task(work):
    client, seen, cursor = work.client(), {}, None
    while True:
        page = client.get("/tasks", params={"limit": 200, **({"cursor": cursor} if cursor else {})}).json()
        seen.update((task["id"], task) for task in page["items"])
        if not (cursor := page["next_cursor"]):
            break
    lost = work.created - seen.keys()
    assert not lost, f"{len(lost)} tasks were answered 201 and are gone"
    unfinished = [task for task in seen.values() if task["status"] != "completed" or "87" not in str(task["result"])]
    assert not unfinished, unfinished[:3]


def check_the_log(server, work):
    """Every task has exactly one completion in the event log, which holds what was committed and nothing else."""
    with events.Events(server, work.admin.token, "task.completed") as stream:
        stream.send({"type": "resume", "after": "0"})
        counts = {}
        while len(counts) < len(work.created):
            message = stream.receive()
            assert message["type"] != "resume_gap", "the log no longer reaches back to the first event"
            if message["type"] == "task.completed":
                counts[message["data"]["id"]] = counts.get(message["data"]["id"], 0) + 1
        for message in stream.nothing_before_pong():
            counts[message["data"]["id"]] = counts.get(message["data"]["id"], 0) + 1
    twice = {id: count for id, count in counts.items() if count != 1}
    assert not twice, twice
