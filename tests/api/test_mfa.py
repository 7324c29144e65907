"""Multi-factor authentication: a scanner and an authenticator that others wrote agree with ours."""
import base64
import concurrent.futures
import subprocess

import httpx
import pytest

from support import accounts, postgresql, stored
from support.accounts import PASSWORD
from support.events import Events
from support.program import Atrium
from support.problems import pointers, problem


class Authenticator:
    """The app on somebody's phone: oathtool."""

    def __init__(self, secret):
        self.secret = secret

    def code(self, ahead=0):
        """What it shows now, or so many steps of 30 seconds later."""
        return subprocess.run(["oathtool", "--totp", "--base32", f"--now=now {ahead * 30:+d} seconds", self.secret],
                              check=True, capture_output=True, text=True).stdout.strip()


def turn_on(account):
    """The account's authenticator, which knows the code it has `spent`, and the recovery codes."""
    phone = Authenticator(account.client.post("/auth/mfa/setup").json()["secret"])
    phone.spent = phone.code()
    answer = account.client.post("/auth/mfa/verify", json={"code": phone.spent})
    assert answer.status_code == 200, answer.text
    return phone, answer.json()["recovery_codes"]


def login(server, account, code=None, password=PASSWORD):
    body = {"email": account.email, "password": password}
    if code is not None:
        body["mfa_code"] = code
    return accounts.anonymous(server).post("/auth/login", json=body)


def successes_of_ten(work):
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        statuses = [answer.status_code for answer in pool.map(lambda _: work(), range(10))]
    assert set(statuses) <= {200, 401, 429, 503}, statuses
    return statuses.count(200)


# -- setting it up

def test_a_phone_scans_the_code_and_agrees_on_what_it_shows(server, newcomer, tmp_path):
    answer = newcomer.client.post("/auth/mfa/setup")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    offer = answer.json()
    assert set(offer) == {"secret", "otpauth_uri", "qr_code"}
    assert len(base64.b32decode(offer["secret"])) == 20
    picture = tmp_path / "qr.png"
    picture.write_bytes(base64.b64decode(offer["qr_code"].removeprefix("data:image/png;base64,"), validate=True))
    scanned = subprocess.run(["zbarimg", "--quiet", "--raw", picture], check=True, capture_output=True, text=True)
    uri = httpx.URL(scanned.stdout.strip())
    assert scanned.stdout.strip() == offer["otpauth_uri"]
    assert (uri.scheme, uri.host, uri.path) == ("otpauth", "totp", f"/Atrium:{newcomer.email}")
    assert dict(uri.params) == {"secret": offer["secret"], "issuer": "Atrium", "algorithm": "SHA1", "digits": "6",
                                "period": "30"}

    verified = newcomer.client.post("/auth/mfa/verify", json={"code": Authenticator(uri.params["secret"]).code()})
    assert verified.status_code == 200, verified.text
    assert verified.headers["cache-control"] == "no-store"
    assert verified.json()["mfa_enabled"] is True
    assert len(set(verified.json()["recovery_codes"])) == 10
    assert newcomer.client.get("/auth/me").json()["mfa_enabled"] is True


def test_nothing_changes_before_it_is_verified(server, newcomer):
    first = Authenticator(newcomer.client.post("/auth/mfa/setup").json()["secret"])
    assert login(server, newcomer).status_code == 200
    assert newcomer.client.get("/auth/me").json()["mfa_enabled"] is False
    second = Authenticator(newcomer.client.post("/auth/mfa/setup").json()["secret"])
    assert first.secret != second.secret
    assert pointers(newcomer.client.post("/auth/mfa/verify", json={"code": first.code(4)})) == ["/code"]
    assert pointers(newcomer.client.post("/auth/mfa/verify", json={"code": second.code(4)})) == ["/code"]
    assert newcomer.client.post("/auth/mfa/verify", json={"code": second.code(1)}).status_code == 200


def test_the_state_must_fit(newcomer):
    both = {"password": PASSWORD, "mfa_code": "123456"}
    problem(newcomer.client.post("/auth/mfa/verify", json={"code": "123456"}), 409)
    problem(newcomer.client.post("/auth/mfa/disable", json=both), 409)
    problem(newcomer.client.post("/auth/mfa/recovery-codes", json=both), 409)
    phone, _ = turn_on(newcomer)
    problem(newcomer.client.post("/auth/mfa/setup"), 409)
    problem(newcomer.client.post("/auth/mfa/verify", json={"code": phone.code(1)}), 409)


