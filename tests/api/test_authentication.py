"""Accounts and sessions."""
import concurrent.futures
import secrets
import stat

import httpx
import pytest

from support import accounts
from support.accounts import PASSWORD
from support.problems import pointers, problem


def login(server, email, password=PASSWORD):
    return accounts.anonymous(server).post("/auth/login", json={"email": email, "password": password})


# -- the first account

def test_first_account_needs_the_setup_token(own_server):
    server = own_server()
    token_file = server.data / "setup-token"
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    person = {"email": "first@example.org", "password": PASSWORD, "full_name": "First"}
    anybody = accounts.anonymous(server)
    assert anybody.post("/auth/register", json=person).status_code == 403
    assert anybody.post("/auth/register", json={**person, "setup_token": "guessed"}).status_code == 403
    token = token_file.read_text().strip()
    made = anybody.post("/auth/register", json={**person, "setup_token": token})
    assert made.status_code == 201
    assert made.json()["role"] == "admin"
    assert not token_file.exists()
    again = anybody.post("/auth/register", json={**person, "email": "second@example.org", "setup_token": token})
    assert again.status_code == 403 or again.json()["role"] != "admin"


def test_setup_token_is_spent_once_even_at_once(own_server):
    server = own_server()
    token = (server.data / "setup-token").read_text().strip()

    def register(number):
        return accounts.anonymous(server).post("/auth/register", json={
            "email": f"racer{number}@example.org", "password": PASSWORD, "full_name": "Racer", "setup_token": token})
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(register, range(6)))
    assert sum(answer.status_code == 201 and answer.json()["role"] == "admin" for answer in answers) == 1


def test_keys_are_private(own_server):
    server = own_server()
    for path in server.data.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


# -- registering

def test_registration_waits_for_approval(server, anonymous):
    email = f"pending-{secrets.token_hex(4)}@example.org"
    answer = anonymous.post("/auth/register", json={"email": email, "password": PASSWORD, "full_name": "Penny"})
    assert answer.status_code == 201
    assert answer.json()["status"] == "pending"
    assert "password" not in answer.text
    problem(login(server, email), 403, "/problems/account-pending")
    wrong = login(server, email, "wrong password entirely")
    problem(wrong, 401, "/problems/invalid-credentials")


def test_taken_email(anonymous, member):
    for email in (member.email, member.email.upper()):
        answer = anonymous.post("/auth/register", json={"email": email, "password": PASSWORD, "full_name": "Copy"})
        problem(answer, 409)


def test_bad_registration(anonymous):
    answer = anonymous.post("/auth/register", json={"email": "no at sign", "password": "short", "full_name": ""})
    assert {"/email", "/password", "/full_name"} <= set(pointers(answer))


def test_role_cannot_be_asked_for(anonymous):
    answer = anonymous.post("/auth/register", json={
        "email": f"x{secrets.token_hex(4)}@example.org", "password": PASSWORD, "full_name": "X", "role": "admin"})
    assert answer.status_code == 422 or answer.json()["role"] != "admin"


# -- signing in

def test_login(server, member):
    body = login(server, member.email).json()
    assert body["token_type"] == "bearer"
    assert body["expires_in"] > 0
    assert body["user"]["email"] == member.email
    assert body["user"]["role"] == "member"
    assert set(body["user"]) >= {"id", "email", "full_name", "role", "status", "mfa_enabled", "created_at"}


def test_unknown_and_wrong_look_alike(server, member):
    wrong = problem(login(server, member.email, "not the password"), 401, "/problems/invalid-credentials")
    unknown = problem(login(server, "nobody@example.org"), 401, "/problems/invalid-credentials")
    for body in (wrong, unknown):
        body.pop("request_id")
    assert wrong == unknown


def test_too_many_failures(own_server):
    server = own_server()
    accounts.first_admin(server)
    statuses = [login(server, "admin@example.org", f"wrong {number}").status_code for number in range(30)]
    assert 429 in statuses
    refused = login(server, "admin@example.org", "wrong again")
    problem(refused, 429)
    assert int(refused.headers["retry-after"]) > 0


def test_email_in_any_case(server, member):
    assert login(server, member.email.upper()).status_code == 200


