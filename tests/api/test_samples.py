"""The plugin of the samples in a real kernel, on each store: what it extends is there."""
import time
import uuid

import pytest

from support import accounts, postgresql, stored
from support.events import PATIENCE
from support.packages import SAMPLES
from support.program import Atrium
from test_conventions import problem

JOB = "samples.forget_readings"
HOUR, DAY = 3600, 86400


@pytest.fixture(scope="module")
def samples(request, store, tmp_path_factory):
    """A kernel with nothing but the samples."""
    folder = tmp_path_factory.mktemp("samples")
    if store == "sqlite":
        yield from running(folder, {})
        return
    with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
        yield from running(folder, {"ATRIUM_DATABASE_URL": url})


def running(folder, environment):
    with Atrium(folder, {**environment, "ATRIUM_PLUGINS_DIRECTORY": str(SAMPLES),
                          "ATRIUM_PLUGINS_ENABLED": "samples"}) as program:
        program.admin = accounts.first_admin(program)
        yield program


def keep_reading(server, age):
    stored.run(server, "INSERT INTO readings (id, sensor, value, created_at) VALUES (%s, 'cellar', 7.5, %s)",
               str(uuid.uuid4()), int((time.time() - age) * 1e6))


def job(server):
    answer = server.admin.client.get("/scheduled-jobs")
    assert answer.status_code == 200, answer.text
    return next(item for item in answer.json()["items"] if item["job"] == JOB)


def job_that_ended(server):
    deadline = time.monotonic() + PATIENCE
    while not (found := job(server))["ended_at"]:
        assert time.monotonic() < deadline, f"it did not run: {found}\n" + server.last_words()
    return found


def test_a_plugins_health_check_is_asked(samples):
    def check():
        body = samples.admin.client.get("/settings/health").json()
        return body["status"], body["checks"]["health.check/readings"]

    whole, found = check()
    assert (whole, found["status"]) == ("ok", "disabled") and "cure" not in found
    keep_reading(samples, 2 * HOUR)
    whole, found = check()
    assert (whole, found["status"]) == ("degraded", "degraded")
    assert "switched on" in found["cure"] and found["latency_ms"] >= 0
    keep_reading(samples, 0)
    whole, found = check()
    assert (whole, found["status"]) == ("ok", "ok")


def test_a_run_that_was_missed_is_made_up_once(samples):
    before = job(samples)
    assert before["schedule"] == "30 3 * * *" and before["next_at"].endswith("T03:30:00.000Z")
    assert before["is_present"] and before["ended_at"] is None
    keep_reading(samples, 40 * DAY)
    samples.stop()
    stored.run(samples, "UPDATE scheduled_jobs SET next_at = next_at - %s", 3 * DAY * 1_000_000)
    samples.start()
    samples.admin.client = accounts.client(samples, samples.admin.token)  # it has another port
    after = job_that_ended(samples)
    assert after["next_at"] >= before["next_at"]
    assert after["failure"] is None and not after["is_running"]
    assert stored.run(samples, "SELECT count(*) FROM readings WHERE created_at < %s",
                      int((time.time() - 30 * DAY) * 1e6)) == [(0,)]


def test_only_admins_see_the_jobs(samples):
    member = accounts.new_user(samples, samples.admin, "member")
    problem(member.client.get("/scheduled-jobs"), 403)
