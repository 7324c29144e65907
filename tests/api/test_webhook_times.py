"""When webhooks are sent: nobody waits for a receiver that is dead, and the next attempt waits through any restart."""
import contextlib
import statistics
import time

import pytest

from support import accounts, stored
from support.program import STORES
from support.webhooks import Receiver, Silent, eventually, log_of, new_task, new_webhook, sending_server

PLACES, TIMEOUT = 16, 3  # requests at once, and seconds for each
MANY = PLACES + PLACES // 2  # endpoints
HOUR = 3600


def median_delivery(admin, receiver):
    """From asking for a task until the receiver has its event."""
    taken = []
    for _ in range(50):
        begun = time.perf_counter()
        task = new_task(admin)["id"]
        receiver.wait(lambda received: received and received[-1].json["data"]["id"] == task)
        taken.append(time.perf_counter() - begun)
    assert max(taken) < TIMEOUT / 2, "one of them waited for somebody else's timeout"
    return statistics.median(taken)


@contextlib.contextmanager
def endpoints(admin, url, count):
    hooks = [new_webhook(admin, url, ["task.created"]) for _ in range(count)]
    yield hooks
    for hook in hooks:
        assert admin.client.delete(f"/webhooks/{hook['id']}").status_code == 204


@pytest.mark.alone
@pytest.mark.parametrize("kind", STORES)
def test_the_dead_delay_nobody(kind, request, tmp_path):
    """Not one of them, nor more new ones than there are places, nor as many that are known to fail: at most twice what
    as many that answer cost."""
    with sending_server(request, kind, tmp_path, retry_seconds=[1] * 50, timeout_seconds=TIMEOUT,
                        max_in_flight=PLACES) as server, Receiver() as receiver, Receiver() as alive, Silent() as dead:
        admin = accounts.first_admin(server.start())
        new_webhook(admin, receiver.url, ["task.created"])
        median_delivery(admin, receiver)
        with endpoints(admin, alive.url, MANY):
            beside_the_living = median_delivery(admin, receiver)
        beside_the_dead = {}
        with endpoints(admin, dead.url, 1):
            beside_the_dead["one"] = median_delivery(admin, receiver)
        with endpoints(admin, dead.url, MANY):
            beside_the_dead["new"] = median_delivery(admin, receiver)
            failing = "SELECT count(*) FROM webhook_lanes WHERE failures > 1"
            eventually(lambda: stored.run(server, failing) == [(MANY,)], "each of them has failed")
            beside_the_dead["known"] = median_delivery(admin, receiver)
        assert dead.came.qsize() > MANY
        assert max(beside_the_dead.values()) <= 2 * beside_the_living, (beside_the_living, beside_the_dead)
        server.stop()


@pytest.mark.parametrize("kind", STORES)
def test_a_wait_outlives_restarts(kind, request, tmp_path):
    """The next attempt is made when it was to be, not at a start, be the end before it orderly or a crash."""
    status = [500]
    with sending_server(request, kind, tmp_path, retry_seconds=[HOUR]) as server, \
            Receiver(lambda received: (status[0], {})) as waiting, Receiver() as beside:
        admin = accounts.first_admin(server.start())
        hook = new_webhook(admin, waiting.url, ["task.created"])
        new_webhook(admin, beside.url, ["task.created"])
        begun = time.time()
        new_task(admin)
        due, attempts = eventually(lambda: tried_once(server, hook), "it was tried")
        assert attempts == 1 and 0.8 * HOUR <= due / 1e6 - begun <= 1.2 * HOUR + (time.time() - begun)
        for end in (server.stop, server.kill):
            end()
            server.start()
            admin.sign_in()
            task = new_task(admin)["id"]  # what waits goes first, if anything does
            beside.wait(lambda received: received[-1].json["data"]["id"] == task)
            assert tried_once(server, hook) == (due, 1)
        first, = waiting.received
        status[0] = 204
        now = int(time.time() * 1e6)
        stored.run(server, "UPDATE webhook_deliveries SET next_attempt_at = %s WHERE id = %s", now, first.id)
        stored.run(server, "UPDATE webhook_lanes SET due_at = %s, held_until = 0 WHERE webhook_id = %s", now, hook["id"])
        again = waiting.wait(lambda received: len(received) == 4)[1:]
        assert (again[0].id, again[0].json) == (first.id, first.json)
        eventually(lambda: len(log_of(admin, hook, status="succeeded")) == 3, "all are told of")
        server.stop()


def tried_once(server, hook):
    """When the delivery that was tried is to be tried again, and how often it was."""
    rows = stored.run(server, "SELECT next_attempt_at, attempts FROM webhook_deliveries WHERE webhook_id = %s AND "
                              "attempts > 0", hook["id"])
    return rows[0] if rows else None