@pytest.mark.parametrize("header", [
    "Bearer", "Bearer x", "Bearer a.b.c", "Basic YWJj", "bearer  x", "Bearer " + "a" * 5000,
    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."])
def test_unusable_tokens(anonymous, header):
    answer = anonymous.get("/auth/me", headers={"Authorization": header})
    problem(answer, 401)
    assert "www-authenticate" in answer.headers


def test_tampered_token(member, anonymous):
    head, body, signature = member.token.split(".")
    for token in (f"{head}.{body}.{signature[:-4]}AAAA", f"{head}.{body[:-2]}AA.{signature}", f"{head}.{body}."):
        problem(anonymous.get("/auth/me", headers={"Authorization": "Bearer " + token}), 401)


def test_bad_credentials_are_refused_even_where_none_are_needed(anonymous):
    assert anonymous.get("/health", headers={"Authorization": "Bearer nonsense"}).status_code in (200, 401)


# -- refreshing

def refresh(server, token):
    return accounts.anonymous(server).post("/auth/refresh", json={"refresh_token": token})


def test_refresh_rotates(server, newcomer):
    first = refresh(server, newcomer.refresh_token)
    assert first.status_code == 200
    assert first.json()["refresh_token"] != newcomer.refresh_token
    assert accounts.client(server, first.json()["access_token"]).get("/auth/me").status_code == 200


def test_reuse_ends_the_family(server, newcomer):
    renewed = refresh(server, newcomer.refresh_token).json()
    problem(refresh(server, newcomer.refresh_token), 401)
    problem(refresh(server, renewed["refresh_token"]), 401)
    problem(accounts.client(server, renewed["access_token"]).get("/auth/me"), 401)


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_unusable_refresh_token(server, token):
    assert refresh(server, token).status_code in (401, 422)


def test_access_token_does_not_refresh(server, newcomer):
    problem(refresh(server, newcomer.token), 401)


# -- the own account

def test_me(newcomer):
    me = newcomer.client.get("/auth/me").json()
    assert (me["email"], me["role"], me["status"], me["mfa_enabled"]) == (newcomer.email, "member", "active", False)
    changed = newcomer.client.put("/auth/me", json={"full_name": "New Name"})
    assert changed.status_code == 200
    assert newcomer.client.get("/auth/me").json()["full_name"] == "New Name"


def test_email_change_needs_the_password(server, newcomer, member):
    other = f"moved-{secrets.token_hex(4)}@example.org"
    assert newcomer.client.put("/auth/me", json={"email": other}).status_code in (401, 403, 422)
    wrong = newcomer.client.put("/auth/me", json={"email": other, "current_password": "wrong password here"})
    assert wrong.status_code in (401, 403, 422)
    taken = newcomer.client.put("/auth/me", json={"email": member.email, "current_password": PASSWORD})
    problem(taken, 409)
    moved = newcomer.client.put("/auth/me", json={"email": other, "current_password": PASSWORD})
    assert moved.status_code == 200
    assert login(server, other).status_code == 200
    assert login(server, newcomer.email).status_code == 401


def test_role_cannot_be_given_to_oneself(newcomer):
    newcomer.client.put("/auth/me", json={"role": "admin"})
    assert newcomer.client.get("/auth/me").json()["role"] == "member"


def test_viewer_may_change_its_own_account(viewer):
    assert viewer.client.put("/auth/me", json={"full_name": "Vera Viewer"}).status_code == 200


def test_password_change_ends_other_sessions(server, newcomer):
    other = accounts.Account(server, newcomer.email)
    wrong = newcomer.client.post("/auth/change-password", json={
        "current_password": "wrong password here", "new_password": "another fine password 8"})
    assert wrong.status_code in (401, 403, 422)
    changed = newcomer.client.post("/auth/change-password", json={
        "current_password": PASSWORD, "new_password": "another fine password 8"})
    assert changed.status_code == 200
    problem(other.client.get("/auth/me"), 401)
    problem(refresh(server, other.refresh_token), 401)
    assert newcomer.client.get("/auth/me").status_code == 200
    assert login(server, newcomer.email).status_code == 401
    assert login(server, newcomer.email, "another fine password 8").status_code == 200


def test_weak_new_password(newcomer):
    answer = newcomer.client.post("/auth/change-password", json={"current_password": PASSWORD, "new_password": "123"})
    assert "/new_password" in pointers(answer)


def test_logout_works_at_once(server, newcomer):
    answer = newcomer.client.post("/auth/logout")
    assert answer.status_code == 204
    problem(newcomer.client.get("/auth/me"), 401)
    problem(refresh(server, newcomer.refresh_token), 401)


def test_logout_of_one_session_leaves_the_other(server, newcomer):
    other = accounts.Account(server, newcomer.email)
    newcomer.client.post("/auth/logout")
    assert other.client.get("/auth/me").status_code == 200


def test_sessions_survive_a_restart(own_server):
    server = own_server()
    admin = accounts.first_admin(server)
    gone = accounts.Account(server, admin.email)
    gone.client.post("/auth/logout")
    server.stop()
    server.start()
    assert accounts.client(server, admin.token).get("/auth/me").status_code == 200
    problem(accounts.client(server, gone.token).get("/auth/me"), 401)


def test_secrets_are_not_in_the_log(own_server):
    server = own_server()
    token = (server.data / "setup-token").read_text().strip()
    admin = accounts.first_admin(server)
    httpx.get(server.url + "/ws", params={"token": admin.token})
    server.stop()
    log = "".join(server.log)
    for secret in (token, PASSWORD, admin.token, admin.refresh_token):
        assert secret not in log
