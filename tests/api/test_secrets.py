"""The vault: who sees which value when, and what the audit log says of it."""
import base64
import concurrent.futures
import datetime
import json
import secrets
import threading
import time

import pytest

from support import accounts, stored
from support.events import PATIENCE
from support.shell import Shell, done, failed
from support.problems import pointers, problem

MASK = "********"
UNKNOWN = "01890000-0000-7000-8000-000000000000"


def in_days(days):
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.fixture
def new_secret(admin):
    def make(**members):
        answer = admin.client.post("/secrets", json={
            "name": "secret-" + secrets.token_hex(6), "value": "value-" + secrets.token_hex(12), **members})
        assert answer.status_code == 201, answer.text
        return answer.json()
    return make


def reveal(admin, secret, **query):
    return admin.client.get(f"/secrets/{secret['id']}", params={"reveal": "true", **query})


def actions(server, secret):
    return [action for action, _, _ in stored.audited(server, "secret", secret["id"])]


def test_made_read_and_listed_without_its_value(admin, server):
    name, value = "api-key-" + secrets.token_hex(4), "sk-" + secrets.token_hex(16)
    made = admin.client.post("/secrets", json={"name": name, "value": value, "category": "llm",
                                               "expires_at": in_days(90), "granted_to": ["llm-openai"]})
    assert made.status_code == 201
    secret = made.json()
    assert made.headers["location"] == f"/api/v1/secrets/{secret['id']}"
    assert (secret["value"], secret["version"], secret["created_by"]) == (MASK, 1, admin.id)
    assert (secret["owner_plugin"], secret["last_used_at"], secret["granted_to"]) == (None, None, ["llm-openai"])
    read = admin.client.get(f"/secrets/{secret['id']}")
    assert read.json() == secret and read.headers["etag"] == '"1"'
    found = admin.client.get("/secrets", params={"search": name.upper(), "category": "llm"})
    assert found.json()["items"] == [secret]
    for answer in (made, read, found):
        assert value not in answer.text
    assert actions(server, secret) == ["secret.created"]


def test_reveal_is_audited_before_it_answers(admin, server, new_secret):
    secret = new_secret(value="hunter2")
    answer = reveal(admin, secret)
    assert answer.json() == {**secret, "value": "hunter2"}
    assert answer.headers["cache-control"] == "no-store"
    assert stored.audited(server, "secret", secret["id"])[-1] == ("secret.revealed", "user", admin.id)
    assert admin.client.get(f"/secrets/{secret['id']}?reveal=false").json() == secret
    assert len(actions(server, secret)) == 2
    assert pointers(admin.client.get(f"/secrets/{secret['id']}?reveal=yes")) == ["?reveal"]
    assert pointers(admin.client.get(f"/secrets/{secret['id']}?version=1")) == ["?version"]
    assert pointers(reveal(admin, secret, version=0)) == ["?version"]
    problem(reveal(admin, secret, version=2), 404)
    problem(reveal(admin, {"id": UNKNOWN}), 404)


def test_put(admin, server, new_secret):
    secret = new_secret(value="first")
    path = f"/secrets/{secret['id']}"
    same = admin.client.put(path, json=secret, headers={"If-Match": '"1"'})
    assert (same.status_code, same.json()["version"]) == (200, 1)
    changed = admin.client.put(path, json={"value": "second", "expires_at": None, "granted_to": ["ssh"]}).json()
    assert (changed["version"], changed["granted_to"], changed["value"]) == (2, ["ssh"], MASK)
    assert reveal(admin, secret).json()["value"] == "second"
    assert reveal(admin, secret, version=1).json()["value"] == "first"
    problem(admin.client.put(path, json={"category": "x"}, headers={"If-Match": '"1"'}), 412)
    problem(admin.client.put(path, json={"name": new_secret()["name"]}), 409)
    problem(admin.client.put(f"/secrets/{UNKNOWN}", json={"category": "x"}), 404)
    assert pointers(admin.client.put(path, json={"value": None, "name": "", "nothing": 1})) == ["/name", "/nothing", "/value"]
    assert actions(server, secret)[:3] == ["secret.created", "secret.updated", "secret.updated"]


