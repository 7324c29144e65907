"""Every operation that changes something leaves an audit row with its request id: each is called once, in earnest."""
import json
import re
import secrets

from support import accounts
from support.webhooks import Receiver, sending_server
from test_mfa import Authenticator

# What these need has its own tests, which look into the audit log too.
ELSEWHERE = {"POST /plugins", "POST /plugins/{id}/upgrade", "DELETE /plugins/{id}",  # a package
             "POST /ssh-connections/{id}/test", "POST /ssh-connections/{id}/execute"}  # a machine
PASSWORD = {"password": accounts.PASSWORD}


class Calls:
    """What somebody asks for; remembers which operation was answered under which request id."""

    def __init__(self, server):
        self.server, self.answered, self.token = server, [], None

    def __call__(self, operation, *ids, token=None, **content):
        """operation: "PATCH /tasks/{id}", in the words of the route table."""
        method, path = operation.split(" ")
        with accounts.client(self.server, token or self.token) as client:
            answer = client.request(method, re.sub(r"\{\w+\}", "{}", path).format(*ids), **content)
        assert answer.is_success, (operation, answer.text)
        assert "set-cookie" not in answer.headers, operation
        self.answered.append((operation, answer.headers["x-request-id"]))
        return answer.json() if answer.headers.get("content-type") == "application/json" else answer.text


def own_account(calls):
    email = f"somebody-{secrets.token_hex(4)}@example.org"
    new = calls("POST /auth/register", json={"email": email, "full_name": "Somebody", **PASSWORD})
    calls("PATCH /admin/users/{id}", new["id"], json={"status": "active"})
    token = calls("POST /auth/login", json={"email": email, **PASSWORD})["refresh_token"]
    own = calls("POST /auth/refresh", json={"refresh_token": token})["access_token"]
    calls("PUT /auth/me", token=own, json={"full_name": "Somebody Else"})
    key = calls("POST /security/api-keys", token=own, json={"name": "audited"})
    calls("DELETE /security/api-keys/{id}", key["id"], token=own)
    for way_out in (lambda code: calls("POST /auth/mfa/disable", token=own, json={"mfa_code": code, **PASSWORD}),
                    lambda code: calls("DELETE /admin/users/{id}/mfa", new["id"])):
        phone = Authenticator(calls("POST /auth/mfa/setup", token=own)["secret"])
        calls("POST /auth/mfa/verify", token=own, json={"code": phone.code()})
        way_out(calls("POST /auth/mfa/recovery-codes", token=own,
                      json={"mfa_code": phone.code(1), **PASSWORD})["recovery_codes"][0])


def accounts_of_others(calls):
    email, changed = f"other-{secrets.token_hex(4)}@example.org", "another fine password 8"
    other = calls("POST /admin/users", json={"email": email, "full_name": "Other", **PASSWORD})
    own = calls("POST /auth/login", json={"email": email, **PASSWORD})["access_token"]
    calls("POST /auth/change-password", token=own, json={
        "current_password": accounts.PASSWORD, "new_password": changed})
    calls("POST /auth/logout", token=own)
    calls("POST /auth/login", json={"email": email, "password": changed})
    session = calls("GET /security/sessions", params={"user_id": other["id"]})["items"][0]
    calls("DELETE /security/sessions/{id}", session["id"])
    calls("DELETE /admin/users/{id}", other["id"])


def settings(calls):
    calls("PUT /settings/{category}/{key}", "security", "max_sessions_per_user", json={"value": 40})
    calls("PUT /settings/bulk", json={"settings": {"security.max_sessions_per_user": 41}})
    calls("PUT /security", json={"max_sessions_per_user": 42})
    calls("PUT /security/password-policy", json={"min_length": 13})
    calls("PUT /security/ip-rules", json={"rules": [{"cidr": "198.51.100.7", "action": "block"}]})


def agents_and_their_messages(calls):
    agent = calls("POST /agents", json={"name": "Sender"})["id"]
    calls("PATCH /agents/{id}", agent, json={"name": "Writer"})
    message = calls("POST /messages/send", json={
        "sender_agent_id": agent, "channel": "news", "subject": "a", "body": "b"})
    calls("PATCH /messages/{id}/read", message["id"])
    for operation in ("POST /agents/{id}/start", "POST /agents/{id}/stop", "DELETE /agents/{id}"):
        calls(operation, agent)


