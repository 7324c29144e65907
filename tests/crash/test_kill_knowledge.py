"""kill -9 at random moments of writing and of merging the index: no entry is lost from search, and none found twice."""
import os
import random
import secrets
import threading

import httpx
import pytest

from support import accounts, postgresql
from support.metrics import wait_for_metric
from support.program import STORES, Atrium

KILLS = int(os.environ.get("ATRIUM_TEST_KNOWLEDGE_KILLS", "15"))
SEED = int(os.environ.get("ATRIUM_TEST_SEED") or secrets.randbits(32))
WRITERS = 4


class Work:
    """Writes, changes and removes entries until the server dies. Each has a word of its own for each of its states."""

    def __init__(self, server, token):
        self.server, self.token = server, token
        self.words, self.gone, self.lock = {}, set(), threading.Lock()  # id -> the word that finds it

    def go_on_until_killed(self, seed):
        chance, client = random.Random(seed), accounts.client(self.server, self.token)
        while True:
            try:
                self.add(client, chance)
                if chance.random() < 0.3 and len(self.words) > WRITERS:
                    self.change(client, chance)
                if chance.random() < 0.2 and len(self.words) > WRITERS:
                    self.remove(client, chance)
            except (httpx.HTTPError, ValueError):
                return

    def add(self, client, chance):
        word = new_word(chance)
        answer = client.post("/knowledge", json={"title": "Entry", "content": f"badger {word}"})
        assert answer.status_code == 201, answer.text
        with self.lock:
            self.words[answer.json()["id"]] = word

    def take(self, chance):
        """An entry whose state nobody knows until its request is answered."""
        with self.lock:
            id = chance.choice(sorted(self.words))
            return id, self.words.pop(id)

    def change(self, client, chance):
        id, old = self.take(chance)
        word = new_word(chance)
        assert client.patch(f"/knowledge/{id}", json={"content": f"badger {word}"}).status_code == 200
        with self.lock:
            self.words[id] = word
            self.gone.add(old)

    def remove(self, client, chance):
        id, word = self.take(chance)
        assert client.delete(f"/knowledge/{id}").status_code == 204
        with self.lock:
            self.gone.add(word)


def new_word(chance):
    return "w" + "".join(chance.choices("bcdfghjklmnpqrtvxz", k=12))


@pytest.mark.parametrize("kind", STORES)
def test_search_agrees_with_what_is_there(kind, request, tmp_path, capsys):
    with capsys.disabled():
        print(f"\n  {KILLS} kills on {kind}; ATRIUM_TEST_SEED={SEED} repeats the moments")
    if kind == "postgresql":
        with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
            crash_again_and_again(Atrium(tmp_path, {"ATRIUM_DATABASE_URL": url}), random.Random(SEED))
    else:
        crash_again_and_again(Atrium(tmp_path), random.Random(SEED))


def crash_again_and_again(server, chance):
    work = Work(server.start(), accounts.first_admin(server).token)
    for _ in range(KILLS):
        threads = [threading.Thread(target=work.go_on_until_killed, args=(chance.random(),)) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        threads[0].join(chance.uniform(0.2, 1.2))
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
        agrees(work)  # some of it waits, some of it is merged
    wait_for_metric(server, "atrium_knowledge_changes_waiting", 0)
    agrees(work)
    check_each(work, chance)
    server.stop()


def every(client, **parameters):
    """The ids of a whole list, each as often as it comes."""
    ids, query = [], {"limit": 200, **parameters}
    while True:
        answer = client.get("/knowledge", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [entry["id"] for entry in page["items"]]
        if not page["next_cursor"]:
            assert len(ids) == page["total"]
            return ids
        query["cursor"] = page["next_cursor"]


def agrees(work):
    client = accounts.client(work.server, work.token)
    there, found = every(client), every(client, search="badger")
    assert len(found) == len(set(found)), "an entry was found twice"
    assert set(found) == set(there), "search and list differ"
    lost = work.words.keys() - set(there)
    assert not lost, f"{len(lost)} entries were answered 201 and are gone"


def check_each(work, chance):
    """By the word of its last state, and by none of those before."""
    client = accounts.client(work.server, work.token)
    assert len(work.words) > 50 and work.gone, "too little was written"
    for id, word in chance.sample(sorted(work.words.items()), 50):
        assert every(client, search=word) == [id]
    for word in chance.sample(sorted(work.gone), min(50, len(work.gone))):
        assert every(client, search=word) == []
