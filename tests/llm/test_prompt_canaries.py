"""What an agent signs in with over SSH is told neither to its language model nor to anybody who asks afterwards."""
import collections
import json

import pytest

from support import ssh
from support.canaries import OVERVIEWS, Canaries, absent_from_wal, kept
from support.events import Events
from support.language_model import LanguageModel, told_to_use
from support.openssh import OpenSsh, keygen
from support.ssh import user  # noqa: F401: a fixture

WORK, FAIL = ("by-key", "by-password"), ("by-wrong-password", "by-what-is-no-key")


@pytest.fixture
def machine(tmp_path, user):
    with OpenSsh(tmp_path / "sshd", user) as server:
        yield server


def connections(canaries, client, machine, folder):
    """By name: ways to sign in, each with values of its own, that work here or fail."""
    def made(name, key=None, **members):
        made, _ = ssh.pinned(client, machine, key, name=name, allow_agents=True, allowed_commands=["echo *"], **members)
        return made

    passphrase = canaries.new()
    key = folder / "key"
    canaries.values += keygen(key, "ed25519", passphrase).splitlines()[-4:-2]  # of its private half
    machine.allow(key.with_suffix(".pub"))
    all_of_them = {
        "by-key": made("by-key", key, passphrase_secret=ssh.secret(client, passphrase)),
        "by-wrong-password": made("by-wrong-password", auth_method="password",
                                  secret=ssh.secret(client, canaries.new())),
        "by-what-is-no-key": made("by-what-is-no-key", secret=ssh.secret(client, canaries.new()))}
    if machine.user.password:
        all_of_them["by-password"] = made("by-password", auth_method="password",
                                          secret=ssh.secret(client, canaries.add(machine.user.password)))
    return all_of_them


def use_all(canaries, admin, agent, ways):
    """One task for each; their ids by the name of the way."""
    changed = admin.client.patch(f"/agents/{agent['id']}",
                                 json={"enabled_tools": ["ssh_execute"], "autonomy": "autonomous"})
    assert changed.status_code == 200, changed.text
    with Events(admin.server, admin.token, "*") as events:
        tasks = {}
        for name in ways:
            task = admin.client.post("/tasks", json={"title": "t", "instructions": f"Sign in {name}.",
                                                     "agent_id": agent["id"]}).json()
            events.wait("task.completed", id=task["id"])
            tasks[name] = task["id"]
        canaries.in_("the event stream", json.dumps(events.seen))
    return tasks


def seen_by_clients(canaries, client, ways, tasks):
    for name, task in tasks.items():
        path = f"/ssh-connections/{ways[name]['id']}"
        steps = client.get(f"/tasks/{task}/steps").text
        assert ('"error"' in steps) == (name in FAIL), steps
        for answer in (ssh.execute(client, ways[name], "echo x"), client.post(path + "/test", json={})):
            canaries.in_(name, answer.content)
        canaries.in_answers(client, path, path + "/executions", f"/tasks/{task}", f"/tasks/{task}/steps")
    canaries.in_answers(client, "/ssh-connections", "/secrets", "/tasks", "/agents", *OVERVIEWS)


def test_no_credential_reaches_a_model_or_a_reader(agent_on, tmp_path, machine):
    canaries = Canaries()
    answers = [answer for name in WORK + FAIL for answer in told_to_use(
        "ssh_execute", {"connection": name, "command": f"echo {canaries.mark}"}, name)]
    with LanguageModel(tmp_path, answers) as model:
        server, admin, agent = agent_on(model, ATRIUM_LOG_LEVEL="trace")
        with server.heard:
            server.log = collections.deque(server.log)  # every line
        with absent_from_wal(canaries, server.environment.get("ATRIUM_DATABASE_URL")):
            ways = connections(canaries, admin.client, machine, tmp_path)
            tasks = use_all(canaries, admin, agent, ways)
            prompts = model.requests()
            assert len(prompts) == 2 * len(ways)
            canaries.absent("the prompts", [(prompt["model"], json.dumps(prompt).encode()) for prompt in prompts])
            seen_by_clients(canaries, admin.client, ways, tasks)
            kept(canaries, server, "while it runs")
            server.stop()
            canaries.in_("the log", "".join(server.log))
            kept(canaries, server, "after its end")
