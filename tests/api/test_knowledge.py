"""Knowledge: entries that everybody reads, and finds by their words in the same order on every database."""
import json
import re
import secrets
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import accounts, corpus, postgresql
from support.program import Atrium
from support.problems import pointers, problem


def add(client, **members):
    answer = client.post("/knowledge/", json={"title": "A title", "content": "Some content", **members})
    assert answer.status_code == 201, answer.text
    return answer.json()


def search(client, text, **parameters):
    answer = client.get("/knowledge/", params={"search": text, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def word():
    """A word that no other test uses."""
    return "zq" + "".join(secrets.choice("bcdfghjklm") for _ in range(10))


def test_an_entry_from_beginning_to_end(member, viewer, word, listen):
    events = listen("knowledge.*")
    entry = add(member.client, content=f"About {word}", category="c", tags=["t"], source="https://example.org")
    assert (entry["category"], entry["tags"], entry["source"]) == ("c", ["t"], "https://example.org")
    assert events.wait("knowledge.created", id=entry["id"])["data"] == entry
    path = f"/knowledge/{entry['id']}"
    assert viewer.client.get(path).json() == entry
    changed = member.client.patch(path, json={"content": "Nothing"}).json()
    assert (changed["content"], changed["title"], changed["revision"]) == ("Nothing", entry["title"], 2)
    assert search(viewer.client, word)["total"] == 0
    problem(member.client.patch(path, json={"title": "x"}, headers={"If-Match": '"1"'}), 412)
    assert member.client.delete(path).status_code == 204
    problem(member.client.delete(path), 404)
    problem(member.client.get(path), 404)


def test_what_is_wrong_is_named(member):
    wrong = member.client.post("/knowledge/", json={"title": " ", "tags": [""], "category": 1, "more": 1})
    assert set(pointers(wrong)) == {"/title", "/content", "/tags/0", "/category", "/more"}
    problem(member.client.post("/knowledge/", content="x", headers={"Content-Type": "text/plain"}), 415)
    for parameters in ({"limit": 0}, {"search": "x", "limit": 201}, {"search": "x", "match": "some"},
                       {"search": "x", "cursor": "zz"}):
        problem(member.client.get("/knowledge/", params=parameters), 422)
    problem(member.client.patch(f"/knowledge/{uuid.uuid4()}", json={"title": "x"}), 404)


def test_viewers_only_read(viewer, anonymous, member):
    path = f"/knowledge/{add(member.client)['id']}"
    for client, status in ((viewer.client, 403), (anonymous, 401)):
        problem(client.post("/knowledge/", json={"title": "x", "content": "y"}), status)
        problem(client.patch(path, json={"title": "x"}), status)
        problem(client.delete(path), status)


def test_highlights_passages_phrases_and_filters(member, word):
    first = add(member.client, title=f"On {word}", content=f"<b>{word}</b> and gold fish", category=word, tags=["x y"])
    second = add(member.client, title="Other", content=f"fish of gold, {word}")
    found = search(member.client, word)
    assert [item["id"] for item in found["items"]] == [first["id"], second["id"]]
    assert found["items"][0]["highlights"][1]["parts"][:2] == [
        {"text": "<b>", "match": False}, {"text": word, "match": True}]
    assert found["items"][0]["passage"] == first["content"]
    for query in (f'"gold fish" {word}', f'{word} -"fish of gold"'):
        assert [item["id"] for item in search(member.client, query)["items"]] == [first["id"]]
    assert search(member.client, word, category=word)["total"] == search(member.client, word, tag="x y")["total"] == 1
    page = search(member.client, word, limit=1)
    rest = search(member.client, word, limit=1, cursor=page["next_cursor"])
    assert (rest["items"][0]["id"], rest["next_cursor"]) == (second["id"], None)


def test_everybody_in_the_house_searches(viewer, member, anonymous, new_worker, word):
    entry = add(member.client, title=word, category=word)
    _, worker = new_worker()
    for path in ("/knowledge/", f"/knowledge/?search={word}", f"/knowledge/{entry['id']}", "/knowledge/categories"):
        assert viewer.client.get(path).status_code == 200
        problem(worker.get(path), 403)
        problem(anonymous.get(path), 401)
    assert [item["id"] for item in search(viewer.client, word)["items"]] == [entry["id"]]
    problem(worker.post("/knowledge/", json={"title": "x", "content": "y"}), 403)
    problem(worker.delete(f"/knowledge/{entry['id']}"), 403)


def test_agents_search_with_a_tool(member, new_agent, new_task, listen, word):
    add(member.client, title="Elsewhere", content=f"{word} is asked about, in another category")
    add(member.client, title="Routers", content=f"The {word} is reset with a paper clip.", category=word)
    query = json.dumps({"query": f"how do I reset the {word}", "category": word})
    agent = new_agent(llm_provider="rehearsal", enabled_tools=["knowledge_search"], autonomy="read_only", system_prompt=
                      f'rehearsal-script: [{{"tool": "knowledge_search", "arguments": {query}}}, {{"say": "Done."}}]')
    assert member.client.post(f"/agents/{agent['id']}/start").status_code == 200
    events = listen("task.*")
    task = new_task(agent_id=agent["id"], instructions="Find out.")
    events.wait("task.completed", id=task["id"])
    steps = str(member.client.get(f"/tasks/{task['id']}/steps").json()["items"])
    assert f"The {word} is reset with a paper clip." in steps
    assert "Elsewhere" not in steps


HOSTILE = ["", " ", '"', "-", '-"', "the of and", "a' OR 1=1 --", "* NEAR( ^ : AND", "\U0001f600", "x" * 5000,
           "%", "\\", '"a"b"c', "-only -exclusions"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text)[:20])
def test_any_text_is_a_query(member, text):
    assert member.client.get("/knowledge/", params={"search": text}).status_code == 200


def test_bytes_that_are_no_text(member):
    for parameter in ("search", "search=x&category", "search=x&tag", "tag", "category"):
        assert member.client.get(f"/knowledge/?{parameter}=%ff%00").status_code in (200, 400, 422)


@pytest.fixture(scope="module")
def both(postgresql_cluster, tmp_path_factory):
    """The same corpus on SQLite and on PostgreSQL, both filled at once, stored in whatever order the clients come in."""
    texts = corpus.real_texts(10_000)
    with postgresql.database(postgresql_cluster) as url, \
            Atrium(tmp_path_factory.mktemp("sqlite")) as embedded, \
            Atrium(tmp_path_factory.mktemp("postgresql"), {"ATRIUM_DATABASE_URL": url}) as scaled, \
            ThreadPoolExecutor(2) as pool:
        admins = [accounts.first_admin(program) for program in (embedded, scaled)]
        list(pool.map(lambda admin: corpus.load(admin.server, admin.token, texts), admins))
        yield texts, admins


def answers(admin, queries):
    client = accounts.client(admin.server, admin.token)
    return [search(client, query, limit=200) for query in queries]


def test_both_databases_find_the_same(both):
    texts, admins = both
    assert len(set(texts)) == 10_000 and min(map(len, texts)) >= 60
    words = [re.findall(r"[a-z]{4,}", text) for text in texts[::71]]
    queries = [sample[len(sample) // 2] for sample in words if sample]
    queries += [f"{sample[0]} {sample[-1]}" for sample in words if len(sample) > 2]
    queries += [f'"{sample[1]} {sample[2]}"' for sample in words[:20] if len(sample) > 2]
    assert len(queries) > 200
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda admin: answers(admin, queries), admins))
    for query, one, other in zip(queries, *found):
        assert one["total"] == other["total"], query
        keys = [[(item["title"], item["passage"]) for item in answer["items"]] for answer in (one, other)]
        if one["total"] <= 200:
            assert sorted(keys[0]) == sorted(keys[1]), query
        assert (Counter(keys[0][:10]) & Counter(keys[1][:10])).total() >= min(8, one["total"]), query
