"""The authorization matrix: every operation of the live route table, called by everybody who might.

What the table says of an operation (x-access, x-scopes, x-viewer in /openapi.json) is held against what the server
does; that the table says what the contract says is test_operations.py's, and what operations_beyond.tsv says of the
operations that the contract does not list is held against the table here.
"""
import csv
import datetime
import pathlib
import re
import time
import uuid

import httpx
import pytest

from support import accounts
from support.forger import Forger

METHODS = {"get", "post", "put", "patch", "delete"}
REFUSALS = (401, 403)


class Caller:
    """Somebody with a credential: what the server must make of it."""

    def __init__(self, headers=None, kind="user", role="member", scopes=None, key=False, counts=True):
        self.headers, self.kind, self.role, self.scopes = headers or {}, kind, role, scopes
        self.key, self.counts = key, counts

    def refusal(self, operation):
        """The status that the operation must answer, or None where it must let the caller in."""
        access = operation["x-access"]
        if "none" in access:
            return None
        if not self.counts:
            return 401
        if self.kind != "user":
            return None if self.kind in access else 403
        if not ("user" in access or (self.role == "admin" and "admin" in access)):
            return 403
        if self.key and "session-only" in access:
            return 403
        if self.scopes is not None and not set(self.scopes) & set(operation["x-scopes"]):
            return 403
        return 403 if self.role == "viewer" and not operation["x-viewer"] else None


def bearer(token):
    return {"Authorization": "Bearer " + token}


def api_key(account, **members):
    answer = account.client.post("/security/api-keys", json={"name": "matrix", **members})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def operations(server):
    paths = httpx.get(server.api + "/openapi.json").json()["paths"]
    found = [(method.upper(), path, operation) for path, methods in paths.items()
             for method, operation in methods.items() if method in METHODS]
    # The one call that ends the session which makes it comes last.
    return sorted(found, key=lambda each: each[1] == "/auth/logout")


def rows_of(name):
    with pathlib.Path(__file__).with_name(name).open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_what_the_contract_does_not_list(operations):
    """Nothing comes to be open to anybody without a line that says so."""
    listed = {(row["method"], row["path"].rstrip("/")) for row in rows_of("operations.tsv")}
    beyond = {f"{method} {path}": " ".join(sorted(operation["x-access"])) for method, path, operation in operations
              if (method, path.rstrip("/")) not in listed}
    assert beyond == {f"{row['method']} {row['path']}": row["access"] for row in rows_of("operations_beyond.tsv")}


@pytest.fixture(scope="module")
def people(server):
    """Accounts that nothing else uses: the calls are made in earnest, and one of them ends the session."""
    made = {role: accounts.new_user(server, server.admin, role) for role in ("member", "viewer", "admin")}
    return lambda role: made[role].sign_in()


def standing(server, **change):
    """Somebody who had signed in before the account was changed so."""
    account = accounts.new_user(server, server.admin, "member")
    answer = server.admin.client.patch(f"/admin/users/{account.id}", json=change)
    assert answer.status_code == 200, answer.text
    return Caller(bearer(account.token), counts=False)


def removed(server, people):
    account = accounts.new_user(server, server.admin, "member")
    assert server.admin.client.delete(f"/admin/users/{account.id}").status_code == 204
    return Caller(bearer(account.token), counts=False)


def revoked_session(server, people):
    account = accounts.new_user(server, server.admin, "member")
    assert account.client.post("/auth/logout").status_code == 204
    return Caller(bearer(account.token), counts=False)


def expired(server, people):
    forger = Forger(server, people("member").token)
    now = int(time.time())
    token = forger.signed(claims={**forger.claims, "iat": now - 1000, "exp": now - 1})
    return Caller(bearer(token), counts=False)


def forged(server, people):
    return Caller(bearer(Forger(server, people("admin").token).signed(key=b"x" * 32)), counts=False)


def expired_key(server, people):
    member = people("member")
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    headers = {"X-API-Key": api_key(member, expires_at=soon.isoformat())["key"]}
    deadline = time.monotonic() + 30
    while httpx.get(server.api + "/auth/me", headers=headers).status_code == 200:
        assert time.monotonic() < deadline
    return Caller(headers, counts=False)


def revoked_key(server, people):
    member = people("member")
    made = api_key(member)
    assert member.client.delete(f"/security/api-keys/{made['id']}").status_code == 204
    return Caller({"X-API-Key": made["key"]}, counts=False)


