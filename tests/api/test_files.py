"""Files: uploads and downloads through real clients, on both databases and on both stores of objects."""
import concurrent.futures
import hashlib
import os
import re
import secrets
import socket
import subprocess
import threading
import time
import types
import urllib.parse
import uuid

import httpx
import pytest

from support import accounts, events, postgresql, raw
from support.program import OBJECTS, STORES, Atrium
from support.problems import pointers, problem

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89" + bytes(100)
HALF_A_GIGABYTE = 512 << 20
PLACES = [(store, "disk") for store in STORES if "disk" in OBJECTS] + [(STORES[0], "s3")] * ("s3" in OBJECTS)


@pytest.fixture(scope="module", params=PLACES, ids="-".join)
def place(request, tmp_path_factory):
    """A server of these tests' own with people on it: .server, .objects, .admin, .member, .other, .viewer, .worker."""
    store, objects = request.param
    environment = {"ATRIUM_OBJECTS_URL": request.getfixturevalue("bucket")} if objects == "s3" else {}
    if store == "postgresql":
        with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
            yield from people(tmp_path_factory, objects, {**environment, "ATRIUM_DATABASE_URL": url})
    else:
        yield from people(tmp_path_factory, objects, environment)


def people(tmp_path_factory, objects, environment):
    with Atrium(tmp_path_factory.mktemp("files"), environment) as server:
        admin = accounts.first_admin(server)
        registered = admin.client.post("/workers/register", json={
            "name": "w", "hostname": "h", "ip_address": "192.0.2.7", "max_agents": 1, "cpu_cores": 1,
            "memory_total_mb": 1024, "os_info": "Debian 12"}).json()
        yield types.SimpleNamespace(
            server=server, objects=objects, admin=admin, member=accounts.new_user(server, admin),
            other=accounts.new_user(server, admin), viewer=accounts.new_user(server, admin, "viewer"),
            worker=accounts.client(server, registered["token"]))


@pytest.fixture
def member(place):
    return place.member.client


def upload(client, data=b"hello\n", name="a.txt", claim=None, **query):
    return client.post("/files/upload", files={"file": (name, data, claim or "application/octet-stream")}, params=query)


@pytest.fixture
def keep(member):
    def make(data=b"0123456789", **options):
        answer = upload(member, data, **options)
        assert answer.status_code == 201, answer.text
        return answer.json()
    return make


@pytest.fixture
def task(place):
    return place.member.client.post("/tasks", json={"title": "with files"}).json()["id"]


def form(*parts, boundary="xYz", end=True):
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + head.encode() + b"\r\n\r\n" + data + b"\r\n"
                    for head, data in parts)
    return body + (b"--" + boundary.encode() + b"--\r\n" if end else b"")


def send(client, body, type="multipart/form-data; boundary=xYz"):
    return client.post("/files/upload", content=body, headers={"Content-Type": type})


FILE = 'Content-Disposition: form-data; name="file"; filename="a.txt"'


def until(holds, otherwise):
    deadline = time.monotonic() + events.PATIENCE
    while not holds():
        assert time.monotonic() < deadline, otherwise
        threading.Event().wait(0.01)


# -- in

def test_an_upload(place, member, task):
    with events.Events(place.server, place.other.token, "file.*") as stream:
        answer = upload(member, PNG, name="Bild ä.png", claim="image/png", task_id=task)
        assert answer.status_code == 201, answer.text
        file = answer.json()
        assert stream.wait("file.created", id=file["id"])["data"] == file
    assert file["filename"] == "Bild ä.png"
    assert file["content_type"] == "image/png"
    assert file["size_bytes"] == len(PNG)
    assert file["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert (file["task_id"], file["uploaded_by"]) == (task, place.member.id)
    assert answer.headers["location"] == f"/api/v1/files/{file['id']}"
    assert place.other.client.get(f"/files/{file['id']}").json() == file, "one shared workspace"
    assert place.viewer.client.get("/files", params={"task_id": task}).json()["items"] == [file]
    assert place.other.client.get(f"/files/{file['id']}/download").content == PNG


def test_the_list_pages(member, task, keep):
    kept = [keep(name=f"{number}.txt", task_id=task)["id"] for number in range(5)]
    seen, query = [], {"task_id": task, "limit": 2}
    while True:
        page = member.get("/files/", params=query).json()
        assert page["total"] == 5
        seen += [file["id"] for file in page["items"]]
        if not page["next_cursor"]:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == kept[::-1], "newest first"
    assert member.get("/files", params={"task_id": str(uuid.uuid4())}).json()["items"] == []
    problem(member.get("/files", params={"limit": 201}), 422)
    problem(member.get("/files", params={"task_id": "x"}), 422)


@pytest.mark.parametrize("options", [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]])
def test_curl(place, tmp_path, options):
    path = tmp_path / 'with "quotes" and ü.txt'
    path.write_bytes(b"line\r\n--not a boundary\r\n" * 5000)
    curl = ["curl", "-s", "-H", f"Authorization: Bearer {place.member.token}"]
    named = str(path).replace('"', '\\"')
    made = subprocess.run([*curl, *options, "-F", f'file=@"{named}";type=text/plain', place.server.api + "/files/upload"],
                          capture_output=True, check=True, timeout=60).stdout
    file = httpx.Response(200, content=made).json()
    assert file["filename"] == path.name
    (tmp_path / "down").mkdir()
    subprocess.run([*curl, "-fOJ", f"{place.server.api}/files/{file['id']}/download"], cwd=tmp_path / "down",
                   capture_output=True, check=True, timeout=60)
    [saved] = (tmp_path / "down").iterdir()
    assert saved.read_bytes() == path.read_bytes()


