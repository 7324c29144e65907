"""SSH connections, against real OpenSSH servers."""
import base64
import concurrent.futures
import json
import os
import secrets
import signal
import socket

import httpx
import pytest

from support import accounts, stored
from support.events import PATIENCE
from support.openssh import Agent, OpenSsh, alive, fingerprint, keygen, wait_until
from support.problems import pointers, problem
from support.ssh import connection, execute, executions, pinned, run, secret, tried
from support.ssh import keys, machine, ready, user  # noqa: F401: fixtures

UNKNOWN = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def own_machine(tmp_path, user, keys):
    """Makes servers for one test alone; each knows the ed25519 key."""
    made = []

    def make(host_keys=("ed25519",), **options):
        server = OpenSsh(tmp_path / f"sshd-{len(made)}", user, host_keys, **options)
        server.allow(keys["ed25519"].with_suffix(".pub"))
        made.append(server)
        return server.start()

    yield make
    for server in made:
        server.stop()


def audited(server, execution_id):
    return stored.audited(server, "ssh_execution", execution_id)


# -- the resource

def test_made_read_listed_changed_and_removed(server, admin, machine):
    made = connection(admin.client, machine, auth_method="agent")
    path = f"/ssh-connections/{made['id']}"
    assert (made["host_key"], made["allowed_commands"], made["allow_agents"]) == (None, [], False)
    read = admin.client.get(path)
    assert read.json() == made and read.headers["etag"] == '"1"'
    assert made in admin.client.get("/ssh-connections", params={"search": made["name"]}).json()["items"]
    changed = admin.client.put(path, json={"username": "other", "allowed_commands": ["uptime"]}).json()
    assert (changed["username"], changed["revision"], changed["port"]) == ("other", 2, machine.port)
    assert admin.client.put(path, json=changed).status_code == 200
    problem(admin.client.put(path, json={"port": 1}, headers={"If-Match": '"1"'}), 412)
    assert admin.client.delete(path).status_code == 204
    for again in (admin.client.delete(path), admin.client.get(path), admin.client.put(path, json={"port": 1}),
                  admin.client.post(path + "/test"), execute(admin.client, made, "id")):
        problem(again, 404)
    assert [action for action, _, _ in stored.audited(server, "ssh_connection", made["id"])] == [
        "ssh_connection.created", "ssh_connection.updated", "ssh_connection.updated", "ssh_connection.deleted"]


def test_a_name_is_taken_once_and_free_again(admin, machine):
    made = connection(admin.client, machine)
    body = {name: made[name] for name in ("name", "hostname", "username", "auth_method")}
    problem(admin.client.post("/ssh-connections", json=body), 409)
    admin.client.delete(f"/ssh-connections/{made['id']}")
    assert admin.client.post("/ssh-connections", json=body).status_code == 201


def test_every_fault_is_named(admin):
    assert pointers(admin.client.post("/ssh-connections", json={})) == [
        "/auth_method", "/hostname", "/name", "/username"]
    assert pointers(admin.client.post("/ssh-connections", json={
        "name": "x", "hostname": "a b", "username": "u", "auth_method": "password", "port": 0,
        "secret": "no such secret", "allowed_commands": ["*" * 17], "colour": "red"})) == [
            "/allowed_commands/0", "/colour", "/hostname", "/port"]
    assert pointers(admin.client.post("/ssh-connections", json={
        "name": "x", "hostname": "h", "username": "u", "auth_method": "password", "secret": "no such secret"})) == [
            "/secret"]


def test_a_secret_must_be_granted(admin):
    kept = admin.client.post("/secrets", json={"name": "mine-" + secrets.token_hex(4), "value": "x"}).json()
    answer = admin.client.post("/ssh-connections", json={
        "name": "x", "hostname": "h", "username": "u", "auth_method": "password", "secret": kept["name"]})
    assert pointers(answer) == ["/secret"]
    assert "granted_to" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("method, path, body", [
    ("GET", "", None), ("POST", "", {}), ("GET", f"/{UNKNOWN}", None), ("PUT", f"/{UNKNOWN}", {}),
    ("DELETE", f"/{UNKNOWN}", None), ("POST", f"/{UNKNOWN}/test", {}),
    ("POST", f"/{UNKNOWN}/execute", {"command": "id"}), ("GET", f"/{UNKNOWN}/executions", None)])
