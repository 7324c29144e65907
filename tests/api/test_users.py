"""Accounts as admins manage them, and the sessions that they see and end."""
import concurrent.futures
import secrets

import pytest

from support import accounts, postgresql
from support.program import Atrium
from support.problems import pointers, problem

MEMBERS = {"id", "email", "full_name", "role", "status", "mfa_enabled", "created_at", "last_login_at", "revision"}
UNKNOWN = "01890000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def kernel(request, store, tmp_path_factory):
    """One whose only admin is `kernel.admin`."""
    with postgresql.environment(request, store) as environment:
        with Atrium(tmp_path_factory.mktemp("users"), environment) as program:
            program.admin = accounts.first_admin(program)
            accounts.hash_cheaply(program.admin)
            yield program


@pytest.fixture
def admin(kernel):
    return kernel.admin


@pytest.fixture
def somebody(kernel, admin):
    return accounts.new_user(kernel, admin)


def login(kernel, account):
    with accounts.anonymous(kernel) as client:
        return client.post("/auth/login", json={"email": account.email, "password": account.password})


def listed(admin, **query):
    answer = admin.client.get("/admin/users", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    return {user["id"]: user for user in answer.json()["items"]}


def test_the_list_and_its_filters(kernel, admin, somebody):
    viewer = accounts.new_user(kernel, admin, "viewer")
    assert admin.client.patch(f"/admin/users/{viewer.id}", json={"status": "disabled"}).status_code == 200
    everybody = listed(admin)
    assert {admin.id, somebody.id, viewer.id} <= set(everybody)
    assert all(set(user) == MEMBERS for user in everybody.values())
    for name, value, found, missing in (
            ("role", "member", somebody, viewer), ("role", "viewer", viewer, somebody),
            ("status", "disabled", viewer, somebody), ("status", "active", somebody, viewer),
            ("search", somebody.email, somebody, viewer)):
        ids = listed(admin, **{name: value})
        assert found.id in ids and missing.id not in ids, (name, value)
    assert viewer.id not in listed(admin, role="viewer", status="active")
    wrong = admin.client.get("/admin/users", params={"role": "king", "status": "asleep"})
    assert pointers(wrong) == ["?role", "?status"]


def test_one_is_made(kernel, admin):
    body = {"email": f"new-{secrets.token_hex(4)}@example.org", "full_name": "New", "role": "viewer"}
    answer = admin.client.post("/admin/users", json={**body, "password": accounts.PASSWORD})
    assert answer.status_code == 201 and accounts.PASSWORD not in answer.text
    user = answer.json()
    assert user == {**user, **body, "status": "active", "mfa_enabled": False, "last_login_at": None}
    read = admin.client.get(answer.headers["location"].removeprefix("/api/v1"))
    assert read.json() == user == listed(admin)[user["id"]]
    problem(admin.client.post("/admin/users", json={**body, "password": accounts.PASSWORD}), 409)
    assert pointers(admin.client.post("/admin/users", json={"email": "x", "role": "king"})) == [
        "/email", "/full_name", "/password", "/role"]
    assert accounts.Account(kernel, body["email"]).user["last_login_at"]


def test_one_is_changed(kernel, admin, somebody):
    path = f"/admin/users/{somebody.id}"
    first = admin.client.get(path)
    renamed = admin.client.patch(path, json={"full_name": "Renamed"}, headers={"If-Match": first.headers["etag"]})
    assert renamed.status_code == 200, renamed.text
    assert renamed.json() == {**first.json(), "full_name": "Renamed", "revision": first.json()["revision"] + 1}
    assert somebody.client.get("/auth/me").json()["full_name"] == "Renamed"
    problem(admin.client.patch(path, json={"role": "admin"}, headers={"If-Match": first.headers["etag"]}), 412)
    assert admin.client.patch(path, json={"role": "viewer"}).json()["role"] == "viewer"
    assert somebody.sign_in().user["role"] == "viewer"
    assert pointers(admin.client.patch(path, json={"role": "king", "status": "asleep", "colour": "red"})) == [
        "/colour", "/role", "/status"]
    problem(admin.client.patch(f"/admin/users/{UNKNOWN}", json={"role": "viewer"}), 404)


def test_who_is_disabled_cannot_sign_in_until_enabled(kernel, admin, somebody):
    path = f"/admin/users/{somebody.id}"
    assert admin.client.patch(path, json={"status": "disabled"}).json()["status"] == "disabled"
    assert login(kernel, somebody).status_code in (401, 403)
    assert admin.client.patch(path, json={"status": "active"}).json()["status"] == "active"
    assert login(kernel, somebody).status_code == 200


def test_who_waits_is_let_in_by_an_admin(kernel, admin):
    email = f"waiting-{secrets.token_hex(4)}@example.org"
    with accounts.anonymous(kernel) as client:
        made = client.post("/auth/register", json={"email": email, "password": accounts.PASSWORD, "full_name": "W"})
    waiting = made.json()["id"]
    assert waiting in listed(admin, status="pending")
    assert admin.client.patch(f"/admin/users/{waiting}", json={"status": "active"}).status_code == 200
    assert accounts.Account(kernel, email).user["role"] == "member"


def test_one_is_removed(kernel, admin, somebody):
    path = f"/admin/users/{somebody.id}"
    answer = admin.client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for gone in (admin.client.delete(path), admin.client.get(path), admin.client.patch(path, json={"role": "viewer"})):
        problem(gone, 404)
    assert somebody.id not in listed(admin)
    problem(login(kernel, somebody), 401, "/problems/invalid-credentials")
    again = admin.client.post("/admin/users", json={
        "email": somebody.email, "password": accounts.PASSWORD, "full_name": "Again"})
    assert again.status_code == 201 and again.json()["id"] != somebody.id


def test_members_manage_nobody(admin, somebody):
    before = listed(admin)
    for method, path in (("GET", "/admin/users"), ("GET", f"/admin/users/{admin.id}"), ("GET", "/security/sessions"),
                         ("DELETE", f"/admin/users/{admin.id}")):
        problem(somebody.client.request(method, path), 403)
    problem(somebody.client.patch(f"/admin/users/{somebody.id}", json={"role": "admin"}), 403)
    assert listed(admin) == before


# -- the last admin

def test_the_last_admin_stays(kernel, admin):
    path = f"/admin/users/{admin.id}"
    for answer in (admin.client.delete(path), admin.client.patch(path, json={"role": "member"}),
                   admin.client.patch(path, json={"status": "disabled"})):
        problem(answer, 409)
    assert admin.client.get("/auth/me").json()["role"] == "admin"
    second = accounts.new_user(kernel, admin, "admin")
    assert admin.client.patch(f"/admin/users/{second.id}", json={"status": "disabled"}).status_code == 200
    problem(admin.client.delete(path), 409)  # the other one could not help
    assert admin.client.delete(f"/admin/users/{second.id}").status_code == 204


def test_of_two_who_remove_each_other_one_stays(kernel, admin):
    pair = [accounts.new_user(kernel, admin, "admin") for _ in range(2)]
    assert pair[0].client.patch(f"/admin/users/{admin.id}", json={"role": "member"}).status_code == 200
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one, other: one.client.delete(f"/admin/users/{other.id}"), pair, pair[::-1]))
    assert sorted(answer.status_code == 204 for answer in answers) == [False, True], answers
    left = pair[[answer.status_code for answer in answers].index(204)]
    assert set(listed(left, role="admin")) == {left.id}
    assert left.client.patch(f"/admin/users/{admin.id}", json={"role": "admin"}).status_code == 200
    assert admin.sign_in().client.delete(f"/admin/users/{left.id}").status_code == 204


