"""kill -9 at random moments of uploads and removals: no row without its bytes, and bytes without a row are swept."""
import hashlib
import os
import random
import secrets
import threading
import time

import httpx
import pytest

from support import accounts, postgresql
from support.events import PATIENCE
from support.program import STORES, Atrium

KILLS = int(os.environ.get("ATRIUM_TEST_FILE_KILLS", "25"))
SEED = int(os.environ.get("ATRIUM_TEST_SEED") or secrets.randbits(32))
UPLOADERS, LARGEST = 3, 2 << 20


class Work:
    """Uploads and removes until the server dies; remembers what it was told."""

    def __init__(self, server, token, chance):
        self.server, self.token, self.chance = server, token, chance
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
        data = chance.randbytes(chance.randint(0, LARGEST))
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


@pytest.mark.parametrize("kind", STORES)
def test_rows_and_bytes_agree(kind, request, tmp_path, capsys):
    with capsys.disabled():
        print(f"\n  {KILLS} kills on {kind}; ATRIUM_TEST_SEED={SEED} repeats the moments")
    if kind == "postgresql":
        with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
            crash_again_and_again(Atrium(tmp_path, {"ATRIUM_DATABASE_URL": url}), random.Random(SEED))
    else:
        crash_again_and_again(Atrium(tmp_path), random.Random(SEED))


def crash_again_and_again(server, chance):
    server.start()
    work = Work(server, accounts.first_admin(server).token, chance)
    for _ in range(KILLS):
        threads = [threading.Thread(target=work.go_on_until_killed, args=(chance.random(),)) for _ in range(UPLOADERS)]
        for thread in threads:
            thread.start()
        threads[0].join(chance.uniform(0.05, 0.8))
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
    path, data = removed_object(work)
    rows = every_file(work)
    server.kill()
    path.write_bytes(data)  # as if it had died between the row and its bytes, if no kill above did
    grow_old(server)
    server.start()
    assert every_file(work) == rows
    wait_for_the_sweep(server, set(rows))
    assert not path.exists()
    check(work, rows)
    server.stop()


def objects(server):
    return [path for path in (server.data / "objects").rglob("*") if path.is_file() and "incoming" not in path.parts]


def removed_object(work):
    """Where the bytes of a removed file were, and which."""
    client = accounts.client(work.server, work.token)
    file = client.post("/files/upload", files={"file": ("a.txt", b"bytes")}).json()
    [path] = [path for path in objects(work.server) if path.name.endswith(file["id"])]
    data = path.read_bytes()
    assert client.delete(f"/files/{file['id']}").status_code == 204
    assert not path.exists()
    return path, data


def grow_old(server):
    """Two hours pass for what lies there: the sweep leaves the young to their uploads."""
    then = time.time() - 7200
    for path in objects(server):
        os.utime(path, (then, then))


def every_file(work):
    client, rows, query = accounts.client(work.server, work.token), {}, {"limit": 200}
    while True:
        page = client.get("/files", params=query).json()
        rows.update((file["id"], file) for file in page["items"])
        if not page["next_cursor"]:
            return rows
        query["cursor"] = page["next_cursor"]


def wait_for_the_sweep(server, known):
    """Until every object has a row; the store puts the plugin's name before its ids."""
    deadline = time.monotonic() + PATIENCE
    while (left := {path.name.removeprefix("files_") for path in objects(server)} - known) and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    assert not left, f"{len(left)} objects without a row were not swept"


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
