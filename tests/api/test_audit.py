"""The audit log as admins see it: /admin/audit."""
import csv
import io
import json

import pytest

from support import accounts
from support.problems import pointers, problem

MEMBERS = {"sequence", "created_at", "actor_kind", "actor_id", "action", "resource", "resource_id", "address",
           "request_id", "outcome", "code"}


@pytest.fixture
def watched(server, admin):
    """A member who has just made a task and changed it twice."""
    member = accounts.new_user(server, admin)
    member.client.headers["X-Request-Id"] = "audit-test-" + member.id
    task = member.client.post("/tasks", json={"title": "To be audited"}).json()
    for title in ("Watched", "Audited"):
        assert member.client.patch("/tasks/" + task["id"], json={"title": title}).status_code == 200
    member.task = task["id"]
    return member


def listed(admin, **query):
    answer = admin.client.get("/admin/audit", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_change_has_its_row(admin, watched):
    page = listed(admin, resource=watched.task)
    assert [row["action"] for row in page["items"]] == ["task.updated", "task.updated", "task.created"]
    assert page["total"] == 3 and page["next_cursor"] is None
    for row in page["items"]:
        assert set(row) == MEMBERS
        assert (row["actor_kind"], row["actor_id"], row["outcome"]) == ("user", watched.id, "success")
        assert (row["resource"], row["address"]) == ("task", "127.0.0.1")
        assert row["request_id"] == "audit-test-" + watched.id


def test_filters_narrow_together(admin, watched):
    first = listed(admin, resource=watched.task)["items"][-1]
    for query in ({"actor": watched.id}, {"actor": "user:" + watched.id}, {"actor": "user", "resource": watched.task},
                  {"resource": "task/" + watched.task}, {"actor": watched.id, "resource": "task"}):
        assert first in listed(admin, **query)["items"], query
    assert listed(admin, actor="agent:" + watched.id)["items"] == []
    assert listed(admin, resource="agent/" + watched.task)["items"] == []
    assert [row["action"] for row in listed(admin, actor=watched.id, action="task.created")["items"]] == ["task.created"]
    assert listed(admin, actor=watched.id, action="task.*")["total"] == 3
    assert listed(admin, actor=watched.id, action="tas_.*")["total"] == 0
    rows = listed(admin, resource=watched.task)["items"]
    times = sorted(row["created_at"] for row in rows)
    assert listed(admin, resource=watched.task, since=times[0])["total"] == 3
    assert listed(admin, resource=watched.task, until="2000-01-01T00:00:00Z")["total"] == 0
    assert listed(admin, resource=watched.task, since="2999-01-01T00:00:00+02:00")["total"] == 0


def test_what_failed_is_told_from_what_succeeded(server, admin):
    member = accounts.new_user(server, admin)
    for _ in range(2):
        accounts.anonymous(server).post("/auth/refresh", json={"refresh_token": member.refresh_token})
    failed = listed(admin, outcome="failure", action="session.*", limit=1)["items"]
    assert [(row["action"], row["outcome"]) for row in failed] == [("session.refresh_token_reused", "failure")]
    assert listed(admin, outcome="failure", resource="*")["items"] == []  # only the end of an action may be left open
    assert all(row["outcome"] == "success" for row in listed(admin, outcome="success")["items"])


def test_pages_go_on_where_the_one_before_ended(admin, watched):
    whole = [row["sequence"] for row in listed(admin, actor=watched.id)["items"]]
    seen, query = [], {"actor": watched.id, "limit": 2}
    while True:
        page = listed(admin, **query)
        seen += [row["sequence"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == whole == sorted(whole, reverse=True)
    assert [row["sequence"] for row in listed(admin, actor=watched.id, offset=1)["items"]] == whole[1:]


@pytest.mark.parametrize("query, faulty", [
    ({"since": "yesterday", "until": "1", "outcome": "maybe", "actor": ""}, ["?actor", "?outcome", "?since", "?until"]),
    ({"limit": 0}, ["?limit"]), ({"limit": 201}, ["?limit"]), ({"offset": -1}, ["?offset"]),
    ({"cursor": "zz"}, ["?cursor"]), ({"cursor": "3131313131313131313131313131313131313131313131"}, ["?cursor"])])
def test_a_query_that_makes_no_sense(admin, query, faulty):
    assert pointers(admin.client.get("/admin/audit", params=query)) == faulty


def test_as_a_file(admin, watched):
    rows = listed(admin, actor=watched.id)["items"][::-1]
    answer = admin.client.get("/admin/audit/export", params={"actor": watched.id})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.ndjson"'
    assert [json.loads(line) for line in answer.text.splitlines()] == rows
    answer = admin.client.get("/admin/audit/export", params={"actor": watched.id, "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert list(csv.DictReader(io.StringIO(answer.text))) == [
        {name: str(value) for name, value in row.items()} for row in rows]


def test_the_whole_log_as_a_file_in_order(server, admin):
    with admin.client.stream("GET", "/admin/audit/export") as answer:
        sequences = [json.loads(line)["sequence"] for line in answer.iter_lines()]
    assert sequences == list(range(1, len(sequences) + 1))
    assert len(sequences) >= listed(admin)["total"] - 1


def test_a_format_that_is_none(admin):
    assert pointers(admin.client.get("/admin/audit/export", params={"format": "xml"})) == ["?format"]
    assert pointers(admin.client.get("/admin/audit/export", params={"since": "x"})) == ["?since"]


@pytest.mark.parametrize("path", ["/admin/audit", "/admin/audit/export"])
def test_only_admins(request, anonymous, path):
    problem(anonymous.get(path), 401)
    for who in ("member", "viewer"):
        problem(request.getfixturevalue(who).client.get(path), 403)
