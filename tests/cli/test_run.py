"""atrium run: from instructions to their result, on the rehearsal provider."""
import json
import secrets

import pytest

from support import accounts
from support.shell import Shell, done, failed

INSTRUCTIONS = "What is 12 * 7 + 3? Use the calculator, then answer with the number and the current time."


def new_agent(client, start=True):
    agent = client.post("/agents", json={"name": "Agent " + secrets.token_hex(4), "llm_provider": "rehearsal",
                                         "llm_model": "rehearsal", "enabled_tools": ["calculator", "current_time"]})
    assert agent.status_code == 201, agent.text
    if start:
        assert client.post(f"/agents/{agent.json()['id']}/start").status_code == 200
    return agent.json()


@pytest.fixture
def agent(kernel):
    return new_agent(kernel.admin.sign_in().client)


def test_followed_to_its_result(signed_in, agent):
    result = signed_in.run("run", INSTRUCTIONS, "--agent", agent["name"], "--follow")
    assert "87" in done(result)
    assert "task " in result.stderr and agent["name"] in result.stderr and "completed" in result.stderr


def test_not_followed_it_says_the_id(kernel, signed_in, agent):
    id = done(signed_in.run("run", INSTRUCTIONS, "--agent=" + agent["name"])).strip()
    task = kernel.admin.client.get(f"/tasks/{id}").json()
    assert task["instructions"] == INSTRUCTIONS and task["agent_id"] == agent["id"]
    assert INSTRUCTIONS.startswith(task["title"].rstrip("…"))


def test_the_task_as_json(signed_in, agent):
    task = json.loads(done(signed_in.run("run", INSTRUCTIONS, "--agent", agent["name"], "--follow", "--json")))
    assert task["status"] == "completed" and "87" in task["result"]


def test_an_agent_that_is_not_there(signed_in, agent):
    line = failed(signed_in.run("run", "x", "--agent", "Nobody"))
    assert "Nobody" in line and agent["name"] in line


def test_the_only_started_agent_needs_no_name(own_server, tmp_path):
    program = own_server()
    admin = accounts.first_admin(program)
    shell = Shell(tmp_path, ATRIUM_URL=program.url, ATRIUM_TOKEN=admin.token)
    assert "create one first" in failed(shell.run("run", INSTRUCTIONS))
    resting = new_agent(admin.client, start=False)
    assert resting["name"] in failed(shell.run("run", INSTRUCTIONS))
    only = new_agent(admin.client)
    assert "87" in done(shell.run("run", INSTRUCTIONS, "--follow"))
    other = new_agent(admin.client)
    line = failed(shell.run("run", INSTRUCTIONS))
    assert only["name"] in line and other["name"] in line


def test_wrong_usage_is_2(signed_in):
    for arguments in ([], [" "], ["two", "words"], ["x", "--agnt", "y"], ["x", "--agent"]):
        assert "usage: atrium run" in failed(signed_in.run("run", *arguments), 2)


def test_help_has_an_example(signed_in):
    assert "Example:\n  atrium run" in done(signed_in.run("run", "--help"))
    assert "  run  " in done(signed_in.run("--help"))


def test_viewers_may_not(kernel, tmp_path):
    viewer = accounts.new_user(kernel, kernel.admin.sign_in(), "viewer")
    failed(Shell(tmp_path, ATRIUM_URL=kernel.url, ATRIUM_TOKEN=viewer.token).run("run", INSTRUCTIONS))


def begin_waiting(shell, agent):
    """`run --follow` of a task whose agent rests; returns the process and the task's id."""
    command = shell.begin("run", INSTRUCTIONS, "--agent", agent["name"], "--follow")
    id = command.stderr.readline().split()[1]
    assert "offline" in command.stderr.readline()
    return command, id


def test_a_task_that_does_not_end_well_is_1(kernel, signed_in):
    client = kernel.admin.sign_in().client
    command, id = begin_waiting(signed_in, new_agent(client, start=False))
    assert client.post(f"/tasks/{id}/cancel").status_code == 200
    output, error = command.communicate(timeout=60)
    assert command.returncode == 1 and output == ""
    assert "cancelled" in error.splitlines()[-1]


def test_a_kernel_that_stops_says_so(own_server, tmp_path):
    program = own_server()
    admin = accounts.first_admin(program)
    command, id = begin_waiting(Shell(tmp_path, ATRIUM_URL=program.url, ATRIUM_TOKEN=admin.token),
                                new_agent(admin.client, start=False))
    program.stop()
    _, error = command.communicate(timeout=60)
    assert command.returncode == 1 and "stopping" in error
    program.start()
    assert admin.sign_in().client.get(f"/tasks/{id}").json()["status"] == "assigned"