def test_admins_only(server, admin, member, viewer, new_worker, anonymous, method, path, body):
    def status(client):
        return client.request(method, "/ssh-connections" + path, json=body).status_code
    assert status(anonymous) == 401
    _, worker = new_worker()
    for client in (member.client, viewer.client, worker):
        assert status(client) == 403
    if path:
        assert status(admin.client) == 404


def test_bodies_are_checked(admin, ready):
    path = f"/ssh-connections/{ready['id']}"
    assert pointers(admin.client.post(path + "/execute", json={})) == ["/command"]
    assert pointers(admin.client.post(path + "/execute", json={
        "command": "", "timeout_seconds": 3601, "stdin": "x" * (256 * 1024 + 1), "shell": "zsh"})) == [
            "/command", "/shell", "/stdin", "/timeout_seconds"]
    assert pointers(admin.client.post(path + "/execute", json={"command": "a\0b"})) == ["/command"]
    assert pointers(admin.client.post(path + "/test", json={"confirm_fingerprint": "yes"})) == ["/confirm_fingerprint"]
    problem(admin.client.post(path + "/execute", content="id", headers={"Content-Type": "text/plain"}), 415)
    problem(admin.client.post(path + "/execute", content="{", headers={"Content-Type": "application/json"}), 400)


def test_no_member_hears_of_it(server, admin, machine, keys, listen):
    events = listen("*")
    made, _ = pinned(admin.client, machine, keys["ed25519"])
    run(admin.client, made, "id")
    assert "ssh" not in json.dumps(events.nothing_before_pong())


# -- host keys

def test_an_unknown_host_gets_not_one_byte_of_authentication(admin, own_machine, keys):
    server = own_machine()
    made = connection(admin.client, server, keys["ed25519"])
    said = tried(admin.client, made)
    assert (said["ok"], said["reason"], said["fingerprint"]) == (False, "unknown_host_key", server.fingerprint())
    assert said["host_key_algorithm"] == "ssh-ed25519" and said["server"].startswith("SSH-2.0-OpenSSH")
    refused = problem(execute(admin.client, made, "id"), 409, "/problems/ssh-unknown-host-key")
    assert server.fingerprint() in refused["detail"]
    mistaken = tried(admin.client, made, confirm_fingerprint=fingerprint(keys["stranger"].with_suffix(".pub")))
    assert (mistaken["ok"], mistaken["reason"]) == (False, "fingerprint_mismatch")
    assert admin.client.get(f"/ssh-connections/{made['id']}").json()["host_key"] is None
    wait_until(lambda: server.log().count("Connection closed by") + server.log().count("disconnected by user")
               + server.log().count("Received disconnect") >= 3, "the server saw all three leave")
    assert server.authentications() == []


def test_a_confirmed_key_is_pinned(server, admin, own_machine, keys):
    machine = own_machine()
    made, said = pinned(admin.client, machine, keys["ed25519"])
    assert said["ok"] and said["pinned_fingerprint"] == machine.fingerprint()
    now = admin.client.get(f"/ssh-connections/{made['id']}").json()
    assert (now["host_key"], now["host_key_algorithm"]) == (machine.fingerprint(), "ssh-ed25519")
    assert tried(admin.client, made)["ok"]
    actions = [action for action, _, _ in stored.audited(server, "ssh_connection", made["id"])]
    assert actions == ["ssh_connection.created", "ssh_connection.host_key_pinned"]


def test_a_changed_key_is_refused_until_it_is_confirmed(server, admin, own_machine, keys):
    machine = own_machine()
    made, _ = pinned(admin.client, machine, keys["ed25519"])
    before = machine.fingerprint()
    machine.stop()
    machine.new_host_key()
    machine.start()
    signed_in = len(machine.authentications())
    said = tried(admin.client, made)
    assert (said["ok"], said["reason"]) == (False, "host_key_changed")
    assert (said["pinned_fingerprint"], said["fingerprint"]) == (before, machine.fingerprint())
    refused = problem(execute(admin.client, made, "id"), 409, "/problems/ssh-host-key-changed")
    assert before in refused["detail"] and machine.fingerprint() in refused["detail"]
    assert len(machine.authentications()) == signed_in
    assert tried(admin.client, made, confirm_fingerprint=machine.fingerprint())["ok"]
    assert run(admin.client, made, "echo back")["stdout"] == "back\n"
    assert "ssh_connection.host_key_replaced" in [
        action for action, _, _ in stored.audited(server, "ssh_connection", made["id"])]


