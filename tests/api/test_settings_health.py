"""GET /settings/health: each part is asked for real, none for longer than its deadline, and nothing secret is told."""
import contextlib
import socket
import subprocess
import time
import urllib.parse

import pytest

from support import accounts, mail, postgresql
from support.program import STORES, Atrium
from support.problems import problem
from support.relay import Relay
from support.webhooks import eventually

DEADLINE = 3  # seconds that the operation promises


def health(admin):
    answer = admin.client.get("/settings/health")
    assert answer.status_code == 200, answer.text
    assert "hunter2" not in answer.text
    body = answer.json()
    for check in body["checks"].values():
        assert check["status"] in ("ok", "degraded", "down", "disabled")
        assert check["latency_ms"] >= 0
    return body


def within_the_deadline(admin):
    """The deadline is the promise."""
    begun = time.monotonic()
    body = health(admin)
    assert time.monotonic() - begun < DEADLINE + 1
    return body


@contextlib.contextmanager
def redis(password=None):
    port = mail.free_port()
    secret = ["--requirepass", password] if password else []
    process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", *secret],
                               stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if "Ready to accept connections" in line:
            break
    try:
        yield port, process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def mute():
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def kernel(tmp_path):
    """kernel(MAIL_URL=...): the admin of a server that is configured so."""
    with contextlib.ExitStack() as stack:
        def start(**configuration):
            environment = {name if name.startswith("SSL_") else "ATRIUM_" + name: str(value)
                           for name, value in configuration.items()}
            folder = tmp_path / str(len(list(tmp_path.iterdir())))
            return accounts.first_admin(stack.enter_context(Atrium(folder, environment)))
        yield start


@pytest.fixture
def database(request):
    """The URL of a PostgreSQL database, and a function that closes and opens it."""
    if "postgresql" not in STORES:
        pytest.skip("needs PostgreSQL")
    import psycopg2

    cluster = request.getfixturevalue("postgresql_cluster")
    with postgresql.database(cluster) as url:
        name = urllib.parse.urlsplit(url).path[1:]

        def let_in(allowed):
            connection = psycopg2.connect(cluster)
            connection.autocommit = True
            with contextlib.closing(connection), connection.cursor() as cursor:
                cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}')
                if not allowed:
                    cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        yield url, let_in


def test_the_embedded_installation(admin):
    body = health(admin)
    assert body["status"] == "ok"
    assert {name: body["checks"][name]["status"] for name in ("database", "redis", "object_storage", "mail")} == {
        "database": "ok", "redis": "disabled", "object_storage": "ok", "mail": "disabled"}
    assert body["checks"]["tasks"]["status"] == "ok"


def test_only_admins(member, viewer):
    for account in (member, viewer):
        problem(account.client.get("/settings/health"), 403)


def test_the_folder_of_objects_goes_and_comes_back(kernel):
    admin = kernel()
    folder = admin.server.data / "objects"
    folder.rename(folder.with_name("elsewhere"))
    body = health(admin)
    assert (body["status"], body["checks"]["object_storage"]["status"]) == ("degraded", "down")
    folder.with_name("elsewhere").rename(folder)
    assert health(admin)["checks"]["object_storage"]["status"] == "ok"


def test_an_object_store_where_nobody_listens(kernel):
    port = mail.free_port()
    body = health(kernel(OBJECTS_URL=f"s3+http://KEY:hunter2@127.0.0.1:{port}/bucket?region=default"))
    assert (body["status"], body["checks"]["object_storage"]["status"]) == ("degraded", "down")


def test_a_database_that_goes_and_comes_back(kernel, database):
    url, let_in = database
    admin = kernel(DATABASE_URL=url)
    assert health(admin)["status"] == "ok"
    let_in(False)
    body = within_the_deadline(admin)
    assert (body["status"], body["checks"]["database"]["status"]) == ("down", "down")
    let_in(True)
    eventually(lambda: health(admin)["status"] == "ok", "well again")


def test_a_database_that_hangs(kernel, database):
    url = urllib.parse.urlsplit(database[0])
    with Relay(url.hostname, url.port) as relay:
        admin = kernel(DATABASE_URL=url._replace(netloc=url.netloc.replace(f":{url.port}", f":{relay.port}")).geturl())
        assert health(admin)["status"] == "ok"
        relay.open.clear()
        body = within_the_deadline(admin)
        assert (body["status"], body["checks"]["database"]["status"]) == ("down", "down")
        relay.open.set()
        eventually(lambda: health(admin)["status"] == "ok", "well again")
        admin.server.stop()


def test_redis_comes_and_goes(kernel):
    with redis("hunter2") as (port, process):
        admin = kernel(CACHE_URL=f"redis://:hunter2@127.0.0.1:{port}")
        assert health(admin)["checks"]["redis"]["status"] == "ok"
        process.kill()
        process.wait()
        body = health(admin)
        assert (body["status"], body["checks"]["redis"]["status"]) == ("degraded", "down")
        assert str(port) in body["checks"]["redis"]["detail"]


def test_redis_with_another_password(kernel):
    with redis("another") as (port, _):
        found = health(kernel(CACHE_URL=f"redis://:hunter2@127.0.0.1:{port}"))["checks"]["redis"]
        assert found["status"] == "down" and "WRONGPASS" in found["detail"]


def test_mail_with_starttls(kernel, tmp_path):
    pair = mail.certificate(tmp_path)
    with mail.server(pair) as port:
        admin = kernel(MAIL_URL=f"smtp://user:hunter2@127.0.0.1:{port}", SSL_CERT_FILE=pair[0])
        body = health(admin)
        assert (body["status"], body["checks"]["mail"]["status"]) == ("ok", "ok"), body["checks"]["mail"]
    body = health(admin)
    assert (body["status"], body["checks"]["mail"]["status"]) == ("degraded", "down")


def test_mail_by_a_certificate_that_nobody_trusts(kernel, tmp_path):
    with mail.server(mail.certificate(tmp_path)) as port:
        found = health(kernel(MAIL_URL=f"smtp://127.0.0.1:{port}"))["checks"]["mail"]
        assert found["status"] == "down" and "ertificate" in found["detail"]


def test_mail_without_starttls(kernel):
    with mail.server() as port:
        found = health(kernel(MAIL_URL=f"smtp://127.0.0.1:{port}"))["checks"]["mail"]
        assert found["status"] == "degraded" and "STARTTLS" in found["detail"]


def test_servers_that_hang_are_told_within_the_deadline(kernel):
    with mute() as port:
        admin = kernel(CACHE_URL=f"redis://:hunter2@127.0.0.1:{port}", MAIL_URL=f"smtp://user:hunter2@127.0.0.1:{port}")
        body = within_the_deadline(admin)
        assert body["status"] == "degraded"
        assert {body["checks"][name]["status"] for name in ("redis", "mail")} == {"down"}
        assert body["checks"]["database"]["status"] == "ok"


def test_a_disabled_plugin_is_no_fault(admin, own_server):
    server = own_server(ATRIUM_PLUGINS_ENABLED="tasks")
    body = health(accounts.first_admin(server))
    assert body["checks"]["tasks"]["status"] == "ok"
    assert {check["status"] for name, check in body["checks"].items()
            if name not in ("database", "object_storage", "tasks")} == {"disabled"}
    assert body["status"] == "ok"