def scoped_key(*scopes, role="member", header="X-API-Key"):
    """A key of an account that has this role, with these scopes; all that its owner may do, where there are none."""
    def make(server, people):
        key = api_key(people(role), **({"scopes": list(scopes)} if scopes else {}))["key"]
        headers = {header: key} if header == "X-API-Key" else bearer(key)
        return Caller(headers, role=role, key=True, scopes=list(scopes) or None)
    return make


def worker(server, people):
    answer = people("member").client.post("/workers/register", json={
        "name": "matrix-" + uuid.uuid4().hex[:8], "hostname": "host", "ip_address": "192.0.2.7", "max_agents": 1,
        "cpu_cores": 1, "memory_total_mb": 1024, "os_info": "Debian 12"})
    assert answer.status_code == 201, answer.text
    return Caller(bearer(answer.json()["token"]), kind="worker")


def signed_in(role, header="Authorization"):
    def make(server, people):
        token = people(role).token
        return Caller(bearer(token) if header == "Authorization" else {header: token}, role=role)
    return make


CALLERS = {
    "anonymous": lambda server, people: Caller(counts=False),
    "member": signed_in("member"),
    "member, by X-API-Key": signed_in("member", "X-API-Key"),
    "viewer": signed_in("viewer"),
    "admin": signed_in("admin"),
    "pending": lambda server, people: standing(server, status="pending"),
    "disabled": lambda server, people: standing(server, status="disabled"),
    "removed": removed,
    "revoked session": revoked_session,
    "expired": expired,
    "forged": forged,
    "worker": worker,
    "key": scoped_key(),
    "key, as the bearer": scoped_key(header="Authorization"),
    "key with scope": scoped_key("tasks:read", "tasks:write", "agents:read", "GET /auth/me"),
    "key with scope, as the bearer": scoped_key("tasks:read", "tasks:write", "agents:read", "GET /auth/me",
                                                header="Authorization"),
    "key without scope": scoped_key("GET /openapi.json"),
    "viewer's key": scoped_key(role="viewer"),
    "admin's key": scoped_key(role="admin"),
    "admin's key with scope": scoped_key("admin:read", "security:write", role="admin"),
    "expired key": expired_key,
    "revoked key": revoked_key,
}


def status_of(client, method, path, operation):
    """With ids that nobody has and an empty body: nothing a refusal could come from but who is calling."""
    target = re.sub(r"\{[^}]*\}", str(uuid.uuid4()), path)
    body = {"json": {}} if "requestBody" in operation and method != "GET" else {}
    with client.stream(method, target, **body) as answer:  # the event stream would never end
        assert "set-cookie" not in answer.headers, path
        return answer.status_code


@pytest.mark.parametrize("who", CALLERS)
def test_who_may_call_what(server, operations, people, who):
    caller = CALLERS[who](server, people)
    wrong = []
    with httpx.Client(base_url=server.api, headers=caller.headers, timeout=60) as client:
        for method, path, operation in operations:
            wanted, status = caller.refusal(operation), status_of(client, method, path, operation)
            if (status not in REFUSALS) if wanted is None else (status == wanted):
                continue
            wrong.append(f"{method} {path}: {status}, not {wanted or 'let in'}")
    assert not wrong, "\n".join(wrong)


def test_head_is_refused_as_get_is(server, operations):
    with accounts.anonymous(server) as client:
        for method, path, operation in operations:
            if method == "GET" and "none" not in operation["x-access"]:
                assert status_of(client, "HEAD", path, operation) == 401, path


def test_a_viewer_writes_nothing_but_its_own_account(operations):
    allowed = {f"{method} {path}" for method, path, operation in operations
               if method != "GET" and operation.get("x-viewer") and "user" in operation["x-access"]}
    assert allowed == {
        "PUT /auth/me", "POST /auth/change-password", "POST /auth/logout", "POST /auth/mfa/setup",
        "POST /auth/mfa/verify", "POST /auth/mfa/disable", "POST /auth/mfa/recovery-codes", "POST /security/api-keys",
        "DELETE /security/api-keys/{id}", "PATCH /messages/{id}/read"}


# -- ids of others: the audience rules