def test_a_server_that_gets_a_further_key_is_still_known(admin, own_machine, keys):
    machine = own_machine(("ecdsa",))
    made, said = pinned(admin.client, machine, keys["ed25519"])
    assert said["host_key_algorithm"] == "ecdsa-sha2-nistp256"
    machine.stop()
    keygen(machine.folder / "host_ed25519", "ed25519")
    machine.start()
    assert tried(admin.client, made)["ok"]


def test_another_machine_has_another_key(admin, own_machine, keys):
    one, other = own_machine(), own_machine()
    made, _ = pinned(admin.client, one, keys["ed25519"])
    moved = admin.client.put(f"/ssh-connections/{made['id']}", json={"port": other.port}).json()
    assert (moved["host_key"], moved["host_key_algorithm"]) == (None, None)
    assert tried(admin.client, made)["reason"] == "unknown_host_key"
    assert other.authentications() == []


def test_a_host_with_an_rsa_key_alone_is_told_what_to_do(admin, own_machine, keys):
    made = connection(admin.client, own_machine(("rsa",)), keys["ed25519"])
    said = tried(admin.client, made)
    assert (said["ok"], said["reason"]) == (False, "no_common_algorithm")
    assert "ssh-keygen -t ed25519" in said["detail"]


# -- signing in

@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "ecdsa-521"])
def test_by_key(admin, machine, keys, kind):
    made, said = pinned(admin.client, machine, keys[kind])
    assert said["ok"], said
    assert run(admin.client, made, "id -un")["stdout"] == machine.user.name + "\n"


def test_by_an_encrypted_key(admin, machine, keys):
    made, said = pinned(admin.client, machine, keys["encrypted"])
    assert (said["ok"], said["reason"]) == (False, "key_unusable") and "passphrase_secret" in said["detail"]
    path = f"/ssh-connections/{made['id']}"
    admin.client.put(path, json={"passphrase_secret": secret(admin.client, "wrong")})
    said = tried(admin.client, made)
    assert (said["ok"], said["reason"]) == (False, "key_unusable") and "passphrase" in said["detail"]
    admin.client.put(path, json={"passphrase_secret": secret(admin.client, "open sesame")})
    assert tried(admin.client, made)["ok"]


def test_by_password(server, admin, machine):
    if machine.user.password is None:
        pytest.skip("needs root, to make a user with a password")
    made, said = pinned(admin.client, machine, auth_method="password",
                        secret=secret(admin.client, machine.user.password))
    assert said["ok"], said
    assert run(admin.client, made, "id -un")["stdout"] == machine.user.name + "\n"
    admin.client.put(f"/ssh-connections/{made['id']}", json={"secret": secret(admin.client, "wrong")})
    assert tried(admin.client, made)["reason"] == "authentication_failed"
    problem(execute(admin.client, made, "id"), 502, "/problems/ssh-authentication-failed")
    assert machine.user.password not in server.last_words(2000)


def test_by_password_where_questions_are_asked(admin, own_machine):
    machine = own_machine(PasswordAuthentication="no", KbdInteractiveAuthentication="yes", UsePAM="yes")
    if machine.user.password is None:
        pytest.skip("needs root, to make a user with a password")
    _, said = pinned(admin.client, machine, auth_method="password", secret=secret(admin.client, machine.user.password))
    assert said["ok"], said


def test_by_agent(own_server, tmp_path, machine, keys):
    with Agent(tmp_path / "agent", keys["rsa"], keys["ecdsa"]) as agent:
        server = own_server(SSH_AUTH_SOCK=agent.socket)
        admin = accounts.first_admin(server)
        made, said = pinned(admin.client, machine, auth_method="agent")
        assert said["ok"], said
        assert run(admin.client, made, "id -un")["stdout"] == machine.user.name + "\n"
    said = tried(admin.client, made)
    assert (said["ok"], said["reason"]) == (False, "agent_unavailable")


