"""API keys: what a person gives to programs."""
import datetime

import httpx
import pytest

from support import accounts
from support.events import Events


def new_key(account, **members):
    answer = account.client.post("/security/api-keys", json={"name": "ci", **members})
    assert answer.status_code == 201, answer.text
    return answer.json()


def with_key(server, key, header="X-API-Key"):
    value = key if header == "X-API-Key" else f"Bearer {key}"
    return httpx.Client(base_url=server.api, headers={header: value}, timeout=60)


def test_a_key_is_shown_once(server, newcomer):
    answer = newcomer.client.post("/security/api-keys", json={"name": "ci", "scopes": ["tasks:read"]})
    assert answer.status_code == 201
    made = answer.json()
    assert made["key"].startswith("atr_") and made["key"].startswith(made["prefix"])
    assert made["user_id"] == newcomer.id and made["scopes"] == ["tasks:read"]
    assert made["last_used_at"] is None and made["expires_at"] is None
    assert answer.headers["cache-control"] == "no-store"
    shown = newcomer.client.get(answer.headers["location"].removeprefix("/api/v1"))
    assert shown.status_code == 200
    listed = newcomer.client.get("/security/api-keys").json()
    assert listed["total"] == 1 and listed["items"] == [shown.json()]
    assert "key" not in shown.json()
    assert made["key"] not in newcomer.client.get("/security/api-keys").text


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
def test_either_header_carries_it(server, newcomer, header):
    with with_key(server, new_key(newcomer)["key"], header) as client:
        assert client.get("/auth/me").json()["id"] == newcomer.id


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
def test_scopes_narrow_it(server, newcomer, header):
    with with_key(server, new_key(newcomer, scopes=["agents:read", "GET /auth/me"])["key"], header) as client:
        assert client.get("/agents").status_code == 200
        assert client.get("/auth/me").status_code == 200
        refused = client.post("/agents", json={"name": "never"})
        assert refused.status_code == 403 and "agents:write" in refused.json()["detail"]
        assert client.get("/tasks").status_code == 403
        assert client.get("/security/api-keys").status_code == 403


def test_it_never_exceeds_its_owner(server, newcomer, admin):
    with with_key(server, new_key(newcomer, scopes=["*:read", "*:write", "GET /admin/users"])["key"]) as client:
        assert client.get("/admin/users").status_code == 403
        assert client.post("/agents", json={"name": "by key"}).status_code == 201
        assert admin.client.patch(f"/admin/users/{newcomer.id}", json={"role": "viewer"}).status_code == 200
        assert client.post("/agents", json={"name": "by key"}).status_code == 403
        assert client.get("/agents").status_code == 200
        assert admin.client.patch(f"/admin/users/{newcomer.id}", json={"status": "disabled"}).status_code == 200
        assert client.get("/agents").status_code == 401


def test_it_makes_no_keys_and_does_not_touch_the_account(server, newcomer):
    """Else whoever finds a key could make one that survives its revocation, or one without its scopes."""
    with with_key(server, new_key(newcomer)["key"]) as client:
        for method, path, body in (("POST", "/security/api-keys", {"name": "another"}),
                                   ("PUT", "/auth/me", {"full_name": "Mallory"}),
                                   ("POST", "/auth/change-password", {"current_password": accounts.PASSWORD,
                                                                      "new_password": "a new one that is long"}),
                                   ("POST", "/auth/mfa/setup", None), ("POST", "/auth/logout", None)):
            assert client.request(method, path, json=body).status_code == 403, path


def test_revoked_it_stops_at_once(server, newcomer):
    made, other = new_key(newcomer), new_key(newcomer)
    with with_key(server, made["key"]) as client, with_key(server, other["key"]) as second:
        assert client.get("/auth/me").status_code == 200
        assert newcomer.client.delete(f"/security/api-keys/{made['id']}").status_code == 204
        refused = client.get("/auth/me")
        assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Bearer")
        assert newcomer.client.delete(f"/security/api-keys/{made['id']}").status_code == 404
        assert second.get("/auth/me").status_code == 200
        assert second.delete(f"/security/api-keys/{other['id']}").status_code == 204
        assert second.get("/auth/me").status_code == 401
    assert newcomer.client.get("/security/api-keys").json()["items"] == []