def test_a_body_in_single_bytes(member):
    data = b"\r\n--xY\r\n--xYz-\r" + bytes(range(256))
    body = form((FILE, data.replace(b"--xYz", b"--xYy")))
    answer = send(member, (body[at:at + 1] for at in range(len(body))))
    assert answer.status_code == 201, answer.text
    assert member.get(f"/files/{answer.json()['id']}/download").content == data.replace(b"--xYz", b"--xYy")


def test_an_empty_file(keep, member):
    file = keep(b"")
    assert (file["size_bytes"], file["sha256"]) == (0, hashlib.sha256().hexdigest())
    answer = member.get(f"/files/{file['id']}/download")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")


def test_bodies_that_are_no_upload(member):
    problem(member.post("/files/upload", json={}), 415)
    problem(member.post("/files/upload"), 415)
    problem(send(member, b"x", "multipart/form-data"), 400)
    problem(send(member, b""), 400)
    problem(send(member, form((FILE, b"x"), end=False)), 400)
    problem(send(member, form((FILE, b"x"), boundary="other")), 400)
    problem(send(member, form(("X: y", b"x"))), 400)
    assert pointers(send(member, form())) == ["/file"]
    assert pointers(send(member, form(('Content-Disposition: form-data; name="file"', b"x")))) == ["/file"]
    assert pointers(send(member, form((FILE, b"x"), (FILE, b"y")))) == ["/file"]
    assert pointers(send(member, form((FILE.replace('"file"', '"folder"'), b"x")))) == ["/folder"]


