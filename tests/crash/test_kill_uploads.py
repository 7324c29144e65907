"""kill -9 at random moments of uploads and removals: no row without its bytes, and bytes without a row are swept."""
import contextlib
import hashlib
import os
import random
import secrets
import threading

import httpx
import pytest

from support import accounts, postgresql
from support.objects import Bucket, Folder
from support.program import OBJECTS, STORES, Atrium
from support.webhooks import eventually

KILLS = int(os.environ.get("ATRIUM_TEST_FILE_KILLS", "25"))
KILLS_ON_S3 = 5
SEED = int(os.environ.get("ATRIUM_TEST_SEED") or secrets.randbits(32))
UPLOADERS = 3
LARGEST = {"disk": 2 << 20, "s3": 12 << 20}  # above 8 MiB an upload to S3 has parts
PLACES = [(store, "disk") for store in STORES if "disk" in OBJECTS] + [(STORES[0], "s3")] * ("s3" in OBJECTS)


class Work:
    """Uploads and removes until the server dies; remembers what it was told."""

    def __init__(self, server, token, largest):
        self.server, self.token, self.largest = server, token, largest
        self.kept, self.removed, self.lock = {}, set(), threading.Lock()

    def go_on_until_killed(self, seed):
        chance = random.Random(seed)
        client = accounts.client(self.server, self.token)
        while True:
            try:
                self.upload(client, chance)
                if chance.random() < 0.4:
                    self.remove(client, chance)
            except (httpx.HTTPError, ValueError):
                return

    def upload(self, client, chance):
        data = chance.randbytes(chance.randint(0, self.largest))
        answer = client.post("/files/upload", files={"file": ("a.bin", data, "application/octet-stream")})
        assert answer.status_code == 201, answer.text
        with self.lock:
            self.kept[answer.json()["id"]] = hashlib.sha256(data).hexdigest()

    def remove(self, client, chance):
        with self.lock:
            if not self.kept:
                return
            id = chance.choice(sorted(self.kept))
            del self.kept[id]  # from here on it may be there or not
        if client.delete(f"/files/{id}").status_code == 204:
            with self.lock:
                self.removed.add(id)


@pytest.mark.parametrize("store, place", PLACES)
def test_rows_and_bytes_agree(store, place, request, tmp_path, capsys):
    kills = KILLS_ON_S3 if place == "s3" else KILLS
    with capsys.disabled():
        print(f"\n  {kills} kills on {store} and {place}; ATRIUM_TEST_SEED={SEED} repeats the moments")
    with contextlib.ExitStack() as stack:
        server = Atrium(tmp_path)
        if store == "postgresql":
            cluster = request.getfixturevalue("postgresql_cluster")
            server.environment["ATRIUM_DATABASE_URL"] = stack.enter_context(postgresql.database(cluster))
        objects = Bucket(server, request.getfixturevalue("bucket")) if place == "s3" else Folder(server)
        work = Work(server.start(), accounts.first_admin(server).token, LARGEST[place])
        crash_again_and_again(work, objects, kills, random.Random(SEED))


def crash_again_and_again(work, objects, kills, chance):
    server = work.server
    for _ in range(kills):
        threads = [threading.Thread(target=work.go_on_until_killed, args=(chance.random(),)) for _ in range(UPLOADERS)]
        for thread in threads:
            thread.start()
        threads[0].join(chance.uniform(0.05, 0.8))
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
    id, place, data = removed_object(work, objects)
    rows = every_file(work)
    server.kill()
    objects.write(place, data)  # as if it had died between the row and its bytes, if no kill above did
    assert id in objects.ids() and rows.keys() < objects.ids()
    objects.grow_old()
    server.start()
    assert every_file(work) == rows
    eventually(lambda: objects.ids() == rows.keys(), "what has no row is swept, and nothing else")
    check(work, rows)
    server.stop()


def removed_object(work, objects):
    """The id of a file that is gone, where its bytes were, and which."""
    client = accounts.client(work.server, work.token)
    id = client.post("/files/upload", files={"file": ("a.txt", b"bytes")}).json()["id"]
    place, data = objects.read(id)
    assert client.delete(f"/files/{id}").status_code == 204
    assert id not in objects.ids()
    return id, place, data


def every_file(work):
    client, rows, query = accounts.client(work.server, work.token), {}, {"limit": 200}
    while True:
        page = client.get("/files", params=query).json()
        rows.update((file["id"], file) for file in page["items"])
        if not page["next_cursor"]:
            return rows
        query["cursor"] = page["next_cursor"]


def check(work, rows):
    client = accounts.client(work.server, work.token)
    lost = work.kept.keys() - rows.keys()
    assert not lost, f"{len(lost)} files were answered 201 and are gone"
    assert not work.removed & rows.keys(), "files were answered 204 and are there"
    for id, file in rows.items():
        answer = client.get(f"/files/{id}/download")
        assert answer.status_code == 200, f"{id} has a row and no bytes"
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"] == work.kept.get(id, file["sha256"])
    assert work.kept, "nothing was uploaded"