def test_it_expires(server, newcomer):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
    made = new_key(newcomer, expires_at=soon.isoformat())
    with Events(server, made["key"], "*") as stream, with_key(server, made["key"]) as client:
        assert stream.closed() == 4401
        answer = client.get("/auth/me")
        assert answer.status_code == 401 and answer.json()["type"] == "/problems/token-expired"


def test_its_event_stream_ends_with_it(server, newcomer):
    made = new_key(newcomer)
    with Events(server, made["key"], "*") as stream:
        assert newcomer.client.delete(f"/security/api-keys/{made['id']}").status_code == 204
        assert stream.closed() == 4401


def test_the_event_stream_needs_its_scope(server, newcomer):
    with Events(server, new_key(newcomer, scopes=["events:read"])["key"], "*"):
        pass
    with Events(server, new_key(newcomer, scopes=["tasks:read"])["key"]) as stream:
        assert stream.closed() == 4401


def test_last_use_is_told(server, newcomer):
    made = new_key(newcomer)
    with with_key(server, made["key"]) as client:
        assert client.get("/auth/me").status_code == 200
    def used():
        return newcomer.client.get(f"/security/api-keys/{made['id']}").json()["last_used_at"]
    deadline = datetime.datetime.now() + datetime.timedelta(seconds=30)
    while used() is None and datetime.datetime.now() < deadline:
        pass
    assert used() >= made["created_at"]


def test_keys_are_their_owners_alone(server, newcomer, member, admin):
    made = new_key(newcomer)
    for other in (member, admin):
        assert made["id"] not in other.client.get("/security/api-keys", params={"limit": 200}).text
        assert other.client.get(f"/security/api-keys/{made['id']}").status_code == 404
        assert other.client.delete(f"/security/api-keys/{made['id']}").status_code == 404
    with with_key(server, made["key"]) as client:
        assert client.get("/auth/me").status_code == 200


def test_a_viewer_has_keys_of_its_own(server, viewer):
    made = new_key(viewer)
    with with_key(server, made["key"]) as client:
        assert client.get("/agents").status_code == 200
        assert client.post("/agents", json={"name": "never"}).status_code == 403
    assert viewer.client.delete(f"/security/api-keys/{made['id']}").status_code == 204


@pytest.mark.parametrize("body, pointer", [
    ({}, "/name"), ({"name": ""}, "/name"), ({"name": "x" * 101}, "/name"), ({"name": 1}, "/name"),
    ({"name": "x", "scopes": []}, "/scopes"), ({"name": "x", "scopes": ["tasks"]}, "/scopes/0"),
    ({"name": "x", "scopes": ["agents:read", "agents:delete"]}, "/scopes/1"),
    ({"name": "x", "scopes": ["GET /no/such"]}, "/scopes/0"), ({"name": "x", "scopes": "agents:read"}, "/scopes"),
    ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"), ({"name": "x", "expires_at": 5}, "/expires_at"),
    ({"name": "x", "role": "admin"}, "/role"),
])
def test_what_is_wrong_is_said(member, body, pointer):
    answer = member.client.post("/security/api-keys", json=body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_making_and_revoking_are_in_the_audit_log(newcomer, admin):
    made = new_key(newcomer, name="of the build")
    newcomer.client.delete(f"/security/api-keys/{made['id']}")
    rows = admin.client.get("/admin/audit", params={"resource": f"api_key/{made['id']}"}).json()["items"]
    assert [row["action"] for row in rows] == ["api_key.revoked", "api_key.created"]
    assert made["key"] not in str(rows)


def test_an_unknown_key_is_no_key(server, newcomer):
    key = new_key(newcomer)["key"]
    for other in (key[:-1], key + "A", key.upper(), key.replace("atr_", "atw_"), "atr_", "atr_" + "A" * 49):
        with with_key(server, other) as client:
            assert client.get("/auth/me").status_code == 401, other


def test_an_idempotent_repeat_answers_the_same_key(newcomer):
    headers = {"Idempotency-Key": "make-a-key-once"}
    first, again = (newcomer.client.post("/security/api-keys", json={"name": "once"}, headers=headers) for _ in "12")
    assert again.json() == first.json() and again.headers["idempotency-replayed"] == "true"
    assert newcomer.client.get("/security/api-keys").json()["total"] == 1
