"""A task from its instructions to its result, on the rehearsal provider."""
import pytest

from support import accounts
from support.events import Events

INSTRUCTIONS = "What is 12 * 7 + 3? Use the calculator, then answer with the number and the current time."


@pytest.fixture
def rehearsing(member, new_agent):
    def make(**members):
        agent = new_agent(llm_provider="rehearsal", llm_model="rehearsal",
                          enabled_tools=["calculator", "current_time"], **members)
        assert member.client.post(f"/agents/{agent['id']}/start").status_code == 200
        return agent
    return make


def test_end_to_end(member, rehearsing, new_task, listen):
    events = listen("task.*", "agent.*")
    agent = rehearsing()
    task = new_task(agent_id=agent["id"], instructions=INSTRUCTIONS)
    events.wait("agent.status", id=agent["id"], status="busy")
    done = events.wait("task.completed", id=task["id"])["data"]
    assert "87" in str(done["result"])
    assert "rehears" in str(done["result"]).lower()
    assert done["progress_percent"] == 100
    assert done["input_tokens"] > 0 and done["output_tokens"] > 0
    assert done["cost_usd"] == 0
    events.wait("agent.status", id=agent["id"], status="idle")
    assert member.client.get(f"/tasks/{task['id']}").json() == done


def test_every_step_is_there_to_read(member, rehearsing, new_task, listen):
    events = listen("task.*")
    task = new_task(agent_id=rehearsing()["id"], instructions=INSTRUCTIONS)
    events.wait("task.completed", id=task["id"])
    steps = member.client.get(f"/tasks/{task['id']}/steps").json()["items"]
    assert any("calculator" in str(step) and "87" in str(step) for step in steps)


def test_work_waits_for_its_agent(member, rehearsing, new_task, listen):
    agent = rehearsing()
    member.client.post(f"/agents/{agent['id']}/stop")
    events = listen("task.*")
    task = new_task(agent_id=agent["id"], instructions=INSTRUCTIONS)
    assert member.client.get(f"/tasks/{task['id']}").json()["status"] == "assigned"
    member.client.post(f"/agents/{agent['id']}/start")
    events.wait("task.completed", id=task["id"])


def test_missing_tool_fails_by_name(rehearsing, new_task, listen):
    events = listen("task.*")
    task = new_task(agent_id=rehearsing()["id"], instructions=INSTRUCTIONS, required_tools=["crystal_ball"])
    failed = events.wait("task.failed", id=task["id"])
    assert "crystal_ball" in str(failed["data"]["error"])


def test_an_agent_does_one_after_another(rehearsing, new_task, listen):
    events = listen("task.*")
    agent = rehearsing()
    tasks = {new_task(agent_id=agent["id"], instructions=INSTRUCTIONS)["id"] for _ in range(5)}
    running, finished, most = set(), set(), 0
    while finished != tasks:
        data = events.until(lambda message: message.get("data", {}).get("id") in tasks)["data"]
        (running.add if data["status"] == "in_progress" else running.discard)(data["id"])
        most = max(most, len(running))
        if data["status"] == "completed":
            finished.add(data["id"])
    assert most == 1


def test_cancelled_while_running(own_server, tmp_path):
    """A rehearsal that would take minutes ends at once."""
    slowly = tmp_path / "slow.toml"
    slowly.write_text("[plugin.llm-rehearsal]\ndelay_ms = 30000\n")
    server = own_server("--config", slowly)
    admin = accounts.first_admin(server)
    agent = admin.client.post("/agents", json={"name": "slow", "llm_provider": "rehearsal"}).json()
    admin.client.post(f"/agents/{agent['id']}/start")
    with Events(server, admin.token, "task.*", "agent.*") as events:
        task = admin.client.post("/tasks", json={"title": "long", "instructions": "a b c d", "agent_id": agent["id"]}).json()
        events.wait("agent.status", id=agent["id"], status="busy")
        assert admin.client.post(f"/tasks/{task['id']}/cancel").json()["status"] == "cancelled"
        events.wait("agent.status", id=agent["id"], status="idle")
    assert admin.client.get(f"/tasks/{task['id']}").json()["status"] == "cancelled"


def test_deleting_a_busy_agent_cancels(member, rehearsing, new_task, listen):
    events = listen("task.*")
    agent = rehearsing()
    tasks = [new_task(agent_id=agent["id"], instructions=INSTRUCTIONS) for _ in range(3)]
    assert member.client.delete(f"/agents/{agent['id']}").status_code == 204
    left = {task["id"] for task in tasks}
    while left:  # those that wait end before the one that runs
        ended = events.until(lambda message: message.get("data", {}).get("status") in ("cancelled", "completed"))
        left.discard(ended["data"]["id"])
