"""Webhooks: who may do what, what is sent, how it is signed, and what becomes of failures."""
import uuid

import pytest

from support import accounts
from support.events import Events
from support.problems import pointers, problem
from support.program import STORES
from support.webhooks import (SECRET, Receiver, Silent, Verifier, eventually, log_of, new_task, new_webhook,
                              sending_server)

SOMEWHERE = {"url": "https://example.org/hook", "events": ["task.*"]}


@pytest.fixture
def webhook(newcomer):
    return new_webhook(newcomer, SOMEWHERE["url"], ["nothing.ever"])


# -- the resource, on the shared server

def test_life_of_a_webhook(newcomer, listen):
    events = listen("webhook.*", token=newcomer.token)
    answer = newcomer.client.post("/webhooks", json={**SOMEWHERE, "description": "CI"})
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"].endswith("/webhooks/" + made["id"])
    assert made.pop("secret").startswith("whsec_")
    assert (made["is_active"], made["owner_id"], made["description"]) == (True, newcomer.id, "CI")
    assert events.wait("webhook.created", id=made["id"])["data"] == made
    one = newcomer.client.get(f"/webhooks/{made['id']}")
    assert (one.json(), one.headers["etag"]) == (made, '"1"')
    assert newcomer.client.get("/webhooks").json()["items"] == [made]
    changed = newcomer.client.put(f"/webhooks/{made['id']}", json={**made, "events": ["agent.*"], "is_active": False})
    assert (changed.status_code, changed.json()["events"], changed.json()["is_active"]) == (200, ["agent.*"], False)
    patched = newcomer.client.patch(f"/webhooks/{made['id']}", json={"description": None})
    assert (patched.status_code, patched.json()["description"]) == (200, "")
    stale = newcomer.client.put(f"/webhooks/{made['id']}", json={"is_active": True}, headers={"If-Match": '"1"'})
    problem(stale, 412)
    assert newcomer.client.delete(f"/webhooks/{made['id']}").status_code == 204
    problem(newcomer.client.delete(f"/webhooks/{made['id']}"), 404)
    problem(newcomer.client.get(f"/webhooks/{made['id']}"), 404)


@pytest.mark.parametrize("members, fault", [
    ({}, ["/events", "/url"]),
    ({**SOMEWHERE, "url": "ftp://example.org"}, ["/url"]),
    ({**SOMEWHERE, "url": "https://user:password@example.org/"}, ["/url"]),
    ({**SOMEWHERE, "url": "https://example.org/" + "x" * 2048}, ["/url"]),
    ({**SOMEWHERE, "url": 7}, ["/url"]),
    ({**SOMEWHERE, "url": "http://10.0.0.1/hook"}, ["/url"]),
    ({**SOMEWHERE, "url": "http://[::ffff:169.254.169.254]/"}, ["/url"]),
    *(({**SOMEWHERE, "url": url}, ["/url"]) for url in ("https://", "http:///x", "https://exa mple.org", "javascript:x")),
    ({**SOMEWHERE, "events": []}, ["/events"]),
    ({**SOMEWHERE, "events": ["*.created"]}, ["/events"]),
    ({**SOMEWHERE, "events": ["task.*"] * 51}, ["/events"]),
    ({**SOMEWHERE, "secret": "whsec_short"}, ["/secret"]),
    ({**SOMEWHERE, "secret": "no prefix"}, ["/secret"]),
    ({**SOMEWHERE, "colour": "red"}, ["/colour"]),
], ids=str)
def test_faults(member, members, fault):
    assert pointers(member.client.post("/webhooks", json=members)) == fault


def test_bodies_are_json(member):
    problem(member.client.post("/webhooks", content="url=x", headers={"Content-Type": "text/plain"}), 415)
    problem(member.client.post("/webhooks", content="{", headers={"Content-Type": "application/json"}), 400)


UNKNOWN = "01890000-0000-7000-8000-000000000000"
OPERATIONS = [("GET", ""), ("PUT", ""), ("PATCH", ""), ("POST", "/test"), ("POST", "/rotate-secret"),
              ("GET", "/deliveries"), ("GET", f"/deliveries/{UNKNOWN}"),
              ("POST", f"/deliveries/{UNKNOWN}/replay"), ("DELETE", "")]


def call(client, method, path):
    return client.request(method, path, **({"json": {}} if method in ("PUT", "PATCH") else {}))