def test_bad_bodies(newcomer):
    assert pointers(newcomer.client.post("/auth/mfa/verify", json={})) == ["/code"]
    assert pointers(newcomer.client.post("/auth/mfa/verify", json={"code": 123456, "x": 1})) == ["/code", "/x"]
    assert pointers(newcomer.client.post("/auth/mfa/verify", json={"code": "0" * 101})) == ["/code"]
    for path in ("/auth/mfa/disable", "/auth/mfa/recovery-codes"):
        assert pointers(newcomer.client.post(path, json={})) == ["/mfa_code", "/password"]
    for code in ("", "''", "１２３４５６", "12345\u00006"):
        newcomer.client.post("/auth/mfa/setup")
        assert newcomer.client.post("/auth/mfa/verify", json={"code": code}).status_code == 422


@pytest.mark.parametrize("path", ["setup", "verify", "disable", "recovery-codes"])
def test_needs_an_account(anonymous, path):
    problem(anonymous.post(f"/auth/mfa/{path}", json={}), 401)


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_everybody_may_for_themselves(server, admin, role):
    somebody = accounts.new_user(server, admin, role)
    phone, codes = turn_on(somebody)
    renewed = somebody.client.post("/auth/mfa/recovery-codes", json={"password": PASSWORD, "mfa_code": phone.code(1)})
    assert renewed.status_code == 200, renewed.text
    code = renewed.json()["recovery_codes"][0]
    answer = somebody.client.post("/auth/mfa/disable", json={"password": PASSWORD, "mfa_code": code})
    assert (answer.status_code, answer.json()) == (200, {"mfa_enabled": False})
    assert login(server, somebody).status_code == 200


def test_an_idempotency_key_keeps_no_secret(newcomer):
    headers = {"Idempotency-Key": "once"}
    first, again = (newcomer.client.post("/auth/mfa/setup", headers=headers) for _ in range(2))
    assert "idempotency-replayed" not in again.headers
    assert first.json()["secret"] != again.json()["secret"]


# -- signing in

def test_a_login_needs_the_code(server, newcomer):
    phone, _ = turn_on(newcomer)
    missing = problem(login(server, newcomer), 401, "/problems/mfa-required")
    assert missing["title"]
    problem(login(server, newcomer, ""), 401, "/problems/mfa-required")
    problem(login(server, newcomer, phone.code(1), "not the password"), 401, "/problems/invalid-credentials")
    problem(login(server, newcomer, password="not the password"), 401, "/problems/invalid-credentials")
    for wrong in (phone.code(4), phone.code(-4), "1", "not a code", "' OR 1=1 --", "9" * 100):
        problem(login(server, newcomer, wrong), 401, "/problems/invalid-credentials")
    accepted = login(server, newcomer, phone.code(1))
    assert accepted.status_code == 200, accepted.text
    assert accepted.json()["user"]["mfa_enabled"] is True


def test_a_code_works_once(server, newcomer):
    phone, _ = turn_on(newcomer)
    problem(login(server, newcomer, phone.spent), 401, "/problems/invalid-credentials")
    code = phone.code(1)
    assert login(server, newcomer, code).status_code == 200
    problem(login(server, newcomer, code), 401, "/problems/invalid-credentials")


def test_of_ten_parallel_uses_of_one_code_one_succeeds(server, newcomer):
    phone, recovery_codes = turn_on(newcomer)
    for code in (phone.code(1), recovery_codes[0]):
        assert successes_of_ten(lambda: login(server, newcomer, code)) == 1
        # Failures count, so that the next round would be held back; a login clears them.
        assert login(server, newcomer, recovery_codes.pop()).status_code == 200


def test_a_recovery_code_works_once_however_it_is_typed(server, newcomer):
    _, codes = turn_on(newcomer)
    assert login(server, newcomer, codes[0]).status_code == 200
    problem(login(server, newcomer, codes[0]), 401, "/problems/invalid-credentials")
    assert login(server, newcomer, codes[1].replace("-", "").upper()).status_code == 200
    assert login(server, newcomer, f" {codes[2].replace('-', ' ')}").status_code == 200


def test_guessing_codes_is_held_back(own_server):
    server = own_server()
    admin = accounts.first_admin(server)
    _, codes = turn_on(admin)
    statuses = [login(server, admin, f"{number:06}").status_code for number in range(30)]
    assert set(statuses) == {401, 429}
    held_back = login(server, admin, codes[0])
    problem(held_back, 429)
    assert int(held_back.headers["retry-after"]) > 0
    assert admin.client.get("/auth/me").status_code == 200, "a session that lives goes on"