def test_rotate(admin, server, new_secret):
    secret = new_secret(value="first")
    path = f"/secrets/{secret['id']}"
    rotated = admin.client.post(path + "/rotate", json={"value": "second", "expires_at": in_days(10)})
    assert (rotated.status_code, rotated.json()["version"], rotated.json()["revision"]) == (200, 2, 2)
    assert "second" not in rotated.text
    assert admin.client.post(path + "/rotate").json()["version"] == 3
    assert len(reveal(admin, secret).json()["value"]) == 43
    versions = admin.client.get(path + "/versions").json()
    assert [(item["version"], item["created_by"]) for item in versions["items"]] == [(n, admin.id) for n in (3, 2, 1)]
    assert set(versions) == {"items", "total", "limit", "offset", "next_cursor"}
    page = admin.client.get(path + "/versions", params={"limit": 2}).json()
    rest = admin.client.get(path + "/versions", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [item["version"] for item in rest["items"]] == [1]
    assert pointers(admin.client.post(path + "/rotate", json={"value": "", "expires_at": "2001-01-01T00:00:00Z"}))
    assert pointers(admin.client.post(path + "/rotate", json={"expires_at": "2001-01-01T00:00:00Z"})) == ["/expires_at"]
    problem(admin.client.post(f"/secrets/{UNKNOWN}/rotate"), 404)
    problem(admin.client.get(f"/secrets/{UNKNOWN}/versions"), 404)
    assert actions(server, secret).count("secret.rotated") == 2


def test_two_rotations_at_once_are_two_versions(server, admin, new_secret):
    secret = new_secret()
    values = [f"value {n}" for n in range(8)]
    start = threading.Barrier(len(values))

    def rotate(value):
        client = accounts.client(server, admin.token)
        start.wait()
        return client.post(f"/secrets/{secret['id']}/rotate", json={"value": value})

    with concurrent.futures.ThreadPoolExecutor(len(values)) as pool:
        answers = list(pool.map(rotate, values))
    assert [answer.status_code for answer in answers] == [200] * len(values)
    assert sorted(answer.json()["version"] for answer in answers) == list(range(2, 2 + len(values)))
    for value, answer in zip(values, answers):
        assert reveal(admin, secret, version=answer.json()["version"]).json()["value"] == value


def test_two_puts_at_once_never_mix(server, admin, new_secret):
    secret = new_secret()
    start = threading.Barrier(4)

    def put(value):
        client = accounts.client(server, admin.token)
        start.wait()
        return client.put(f"/secrets/{secret['id']}", json={"value": value, "category": value})

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(put, ["one", "two", "three", "four"]))
    assert {answer.status_code for answer in answers} <= {200, 409}
    now = reveal(admin, secret).json()
    assert now["value"] == now["category"]
    assert now["version"] == 1 + sum(answer.status_code == 200 for answer in answers)


def test_only_so_many_versions_are_kept(admin, new_secret):
    secret = new_secret(value="1")
    for n in range(2, 13):
        assert admin.client.post(f"/secrets/{secret['id']}/rotate", json={"value": str(n)}).status_code == 200
    kept = admin.client.get(f"/secrets/{secret['id']}/versions").json()
    assert [item["version"] for item in kept["items"]] == list(range(12, 2, -1))
    assert reveal(admin, secret, version=3).json()["value"] == "3"
    problem(reveal(admin, secret, version=2), 404)