@pytest.mark.parametrize("method, path", OPERATIONS)
def test_who_may(webhook, member, viewer, anonymous, method, path):
    target = f"/webhooks/{webhook['id']}{path}"
    problem(call(anonymous, method, target), 401)
    problem(call(member.client, method, target), 404)
    problem(call(viewer.client, method, target), 404 if method == "GET" else 403)
    problem(call(member.client, method, f"/webhooks/{uuid.uuid4()}{path}"), 404)
    problem(call(member.client, method, f"/webhooks/1{path}"), 404)


def test_a_worker_has_no_webhooks(new_worker):
    _, client = new_worker()
    problem(client.get("/webhooks"), 403)


def test_admins_see_all(webhook, admin, member):
    assert admin.client.get(f"/webhooks/{webhook['id']}").json()["id"] == webhook["id"]
    assert webhook["id"] not in [one["id"] for one in member.client.get("/webhooks").json()["items"]]
    answer = admin.client.put(f"/webhooks/{webhook['id']}", json={"is_active": False})
    assert (answer.status_code, answer.json()["owner_id"]) == (200, webhook["owner_id"])


def test_the_secret_is_never_shown_again(newcomer, webhook):
    secret = webhook["secret"]
    path = f"/webhooks/{webhook['id']}"
    assert secret not in newcomer.client.get(path).text + newcomer.client.get("/webhooks").text
    assert pointers(newcomer.client.put(path, json={"secret": secret})) == ["/secret"]
    rotated = newcomer.client.post(path + "/rotate-secret")
    assert rotated.status_code == 200
    assert rotated.json()["secret"] not in (secret, "")
    assert rotated.json()["previous_secret_expires_at"]
    assert pointers(newcomer.client.post(path + "/rotate-secret", json={"secret": "x"})) == ["/secret"]
    assert pointers(newcomer.client.post(path + "/rotate-secret", json={"overlap_seconds": -1})) == ["/overlap_seconds"]


# -- deliveries, on a server that may send to this machine

@pytest.fixture(scope="module", params=STORES)
def sender(request, tmp_path_factory):
    with sending_server(request, request.param, tmp_path_factory.mktemp("webhooks"),
                        retry_seconds=[1, 1, 1], ordered_tries=4, timeout_seconds=20) as program:
        program.start()
        program.admin = accounts.first_admin(program)
        yield program
        program.stop()


@pytest.fixture
def person(sender):
    return accounts.new_user(sender, sender.admin)


def test_the_official_library_verifies(sender, person):
    with Verifier(SECRET, "whsec_" + "A" * 32) as verifier:
        hook = new_webhook(person, verifier.url, secret=SECRET)
        task = new_task(person)
        seen = verifier.next()
        assert seen["verified"] == [True, False] and not seen["tampered"]
        assert (seen["payload"]["type"], seen["payload"]["data"]) == ("task.created", task)
        log = eventually(lambda: log_of(person, hook, status="succeeded"), "the delivery is logged")
        assert [one["id"] for one in log] == [seen["id"]]
        whole = person.client.get(f"/webhooks/{hook['id']}/deliveries/{seen['id']}").json()
        assert (whole["payload"], whole["response_status"], whole["attempts"]) == (seen["payload"], 200, 1)


def test_two_signatures_while_a_secret_rotates(sender, person):
    with Verifier(SECRET, "whsec_" + "A" * 32) as verifier:
        hook = new_webhook(person, verifier.url, secret=SECRET)
        path = f"/webhooks/{hook['id']}"
        rotation = {"secret": "whsec_" + "A" * 32, "overlap_seconds": 3600}
        assert person.client.post(path + "/rotate-secret", json=rotation).status_code == 200
        new_task(person)
        assert verifier.next()["verified"] == [True, True]
        assert person.client.post(path + "/rotate-secret", json={**rotation, "overlap_seconds": 0}).status_code == 200
        new_task(person)
        assert verifier.next()["verified"] == [False, True]


def test_a_test_delivery(sender, person):
    with Verifier(SECRET) as verifier:
        hook = new_webhook(person, verifier.url + "/path?query=1", secret=SECRET, is_active=False)
        result = person.client.post(f"/webhooks/{hook['id']}/test")
        assert (result.status_code, result.json()["ok"], result.json()["response_status"]) == (200, True, 200)
        seen = verifier.next()
        assert (seen["payload"]["type"], seen["id"]) == ("webhook.test", result.json()["delivery_id"])
    result = person.client.post(f"/webhooks/{hook['id']}/test").json()
    assert not result["ok"] and "cannot connect" in result["error"]
    assert len(log_of(person, hook, type="webhook.test")) == 2


