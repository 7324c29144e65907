"""kill -9 in the middle of rotations of the master key: every secret stays readable, and no former key is left."""
import os
import random
import secrets
import threading

import httpx
import pytest

from support import accounts, postgresql, stored
from support.program import STORES, Atrium

KILLS = int(os.environ.get("ATRIUM_TEST_ROTATION_KILLS", "20"))
SEED = int(os.environ.get("ATRIUM_TEST_SEED") or secrets.randbits(32))
SECRETS = 300


class Vault:
    """Remembers what every secret's value is, as far as an answer said so."""

    def __init__(self, server):
        self.server, self.values, self.asked = server, {}, {}
        self.admin = accounts.first_admin(server)
        for number in range(SECRETS):
            self.add(self.client(), f"secret {number}")

    def client(self):
        return accounts.client(self.server, self.admin.token)

    def add(self, client, name):
        value = secrets.token_hex(16)
        answer = client.post("/secrets", json={"name": name, "value": value})
        assert answer.status_code == 201, answer.text
        self.values[answer.json()["id"]] = value

    def change(self, client, id):
        """A value that was sent and not answered may count or not."""
        self.asked.setdefault(id, set()).add(value := secrets.token_hex(16))
        answer = client.post(f"/secrets/{id}/rotate", json={"value": value})
        assert answer.status_code == 200, answer.text
        self.values[id] = value
        self.asked[id] = set()

    def write_until_killed(self, killed, chance):
        client = self.client()
        while not killed.is_set():
            try:
                self.add(client, "during " + secrets.token_hex(8))
                self.change(client, chance.choice(list(self.values)))
            except httpx.HTTPError:
                return

    def check(self):
        client = self.client()
        for id, value in self.values.items():
            answer = client.get(f"/secrets/{id}", params={"reveal": "true"})
            assert answer.status_code == 200, answer.text
            assert answer.json()["value"] in {value} | self.asked.get(id, set())


def rotate(vault):
    try:
        vault.client().post("/secrets/rotate-master")
    except httpx.HTTPError:
        pass  # killed before it answered


def is_under_way(server):
    return stored.run(server, "SELECT count(*) FROM secret_master WHERE started_at IS NOT NULL AND finished_at IS NULL"
                      ) == [(1,)]


@pytest.mark.parametrize("kind", STORES)
def test_no_secret_is_lost(kind, request, tmp_path, capsys):
    chance = random.Random(SEED)
    # One secret at a time: there is a middle to be killed in.
    slowly = tmp_path / "atrium.toml"
    slowly.write_text("[plugin.secrets]\nrotation_batch = 1\n")
    arguments = ("--config", slowly)
    with capsys.disabled():
        print(f"\n  {KILLS} kills on {kind}; ATRIUM_TEST_SEED={SEED} repeats the moments")
    if kind == "postgresql":
        with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
            kill_again_and_again(Atrium(tmp_path, {"ATRIUM_DATABASE_URL": url}, arguments), chance)
    else:
        kill_again_and_again(Atrium(tmp_path, arguments=arguments), chance)


def kill_again_and_again(server, chance):
    vault = Vault(server.start())
    first = vault.client().get("/secrets/rotate-master").json()["key_id"]
    on_the_way = 0
    while on_the_way < KILLS:
        killed = threading.Event()
        threads = [threading.Thread(target=vault.write_until_killed, args=(killed, chance)),
                   threading.Thread(target=rotate, args=(vault,))]
        for thread in threads:
            thread.start()
        killed.wait(chance.uniform(0.0, 0.3))
        killed.set()
        server.kill()
        for thread in threads:
            thread.join()
        on_the_way += is_under_way(server)
        server.start()
    vault.check()
    wait_until_over(vault)
    vault.check()
    current = vault.client().get("/secrets/rotate-master").json()["key_id"]
    assert current != first
    assert stored.run(server, "SELECT DISTINCT master_id FROM secret_keys") == [(current,)]
    assert [file.name for file in (server.data / "keys").glob("vault*")] == ["vault.key"]
    server.stop()
    server.start()
    vault.check()
    server.stop()


def wait_until_over(vault):
    """A last rotation, followed to its end by the command that does so."""
    result = vault.server.command("secrets", "rotate-master", environment={"ATRIUM_TOKEN": vault.admin.token})
    assert result.returncode == 0, result.stderr