def test_an_agent_without_a_key_that_helps(own_server, tmp_path, machine, keys):
    for held, reason in (((), "agent_unavailable"), ((keys["stranger"],), "authentication_failed"),
                         ((keys["rsa"],), "key_unusable")):
        with Agent(tmp_path / "agent", *held) as agent:
            server = own_server(SSH_AUTH_SOCK=agent.socket)
            _, said = pinned(accounts.first_admin(server).client, machine, auth_method="agent")
            assert (said["ok"], said["reason"]) == (False, reason), said


@pytest.mark.parametrize("kind", ["rsa", "rsa-pem"])
def test_rsa_is_refused_with_cause_and_cure(admin, machine, keys, kind):
    _, said = pinned(admin.client, machine, keys[kind])
    assert (said["ok"], said["reason"]) == (False, "key_unusable")
    assert "SHA-1" in said["detail"] and "ssh-keygen -t ed25519" in said["detail"]


@pytest.mark.parametrize("kind", ["rsa", "rsa-pem"])
def test_rsa_works_where_a_server_still_takes_sha_1(admin, own_machine, keys, kind):
    machine = own_machine(("rsa",), PubkeyAcceptedAlgorithms="+ssh-rsa", HostKeyAlgorithms="+ssh-rsa")
    machine.allow(keys[kind].with_suffix(".pub"))
    made, said = pinned(admin.client, machine, keys[kind])
    assert said["ok"], said
    assert said["host_key_algorithm"] == "ssh-rsa"
    assert run(admin.client, made, "echo hello")["stdout"] == "hello\n"


def test_what_is_wrong_with_a_key_is_said(admin, machine, keys):
    made = connection(admin.client, machine)
    shown = tried(admin.client, made)["fingerprint"]
    assert tried(admin.client, made, confirm_fingerprint=shown)["reason"] == "no_secret"
    for value, reason, words in ((keys["stranger"].read_text(), "authentication_failed", "authorized_keys"),
                                 (keys["ed25519"].with_suffix(".pub").read_text(), "key_unusable", "public key"),
                                 ("hunter2", "key_unusable", "ssh-keygen"),
                                 ("PuTTY-User-Key-File-3: ssh-ed25519", "key_unusable", "puttygen")):
        admin.client.put(f"/ssh-connections/{made['id']}", json={"secret": secret(admin.client, value)})
        said = tried(admin.client, made)
        assert (said["ok"], said["reason"]) == (False, reason), said
        assert words in said["detail"]


def test_a_secret_that_is_gone(admin, machine, keys, ready):
    held = admin.client.get("/secrets", params={"search": ready["secret"]}).json()["items"][0]
    admin.client.delete(f"/secrets/{held['id']}")
    assert tried(admin.client, ready)["reason"] == "secret_unavailable"
    problem(execute(admin.client, ready, "id"), 409, "/problems/ssh-secret-unavailable")


# -- servers that are none

def test_nobody_listens(admin, own_machine, keys):
    machine = own_machine()
    made, _ = pinned(admin.client, machine, keys["ed25519"])
    machine.stop()
    assert tried(admin.client, made)["reason"] == "unreachable"
    refused = problem(execute(admin.client, made, "id"), 502, "/problems/ssh-unreachable")
    assert str(machine.port) in refused["detail"]
    assert executions(admin.client, made)[0]["status"] == "failed"
    admin.client.put(f"/ssh-connections/{made['id']}", json={"hostname": "no-such-host.invalid"})
    assert tried(admin.client, made)["reason"] == "unreachable"


def test_a_server_that_says_nothing_or_something_else(admin, machine):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = connection(admin.client, machine, port=silent.getsockname()[1], connect_timeout_seconds=1)
        assert tried(admin.client, made)["reason"] == "timeout"
    with socket.create_server(("127.0.0.1", 0)) as web, concurrent.futures.ThreadPoolExecutor() as pool:
        def serve():
            client, _ = web.accept()
            with client:
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        serving = pool.submit(serve)
        made = connection(admin.client, machine, port=web.getsockname()[1])
        assert tried(admin.client, made)["reason"] == "protocol_error"
        serving.result(PATIENCE)


# -- commands

