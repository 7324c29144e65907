"""Values that are put into the vault in every way there is are then nowhere to be found in the clear."""
import base64
import collections
import json
import pathlib
import secrets
import tarfile

import httpx
import pytest

from support import accounts, events, postgresql
from support.canaries import OVERVIEWS, Canaries, absent_from_wal, kept
from support.program import STORES, Atrium


@pytest.mark.parametrize("kind", STORES)
def test_no_value_is_anywhere(kind, request, tmp_path):
    if kind == "postgresql":
        with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
            search(tmp_path, url)
    else:
        search(tmp_path, None)


def search(tmp_path, url):
    canaries = Canaries()
    with absent_from_wal(canaries, url):
        search_program(canaries, tmp_path, url)


def search_program(canaries, tmp_path, url):
    environment = {"ATRIUM_LOG_LEVEL": "trace", **({"ATRIUM_DATABASE_URL": url} if url else {})}
    server = Atrium(tmp_path, environment)
    server.log = collections.deque()  # every line
    server.start()
    admin = accounts.first_admin(server)
    with events.Events(server, admin.token, "*") as stream:
        secret, deleted = put_in(canaries, admin)
        put_in_by_plugins(canaries, admin)
        stream.nothing_before_pong()
        canaries.in_("the event stream", json.dumps(stream.seen))
    seen_by_clients(canaries, server, admin, secret, deleted)
    kept(canaries, server, "while it runs")
    if not url:
        backup(canaries, server, tmp_path)
    canaries.in_("config show", server.command("config", "show").stdout)
    server.stop()
    canaries.in_("the log", "".join(server.log))
    kept(canaries, server, "after its end")


def put_in(canaries, admin):
    """Create, replace, rotate and repeat, reveal, refuse and fail."""
    client = admin.client

    def make(**members):
        answer = client.post("/secrets", json={"name": "c-" + secrets.token_hex(4), "value": canaries.new(), **members},
                             headers={"Idempotency-Key": secrets.token_hex(8)})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    secret, deleted = make(name=canaries.mark), make()
    path = f"/secrets/{secret}"
    assert client.put(path, json={"value": canaries.new()}).status_code == 200
    assert client.post(path + "/rotate", json={"value": canaries.new()}).status_code == 200
    assert client.get(path + "?reveal=true").json()["value"] == canaries.values[-1]
    assert client.get(path + "?reveal=true&version=1").json()["value"] == canaries.values[0]
    assert client.delete(f"/secrets/{deleted}").status_code == 204
    # What is refused must not be repeated to anybody either.
    for answer in (client.post("/secrets", json={"name": "", "value": canaries.new()}),
                   client.post("/secrets", json={"name": "x", "value": {"a": canaries.new()}}),
                   client.put(path, json={"value": canaries.new()}, headers={"If-Match": '"77"'}),
                   client.post("/secrets", content='{"value": "' + canaries.new(),
                               headers={"Content-Type": "application/json"})):
        assert answer.status_code in (400, 412, 422)
        canaries.in_("a refusal", answer.content)
    assert client.post("/secrets/rotate-master").status_code == 202
    return secret, deleted


def put_in_by_plugins(canaries, admin):
    """What users hand to other plugins, which keep it in the vault."""
    if "/webhooks" not in admin.client.get("/openapi.json").json()["paths"]:
        return
    made = admin.client.post("/webhooks", json={"url": "https://example.org/hook", "events": ["task.*"],
                                                "secret": "whsec_" + base64.b64encode(canaries.new().encode()).decode()})
    assert made.status_code == 201, made.text
    # Of a webhook's key the bytes count; its text is base64 of them.
    canaries.values.append(made.json()["secret"].removeprefix("whsec_"))
    canaries.in_answers(admin.client, "/webhooks", f"/webhooks/{made.json()['id']}",
                        f"/webhooks/{made.json()['id']}/deliveries")


def seen_by_clients(canaries, server, admin, secret, deleted):
    canaries.in_answers(admin.client, "/secrets", "/secrets/expiring", f"/secrets/{secret}",
                        f"/secrets/{secret}/versions", "/secrets/rotate-master", *OVERVIEWS)
    canaries.in_("the answer about a deleted secret", admin.client.get(f"/secrets/{deleted}").content)
    canaries.in_("/metrics", httpx.get(server.url + "/metrics").content)


def backup(canaries, server, tmp_path):
    file = tmp_path / "backup.tar.gz"
    made = server.command("backup", str(file))
    assert made.returncode == 0, made.stderr
    with tarfile.open(file) as archive:
        for member in archive.getmembers():
            if member.isfile():
                canaries.in_(f"{member.name} of the backup", archive.extractfile(member).read())


def test_the_search_finds_what_is_there():
    canaries = Canaries()
    value = canaries.new().encode()
    for content in (value, b"x" + value, value.hex().encode(), value.hex().upper().encode(),
                    *(base64.b64encode(b"?" * shift + value + b"tail") for shift in range(6))):
        with pytest.raises(AssertionError):
            canaries.in_("the test", content)
    canaries.in_("the test", pathlib.Path(__file__).read_bytes())
