"""Passwords: the policy, the history, what hashing costs, and what it may cost others."""
import secrets

import pytest

from support import accounts
from support.accounts import PASSWORD
from support.pressure import Logins, median_time, seconds
from support.problems import pointers, problem
from test_settings import as_they_were  # noqa: F401: puts back what a test changes

POLICY = "/security/password-policy"
DEFAULTS = {"min_length": 12, "max_length": 128, "require_uppercase": False, "require_lowercase": False,
            "require_digit": False, "require_symbol": False, "forbid_common": True, "history": 3}


def register(client, password, name=None):
    return client.post("/auth/register", json={
        "email": f"{name or 'p' + secrets.token_hex(6)}@example.org", "password": password, "full_name": "Pat"})


def change(account, password):
    answer = account.client.post("/auth/change-password", json={
        "current_password": account.password, "new_password": password})
    if answer.status_code == 200:
        account.password = password
    return answer


# -- the policy

def test_the_policy_is_one_object(admin):
    assert admin.client.get(POLICY).json() == DEFAULTS
    answer = admin.client.put(POLICY, json={"min_length": 16, "require_digit": True})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {**DEFAULTS, "min_length": 16, "require_digit": True} == admin.client.get(POLICY).json()
    assert admin.client.get("/settings/password_policy/min_length").json()["value"] == 16


def test_its_bounds(admin):
    answer = admin.client.put(POLICY, json={
        "min_length": 7, "max_length": 63, "require_uppercase": 1, "history": -1, "forbid_common": None, "colour": "red"})
    assert pointers(answer) == ["/colour", "/forbid_common", "/history", "/max_length", "/min_length",
                                "/require_uppercase"]
    assert admin.client.get(POLICY).json() == DEFAULTS


@pytest.mark.parametrize("who", ["member", "viewer"])
def test_only_admins(request, who):
    client = request.getfixturevalue(who).client
    problem(client.get(POLICY), 403)
    problem(client.put(POLICY, json={}), 403)


def test_it_holds_wherever_a_password_is_set(admin, anonymous, newcomer):
    assert admin.client.put(POLICY, json={"require_symbol": True, "min_length": 20}).status_code == 200
    bad, good = "NoSignButLongEnough7", "with signs, and long enough"
    assert pointers(register(anonymous, bad)) == ["/password"]
    assert register(anonymous, good).status_code == 201
    person = {"email": f"q{secrets.token_hex(6)}@example.org", "full_name": "Quinn"}
    assert pointers(admin.client.post("/admin/users", json={**person, "password": bad})) == ["/password"]
    assert admin.client.post("/admin/users", json={**person, "password": good}).status_code == 201
    assert pointers(change(newcomer, bad)) == ["/new_password"]
    assert change(newcomer, good).status_code == 200


def test_it_holds_at_the_command_line(own_server):
    server = own_server()
    admin = accounts.first_admin(server)
    assert admin.client.put(POLICY, json={"require_digit": True}).status_code == 200
    for command in (["create", "--email", "bea@example.org", "--full-name", "Bea"],
                    ["reset-password", "--email", admin.email]):
        done = server.command("admin", *command, "--password-file", "-", input="no digit in these words\n")
        assert done.returncode == 1 and "needs a digit" in done.stderr
    done = server.command("admin", "reset-password", "--email", admin.email, "--password-file", "-",
                          input=PASSWORD + "\n")
    assert done.returncode == 1 and "before" in done.stderr


@pytest.mark.parametrize("rule,bad,good", [
    ("require_uppercase", "kettle drum violet", "Kettle drum violet"),
    ("require_lowercase", "KETTLE DRUM VIOLET", "kETTLE DRUM VIOLET"),
    ("require_digit", "kettle drum violet", "kettle drum violet 3"),
    ("require_symbol", "kettledrumviolet", "kettle drum violet")])
def test_each_rule(admin, anonymous, rule, bad, good):
    assert admin.client.put(POLICY, json={rule: True}).status_code == 200
    assert pointers(register(anonymous, bad)) == ["/password"]
    assert register(anonymous, good).status_code == 201