def test_a_command_and_its_place_in_the_audit_log(server, admin, ready):
    said = run(admin.client, ready, "echo out; echo err >&2; exit 3")
    assert (said["exit_code"], said["stdout"], said["stderr"]) == (3, "out\n", "err\n")
    assert (said["outcome"], said["truncated"], said["timed_out"], said["exit_signal"]) == ("exited", False, False, None)
    assert said["duration_ms"] >= 0 and said["stdout_encoding"] == "utf-8"
    assert audited(server, said["execution_id"]) == [
        ("ssh.execute", "user", admin.id), ("ssh.exited", "user", admin.id)]
    entry = executions(admin.client, ready)[0]
    assert (entry["id"], entry["command"]) == (said["execution_id"], "echo out; echo err >&2; exit 3")
    assert (entry["status"], entry["exit_code"], entry["output_bytes"]) == ("exited", 3, 8)
    assert (entry["actor_kind"], entry["actor_id"]) == ("user", admin.id)


def test_the_intent_is_written_down_before_the_command_runs(server, admin, user, ready):
    flag = user.home / ("flag-" + secrets.token_hex(4))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(run, accounts.client(server, admin.token), ready, f"while [ ! -e {flag} ]; do sleep 0.05; done")
        entry = wait_until(lambda: executions(admin.client, ready, status="running"), "the command runs")[0]
        assert [action for action, _, _ in audited(server, entry["id"])] == ["ssh.execute"]
        assert entry["finished_at"] is None
        flag.touch()
        assert running.result(PATIENCE)["outcome"] == "exited"


def test_history_outlives_its_connection(admin, ready):
    run(admin.client, ready, "echo remembered")
    admin.client.delete(f"/ssh-connections/{ready['id']}")
    assert executions(admin.client, ready)[0]["command"] == "echo remembered"


def test_input_is_given_whole(admin, ready):
    text = secrets.token_hex(64 * 1024)
    assert run(admin.client, ready, "cat", stdin=text)["stdout"] == text
    most = "x" * (256 * 1024)
    assert run(admin.client, ready, "wc -c", stdin=most)["stdout"].strip() == str(len(most))
    assert run(admin.client, ready, "true", stdin=most)["exit_code"] == 0  # it reads nothing of it
    assert run(admin.client, ready, "cat")["stdout"] == ""


def test_output_of_any_kind(admin, ready):
    assert run(admin.client, ready, "printf 'gr\\303\\274n \\360\\237\\230\\200'")["stdout"] == "grün 😀"
    said = run(admin.client, ready, "printf '\\377\\000\\001' ; printf ok >&2")
    assert said["stdout_encoding"] == "base64" and base64.b64decode(said["stdout"]) == b"\xff\x00\x01"
    assert (said["stderr_encoding"], said["stderr"]) == ("utf-8", "ok")
    said = run(admin.client, ready, "head -c 300000 /dev/urandom")
    assert len(base64.b64decode(said["stdout"])) == 300000 and not said["truncated"]


def test_output_has_a_limit(admin, machine, keys, ready):
    said = run(admin.client, ready, "head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2; exit 7")
    assert (len(said["stdout"]), said["truncated"], said["exit_code"]) == (1 << 20, True, 7)
    assert executions(admin.client, ready)[0]["output_bytes"] == 3000004
    admin.client.put(f"/ssh-connections/{ready['id']}", json={"max_output_bytes": 10})
    said = run(admin.client, ready, "printf 123456; sleep 0.2; printf abcdefgh >&2")
    assert (said["stdout"], said["stderr"], said["truncated"]) == ("123456", "abcd", True)
    admin.client.put(f"/ssh-connections/{ready['id']}", json={"max_output_bytes": 3})
    assert run(admin.client, ready, "printf 'aa\\303\\274'")["stdout"] == "aa"


def test_endless_output_is_stopped(admin, user, ready):
    pid = user.home / ("pid-" + secrets.token_hex(4))
    said = run(admin.client, ready, f"echo $$ > {pid}; exec yes", timeout_seconds=600)
    assert (said["outcome"], said["truncated"], said["exit_code"]) == ("output_limit", True, None)
    wait_until(lambda: not alive(int(pid.read_text())), "the command is gone")


