"""SSH against the clock: what is given up ends over there within a second, and many commands hold up nobody else."""
import json
import secrets
import socket
import statistics
import time

import pytest

from support.openssh import alive, wait_until
from support.pressure import Burst, median_time, seconds
from support.ssh import executions, pinned
from support.ssh import keys, machine, ready, user  # noqa: F401: fixtures

ROUNDS = 5
pytestmark = pytest.mark.alone


@pytest.fixture
def sleeper(user):
    """A command that runs for minutes, and says where it does."""
    return Sleeper(user.home / ("pid-" + secrets.token_hex(4)))


class Sleeper:
    def __init__(self, file):
        self.file, self.command = file, f"echo $$ > {file}; exec sleep 300"

    def pid(self):
        """Its process, once it runs."""
        return int(wait_until(lambda: self.file.exists() and self.file.read_text().strip(), "the command runs"))

    def seconds_to_its_end(self, give_up):
        """How long it lives on after give_up()."""
        pid = self.pid()
        assert alive(pid)
        begun = time.perf_counter()
        give_up()
        wait_until(lambda: not alive(pid), "the command is gone")
        taken = time.perf_counter() - begun
        self.file.unlink()
        return taken


def test_a_client_that_goes_takes_its_command_along(server, admin, ready, sleeper):
    body = json.dumps({"command": sleeper.command})
    taken = []
    for _ in range(ROUNDS):
        with socket.create_connection(server.address) as client:
            client.sendall((f"POST /api/v1/ssh-connections/{ready['id']}/execute HTTP/1.1\r\nHost: localhost\r\n"
                            f"Authorization: Bearer {admin.token}\r\nContent-Type: application/json\r\n"
                            f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
            taken.append(sleeper.seconds_to_its_end(client.close))
    assert statistics.median(taken) < 1, taken
    wait_until(lambda: len(executions(admin.client, ready, status="cancelled")) == ROUNDS, "each is written down")


def test_a_cancelled_task_takes_its_agents_command_along(
        admin, machine, keys, sleeper, new_agent, new_task, listen):
    made, _ = pinned(admin.client, machine, keys["ed25519"], allow_agents=True, allowed_commands=[sleeper.command])
    script = [{"tool": "ssh_execute", "arguments": {"connection": made["name"], "command": sleeper.command,
                                                    "timeout_seconds": 600}}, {"say": "done"}]
    agent = new_agent(llm_provider="rehearsal", enabled_tools=["ssh_execute"], autonomy="autonomous",
                      system_prompt="rehearsal-script: " + json.dumps(script))
    assert admin.client.post(f"/agents/{agent['id']}/start").status_code == 200
    events = listen("agent.*")
    taken = []
    for _ in range(ROUNDS):
        task = new_task(agent_id=agent["id"], instructions="Go.")

        def cancel():
            answer = admin.client.post(f"/tasks/{task['id']}/cancel")
            assert answer.json()["status"] == "cancelled", answer.text
        taken.append(sleeper.seconds_to_its_end(cancel))
        events.wait("agent.status", id=agent["id"], status="idle")
    assert statistics.median(taken) < 1, taken
    wait_until(lambda: len(executions(admin.client, made, status="cancelled")) == ROUNDS, "each is written down")


def test_a_hundred_at_once_do_not_hold_up_others(server, admin, ready):
    """More than sshd lets sign in at once: none is lost, and until the last ends another route takes at most twice as
    long."""
    bodies = [json.dumps({"command": f"sleep 1; echo {number}", "timeout_seconds": 600}) for number in range(100)]

    def other_route():
        assert admin.client.get("/agents").status_code == 200
    median_time(other_route, seconds(1))
    alone = median_time(other_route, seconds(3))
    with Burst(server, admin.token, f"/ssh-connections/{ready['id']}/execute", bodies) as burst:
        among = median_time(other_route, burst.running)
    assert [json.loads(body)["stdout"] for _, body in burst.answers] == [f"{number}\n" for number in range(100)]
    assert among <= 2 * alone, (alone, among)