def test_lengths_count_characters(admin, anonymous):
    assert pointers(register(anonymous, "kettle drum")) == ["/password"]
    assert register(anonymous, "kettle drum!").status_code == 201
    assert register(anonymous, "ключ и замок").status_code == 201
    long = "violet kettle drum stand, " * 30
    assert register(anonymous, long[:128]).status_code == 201
    assert pointers(register(anonymous, long[:129])) == ["/password"]
    assert admin.client.put(POLICY, json={"max_length": 512}).status_code == 200
    assert register(anonymous, long[:512]).status_code == 201
    assert pointers(register(anonymous, long[:513])) == ["/password"]


@pytest.mark.parametrize("password", ["passwordpassword", "Password!2024", "123456789012", "qwertyuiop123", "aaaaaaaaaaaa",
                                      "abcabcabcabc", "1q2w3e4r5t6y", "atrium-12345678"])
def test_what_is_guessed_first_is_refused(admin, anonymous, password):
    assert "guessed first" in problem(register(anonymous, password), 422)["errors"][0]["detail"]
    assert admin.client.put(POLICY, json={"forbid_common": False}).status_code == 200
    assert register(anonymous, password).status_code == 201


def test_the_own_address_is_no_password(anonymous):
    for password, name in (("wilhelmina99", "wilhelmina"), ("theodora@example.org", "theodora")):
        assert "own address" in problem(register(anonymous, password, name), 422)["errors"][0]["detail"]


def test_former_passwords_do_not_come_back(admin, newcomer):
    first = newcomer.password
    assert change(newcomer, "violet kettle one").status_code == 200
    assert change(newcomer, "violet kettle two").status_code == 200
    for used in (first, "violet kettle one", "violet kettle two"):
        assert pointers(change(newcomer, used)) == ["/new_password"]
    assert admin.client.put(POLICY, json={"history": 0}).status_code == 200
    assert change(newcomer, first).status_code == 200


# -- what hashing costs

def test_the_cost_has_a_least(admin):
    settings = admin.client.get("/settings").json()["password_hashing"]
    assert {key: setting["value"] for key, setting in settings.items()} == {
        "passes": 3, "memory_kib": 65536, "lanes": 4}
    for key, too_little in (("passes", 1), ("memory_kib", 19455), ("lanes", 0)):
        assert pointers(admin.client.put(f"/settings/password_hashing/{key}", json={"value": too_little})) == ["/value"]


def test_a_raised_cost_applies_and_old_passwords_still_work(server, admin, newcomer):
    assert admin.client.put("/settings/password_hashing/passes", json={"value": 4}).status_code == 200
    newcomer.sign_in()
    newcomer.sign_in()


@pytest.mark.alone
def test_many_logins_do_not_hold_up_others(server, admin, member, newcomer):
    """200 at once: other routes take at most twice as long (medians of one run), and who is refused learns when to come."""
    assert admin.client.put("/security", json={"max_failed_logins": 1000}).status_code == 200

    def other_route():
        assert member.client.get("/tasks").status_code == 200
    median_time(other_route, seconds(1))
    alone = median_time(other_route, seconds(3))
    body = b'{"email": "%s", "password": "%s"}' % (newcomer.email.encode(), PASSWORD.encode())
    with Logins(server.address, 200, body) as logins:
        among = median_time(other_route, seconds(3))
    assert among <= 2 * alone, (alone, among, logins.answers)
    assert logins.answers.get(200, 0) > 0
    assert set(logins.answers) <= {200, 429, 503}, logins.answers


def test_held_back_accounts_keep_their_sessions(server, admin, newcomer):
    assert admin.client.put("/security", json={"max_failed_logins": 3}).status_code == 200
    anybody = accounts.anonymous(server)
    wrong = {"email": newcomer.email, "password": "wrong kettle drum"}
    for _ in range(3):
        problem(anybody.post("/auth/login", json=wrong), 401)
    held = anybody.post("/auth/login", json={**wrong, "password": newcomer.password})
    problem(held, 429, "/problems/too-many-attempts")
    assert int(held.headers["retry-after"]) >= 1
    assert newcomer.client.get("/auth/me").status_code == 200
    assert anybody.post("/auth/refresh", json={"refresh_token": newcomer.refresh_token}).status_code == 200