def test_the_command_line_takes_a_code(server, newcomer, tmp_path):
    phone, _ = turn_on(newcomer)
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    said = server.command("login", "--email", newcomer.email, "--password-file", password, "--token-file",
                          tmp_path / "login", "--mfa-code", phone.code(1))
    assert said.returncode == 0, said.stderr


# -- changing it

def test_turning_it_on_or_off_ends_the_other_sessions(server, newcomer):
    other = accounts.Account(server, newcomer.email)
    _, codes = turn_on(newcomer)
    problem(other.client.get("/auth/me"), 401)
    assert newcomer.client.get("/auth/me").status_code == 200
    token = login(server, newcomer, codes[0]).json()["access_token"]
    answer = newcomer.client.post("/auth/mfa/disable", json={"password": PASSWORD, "mfa_code": codes[1]})
    assert answer.status_code == 200
    problem(accounts.client(server, token).get("/auth/me"), 401)
    me = newcomer.client.get("/auth/me")
    assert (me.status_code, me.json()["mfa_enabled"]) == (200, False)


def test_both_factors_are_needed_to_change_them(server, newcomer):
    phone, codes = turn_on(newcomer)
    for path in ("/auth/mfa/disable", "/auth/mfa/recovery-codes"):
        for password, code in (("not the password", codes[0]), (PASSWORD, phone.spent), (PASSWORD, "000000")):
            problem(newcomer.client.post(path, json={"password": password, "mfa_code": code}), 401,
                    "/problems/invalid-credentials")
    renewed = newcomer.client.post("/auth/mfa/recovery-codes", json={"password": PASSWORD, "mfa_code": codes[0]}).json()
    assert len(set(renewed["recovery_codes"])) == 10
    assert not set(renewed["recovery_codes"]) & set(codes)
    problem(login(server, newcomer, codes[1]), 401, "/problems/invalid-credentials")
    assert login(server, newcomer, renewed["recovery_codes"][0]).status_code == 200


def test_an_admin_helps_whoever_lost_the_phone(server, admin, newcomer, member, viewer):
    problem(admin.client.delete(f"/admin/users/{newcomer.id}/mfa"), 404)
    turn_on(newcomer)
    for other in (member, viewer, newcomer):
        problem(other.client.delete(f"/admin/users/{newcomer.id}/mfa"), 403)
    assert admin.client.delete(f"/admin/users/{newcomer.id}/mfa").status_code == 204
    problem(newcomer.client.get("/auth/me"), 401)
    assert login(server, newcomer).status_code == 200
    problem(admin.client.delete(f"/admin/users/{newcomer.id}/mfa"), 404)
    problem(admin.client.delete("/admin/users/nobody/mfa"), 404)
    problem(admin.client.delete(f"/admin/users/{admin.id}/mfa"), 409)
    assert ("user.mfa_disabled", "user", admin.id) in [tuple(row) for row in stored.audited(server, "user", newcomer.id)]


def test_the_operator_helps_the_only_admin(own_server):
    server = own_server()
    admin = accounts.first_admin(server)
    assert "MFA is not on" in server.command("admin", "remove-mfa", "--email", admin.email).stderr
    turn_on(admin)
    said = server.command("admin", "remove-mfa", "--email", admin.email)
    assert (said.returncode, admin.email in said.stdout) == (0, True), said.stderr
    assert login(server, admin).status_code == 200
    assert "no account" in server.command("admin", "remove-mfa", "--email", "nobody@example.org").stderr


# -- what is kept

def test_neither_secret_nor_codes_can_be_read(server, newcomer):
    phone, codes = turn_on(newcomer)
    code = phone.code(1)
    assert login(server, newcomer, code).status_code == 200
    assert login(server, newcomer, codes[0]).status_code == 200
    tables = ("users", "mfa_recovery_codes", "events", "audit", "idempotency")
    kept = "\n".join(str(stored.run(server, f"SELECT * FROM {table}")) for table in tables)
    kept += server.last_words(2000)
    if server.store == "sqlite":
        kept += "".join(path.read_bytes().decode("latin-1") for path in server.data.glob("atrium.db*"))
    assert newcomer.id in kept
    raw = base64.b32decode(phone.secret)
    forms = [phone.secret, phone.secret.lower(), raw.hex(), base64.b64encode(raw).decode(), raw.decode("latin-1")]
    forms += codes + [given.replace("-", "") for given in codes]
    assert not [form for form in forms if form in kept]
    hashes = stored.run(server, "SELECT hash, used_at FROM mfa_recovery_codes WHERE user_id = %s", newcomer.id)
    assert len(hashes) == 10
    assert sum(used is not None for _, used in hashes) == 1


