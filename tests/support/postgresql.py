#!/usr/bin/python3
"""A PostgreSQL of the tests' own: a fresh cluster in a temporary folder, gone when the tests are.

    tests/support/postgresql.py COMMAND [ARGUMENT...]

runs COMMAND with its URL in ATRIUM_TEST_POSTGRESQL. A URL that is already set there is used as it is.
"""
import contextlib
import glob
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.child import run_with  # noqa: E402

VARIABLE = "ATRIUM_TEST_POSTGRESQL"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def binaries() -> str:
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if not found:
        sys.exit("PostgreSQL is not installed: packaging/deps --install test")
    return found[-1]


@contextlib.contextmanager
def cluster():
    """Yields the URL of a running cluster's superuser."""
    if url := os.environ.get(VARIABLE):
        yield url
        return
    folder = tempfile.mkdtemp(prefix="atrium-postgresql-")
    password = secrets.token_hex(16)
    password_file = os.path.join(folder, "password")
    with open(password_file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(password)
    user = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        account = pwd.getpwnam("postgres")
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        for path in (folder, password_file):
            os.chown(path, account.pw_uid, account.pw_gid)
    data, port, tools = os.path.join(folder, "data"), free_port(), binaries()
    options = {
        "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder,
        "max_connections": 200, "max_prepared_transactions": 10,
    }
    with open(os.path.join(folder, "log"), "wb") as log:
        subprocess.run([f"{tools}/initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8",
                        "--locale=C.UTF-8", f"--pwfile={password_file}"], cwd=folder, check=True, stdout=log, **user)
        server = subprocess.Popen(
            [f"{tools}/postgres", "-D", data, *(f"-c{name}={value}" for name, value in options.items())],
            cwd=folder, stdout=log, stderr=log, start_new_session=True, **user)
    try:
        wait_until_ready(tools, port, server, folder)
        yield f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown: open connections are ended
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_ready(tools, port, server, folder):
    for _ in range(60):
        if server.poll() is not None:
            break
        if subprocess.run([f"{tools}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "5"]).returncode == 0:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.25)
    with open(os.path.join(folder, "log")) as log:
        sys.exit("PostgreSQL did not start:\n" + log.read()[-2000:])


@contextlib.contextmanager
def database(cluster_url: str):
    """Yields the URL of a new, empty database in the cluster; drops it in the end."""
    import psycopg2

    name = "atrium_" + secrets.token_hex(6)

    def run(statement):
        connection = psycopg2.connect(cluster_url)
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(statement)

    run(f'CREATE DATABASE "{name}"')
    try:
        yield urllib.parse.urlunsplit(urllib.parse.urlsplit(cluster_url)._replace(path="/" + name))
    finally:
        run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextlib.contextmanager
def environment(request, store):
    """The configuration that puts a server on an empty database of this kind."""
    if store == "sqlite":
        yield {}
        return
    with database(request.getfixturevalue("postgresql_cluster")) as url:
        yield {"ATRIUM_DATABASE_URL": url}


if __name__ == "__main__":
    sys.exit(run_with(VARIABLE, cluster(), __doc__))