def test_delete(admin, server, new_secret):
    secret = new_secret()
    path = f"/secrets/{secret['id']}"
    problem(admin.client.delete(path, headers={"If-Match": '"7"'}), 412)
    assert admin.client.delete(path).status_code == 204
    problem(admin.client.delete(path), 404)
    problem(reveal(admin, secret), 404)
    assert admin.client.post("/secrets", json={"name": secret["name"], "value": "again"}).status_code == 201
    assert actions(server, secret) == ["secret.created", "secret.deleted"]
    for table in ("secret_keys", "secret_versions", "secret_uses"):
        assert stored.run(server, f"SELECT * FROM {table} WHERE secret_id = %s", secret["id"]) == []


def test_expiring(admin, new_secret):
    category = secrets.token_hex(4)
    late, soon, never = (new_secret(category=category, **members) for members in
                         ({"expires_at": in_days(25)}, {"expires_at": in_days(3)}, {}))

    def ids(**query):
        items = admin.client.get("/secrets/expiring", params={"limit": 200, **query}).json()["items"]
        return [item["id"] for item in items if item["category"] == category]

    assert ids() == [soon["id"], late["id"]]
    assert ids(days=4) == [soon["id"]]
    assert never["id"] not in ids(days=3650)
    for days in ("0", "3651", "x", ""):
        assert pointers(admin.client.get("/secrets/expiring", params={"days": days})) == ["?days"]


def test_what_has_expired_is_still_listed_and_revealed(admin, server, new_secret):
    secret = new_secret(value="old", expires_at=in_days(1))
    stored.run(server, "UPDATE secrets SET expires_at = 1000000 WHERE id = %s", secret["id"])
    listed = admin.client.get("/secrets/expiring", params={"days": 1, "limit": 200}).json()["items"]
    assert listed[0]["id"] == secret["id"]
    assert reveal(admin, secret).json()["value"] == "old"
    unchanged = admin.client.get(f"/secrets/{secret['id']}").json()
    assert admin.client.put(f"/secrets/{secret['id']}", json=unchanged).status_code == 200
    assert admin.client.delete(f"/secrets/{secret['id']}").status_code == 204


def test_faults_come_all_at_once(admin, new_secret):
    assert pointers(admin.client.post("/secrets", json={
        "category": "", "expires_at": "soon", "granted_to": ["Not A Plugin", 7], "nothing": 1})) == [
            "/category", "/expires_at", "/granted_to/1", "/name", "/nothing", "/value"]
    assert pointers(admin.client.post("/secrets", json={"name": UNKNOWN, "value": MASK, "granted_to": ["No"]})) == [
        "/granted_to", "/name", "/value"]
    assert pointers(admin.client.post("/secrets", json={
        "name": "x" * 201, "value": "a\0b", "expires_at": "2001-01-01T00:00:00Z"})) == ["/expires_at", "/name", "/value"]
    assert pointers(admin.client.post("/secrets", json={"name": "x", "value": "é" * 32_769})) == ["/value"]
    problem(admin.client.post("/secrets", json={"name": new_secret()["name"], "value": "x"}), 409)
    problem(admin.client.post("/secrets", content="x", headers={"Content-Type": "text/plain"}), 415)
    problem(admin.client.post("/secrets", content="{", headers={"Content-Type": "application/json"}), 400)
    problem(admin.client.get("/secrets/not-an-id?reveal=true"), 404)


def test_the_largest_value_and_every_character_of_it(admin, new_secret):
    value = ("\u0001 \"\\\n\U0001f512é" * 10_000).encode()[:65_536].decode(errors="ignore")
    assert reveal(admin, new_secret(value=value)).json()["value"] == value


OPERATIONS = [("GET", ""), ("POST", ""), ("GET", "/expiring"), ("GET", "/{id}"), ("GET", "/{id}?reveal=true"),
              ("PUT", "/{id}"), ("DELETE", "/{id}"), ("POST", "/{id}/rotate"), ("GET", "/{id}/versions"),
              ("GET", "/rotate-master"), ("POST", "/rotate-master")]


