"""Two kernels on one PostgreSQL share the work: each task is done once, no agent works on more than it may, and what
one learns the other finds."""
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import accounts, corpus, postgresql
from support.events import Events
from support.metrics import wait_for_metric
from support.program import STORES, Atrium

AGENTS, TASKS = 3, 60
INSTRUCTIONS = "What is 12 * 7 + 3? Use the calculator."


@pytest.fixture
def nodes(request, tmp_path):
    """Both have the keys of the first; a word of the rehearsal takes a moment, so that their work overlaps."""
    if "postgresql" not in STORES:
        pytest.skip("several nodes need PostgreSQL")
    settings = tmp_path / "atrium.toml"
    settings.write_text("[plugin.llm-rehearsal]\ndelay_ms = 2\n")
    with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
        first = Atrium(tmp_path / "first", {"ATRIUM_DATABASE_URL": url}, ["--config", settings])
        second = Atrium(tmp_path / "second", {"ATRIUM_DATABASE_URL": url}, ["--config", settings])
        with first:
            first.admin = accounts.first_admin(first)
            shutil.copytree(first.data, second.data, ignore=shutil.ignore_patterns("lock"))
            with second:
                yield first, second


def test_an_agent_keeps_to_its_slots_on_all_nodes(nodes):
    first, second = nodes
    admins = [accounts.client(node, first.admin.token) for node in nodes]
    agents = [admins[0].post("/agents", json={"name": f"Agent {number}", "llm_provider": "rehearsal",
                                              "enabled_tools": ["calculator"]}).json()["id"] for number in range(AGENTS)]
    for agent in agents:
        assert admins[0].post(f"/agents/{agent}/start").status_code == 200
    with Events(second, first.admin.token, "task.*") as events:
        tasks = set()
        for number in range(TASKS):
            answer = admins[number % 2].post("/tasks", json={
                "title": "shared", "instructions": INSTRUCTIONS, "agent_id": agents[number % AGENTS]})
            assert answer.status_code == 201, answer.text
            tasks.add(answer.json()["id"])
        running = {agent: set() for agent in agents}
        done = []
        while len(done) < TASKS:
            event = events.receive()
            task = event["data"]
            if task["status"] == "in_progress":
                running[task["agent_id"]].add(task["id"])
                assert len(running[task["agent_id"]]) == 1, running
            elif task["status"] == "completed":
                running[task["agent_id"]].discard(task["id"])
                done.append(task["id"])
    assert sorted(done) == sorted(tasks)


def test_what_one_node_learns_the_other_finds(nodes):
    """Before the index is merged and after, though both merge at once."""
    first, second = [accounts.client(node, nodes[0].admin.token) for node in nodes]

    def found(client, word):
        answer = client.get("/knowledge", params={"search": word, "limit": 200})
        assert answer.status_code == 200, answer.text
        return sorted(item["title"] for item in answer.json()["items"])

    texts = [f"badger number {number}" for number in range(150)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda node: corpus.load(node, nodes[0].admin.token, texts), nodes))
    entry = first.post("/knowledge", json={"title": "Weasel", "content": "stoat"}).json()
    assert found(second, "stoat") == ["Weasel"]
    assert second.patch(f"/knowledge/{entry['id']}", json={"content": "ermine"}).status_code == 200
    assert (found(first, "stoat"), found(first, "ermine")) == ([], ["Weasel"])
    for node in nodes:
        wait_for_metric(node, "atrium_knowledge_changes_waiting", 0)
    for client in (first, second):
        answer = client.get("/knowledge", params={"search": "badger"}).json()
        assert answer["total"] == 2 * len(texts)
        assert (found(client, "137"), found(client, "ermine")) == (2 * ["badger number 137"], ["Weasel"])
    assert first.delete(f"/knowledge/{entry['id']}").status_code == 204
    assert found(second, "ermine") == []
