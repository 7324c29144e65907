"""The event stream, over WebSocket and as Server-Sent Events."""
import json
import time

import pytest

from support import accounts, raw
from support.events import Events, server_sent
from support.metrics import metric
from support.problems import problem


# -- getting in

def test_token_in_the_query(server, member):
    for path in ("/ws", "/api/v1/ws"):
        with Events(server, member.token, path=path) as events:
            assert events.nothing_before_pong() == []


def test_token_in_the_first_message(server, member):
    with Events(server) as events:
        events.send({"type": "auth", "token": member.token})
        events.subscribe("task.*")


@pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
def test_bad_token_in_the_query(server, token):
    with Events(server, token) as events:
        assert events.closed() == 4401


def test_bad_token_in_the_first_message(server):
    with Events(server) as events:
        events.send({"type": "auth", "token": "nonsense"})
        assert events.closed() == 4401


def test_no_token_in_time(server):
    with Events(server) as events:
        assert events.closed() == 4401


def test_nothing_but_auth_before_auth(server):
    with Events(server) as events:
        events.send({"type": "subscribe", "event": "*"})
        assert events.closed() == 4401


@pytest.mark.parametrize("message", ["", "no json", "[]", "7", '{"type": 7}', '{"type": "dance"}', '{"type": "subscribe"}',
                                     '{"type": "subscribe", "event": 7}', '{"type": "resume", "after": "x"}'])
def test_messages_that_make_no_sense(server, member, message):
    """They are answered with an error or a clean close, and end nobody else's connection."""
    with Events(server, member.token) as bad, Events(server, member.token) as good:
        bad.send(message)
        bad.send({"type": "ping"})
        try:
            first = bad.receive()
            assert first["type"] in ("error", "pong")
        except Exception:
            assert bad.socket.close_code in (1002, 1003, 1007, 1008, 4400)
        assert good.nothing_before_pong() == []


def test_plain_get_is_told_to_upgrade(anonymous):
    answer = anonymous.get("/ws")
    assert answer.status_code in (400, 426)


# -- subscriptions

def test_nothing_before_a_subscription(server, member, new_task):
    with Events(server, member.token) as events:
        new_task()
        assert events.nothing_before_pong() == []


def test_exact_and_wildcard(server, member, new_task, new_agent):
    with Events(server, member.token, "task.created") as exact, Events(server, member.token, "task.*") as tasks, \
            Events(server, member.token, "*") as everything:
        agent, task = new_agent(), new_task()
        member.client.post(f"/agents/{agent['id']}/start")
        member.client.post(f"/tasks/{task['id']}/cancel")
        everything.wait("task.updated", id=task["id"], status="cancelled")
        tasks.wait("task.updated", id=task["id"], status="cancelled")
        assert {message["type"] for message in tasks.seen} <= {"subscribed", "task.created", "task.updated"}
        assert "agent.status" in {message["type"] for message in everything.seen}
        exact.wait("task.created", id=task["id"])
        assert "task.updated" not in {message["type"] for message in exact.seen + exact.nothing_before_pong()}


def test_unsubscribe(server, member, new_task):
    with Events(server, member.token, "task.*") as events:
        events.send({"type": "unsubscribe", "event": "task.*"})
        events.until(lambda message: message == {"type": "unsubscribed", "event": "task.*"})
        new_task()
        assert events.nothing_before_pong() == []


def test_overlapping_subscriptions_deliver_once(server, member, new_task):
    with Events(server, member.token, "task.*", "*", "task.created") as events:
        first, second = new_task(), new_task()
        events.wait("task.created", id=second["id"])
        assert sum(message["type"] == "task.created" and message["data"]["id"] == first["id"]
                   for message in events.seen) == 1


def test_order_and_sequence(server, member, new_task):
    with Events(server, member.token, "task.created") as events:
        ids = [new_task()["id"] for _ in range(10)]
        events.wait("task.created", id=ids[-1])
        mine = [message for message in events.seen if message.get("data", {}).get("id") in ids]
        assert [message["data"]["id"] for message in mine] == ids
        sequence = [int(message["id"]) for message in mine]
        assert sequence == sorted(set(sequence))


# -- resuming

def test_resume_replays_what_was_missed(server, member, new_task):
    with Events(server, member.token, "task.created") as events:
        last = events.wait("task.created", id=new_task()["id"])["id"]
    missed = [new_task()["id"] for _ in range(3)]
    with Events(server, member.token, "task.created") as events:
        events.send({"type": "resume", "after": last})
        events.wait("task.created", id=missed[-1])
        replayed = [message["data"]["id"] for message in events.seen if message["type"] == "task.created"]
        assert [id for id in replayed if id in missed] == missed
        live = new_task()
        events.wait("task.created", id=live["id"])
        assert sum(message.get("data", {}).get("id") == live["id"] for message in events.seen) == 1


def test_resume_from_before_the_log(server, member):
    with Events(server, member.token, "*") as events:
        events.send({"type": "resume", "after": "0"})
        message = events.receive()
        assert message["type"] == "resume_gap" or int(message["id"]) >= 1


# -- who sees, and until when

def test_revoked_session_is_dropped(server, newcomer):
    with Events(server, newcomer.token, "*") as events:
        newcomer.client.post("/auth/logout")
        assert events.closed() == 4401


def test_workers_do_not_listen(server, new_worker):
    worker, _ = new_worker()
    with Events(server, worker["token"]) as events:
        assert events.closed() == 4401


def test_slow_client_is_dropped_and_slows_nobody(server, member, new_task):
    """One that does not read gets more than it may leave waiting; another sees every event meanwhile."""
    def slow_ones():
        return metric(server, "atrium_http_slow_clients_total")

    before = slow_ones()
    with raw.Raw(server, receive_buffer=4096) as slow, Events(server, member.token, "task.created") as good:
        slow.send(raw.request("GET", f"/ws?token={member.token}", "Upgrade: websocket", "Connection: Upgrade",
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"))
        assert slow.answer()[0] == 101
        subscribe = json.dumps({"type": "subscribe", "event": "task.*"}).encode()
        slow.send(bytes([0x81, 0x80 | len(subscribe), 0, 0, 0, 0]) + subscribe)
        big = "x" * 60_000
        while slow_ones() == before:
            good.wait("task.created", id=new_task(description=big)["id"])
        received = slow.closed()
        assert b"\x88" in received[-200:]
        assert (4408).to_bytes(2, "big") in received[-200:]


# -- Server-Sent Events

def test_server_sent_events(server, member, new_task):
    with server_sent(member.client, "task.*") as blocks:
        task = new_task()
        block = next(block for block in blocks if block["data"].get("data", block["data"])["id"] == task["id"])
        assert block["event"] == "task.created"
        assert block["id"].isdigit()
        last = block["id"]
    missed = new_task()
    with server_sent(member.client, "task.*", **{"Last-Event-ID": last}) as blocks:
        block = next(blocks)
        assert block["data"].get("data", block["data"])["id"] == missed["id"]


def test_server_sent_events_need_an_account(anonymous):
    problem(anonymous.get("/events"), 401)


def test_server_sent_events_end_with_the_session(server, newcomer):
    with server_sent(accounts.client(server, newcomer.token), "*") as blocks:
        newcomer.client.post("/auth/logout")
        until = time.monotonic() + 60
        for _ in blocks:
            assert time.monotonic() < until