@pytest.mark.parametrize("name", ["KILL", "TERM"])
def test_a_signal_that_ends_it_is_told(admin, ready, name):
    said = run(admin.client, ready, f"kill -{name} $$; sleep 60")
    assert (said["outcome"], said["exit_code"], said["exit_signal"]) == ("signalled", None, name)


def test_what_takes_too_long_is_stopped_over_there(admin, user, ready):
    pid = user.home / ("pid-" + secrets.token_hex(4))
    said = run(admin.client, ready, f"echo so far; echo $$ > {pid}; exec sleep 600", timeout_seconds=1)
    assert (said["outcome"], said["timed_out"], said["exit_code"]) == ("timed_out", True, None)
    assert said["stdout"] == "so far\n"
    wait_until(lambda: not alive(int(pid.read_text())), "the command is gone")


def test_one_that_ignores_the_polite_signal_is_stopped_too(admin, user, ready):
    pid = user.home / ("pid-" + secrets.token_hex(4))
    run(admin.client, ready, f"trap '' TERM HUP PIPE; echo $$ > {pid}; while :; do sleep 1; done", timeout_seconds=1)
    wait_until(lambda: not alive(int(pid.read_text())), "the command is gone")


def test_a_server_that_dies_midway(admin, own_machine, user, keys):
    machine = own_machine()
    made, _ = pinned(admin.client, machine, keys["ed25519"])
    pid = user.home / ("pid-" + secrets.token_hex(4))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(run, admin.client, made, f"echo begun; echo $$ > {pid}; exec sleep 600")
        wait_until(lambda: pid.exists() and pid.read_text().strip(), "the command runs")
        machine.stop()
        said = running.result(PATIENCE)
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert (said["outcome"], said["exit_code"], said["stdout"]) == ("connection_lost", None, "begun\n")
    assert "not known" in said["detail"]
    assert executions(admin.client, made)[0]["status"] == "connection_lost"


def test_atrium_dies_midway(own_server, machine, user, keys):
    server = own_server()
    admin = accounts.first_admin(server)
    made, _ = pinned(admin.client, machine, keys["ed25519"])
    pid = user.home / ("pid-" + secrets.token_hex(4))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(execute, admin.client, made, f"echo $$ > {pid}; exec sleep 600")
        wait_until(lambda: pid.exists() and pid.read_text().strip(), "the command runs")
        server.kill()
        with pytest.raises(httpx.TransportError):
            running.result(PATIENCE)
    os.kill(int(pid.read_text()), signal.SIGKILL)
    server.start()
    client = accounts.client(server, admin.token)
    entry = wait_until(lambda: executions(client, made, status="interrupted"), "it is written down")[0]
    assert [action for action, _, _ in audited(server, entry["id"])] == ["ssh.execute", "ssh.interrupted"]


def test_atrium_stops_midway(own_server, machine, user, keys):
    server = own_server()
    admin = accounts.first_admin(server)
    made, _ = pinned(admin.client, machine, keys["ed25519"])
    pid = user.home / ("pid-" + secrets.token_hex(4))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(execute, admin.client, made, f"echo $$ > {pid}; exec sleep 600")
        wait_until(lambda: pid.exists() and pid.read_text().strip(), "the command runs")
        server.stop()
        running.exception(PATIENCE)
    wait_until(lambda: not alive(int(pid.read_text())), "the command is gone")
    assert stored.run(server, "SELECT status FROM ssh_executions") == [("cancelled",)]


def test_more_than_a_connection_allows_are_sent_away(server, admin, user, ready):
    admin.client.put(f"/ssh-connections/{ready['id']}", json={"max_concurrent": 1})
    flag, begun = (user.home / (name + secrets.token_hex(4)) for name in ("flag-", "begun-"))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(run, accounts.client(server, admin.token), ready,
                              f"touch {begun}; while [ ! -e {flag} ]; do sleep 0.05; done")
        wait_until(begun.exists, "the command runs")
        refused = execute(admin.client, ready, "id")
        assert "max_concurrent" in problem(refused, 503)["detail"] and refused.headers["retry-after"]
        flag.touch()
        running.result(PATIENCE)
    assert run(admin.client, ready, "echo again")["stdout"] == "again\n"


# -- allow-lists

