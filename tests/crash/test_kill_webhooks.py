"""kill -9 at random moments of deliveries: every event arrives, first arrivals in order, repeats with the same id."""
import os
import random
import secrets
import threading

import httpx
import pytest

from support import accounts
from support.program import STORES
from support.webhooks import Receiver, eventually, log_of, new_webhook, sending_server

KILLS = int(os.environ.get("ATRIUM_TEST_WEBHOOK_KILLS", "25"))
SEED = int(os.environ.get("ATRIUM_TEST_SEED") or secrets.randbits(32))
ENDPOINTS = 5


@pytest.mark.parametrize("kind", STORES)
def test_every_event_arrives_in_order(kind, request, tmp_path, capsys):
    chance = random.Random(SEED)
    with capsys.disabled():
        print(f"\n  {KILLS} kills on {kind}; ATRIUM_TEST_SEED={SEED} repeats the moments")
    with sending_server(request, kind, tmp_path, retry_seconds=[1] * 20) as server, Receiver() as receiver:
        admin = accounts.first_admin(server.start())
        hooks = [new_webhook(admin, f"{receiver.url}/{number}", ["task.created"]) for number in range(ENDPOINTS)]
        created = set()
        for _ in range(KILLS):
            killed = threading.Event()
            adding = threading.Thread(target=add_until, args=(killed, server, admin, created))
            adding.start()
            killed.wait(chance.uniform(0.05, 1.0))
            killed.set()
            server.kill()
            adding.join()
            server.start()
        admin.client = accounts.client(server, admin.token)
        for number in range(ENDPOINTS):
            receiver.wait(lambda received: created <= {
                one.json["data"]["id"] for one in list(received) if one.path == f"/{number}"})
        check(receiver.received)
        for hook in hooks:
            eventually(lambda: not log_of(admin, hook, status="pending"), "all deliveries are recorded")
            assert not log_of(admin, hook, status="failed")
        server.stop()


def add_until(killed, server, admin, created):
    client = accounts.client(server, admin.token)
    while not killed.is_set():
        try:
            answer = client.post("/tasks", json={"title": "crash"})
        except httpx.HTTPError:
            return
        if answer.status_code == 201:
            created.add(answer.json()["id"])


def check(received):
    for number in range(ENDPOINTS):
        mine = [one for one in received if one.path == f"/{number}"]
        ids = {}
        for one in mine:
            ids.setdefault(one.json["data"]["id"], set()).add(one.id)
        first = list(ids)  # tasks in order of their first arrival; their ids sort by creation
        assert first == sorted(first)
        changed = {task: ids for task, ids in ids.items() if len(ids) != 1}
        assert not changed, changed