# -- sessions

def sessions(account, **query):
    answer = account.client.get("/security/sessions", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_the_list_marks_the_session_that_asks(kernel, admin):
    other = accounts.Account(kernel, admin.email)
    for account in (admin, other):
        own = [session for session in sessions(account) if session["current"]]
        assert len(own) == 1 and own[0]["user_id"] == admin.id and own[0]["ip"] == "127.0.0.1"
        assert {"id", "user_agent", "created_at", "last_seen_at"} <= set(own[0])
        account.session = own[0]["id"]
    assert admin.session != other.session


def test_ending_a_session_ends_no_other(kernel, admin, somebody):
    other = accounts.Account(kernel, somebody.email)
    newest, oldest = sessions(admin, user_id=somebody.id)
    assert newest["user_id"] == oldest["user_id"] == somebody.id and newest["id"] > oldest["id"]
    assert admin.client.delete(f"/security/sessions/{newest['id']}").status_code == 204
    problem(other.client.get("/auth/me"), 401)
    with accounts.anonymous(kernel) as client:
        problem(client.post("/auth/refresh", json={"refresh_token": other.refresh_token}), 401)
    assert somebody.client.get("/auth/me").status_code == 200
    assert somebody.renew().client.get("/auth/me").status_code == 200
    assert admin.client.get("/auth/me").status_code == 200
    assert [session["id"] for session in sessions(admin, user_id=somebody.id)] == [oldest["id"]]
    for unknown in (newest["id"], UNKNOWN, "nonsense"):
        problem(admin.client.delete(f"/security/sessions/{unknown}"), 404)
