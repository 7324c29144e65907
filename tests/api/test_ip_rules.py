"""/security/ip-rules: from which addresses requests are taken."""
import pytest

from support import accounts
from support.events import Events
from support.problems import pointers, problem


@pytest.fixture
def proxied(own_server):
    """A kernel that believes its proxy on loopback, which says for whom it asks; and its admin."""
    server = own_server(ATRIUM_HTTP_TRUSTED_PROXIES="127.0.0.1/32")
    return server, accounts.first_admin(server)


def status_from(server, address):
    return accounts.client(server, **{"X-Forwarded-For": address}).get("/health").status_code


def test_there_are_none_at_first(own_server):
    admin = accounts.first_admin(own_server())
    assert admin.client.get("/security/ip-rules").json() == {"rules": [], "revision": 1}


def test_the_first_rule_that_names_the_address_decides(proxied):
    server, admin = proxied
    rules = [{"cidr": "192.0.2.7", "action": "allow", "description": "the one good one"},
             {"cidr": "192.0.2.0/24", "action": "block", "description": ""},
             {"cidr": "2001:db8::/32", "action": "block", "description": ""},
             {"cidr": "0.0.0.0/0", "action": "allow", "description": ""},
             {"cidr": "::/0", "action": "allow", "description": ""}]
    answer = admin.client.put("/security/ip-rules", json={"rules": rules})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"rules": rules, "revision": 2} == admin.client.get("/security/ip-rules").json()
    assert [status_from(server, address) for address in (
        "192.0.2.7", "192.0.2.8", "::ffff:192.0.2.8", "192.0.3.1", "2001:db8::1", "2001:db9::1")] == [
        200, 403, 403, 200, 403, 200]


def test_where_something_is_allowed_nothing_else_is(proxied):
    server, admin = proxied
    rules = [{"cidr": "127.0.0.0/8", "action": "allow"}, {"cidr": "203.0.113.0/24", "action": "allow"}]
    assert admin.client.put("/security/ip-rules", json={"rules": rules}).status_code == 200
    assert [status_from(server, address) for address in ("203.0.113.9", "198.51.100.1", "2001:db8::1")] == [200, 403, 403]
    assert admin.client.put("/security/ip-rules", json={"rules": []}).status_code == 200
    assert status_from(server, "198.51.100.1") == 200


def test_it_is_judged_before_anybody_is_asked_who_they_are(proxied):
    server, admin = proxied
    admin.client.put("/security/ip-rules", json={"rules": [{"cidr": "198.51.100.0/24", "action": "block"}]})
    kept_out = accounts.client(server, admin.token, **{"X-Forwarded-For": "198.51.100.1"})
    problem(kept_out.get("/auth/me"), 403)
    problem(kept_out.get("/no-such-route"), 403)
    problem(kept_out.post("/auth/login", json={"email": admin.email, "password": accounts.PASSWORD}), 403)


@pytest.mark.parametrize("rules", [
    [{"cidr": "127.0.0.1", "action": "block"}], [{"cidr": "0.0.0.0/0", "action": "block"}],
    [{"cidr": "10.0.0.0/8", "action": "allow"}], [{"cidr": "::ffff:127.0.0.1", "action": "block"}]])
def test_nobody_locks_themselves_out(admin, rules):
    before = admin.client.get("/security/ip-rules").json()
    problem(admin.client.put("/security/ip-rules", json={"rules": rules}), 409)
    assert admin.client.get("/security/ip-rules").json() == before


def test_every_fault_at_once(admin):
    answer = admin.client.put("/security/ip-rules", json={"rules": [
        {"cidr": "10.0.0.0/33", "action": "block"}, {"cidr": "192.0.2.1", "action": "block"},
        {"cidr": "example.org", "action": "block"}, {"cidr": "fe80::/-1", "action": "block"}]})
    assert pointers(answer) == ["/rules/0/cidr", "/rules/2/cidr", "/rules/3/cidr"]
    answer = admin.client.put("/security/ip-rules", json={"rules": [{"cidr": "10.0.0.1", "action": "deny"}, {}]})
    assert pointers(answer) == ["/rules/0/action", "/rules/1/action", "/rules/1/cidr"]
    assert pointers(admin.client.put("/security/ip-rules", json={})) == ["/rules"]
    too_many = [{"cidr": "192.0.2.1", "action": "block"}] * 1001
    assert pointers(admin.client.put("/security/ip-rules", json={"rules": too_many})) == ["/rules"]


def test_a_change_by_somebody_else_is_not_overwritten(own_server):
    admin = accounts.first_admin(own_server())
    tag = admin.client.get("/security/ip-rules").headers["etag"]
    one = {"rules": [{"cidr": "192.0.2.1", "action": "block"}]}
    assert admin.client.put("/security/ip-rules", json=one, headers={"If-Match": tag}).status_code == 200
    problem(admin.client.put("/security/ip-rules", json={"rules": []}, headers={"If-Match": tag}), 412)


def test_they_outlive_a_restart_and_the_operator_can_clear_them(proxied):
    server, admin = proxied
    admin.client.put("/security/ip-rules", json={"rules": [{"cidr": "198.51.100.1", "action": "block"}]})
    server.stop()
    server.start()
    assert status_from(server, "198.51.100.1") == 403
    server.stop()
    assert server.command("admin", "clear-ip-rules", "--data", server.data).returncode == 0
    server.start()
    assert status_from(server, "198.51.100.1") == 200


def test_a_stream_that_is_open_ends_where_its_address_is_blocked(own_server):
    server = own_server()
    admin = accounts.first_admin(server)
    with Events(server, admin.token, "*", source="127.0.0.2") as blocked, Events(server, admin.token, "*") as other:
        rules = {"rules": [{"cidr": "127.0.0.2", "action": "block"}]}
        assert admin.client.put("/security/ip-rules", json=rules).status_code == 200
        assert blocked.closed() == 4401
        other.nothing_before_pong()


@pytest.mark.parametrize("who", ["member", "viewer"])
def test_only_admins(request, admin, who):
    client = request.getfixturevalue(who).client
    problem(client.get("/security/ip-rules"), 403)
    problem(client.put("/security/ip-rules", json={"rules": []}), 403)
