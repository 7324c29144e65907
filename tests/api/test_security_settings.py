"""/security: the same settings as one object, and what they do."""
import time

import pytest

from support import accounts
from support.problems import pointers, problem
from test_settings import as_they_were  # noqa: F401: puts back what a test changes

MEMBERS = {"registration": "approval", "mfa_required": False, "access_token_ttl_seconds": 900,
           "refresh_token_ttl_seconds": 2592000, "session_idle_timeout_seconds": 604800, "max_failed_logins": 10,
           "lockout_seconds": 300, "max_sessions_per_user": 50}


def test_the_defaults(own_server):
    admin = accounts.first_admin(own_server())
    assert admin.client.get("/security").json() == MEMBERS


def test_what_is_given_replaces_and_the_rest_stays(admin):
    before = admin.client.get("/security").json()
    answer = admin.client.put("/security", json={"lockout_seconds": 60, "max_failed_logins": 5})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {**before, "lockout_seconds": 60, "max_failed_logins": 5}
    assert admin.client.get("/security").json() == answer.json()
    assert admin.client.get("/settings/security/lockout_seconds").json()["value"] == 60
    assert admin.client.put("/security", json=before).json() == before


def test_every_fault_at_once_and_nothing_changed(admin):
    before = admin.client.get("/security").json()
    answer = admin.client.put("/security", json={
        "registration": "maybe", "mfa_required": "yes", "access_token_ttl_seconds": 9, "refresh_token_ttl_seconds": 59,
        "session_idle_timeout_seconds": 9, "max_failed_logins": 0, "lockout_seconds": 0.5,
        "max_sessions_per_user": None, "colour": "red"})
    assert pointers(answer) == sorted("/" + member for member in [*MEMBERS, "colour"])
    assert admin.client.get("/security").json() == before
    assert pointers(admin.client.put("/security", json=[])) == [""]


@pytest.mark.parametrize("who", ["member", "viewer"])
@pytest.mark.parametrize("path", ["/security"])
def test_only_admins(request, who, path):
    client = request.getfixturevalue(who).client
    problem(client.get(path), 403)
    problem(client.put(path, json={}), 403)


def test_registration_by_mode(server, admin, anonymous):
    def register(name):
        return anonymous.post("/auth/register", json={
            "email": f"{name}@example.org", "password": accounts.PASSWORD, "full_name": name})
    for mode, status in (("open", "active"), ("approval", "pending")):
        assert admin.client.put("/security", json={"registration": mode}).status_code == 200
        answer = register(f"{mode}-{server.store}")
        assert (answer.status_code, answer.json()["status"]) == (201, status)
    assert admin.client.put("/security", json={"registration": "closed"}).status_code == 200
    problem(register(f"closed-{server.store}"), 403)


def test_token_lifetimes(server, admin, newcomer):
    assert admin.client.put("/security", json={"access_token_ttl_seconds": 120}).status_code == 200
    answer = accounts.anonymous(server).post("/auth/login", json={"email": newcomer.email,
                                                                  "password": newcomer.password})
    assert answer.json()["expires_in"] == 120


def test_an_idle_session_ends(own_server):
    """Waits for the shortest timeout to pass; while it is used, the session lives."""
    server = own_server()
    admin = accounts.first_admin(server)
    idle, used = accounts.Account(server, admin.email), accounts.Account(server, admin.email)
    assert admin.client.put("/security", json={"session_idle_timeout_seconds": 10}).status_code == 200
    until = time.monotonic() + 13
    while time.monotonic() < until:
        assert used.client.get("/auth/me").status_code == 200
        time.sleep(0.5)
    problem(idle.client.get("/auth/me"), 401, "/problems/session-ended")
    answer = accounts.anonymous(server).post("/auth/refresh", json={"refresh_token": idle.refresh_token})
    problem(answer, 401)
    assert used.client.get("/auth/me").status_code == 200