def tasks(calls):
    calls("POST /agents", json={"name": "Runner"})
    said = calls("POST /commands/{name}", "run", json={"arguments": ["Say hello", "--agent", "Runner"]})
    assert '"exit":0' in said, said
    task = calls("POST /tasks", json={"title": "audited"})["id"]
    calls("PATCH /tasks/{id}", task, json={"title": "changed"})
    calls("POST /tasks/{id}/cancel", task)


def files_and_knowledge(calls):
    file = calls("POST /files/upload", files={"file": ("a.txt", b"hello\n", "text/plain")})
    calls("DELETE /files/{id}", file["id"])
    entry = calls("POST /knowledge", json={"title": "audited", "content": "audited"})["id"]
    calls("PATCH /knowledge/{id}", entry, json={"title": "changed"})
    calls("DELETE /knowledge/{id}", entry)


def workers(calls):
    worker = calls("POST /workers/register", json={
        "name": "audited", "hostname": "host", "ip_address": "192.0.2.7", "max_agents": 1, "cpu_cores": 1,
        "memory_total_mb": 1024, "os_info": "Debian 12"})
    calls("PATCH /admin/workers/{id}/approve", worker["id"], json={"is_approved": True})
    calls("POST /workers/{id}/heartbeat", worker["id"], token=worker["token"], json={"cpu_usage_percent": 7})
    agent = calls("POST /agents", json={"name": "At work", "worker_id": worker["id"]})["id"]
    calls("POST /agents/{id}/start", agent)
    calls("POST /tasks", json={"title": "to be claimed", "agent_id": agent})
    claimed = calls("POST /workers/{id}/claim", worker["id"], token=worker["token"], json={"max": 1})
    assert claimed["items"]


def vault_and_machines(calls):
    secret = calls("POST /secrets", json={"name": "audited", "value": "a secret", "granted_to": ["ssh"]})["id"]
    machine = calls("POST /ssh-connections", json={
        "name": "audited", "hostname": "127.0.0.1", "port": 9, "username": "nobody", "auth_method": "password",
        "secret": "audited"})["id"]
    calls("PUT /ssh-connections/{id}", machine, json={"username": "somebody"})
    calls("DELETE /ssh-connections/{id}", machine)
    calls("PUT /secrets/{id}", secret, json={"category": "changed"})
    calls("POST /secrets/{id}/rotate", secret)
    calls("POST /secrets/rotate-master")
    calls("DELETE /secrets/{id}", secret)


def webhooks(calls):
    with Receiver() as receiver:
        hook = calls("POST /webhooks", json={"url": receiver.url, "events": ["nothing.ever"]})["id"]
        calls("PUT /webhooks/{id}", hook, json={"description": "one"})
        calls("PATCH /webhooks/{id}", hook, json={"description": "two"})
        calls("POST /webhooks/{id}/rotate-secret", hook)
        delivery = calls("POST /webhooks/{id}/test", hook)["delivery_id"]
        calls("POST /webhooks/{id}/deliveries/{delivery}/replay", hook, delivery)
        calls("DELETE /webhooks/{id}", hook)


def plugins(calls):
    for operation in ("POST /plugins/{id}/disable", "POST /plugins/{id}/enable"):
        calls(operation, "messages")


def test_every_change_leaves_a_row(request, store, tmp_path):
    with sending_server(request, store, tmp_path) as server:
        server.start()
        calls = Calls(server)
        admin = accounts.first_admin(server)
        accounts.hash_cheaply(admin)
        calls.token = admin.token
        for part in (own_account, accounts_of_others, settings, agents_and_their_messages, tasks, files_and_knowledge,
                     workers, vault_and_machines, webhooks, plugins):
            part(calls)
        with accounts.client(server, calls.token) as client:
            audited = {json.loads(line)["request_id"] for line in client.get("/admin/audit/export").text.splitlines()}
            table = client.get("/openapi.json").json()["paths"]
        server.stop()
    changes = {f"{method.upper()} {path}" for path, methods in table.items() for method in methods
               if method in ("post", "put", "patch", "delete")}
    assert changes - {operation for operation, _ in calls.answered} == ELSEWHERE
    silent = {operation for operation, id in calls.answered if operation in changes and id not in audited}
    assert not silent