@pytest.mark.parametrize("claim, data", [("image/png", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01" + bytes(50)), ("text/plain", PNG),
                                         ("application/pdf", b"hello\n"), ("application/zip", PNG)])
def test_a_claim_of_another_kind(member, claim, data):
    assert pointers(upload(member, data, claim=claim)) == ["/file"]


def test_a_task_that_is_none(member):
    assert pointers(upload(member, task_id=str(uuid.uuid4()))) == ["?task_id"]
    assert pointers(upload(member, task_id="7")) == ["?task_id"]


def test_names_never_become_paths(place, member, keep):
    mark = "mark" + secrets.token_hex(8)
    for name in (f"../../{mark}", f"/tmp/{mark}", f"..\\{mark}", f"a/../{mark}"):
        assert keep(name=name)["filename"] == mark
    assert keep(name="..")["filename"] == "file"
    assert not [path for path in place.server.data.parent.rglob("*") if mark in path.name]
    assert not os.path.exists(f"/tmp/{mark}")


def test_the_same_key_uploads_once(member):
    body = form((FILE, secrets.token_bytes(100)))
    headers = {"Content-Type": "multipart/form-data; boundary=xYz", "Idempotency-Key": secrets.token_hex(16)}
    first, again = (member.post("/files/upload", content=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


def test_what_is_too_large(own_server):
    server = own_server(ATRIUM_HTTP_MAX_UPLOAD="100000")
    client = accounts.first_admin(server).client
    problem(upload(client, bytes(100_001)), 413)
    body = form((FILE, bytes(200_000)))
    assert upload(client, bytes(90_000)).status_code == 201
    try:
        answer = send(client, (body[at:at + 10_000] for at in range(0, len(body), 10_000)))
        problem(answer, 413)
    except httpx.WriteError:
        pass  # the server had answered and closed while the client still wrote
    assert client.get("/files").json()["total"] == 1


def test_a_client_that_goes_leaves_nothing(place, member):
    if place.objects == "s3":
        pytest.skip("what is on its way to S3 cannot be seen here")
    incoming = place.server.data / "objects" / "incoming"
    before = member.get("/files").json()["total"]
    head = raw.request("POST", "/api/v1/files/upload", "Content-Length: 1000000",
                       "Content-Type: multipart/form-data; boundary=xYz", f"Authorization: Bearer {place.member.token}")
    with socket.create_connection(place.server.address, timeout=events.PATIENCE) as connection:
        connection.sendall(head + form((FILE, bytes(100_000)), end=False))
        until(lambda: any(incoming.iterdir()), "the upload never began")
    until(lambda: not any(incoming.iterdir()), "half an upload stays")
    assert member.get("/files").json()["total"] == before


# -- out

def test_a_download(member, keep):
    file = keep(name='a "b" ü.txt')
    answer = member.get(f"/files/{file['id']}/download")
    assert answer.content == b"0123456789"
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-length"] == "10"
    assert answer.headers["etag"] == f'"{file["sha256"]}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == \
        "attachment; filename=\"a _b_ _.txt\"; filename*=UTF-8''a%20%22b%22%20%C3%BC.txt"
    head = member.head(f"/files/{file['id']}/download")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "content-type", "last-modified"):
        assert head.headers[name] == answer.headers[name]


@pytest.mark.parametrize("range, content, described", [
    ("bytes=0-0", b"0", "bytes 0-0/10"), ("bytes=3-5", b"345", "bytes 3-5/10"), ("bytes=8-", b"89", "bytes 8-9/10"),
    ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=0-99", b"0123456789", "bytes 0-9/10")])
def test_a_range(member, keep, range, content, described):
    answer = member.get(f"/files/{keep()['id']}/download", headers={"Range": range})
    assert answer.status_code == 206
    assert answer.content == content
    assert answer.headers["content-range"] == described
    assert answer.headers["content-length"] == str(len(content))


def test_ranges_that_are_none(member, keep):
    path = f"/files/{keep()['id']}/download"
    for header in ("bytes=10-", "bytes=-0"):
        answer = member.get(path, headers={"Range": header})
        problem(answer, 416)
        assert answer.headers["content-range"] == "bytes */10"
    for header in ("bytes=5-2", "lines=1-2", "bytes=0-1,3-4", "junk"):
        answer = member.get(path, headers={"Range": header})
        assert (answer.status_code, answer.content) == (200, b"0123456789"), header


def test_conditions(member, keep):
    path = f"/files/{keep()['id']}/download"
    whole = member.get(path)
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    for headers in ({"If-None-Match": tag}, {"If-None-Match": "*"}, {"If-Modified-Since": date}):
        answer = member.get(path, headers=headers)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert member.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    problem(member.get(path, headers={"If-Match": '"other"'}), 412)
    assert member.get(path, headers={"Range": "bytes=0-1", "If-Range": tag}).status_code == 206
    assert member.get(path, headers={"Range": "bytes=0-1", "If-Range": '"other"'}).status_code == 200


def test_what_is_not_there(member):
    for id in (str(uuid.uuid4()), "7", "..%2f..%2fetc%2fpasswd"):
        for path in (f"/files/{id}", f"/files/{id}/download", f"/files/{id}/url"):
            problem(member.get(path), 404)
        problem(member.delete(f"/files/{id}"), 404)


def test_a_link_needs_no_token(place, member, keep):
    data = secrets.token_bytes(100_000)
    link = member.get(f"/files/{keep(data, name='ü.bin')['id']}/url").json()
    answer = httpx.get(link["url"])
    assert answer.status_code == 200
    assert answer.content == data
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert httpx.get(link["url"], headers={"Range": "bytes=5-9"}).content == data[5:10]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", link["expires_at"])
    assert link["url"].startswith(place.server.url) == (place.objects == "disk")


def test_no_byte_of_a_link_may_change(place, member, keep):
    file, other = keep(b"mine"), keep(b"other")
    url = urllib.parse.urlsplit(member.get(f"/files/{file['id']}/url").json()["url"])
    assert httpx.get(url._replace(path=url.path.replace(file["id"], other["id"])).geturl()).status_code == 403
    # What S3 does not sign is how the signature itself is spelt: there, its digits are what may not change.
    first = url.query.index("Signature=") + len("Signature=") if place.objects == "s3" else 0
    for at in range(first, len(url.query)):
        changed = "0" if url.query[at] != "0" else "1"
        query = url.query[:at] + changed + url.query[at + 1:]
        assert httpx.get(url._replace(query=query).geturl()).status_code == 403, query
    assert httpx.get(url.geturl() + "0").status_code == 403
    assert httpx.get(url.geturl()).content == b"mine"


def test_a_link_opens_nothing_else(place, member, keep):
    if place.objects == "s3":
        pytest.skip("a link of S3's own leads to S3")
    file = keep()
    url = urllib.parse.urlsplit(member.get(f"/files/{file['id']}/url").json()["url"])
    for path in (f"/api/v1/files/{file['id']}", "/api/v1/files"):
        assert httpx.get(url._replace(path=path).geturl()).status_code in (401, 403)
    assert httpx.delete(url._replace(path=f"/api/v1/files/{file['id']}").geturl()).status_code in (401, 403)


# -- away, and who may

def test_removing(place, member, keep):
    file = keep()
    path = f"/files/{file['id']}"
    link = member.get(path + "/url").json()["url"]
    problem(member.delete(path, headers={"If-Match": '"7"'}), 412)
    with events.Events(place.server, place.member.token, "file.*") as stream:
        assert place.other.client.delete(path, headers={"If-Match": '"1"'}).status_code == 204
        assert stream.wait("file.deleted", id=file["id"])["data"] == file
    problem(member.delete(path), 404)
    for what in ("", "/download", "/url"):
        problem(member.get(path + what), 404)
    assert httpx.get(link).status_code == 404


def test_of_two_who_remove_one_does(place, keep):
    for _ in range(10):
        path = f"/files/{keep()['id']}"
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            answers = threads.map(lambda who: who.client.delete(path).status_code,
                                  [place.member, place.other, place.admin, place.member])
            assert sorted(answers) == [204, 404, 404, 404]


def test_roles(place, keep):
    file = keep()
    path = f"/files/{file['id']}"
    reading = ["/files", path, path + "/download", path + "/url"]
    nobody = accounts.anonymous(place.server)
    for client, status in ((place.viewer.client, 200), (place.admin.client, 200), (nobody, 401), (place.worker, 403)):
        for what in reading:
            assert client.get(what).status_code == status, what
    for client, status in ((place.viewer.client, 403), (nobody, 401), (place.worker, 403)):
        problem(upload(client), status)
        problem(client.delete(path), status)
    assert upload(place.admin.client).status_code == 201


# -- size

def memory(server, field):
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(field))


def forget_peak(server):
    with open(f"/proc/{server.process.pid}/clear_refs", "w") as file:
        file.write("5")


@pytest.mark.parametrize("objects", OBJECTS)
def test_half_a_gigabyte_leaves_memory_flat(objects, request, own_server, tmp_path, capsys):
    server = own_server(**({"ATRIUM_OBJECTS_URL": request.getfixturevalue("bucket")} if objects == "s3" else {}))
    admin = accounts.first_admin(server)
    large, digest = tmp_path / "large", hashlib.sha256()
    with open(large, "wb") as file:
        for _ in range(HALF_A_GIGABYTE >> 20):
            digest.update(block := secrets.token_bytes(1 << 20))
            file.write(block)
    upload(admin.client)
    curl = ["curl", "-sf", "-H", f"Authorization: Bearer {admin.token}"]
    before = memory(server, "VmRSS:")
    forget_peak(server)
    made = subprocess.run([*curl, "-F", f"file=@{large}", server.api + "/files/upload"], capture_output=True, check=True,
                          timeout=600).stdout
    up = memory(server, "VmHWM:")
    kept = httpx.Response(200, content=made).json()
    assert (kept["size_bytes"], kept["sha256"]) == (HALF_A_GIGABYTE, digest.hexdigest())
    large.unlink()
    forget_peak(server)
    with subprocess.Popen([*curl, f"{server.api}/files/{kept['id']}/download"], stdout=subprocess.PIPE) as download:
        came = hashlib.sha256()
        while block := download.stdout.read(1 << 20):
            came.update(block)
    assert download.returncode == 0
    assert came.hexdigest() == kept["sha256"]
    down = memory(server, "VmHWM:")
    with capsys.disabled():
        print(f"\n  512 MiB, {objects}: {before >> 20} MiB before, peak {up >> 20} MiB up, {down >> 20} MiB down")
    assert max(up, down) - before < 32 << 20
