"""What holds for every operation, shown on a few."""
import re
import secrets
import uuid

import httpx
import pytest

from support import accounts
from support.problems import pointers, problem

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


# -- routes and methods

def test_no_such_route(member):
    problem(member.client.get("/nothing/here"), 404)


def test_no_such_resource(member):
    problem(member.client.get(f"/tasks/{uuid.uuid4()}"), 404)


@pytest.mark.parametrize("id", ["7", "not-a-uuid", "%00", "..%2f..%2fetc", "x" * 2000])
def test_malformed_id_is_unknown(member, id):
    problem(member.client.get(f"/tasks/{id}"), 404)


def test_upper_case_id_is_not_another_resource(member, new_task):
    task = new_task()
    answer = member.client.get(f"/tasks/{task['id'].upper()}")
    assert answer.status_code in (200, 404)
    if answer.status_code == 200:
        assert answer.json()["id"] == task["id"]


def test_wrong_method_names_the_right_ones(anonymous):
    answer = anonymous.delete("/tasks")
    problem(answer, 405)
    assert {"GET", "POST"} <= set(answer.headers["allow"].replace(" ", "").split(","))


def test_options(anonymous):
    answer = anonymous.options("/tasks")
    assert answer.status_code == 204
    assert answer.content == b""
    assert {"GET", "POST", "HEAD", "OPTIONS"} <= set(answer.headers["allow"].replace(" ", "").split(","))


def test_head_is_get_without_a_body(member, new_task):
    path = f"/tasks/{new_task()['id']}"
    got, head = member.client.get(path), member.client.head(path)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-type", "content-length", "etag"):
        assert head.headers[name] == got.headers[name]


def test_404_comes_before_405_before_401(anonymous):
    problem(anonymous.post("/nothing"), 404)
    problem(anonymous.delete("/tasks"), 405)
    problem(anonymous.get("/tasks"), 401)


def test_403_comes_before_415_before_400_before_422(viewer, member):
    text = {"content": "{", "headers": {"Content-Type": "text/plain"}}
    problem(viewer.client.post("/tasks", **text), 403)
    problem(member.client.post("/tasks", **text), 415)
    problem(member.client.post("/tasks", content="{", headers={"Content-Type": "application/json"}), 400)
    problem(member.client.post("/tasks", json={}), 422)


def test_a_fault_in_the_body_comes_before_an_unknown_resource(member):
    problem(member.client.patch(f"/tasks/{uuid.uuid4()}", json={"title": 7}), 422)


# -- bodies