@pytest.mark.parametrize("method,path", OPERATIONS, ids=lambda part: part or "/")
def test_for_admins_only(method, path, anonymous, member, viewer, new_secret, server, admin):
    secret = new_secret(value="hunter2")
    for client, status in ((anonymous, 401), (member.client, 403), (viewer.client, 403)):
        answer = client.request(method, "/secrets" + path.replace("{id}", secret["id"]))
        problem(answer, status)
        assert "hunter2" not in answer.text
    assert actions(server, secret) == ["secret.created"]


def test_no_worker_comes_near(new_worker, new_secret):
    _, client = new_worker()
    problem(client.get(f"/secrets/{new_secret()['id']}?reveal=true"), 403)


def test_members_hear_nothing(admin, member, listen, new_secret, new_task):
    events = listen("*")
    secret = new_secret()
    admin.client.post(f"/secrets/{secret['id']}/rotate")
    reveal(admin, secret)
    admin.client.delete(f"/secrets/{secret['id']}")
    task = new_task()
    events.wait("task.created", id=task["id"])
    assert not [message for message in events.seen if message["type"].startswith("secret")]


def test_a_repeated_request_makes_one_secret(admin, server):
    body = {"name": "once-" + secrets.token_hex(4), "value": "v"}
    first, again = (admin.client.post("/secrets", json=body, headers={"Idempotency-Key": "k" + body["name"]})
                    for _ in range(2))
    assert first.json() == again.json() and again.headers["idempotency-replayed"] == "true"
    assert actions(server, first.json()) == ["secret.created"]


@pytest.mark.parametrize("spoil", [
    "UPDATE secret_versions SET sealed = (SELECT sealed FROM secret_versions WHERE secret_id = %s) WHERE secret_id = %s",
    "UPDATE secret_keys SET wrapped = (SELECT wrapped FROM secret_keys WHERE secret_id = %s) WHERE secret_id = %s",
    "UPDATE secret_versions SET sealed = substr(sealed, 1, 60) || 'AAAA' WHERE secret_id <> %s AND secret_id = %s",
    "UPDATE secret_keys SET wrapped = 'nonsense' WHERE secret_id <> %s AND secret_id = %s",
], ids=["another's version", "another's key", "changed", "nonsense"])
def test_what_was_moved_or_changed_is_never_shown(spoil, admin, server, new_secret):
    other, secret = new_secret(value="value of the other"), new_secret(value="value of its own")
    stored.run(server, spoil, other["id"], secret["id"])
    answer = reveal(admin, secret)
    problem(answer, 500, "/problems/secret-damaged")
    assert "value of" not in answer.text
    assert reveal(admin, other).json()["value"] == "value of the other"
    assert admin.client.delete(f"/secrets/{secret['id']}").status_code == 204


def test_an_older_version_does_not_pass_for_a_newer_one(admin, server, new_secret):
    secret = new_secret(value="leaked")
    admin.client.post(f"/secrets/{secret['id']}/rotate", json={"value": "fresh"})
    stored.run(server, "UPDATE secret_versions SET sealed = (SELECT sealed FROM secret_versions WHERE secret_id = %s AND "
                       "version = 1) WHERE secret_id = %s AND version = 2", secret["id"], secret["id"])
    problem(reveal(admin, secret), 500, "/problems/secret-damaged")


# -- the master key

def resting(admin):
    """Waits until no rotation runs; its progress."""
    deadline = time.monotonic() + PATIENCE
    while (progress := admin.client.get("/secrets/rotate-master").json())["state"] == "rotating":
        assert time.monotonic() < deadline, progress
    return progress


def master_ids(server):
    return {name for (name,) in stored.run(server, "SELECT DISTINCT master_id FROM secret_keys")}