def test_what_happened_is_in_the_audit_log_and_among_the_events(server, newcomer):
    _, codes = turn_on(newcomer)
    problem(login(server, newcomer, "000000"), 401)
    assert login(server, newcomer, codes[0]).status_code == 200
    body = {"password": PASSWORD, "mfa_code": codes[1]}
    assert newcomer.client.post("/auth/mfa/recovery-codes", json=body).status_code == 200
    actions = [action for action, _, actor in stored.audited(server, "user", newcomer.id)]
    expected = ["user.mfa_offered", "user.mfa_enabled", "user.mfa_recovery_code_used", "user.mfa_recovery_code_used",
                "user.mfa_recovery_codes_renewed"]
    assert [action for action in actions if action.startswith("user.mfa_")] == expected
    assert "user.login_failed" in actions
    topics = stored.run(server, "SELECT topic, owner FROM events WHERE resource_id = %s AND topic LIKE %s "
                                "ORDER BY sequence", newcomer.id, "user.mfa_%")
    assert [tuple(row) for row in topics] == [(topic, newcomer.id) for topic in expected]


def test_it_outlives_a_restart(own_server):
    server = own_server()
    admin = accounts.first_admin(server)
    phone, codes = turn_on(admin)
    server.stop()
    server.start()
    problem(login(server, admin), 401, "/problems/mfa-required")
    assert login(server, admin, phone.code(1)).status_code == 200
    assert login(server, admin, codes[0]).status_code == 200


# -- where it is required

@pytest.fixture
def strict(request, store, tmp_path):
    """A server of this test's own that requires MFA; its admin has it."""
    environment, cluster = {}, None
    if store == "postgresql":
        cluster = postgresql.database(request.getfixturevalue("postgresql_cluster"))
        environment["ATRIUM_DATABASE_URL"] = cluster.__enter__()
    try:
        with Atrium(tmp_path, environment) as server:
            server.admin = accounts.first_admin(server)
            turn_on(server.admin)
            assert server.admin.client.put("/security", json={"mfa_required": True}).status_code == 200
            yield server
    finally:
        if cluster:
            cluster.__exit__(None, None, None)


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_without_it_there_is_only_ones_own_account(strict, role):
    somebody = accounts.new_user(strict, strict.admin, role)
    client = somebody.client
    for method, path in (("GET", "/agents"), ("POST", "/agents"), ("GET", "/admin/users"), ("PUT", "/security"),
                         ("GET", "/events"), ("GET", "/tasks"), ("GET", f"/tasks/{somebody.id}")):
        problem(client.request(method, path), 403, "/problems/mfa-setup-required")
    with Events(strict, somebody.token) as events:
        assert events.closed() == 4401
    assert client.get("/health").status_code == 200
    assert client.get("/nothing").status_code == 404
    assert client.get("/auth/me").status_code == 200
    assert client.put("/auth/me", json={"full_name": "Still Me"}).status_code == 200
    changed = client.post("/auth/change-password", json={"current_password": PASSWORD,
                                                         "new_password": "another good horse 8"})
    assert changed.status_code == 200
    turn_on(somebody)
    assert client.get("/agents").status_code == 200, "from the next request on, with the same token"
    assert client.post("/auth/logout").status_code == 204


def test_from_when_it_is_required_open_streams_end(strict):
    assert strict.admin.client.put("/security", json={"mfa_required": False}).status_code == 200
    member = accounts.new_user(strict, strict.admin)
    with Events(strict, member.token, "task.*") as events:
        assert strict.admin.client.put("/security", json={"mfa_required": True}).status_code == 200
        assert events.closed() == 4401
    problem(member.client.get("/agents"), 403, "/problems/mfa-setup-required")


def test_who_requires_it_without_having_it_is_asked_too(own_server):
    admin = accounts.first_admin(own_server())
    assert admin.client.put("/security", json={"mfa_required": True}).status_code == 200
    problem(admin.client.put("/security", json={"mfa_required": False}), 403, "/problems/mfa-setup-required")
    turn_on(admin)
    assert admin.client.put("/security", json={"mfa_required": False}).status_code == 200
