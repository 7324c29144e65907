"""An audit that cannot be written fails the request, and nothing of what it asked for is stored."""
import contextlib
import secrets

import pytest

from support import accounts, stored
from support.problems import problem

REFUSE = {
    "sqlite": ["CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END"],
    "postgresql": ["CREATE FUNCTION no_audit() RETURNS trigger LANGUAGE plpgsql AS "
                   "'BEGIN RAISE unique_violation; END'",
                   "CREATE TRIGGER no_audit BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION no_audit()"]}
ALLOW = {"sqlite": ["DROP TRIGGER no_audit"], "postgresql": ["DROP FUNCTION no_audit CASCADE"]}


@contextlib.contextmanager
def no_audit(server):
    """While it is open, the database takes no audit row."""
    for statement in REFUSE[server.store]:
        stored.run(server, statement)
    try:
        yield
    finally:
        for statement in ALLOW[server.store]:
            stored.run(server, statement)


def task(account):
    return account.client.post("/tasks", json={"title": "kept"})


def setting(account):
    path = "/settings/security/max_sessions_per_user"
    return account.client.put(path, json={"value": account.client.get(path).json()["value"] + 1})


def api_key(account):
    return account.client.post("/security/api-keys", json={"name": "kept"})


def user(account):
    return account.client.post("/admin/users", json={
        "email": f"kept-{secrets.token_hex(4)}@example.org", "password": accounts.PASSWORD, "full_name": "Kept"})


def ip_rules(account):
    return account.client.put("/security/ip-rules", json={"rules": [{"cidr": "198.51.100.7", "action": "block"}]})


def login(account):
    with accounts.anonymous(account.server) as client:
        return client.post("/auth/login", json={"email": account.email, "password": account.password})


CHANGES = {task: "/tasks", setting: "/settings", api_key: "/security/api-keys", user: "/admin/users",
           ip_rules: "/security/ip-rules", login: "/security/sessions"}  # and where it shows


@pytest.fixture
def no_rules(admin):
    yield
    assert admin.client.put("/security/ip-rules", json={"rules": []}).status_code == 200


@pytest.mark.parametrize("change", CHANGES)
def test_no_audit_no_change(server, admin, no_rules, change):
    def state():
        body = admin.client.get(CHANGES[change]).json()
        return [item["id"] for item in body["items"]] if "items" in body else body
    before = state()
    with no_audit(server):
        refused = change(admin)
        assert refused.status_code >= 500, refused.text
        problem(refused, refused.status_code)
        assert "overflow" not in refused.text and state() == before
    assert state() == before
    answer = change(admin)
    assert answer.status_code in (200, 201), answer.text
    assert state() != before