def test_what_is_listed_runs_and_nothing_else(server, admin, user, machine, keys):
    made, _ = pinned(admin.client, machine, keys["ed25519"],
                     allowed_commands=["uptime", "echo *", "printf %s 'a b'; true"])
    assert run(admin.client, made, "uptime")["exit_code"] == 0
    assert run(admin.client, made, "echo hello")["stdout"] == "hello\n"
    assert run(admin.client, made, "printf %s 'a b'; true")["stdout"] == "a b"
    trap = user.home / ("trap-" + secrets.token_hex(4))
    for command in ("uptime ", "uptime; touch {}", "uptime\ntouch {}", "uptime|touch {}", "uptime & touch {}", "touch {}",
                    "echo $(touch {})", "echo `touch {}`", "echo a; touch {}", "echo a && touch {}", "echo a\ntouch {}",
                    "echo a > {}", "echo a b", "echo *", "echo ~", "echo $HOME", "echo -n", "echo ../a", "echo 'a'"):
        problem(execute(admin.client, made, command.replace("{}", str(trap))), 403, "/problems/command-not-allowed")
    assert not trap.exists()
    refused = executions(admin.client, made, status="refused")
    assert len(refused) == 19 and refused[-1]["command"] == "uptime "
    assert audited(server, refused[0]["id"]) == [("ssh.refused", "user", admin.id)]


# -- the agents' tool

@pytest.fixture
def agent_with(server, admin, new_agent, new_task, listen):
    """Lets an agent of an autonomy use ssh_execute once; the step in which it did."""
    def use(autonomy, **arguments):
        events = listen("task.*")
        script = json.dumps([{"tool": "ssh_execute", "arguments": arguments}, {"say": "done"}])
        agent = new_agent(llm_provider="rehearsal", llm_model="rehearsal", enabled_tools=["ssh_execute"],
                          autonomy=autonomy, system_prompt="rehearsal-script: " + script)
        assert admin.client.post(f"/agents/{agent['id']}/start").status_code == 200
        task = new_task(agent_id=agent["id"], instructions="Go.")
        events.wait("task.completed", id=task["id"])
        steps = admin.client.get(f"/tasks/{task['id']}/steps").json()["items"]
        return agent, task, next(step["content"] for step in steps if step["kind"] == "tool")
    return use


def test_an_agent_runs_what_is_listed_in_its_own_name(server, admin, machine, keys, agent_with):
    made, _ = pinned(admin.client, machine, keys["ed25519"], allow_agents=True, allowed_commands=["echo *"])
    agent, task, step = agent_with("autonomous", connection=made["name"], command="echo hello")
    assert step["result"]["stdout"] == "hello\n" and step["result"]["exit_code"] == 0
    entry = executions(admin.client, made)[0]
    assert (entry["actor_kind"], entry["actor_id"], entry["task_id"]) == ("agent", agent["id"], task["id"])
    assert audited(server, entry["id"]) == [("ssh.execute", "agent", agent["id"]), ("ssh.exited", "agent", agent["id"])]
    _, _, step = agent_with("autonomous", connection=made["id"], command="echo a; id")
    assert "echo *" in step["error"]
    assert executions(admin.client, made)[0]["status"] == "refused"


def test_an_agent_needs_a_list_and_leave(admin, machine, keys, agent_with):
    bare, _ = pinned(admin.client, machine, keys["ed25519"], allow_agents=True)
    closed, _ = pinned(admin.client, machine, keys["ed25519"], allowed_commands=["id"])
    _, _, step = agent_with("autonomous", connection=bare["name"], command="id")
    assert "none to agents" in step["error"]
    _, _, step = agent_with("autonomous", connection=closed["name"], command="id")
    assert "allow_agents" in step["error"]
    assert [entry["status"] for made in (bare, closed) for entry in executions(admin.client, made)] == ["refused"]


@pytest.mark.parametrize("autonomy", ["supervised", "cautious", "read_only"])
def test_an_agent_that_is_not_autonomous_asks_first(admin, machine, keys, agent_with, autonomy):
    made, _ = pinned(admin.client, machine, keys["ed25519"], allow_agents=True, allowed_commands=["id"])
    _, _, step = agent_with(autonomy, connection=made["name"], command="id")
    assert "error" in step
    assert executions(admin.client, made) == []