def test_retries_keep_their_id_and_their_order(sender, person):
    refusals = 2
    def answer(received):
        return (500 if len(receiver.received) <= refusals else 200), {}
    with Receiver(answer) as receiver:
        new_webhook(person, receiver.url)
        tasks = [new_task(person)["id"] for _ in range(3)]
        got = receiver.wait(lambda received: len(received) == refusals + 3)
    assert [one.json["data"]["id"] for one in got] == [tasks[0]] * 3 + tasks[1:]
    assert len({one.id for one in got[:3]}) == 1 and len({one.id for one in got}) == 3


def test_a_failure_and_its_replay(sender, person):
    status = [503]
    with Receiver(lambda received: (status[0], {"Retry-After": "1"})) as receiver, \
            Events(sender, person.token, "webhook.*") as events:
        hook = new_webhook(person, receiver.url)
        new_task(person)
        failed = events.wait("webhook.delivery_failed", webhook_id=hook["id"])["data"]
        assert (failed["attempts"], failed["response_status"], failed["status"]) == (4, 503, "failed")
        status[0] = 200
        path = f"/webhooks/{hook['id']}/deliveries/{failed['id']}"
        again = person.client.post(path + "/replay")
        assert (again.status_code, again.json()["status"]) == (202, "pending")
        done = eventually(lambda: log_of(person, hook, status="succeeded"), "the replay succeeds")
        assert (done[0]["id"], done[0]["attempts"]) == (failed["id"], 5)
        assert {one.id for one in receiver.received} == {failed["id"]}


def test_gone_disables(sender, person):
    with Receiver(lambda received: (410, {})) as receiver, Events(sender, person.token, "webhook.*") as events:
        hook = new_webhook(person, receiver.url)
        new_task(person)
        disabled = events.wait("webhook.disabled", id=hook["id"])["data"]
        assert not disabled["is_active"] and "410" in disabled["disabled_reason"]
        delivery = log_of(person, hook)[0]
        problem(person.client.post(f"/webhooks/{hook['id']}/deliveries/{delivery['id']}/replay"), 409)


def test_nothing_leaves_for_an_account_that_is_gone(sender, person):
    with Receiver() as receiver:
        hook = new_webhook(person, receiver.url)
        assert sender.admin.client.delete(f"/admin/users/{person.id}").status_code == 204
        gone = eventually(lambda: not (now := sender.admin.client.get(f"/webhooks/{hook['id']}").json())["is_active"]
                          and now, "the webhook of a removed account is inactive")
        assert "account" in gone["disabled_reason"]
        new_task(sender.admin)
        assert sender.admin.client.get(f"/webhooks/{hook['id']}/deliveries").json()["total"] == 0
        assert receiver.received == []


def test_a_redirect_is_not_followed(sender, person):
    with Receiver() as target, Receiver(lambda received: (307, {"Location": target.url})) as receiver:
        hook = new_webhook(person, receiver.url)
        result = person.client.post(f"/webhooks/{hook['id']}/test").json()
        assert (result["ok"], result["response_status"]) == (False, 307) and "redirect" in result["error"]
        assert target.received == []


def test_private_events_reach_their_owner_only(sender, person):
    """An event of a person's own, here of an API that only they may see, is not for an admin's webhook."""
    with Receiver() as receiver:
        new_webhook(sender.admin, receiver.url + "/admin", ["*"])
        new_webhook(person, receiver.url + "/person", ["*"])
        person.client.put("/auth/me", json={"full_name": "Somebody Else"})
        marker = new_task(person)["id"]
        got = receiver.wait(lambda received: sum(one.json["data"].get("id") == marker for one in received) == 2)
    private = [one.path for one in got if one.json["type"].startswith("session.")]
    assert "/admin" not in private
    assert not [one for one in got if one.json["type"].startswith("webhook.")]


def test_a_dead_receiver_delays_nobody(sender, person):
    with Silent() as dead, Receiver() as receiver:
        dead_hook = new_webhook(person, dead.url)
        new_webhook(person, receiver.url)
        tasks = [new_task(person)["id"] for _ in range(50)]
        got = receiver.wait(lambda received: len(received) >= 50)
        assert [one.json["data"]["id"] for one in got] == tasks
        dead.came.get(timeout=60)
        assert not log_of(person, dead_hook, status="succeeded")
        person.client.delete(f"/webhooks/{dead_hook['id']}")


def test_a_thousand_endpoints(sender, person):
    with Receiver() as receiver:
        paths = {f"/{number}" for number in range(1000)}
        for path in paths:
            new_webhook(person, receiver.url + path, ["task.created"])
        task = new_task(person)["id"]
        got = receiver.wait(lambda received: len(received) >= 1000)
    assert {one.path for one in got} == paths
    assert {one.json["data"]["id"] for one in got} == {task}
    assert len({one.id for one in got}) == len(got)
