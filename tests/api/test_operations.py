"""Every operation of operations.tsv is described, open to whom it should be, and closed to everybody else."""
import csv
import pathlib
import uuid

import httpx
import pytest

ROWS = list(csv.DictReader(pathlib.Path(__file__).with_name("operations.tsv").open(), delimiter="\t"))
AT_ROOT = ("/health", "/metrics", "/ws")


def name(row):
    return f"{row['method']} {row['path']}"


def described(document, row):
    path = row["path"].rstrip("/")
    for candidate in (path, path + "/"):
        if operation := document["paths"].get(candidate, {}).get(row["method"].lower()):
            return operation
    raise AssertionError(f"{name(row)} is not in /openapi.json")


@pytest.fixture(scope="module")
def document(server):
    answer = httpx.get(server.api + "/openapi.json")
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_is_described(document, row):
    operation = described(document, row)
    assert set(row["success"].split("|")) <= set(operation["responses"])
    assert operation["summary"]
    required = operation.get("security", document.get("security", []))
    if row["auth"] == "none":
        assert not required or {} in required
    elif row["auth"] != "token":
        assert required and {} not in required
        assert "401" in operation["responses"]


def call(client, row):
    """The operation with an unknown id and an empty body: nothing a refusal could come from but access."""
    body = {} if row["method"] == "GET" else {"json": {}}
    return client.request(row["method"], row["path"].replace("{id}", str(uuid.uuid4())), **body)


@pytest.mark.parametrize("row", [row for row in ROWS if row["auth"] in ("user", "admin")], ids=name)
def test_needs_an_account(anonymous, row):
    answer = call(anonymous, row)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("row", [row for row in ROWS if row["auth"] == "admin"], ids=name)
def test_needs_an_admin(member, row):
    assert call(member.client, row).status_code == 403


OWN_ACCOUNT = ("/auth/", "/security/api-keys")


@pytest.mark.parametrize("row", [row for row in ROWS if row["auth"] == "user" and row["method"] != "GET"
                                 and not row["path"].startswith(OWN_ACCOUNT)
                                 and row["path"] != "/messages/{id}/read"], ids=name)
def test_viewers_only_read(viewer, row):
    assert call(viewer.client, row).status_code == 403


@pytest.mark.parametrize("row", [row for row in ROWS if row["method"] == "GET" and row["auth"] == "user"
                                 and "{id}" not in row["path"]], ids=name)
def test_viewers_read(viewer, row):
    assert call(viewer.client, row).status_code == 200


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_path_with_and_without_slash_is_one(server, row):
    """No operation answers 404 or 405 to an anonymous caller, in either spelling."""
    path = row["path"].rstrip("/").replace("{id}", str(uuid.uuid4()))
    for spelling in (path, path + "/"):
        answer = httpx.request(row["method"], server.api + spelling)
        assert answer.status_code not in (404, 405), spelling
        assert not 300 <= answer.status_code < 400


@pytest.mark.parametrize("path", AT_ROOT)
def test_answers_at_the_root_too(server, path):
    assert httpx.get(server.url + path).status_code == httpx.get(server.api + path).status_code