@pytest.mark.parametrize("type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
def test_other_content_types(member, type):
    problem(member.client.post("/tasks", content='{"title":"x"}', headers={"Content-Type": type}), 415)


def test_content_type_with_charset(member):
    answer = member.client.post("/tasks", content='{"title":"x"}',
                                headers={"Content-Type": "Application/JSON; charset=UTF-8"})
    assert answer.status_code == 201


def test_merge_patch_type_only_for_patch(member, new_task):
    merge = {"Content-Type": "application/merge-patch+json"}
    path = f"/tasks/{new_task()['id']}"
    assert member.client.patch(path, content='{"title":"renamed"}', headers=merge).status_code == 200
    problem(member.client.post("/tasks", content='{"title":"x"}', headers=merge), 415)


@pytest.mark.parametrize("body", [
    b"", b"{", b'{"title": }', b'{"title": "x"} trailing', b"\xff\xfe", b'{"title": "\xc3\x28"}', b'{"title": "a\x01b"}',
    b'{"title": "\\ud800"}', b"NaN", b"[" * 100_000, b'{"a":' * 100_000,
], ids=lambda body: repr(body[:20]))
def test_not_json(member, body):
    problem(member.client.post("/tasks", content=body, headers={"Content-Type": "application/json"}), 400)


@pytest.mark.parametrize("body", ["[]", '"text"', "7", "null", "true"])
def test_json_but_no_object(member, body):
    problem(member.client.post("/tasks", content=body, headers={"Content-Type": "application/json"}), 422)


def test_every_fault_in_one_answer(member):
    answer = member.client.post("/tasks", json={
        "title": "", "description": 7, "priority": "urgent", "max_retries": -1, "required_tools": "calculator",
        "deadline": "tomorrow", "surprise": 1})
    assert pointers(answer) == sorted(
        ["/title", "/description", "/priority", "/max_retries", "/required_tools", "/deadline", "/surprise"])


def test_missing_required_member(member):
    assert "/title" in pointers(member.client.post("/tasks", json={"description": "no title"}))


def test_pointers_are_escaped(member):
    assert pointers(member.client.post("/tasks", json={"title": "x", "a/b~c": 1})) == ["/a~1b~0c"]


@pytest.mark.parametrize("body, pointer", [
    ({"title": "a\u0000b"}, "/title"),
    ({"title": "x", "required_tools": ["\u0000"]}, "/required_tools/0"),
])
def test_nul_is_refused(member, body, pointer):
    assert pointer in pointers(member.client.post("/tasks", json=body))


def test_what_get_gave_can_be_sent_back(member, new_agent):
    agent = new_agent()
    answer = member.client.patch(f"/agents/{agent['id']}", json=member.client.get(f"/agents/{agent['id']}").json())
    assert answer.status_code == 200, answer.text


def test_unicode_survives(member):
    title = "Grüße, 世界 🚀 \u202e عربي \ufffd"
    answer = member.client.post("/tasks", json={"title": title})
    assert answer.status_code == 201
    assert member.client.get(f"/tasks/{answer.json()['id']}").json()["title"] == title


def test_sql_in_a_value_is_only_a_value(member):
    title = "'); DROP TABLE tasks; --"
    answer = member.client.post("/tasks", json={"title": title})
    assert answer.json()["title"] == title
    assert member.client.get("/tasks").status_code == 200
    assert member.client.get("/tasks", params={"status_filter": title}).status_code == 422


# -- resources

def test_created(member):
    answer = member.client.post("/tasks", json={"title": "new"})
    assert answer.status_code == 201
    task = answer.json()
    assert UUID7.fullmatch(task["id"])
    assert TIME.fullmatch(task["created_at"])
    assert isinstance(task["revision"], int)
    assert answer.headers["location"].endswith(f"/api/v1/tasks/{task['id']}")
    assert member.client.get(answer.headers["location"].removeprefix("/api/v1")).json() == task


def test_patch_is_a_merge(member, new_task):
    task = new_task(description="before", instructions="stay")
    changed = member.client.patch(f"/tasks/{task['id']}", json={"description": None}).json()
    assert not changed["description"]
    assert changed["instructions"] == "stay"
    assert changed["title"] == task["title"]
    assert changed["revision"] > task["revision"]


def test_deleted_twice(member, new_agent):
    path = f"/agents/{new_agent()['id']}"
    answer = member.client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    problem(member.client.delete(path), 404)


def test_stale_revision(member, new_agent):
    path = f"/agents/{new_agent()['id']}"
    first = member.client.get(path).headers["etag"]
    assert re.fullmatch(r'(W/)?"[^"]+"', first)
    changed = member.client.patch(path, json={"description": "one"}, headers={"If-Match": first})
    assert changed.status_code == 200
    problem(member.client.patch(path, json={"description": "two"}, headers={"If-Match": first}), 412)
    problem(member.client.delete(path, headers={"If-Match": first}), 412)
    assert member.client.get(path).json()["description"] == "one"
    assert member.client.patch(path, json={"description": "three"}, headers={"If-Match": "*"}).status_code == 200


# -- lists

def test_limit_bounds(member):
    for limit in (1, 200):
        answer = member.client.get("/tasks", params={"limit": limit})
        assert answer.status_code == 200
        assert answer.json()["limit"] == limit
    assert member.client.get("/tasks").json()["limit"] == 50
    for limit in ("0", "201", "-1", "many", "1e3", "999999999999999999999", ""):
        problem(member.client.get("/tasks", params={"limit": limit}), 422)
    for offset in ("-1", "x"):
        problem(member.client.get("/tasks", params={"offset": offset}), 422)


def test_unknown_query_values(member):
    problem(member.client.get("/tasks", params={"status_filter": "nonsense"}), 422)
    problem(member.client.get("/tasks", params={"cursor": "nonsense"}), 422)


@pytest.fixture
def five_agents(new_agent):
    role = "role-" + secrets.token_hex(6)
    return role, [new_agent(role=role)["id"] for _ in range(5)]


def test_newest_first(member, five_agents):
    role, ids = five_agents
    page = member.client.get("/agents", params={"role": role}).json()
    assert [agent["id"] for agent in page["items"]] == ids[::-1]
    assert (page["total"], page["offset"], page["next_cursor"]) == (5, 0, None)


def test_cursor_reaches_everything_once(member, five_agents):
    role, ids = five_agents
    seen, cursor = [], None
    while True:
        query = {"role": role, "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = member.client.get("/agents", params=query).json()
        seen += [agent["id"] for agent in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == ids[::-1]


def test_cursor_is_not_moved_by_new_rows(member, five_agents, new_agent):
    role, ids = five_agents
    first = member.client.get("/agents", params={"role": role, "limit": 2}).json()
    new_agent(role=role)
    second = member.client.get("/agents", params={"role": role, "limit": 2, "cursor": first["next_cursor"]}).json()
    assert [agent["id"] for agent in second["items"]] == ids[::-1][2:4]


def test_links_walk_the_list(member, five_agents):
    role, ids = five_agents
    seen, url = [], f"/agents?role={role}&limit=2"
    while url:
        answer = member.client.get(url)
        seen += [agent["id"] for agent in answer.json()["items"]]
        following = answer.links.get("next", {}).get("url")
        url = following and re.sub(r"^(https?://[^/]+)?/api/v1", "", following)
    assert seen == ids[::-1]


def test_link_back(member, five_agents):
    role, ids = five_agents
    answer = member.client.get("/agents", params={"role": role, "limit": 2, "offset": 2})
    assert [agent["id"] for agent in answer.json()["items"]] == ids[::-1][2:4]
    back = re.sub(r"^(https?://[^/]+)?/api/v1", "", answer.links["prev"]["url"])
    assert [agent["id"] for agent in member.client.get(back).json()["items"]] == ids[::-1][:2]


# -- request id and tracing

def test_request_id_is_taken_or_made(anonymous):
    mine = "test-" + secrets.token_hex(8)
    assert anonymous.get("/health", headers={"X-Request-Id": mine}).headers["x-request-id"] == mine
    for bad in ("", "a b", "x" * 500, "<script>", '"'):
        made = anonymous.get("/health", headers={"X-Request-Id": bad}).headers["x-request-id"]
        assert made and made != bad
    assert anonymous.get("/health").headers["x-request-id"] != anonymous.get("/health").headers["x-request-id"]


def test_request_id_is_in_the_log(server, anonymous):
    mine = "find-me-" + secrets.token_hex(8)
    anonymous.get("/tasks", headers={"X-Request-Id": mine})
    anonymous.get("/health")
    assert any(mine in line for line in list(server.log)) or server_logs_later(server, mine)


def server_logs_later(server, text):
    import time
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if any(text in line for line in list(server.log)):
            return True
    return False


def test_trace_is_passed_on(anonymous):
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = anonymous.get("/health", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert answer.headers["traceparent"].split("-")[1] == trace
    answer = anonymous.get("/health", headers={"traceparent": "00-zz-zz-01"})
    assert answer.status_code == 200


# -- idempotency

def key():
    return {"Idempotency-Key": secrets.token_hex(16)}


def test_same_key_replays(member):
    headers, body = key(), {"title": "once " + secrets.token_hex(8)}
    first = member.client.post("/tasks", json=body, headers=headers)
    again = member.client.post("/tasks", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["location"] == first.headers["location"]


def test_same_key_other_body(member):
    headers = key()
    assert member.client.post("/tasks", json={"title": "one"}, headers=headers).status_code == 201
    problem(member.client.post("/tasks", json={"title": "two"}, headers=headers), 422)


def test_same_key_of_another_account(member, newcomer):
    headers, body = key(), {"title": "shared key"}
    first = member.client.post("/tasks", json=body, headers=headers).json()
    second = newcomer.client.post("/tasks", json=body, headers=headers)
    assert second.status_code == 201
    assert second.json()["id"] != first["id"]


def test_same_key_on_another_route(member):
    headers, name = key(), "one body for both"
    agent = member.client.post("/agents", json={"name": name}, headers=headers)
    assert agent.status_code == 201
    task = member.client.post("/tasks", json={"title": name}, headers=headers)
    assert task.status_code in (201, 422)
    assert "idempotency-replayed" not in task.headers


def test_same_key_at_once_makes_one(member):
    import concurrent.futures
    headers, body = key(), {"title": "at once " + secrets.token_hex(8)}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: member.client.post("/tasks", json=body, headers=headers), range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert member.client.post("/tasks", json=body, headers=headers).json()["id"] in made


@pytest.mark.parametrize("bad", ["", "x" * 1000])
def test_unusable_key(member, bad):
    answer = member.client.post("/tasks", json={"title": "x"}, headers={"Idempotency-Key": bad})
    assert answer.status_code in (400, 422)


# -- limits

def test_rate_limit_headers(member):
    answer = member.client.get("/tasks")
    assert re.search(r"q=\d+", answer.headers["ratelimit-policy"])
    assert re.search(r"r=\d+", answer.headers["ratelimit"])


def test_body_over_the_limit(own_server):
    server = own_server(ATRIUM_HTTP_MAX_BODY="2048")
    admin = accounts.first_admin(server)
    assert admin.client.post("/tasks", json={"title": "x", "description": "y" * 1000}).status_code == 201
    problem(admin.client.post("/tasks", json={"title": "x", "description": "y" * 4000}), 413)

    def chunks():
        yield b'{"title": "x", "description": "'
        for _ in range(100):
            yield b"y" * 1000
        yield b'"}'
    try:
        answer = admin.client.post("/tasks", content=chunks(), headers={"Content-Type": "application/json"})
    except httpx.TransportError:
        return  # the server may hang up while the rest is still being sent
    problem(answer, 413)


# -- headers of safety

def test_answers_cannot_be_misread_by_a_browser(member):
    answer = member.client.get("/tasks")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in answer.headers["cache-control"]
    assert "server" not in answer.headers or "pistache" not in answer.headers["server"].lower()


def test_no_cors_unless_configured(anonymous):
    answer = anonymous.get("/health", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