def test_rotate_master_from_the_command_line(admin, server, new_secret, tmp_path, member):
    kept = [new_secret(value=f"value {n}") for n in range(5)]
    before = admin.client.get("/secrets/rotate-master").json()
    assert before["state"] == "idle" and before["remaining"] == 0
    shell = Shell(tmp_path, ATRIUM_URL=server.url, ATRIUM_TOKEN=admin.token)
    assert "the former one is gone" in done(shell.run("secrets", "rotate-master"))
    after = admin.client.get("/secrets/rotate-master").json()
    assert after["key_id"] != before["key_id"] and after["state"] == "idle" and after["total"] >= 5
    assert master_ids(server) == {after["key_id"]}
    assert not list((server.data / "keys").glob("vault-*"))
    assert (server.data / "keys" / "vault.key").stat().st_mode & 0o777 == 0o600
    for n, secret in enumerate(kept):
        assert reveal(admin, secret).json()["value"] == f"value {n}"
    again = json.loads(done(shell.run("secrets", "rotate-master", "--json")))
    assert again["key_id"] not in (before["key_id"], after["key_id"])
    assert "only an admin" in failed(shell.run("secrets", "rotate-master", ATRIUM_TOKEN=member.token))
    assert "usage" in failed(shell.run("secrets"), 2)
    assert "usage" in failed(shell.run("secrets", "rotate-master", "--now"), 2)
    assert [action for action, _, _ in stored.audited(server, "secret", "master")][-2:] == [
        "secret.master_rotation_started", "secret.master_rotated"]


def test_secrets_stay_in_use_while_the_master_key_rotates(admin, server, new_secret):
    secret, over = new_secret(value="0"), threading.Event()
    values = ["0"]

    def write():
        client = accounts.client(server, admin.token)
        while not over.is_set():
            value = str(len(values))
            values.append(value)
            answer = client.post(f"/secrets/{secret['id']}/rotate", json={"value": value})
            assert answer.status_code == 200, answer.text
            made = client.post("/secrets", json={"name": f"during-{secret['id']}-{value}", "value": value})
            assert made.status_code == 201, made.text
            assert reveal(admin, made.json()).json()["value"] == value

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            for _ in range(10):
                assert admin.client.post("/secrets/rotate-master").status_code == 202
                assert reveal(admin, secret).json()["value"] in values
            resting(admin)
        finally:
            over.set()
        writing.result()
    assert reveal(admin, secret).json()["value"] == values[-1]
    assert len(master_ids(server)) == 1


def test_the_operator_gives_the_master_key(own_server):
    first, second, third = (base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=") for _ in range(3))
    server = own_server(ATRIUM_VAULT_KEY=first)
    admin = accounts.first_admin(server)
    secret = admin.client.post("/secrets", json={"name": "kept", "value": "hunter2"}).json()

    def start_with(**keys):
        server.stop()
        server.environment = {name: value for name, value in server.environment.items() if "VAULT" not in name} | keys
        server.start()
        return admin.sign_in()

    assert "vault.previous_key" in problem(admin.client.post("/secrets/rotate-master"), 422)["detail"]
    assert resting(admin)["state"] == "idle"
    start_with(ATRIUM_VAULT_KEY=second, ATRIUM_VAULT_PREVIOUS_KEY=first)
    assert resting(admin)["remaining"] == 0
    assert not (server.data / "keys" / "vault.key").exists()
    start_with(ATRIUM_VAULT_KEY=second)
    assert reveal(admin, secret).json()["value"] == "hunter2"
    start_with(ATRIUM_VAULT_KEY=third)
    assert resting(admin) | {"state": "blocked", "remaining": 1, "unreadable": [secret["id"]]} == resting(admin)
    answer = reveal(admin, secret)
    problem(answer, 500, "/problems/master-key-missing")
    assert "hunter2" not in answer.text
    start_with(ATRIUM_VAULT_KEY=second)
    assert reveal(admin, secret).json()["value"] == "hunter2"


def test_a_key_file_that_others_can_read_is_refused(own_server):
    server = own_server()
    server.stop()
    (server.data / "keys" / "vault.key").chmod(0o640)
    with pytest.raises(RuntimeError, match="chmod 600"):
        server.start()
    server.process = None