def made(client, path, **body):
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def new_agent(client, _=None):
    return made(client, "/agents", name="agent-" + uuid.uuid4().hex[:8])


def new_message(client, _):
    return made(client, "/messages/send", sender_agent_id=new_agent(client), recipient_agent_id=new_agent(client),
                subject="matrix", body="matrix")


def new_file(client, _):
    answer = client.post("/files/upload", files={"file": ("a.txt", b"hello\n", "text/plain")})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def new_webhook(client, _):
    return made(client, "/webhooks", url="https://localhost/hook", events=["nothing.ever"])


def new_delivery(client, webhook):
    answer = client.post(f"/webhooks/{webhook}/test")
    assert answer.status_code == 200, answer.text
    return answer.json()["delivery_id"]


def approved_worker(client, admin):
    answer = client.post("/workers/register", json={
        "name": "worker-" + uuid.uuid4().hex[:8], "hostname": "host", "ip_address": "192.0.2.7", "max_agents": 1,
        "cpu_cores": 1, "memory_total_mb": 1024, "os_info": "Debian 12"})
    assert answer.status_code == 201, answer.text
    worker = answer.json()["id"]
    assert admin.client.patch(f"/admin/workers/{worker}/approve", json={"is_approved": True}).status_code == 200
    return worker


# How one is made of each kind that members have, and who beside its owner may know of it.
KINDS = {
    "/agents": (new_agent, {"member", "admin"}),
    "/tasks": (lambda client, _: made(client, "/tasks", title="matrix"), {"member", "admin"}),
    "/messages": (new_message, {"member", "admin"}),
    "/files": (new_file, {"member", "admin"}),
    "/knowledge": (lambda client, _: made(client, "/knowledge", title="matrix", content="matrix"), {"member", "admin"}),
    "/workers": (approved_worker, {"member", "admin"}),
    "/webhooks": (new_webhook, {"admin"}),
    "/security/api-keys": (lambda client, _: made(client, "/security/api-keys", name="matrix"), set()),
}


def kind_of(path):
    found = [kind for kind in KINDS if path.startswith(kind + "/{id}")]
    assert found, f"{path}: say in KINDS whose it is"
    return found[0]


@pytest.mark.parametrize("role", ["member", "admin"])
def test_an_id_of_somebody_elses(server, operations, newcomer, role):
    """Known to whom the contract names; to everybody else it is one that does not exist."""
    other = accounts.new_user(server, server.admin, role)
    wrong = []
    for method, path, operation in operations:
        if "{id}" not in path or "user" not in operation["x-access"]:
            continue
        make, readers = KINDS[kind_of(path)]
        identifier = make(newcomer.client, server.admin)
        target = path.replace("{id}", identifier)
        if "{delivery}" in path:
            target = target.replace("{delivery}", new_delivery(newcomer.client, identifier))
        body = {"json": {}} if "requestBody" in operation else {}
        status = other.client.request(method, target, **body).status_code
        if status in REFUSALS or (status != 404) != (role in readers):
            wrong.append(f"{method} {path}: {status}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "/workers"])  # only admins have a list of these
def test_lists_hold_what_one_may_know_of(server, newcomer, kind):
    make, readers = KINDS[kind]
    identifier = make(newcomer.client, server.admin)
    for role in ("member", "admin"):
        other = accounts.new_user(server, server.admin, role)
        assert (identifier in other.client.get(kind, params={"limit": 200}).text) == (role in readers), role
    assert identifier in newcomer.client.get(kind, params={"limit": 200}).text


def references(schema, pointer=""):
    """Where a body takes the id of another resource."""
    for name, member in schema.get("properties", {}).items():
        if member.get("readOnly"):
            continue
        if re.search(r"(^|_)ids?$", name):
            yield pointer + "/" + name
        yield from references(member, f"{pointer}/{name}")
        yield from references(member.get("items", {}), f"{pointer}/{name}/0")


def test_no_body_takes_the_id_of_anything_private(operations):
    """Of what a member has, agents, tasks and workers are everybody's; what names a secret takes its name, and a grant."""
    found = {reference for _, _, operation in operations
             for media in operation.get("requestBody", {}).get("content", {}).values()
             for reference in references(media["schema"])}
    assert found <= {"/agent_id", "/task_id", "/worker_id", "/parent_task_id", "/sender_agent_id",
                     "/recipient_agent_id", "/workflow_run_id"}, found
