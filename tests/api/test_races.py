"""What two do at once, and what one node does while the account is at work on another."""
import shutil
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import accounts, postgresql
from support.events import PATIENCE, Events
from support.program import STORES, Atrium

PARALLEL = 100
RUNS = 3  # whose median counts


def refresh(server, token):
    with accounts.anonymous(server) as client:
        return client.post("/auth/refresh", json={"refresh_token": token})


def me(server, token):
    with accounts.client(server, token) as client:
        return client.get("/auth/me")


def all_at_once(server, token):
    with ThreadPoolExecutor(PARALLEL) as threads:
        answers = list(threads.map(lambda _: refresh(server, token), range(PARALLEL)))
    assert {answer.status_code for answer in answers} == {200, 401}, [answer.status_code for answer in answers]
    return [answer.json() for answer in answers if answer.status_code == 200]


def test_parallel_refreshes_have_one_successor(server, newcomer):
    assert len(all_at_once(server, newcomer.refresh_token)) == 1


def test_a_replay_ends_the_family(server, newcomer):
    """Also what grew out of the stolen token since, and its access tokens; another session of the person's stays."""
    other = accounts.Account(server, newcomer.email)
    second = refresh(server, newcomer.refresh_token).json()
    third = refresh(server, second["refresh_token"]).json()
    assert refresh(server, newcomer.refresh_token).status_code == 401
    for pair in (second, third):
        assert refresh(server, pair["refresh_token"]).status_code == 401
        assert me(server, pair["access_token"]).status_code == 401
    assert me(server, other.token).status_code == 200


@pytest.fixture(scope="module")
def nodes(request, tmp_path_factory):
    """Two nodes on one PostgreSQL with the keys of the first; the first's admin."""
    if "postgresql" not in STORES:
        pytest.skip("several nodes need PostgreSQL")
    folder = tmp_path_factory.mktemp("nodes")
    with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url:
        environment = {"ATRIUM_DATABASE_URL": url}
        with Atrium(folder / "first", environment) as first:
            first.admin = accounts.first_admin(first)
            accounts.hash_cheaply(first.admin)
            shutil.copytree(first.data, folder / "second" / "data", ignore=shutil.ignore_patterns("lock"))
            with Atrium(folder / "second", environment) as second:
                yield first, second


def logout(account, admin, second_session):
    assert account.client.post("/auth/logout").status_code == 204


def revocation(account, admin, second_session):
    sessions = admin.client.get("/security/sessions", params={"limit": 200}).json()["items"]
    for session in sessions:
        if session["user_id"] == account.id:
            assert admin.client.delete(f"/security/sessions/{session['id']}").status_code == 204


def disabling(account, admin, second_session):
    assert admin.client.patch(f"/admin/users/{account.id}", json={"status": "disabled"}).status_code == 200


def role_change(account, admin, second_session):
    """Ends the sessions: the next one has the new role."""
    assert admin.client.patch(f"/admin/users/{account.id}", json={"role": "viewer"}).status_code == 200


def deletion(account, admin, second_session):
    assert admin.client.delete(f"/admin/users/{account.id}").status_code == 204


def password_change(account, admin, second_session):
    assert second_session.client.post("/auth/change-password", json={
        "current_password": accounts.PASSWORD, "new_password": "another fine password 8"}).status_code == 200


ENDS = [logout, revocation, role_change, disabling, deletion, password_change]


@pytest.mark.parametrize("end", ENDS)
def test_an_end_on_one_node_holds_on_the_other(nodes, end):
    """The next request is refused where it ended; the other node hears of it, and the streams of both are closed."""
    first, second = nodes
    account = accounts.new_user(first, first.admin, "member")
    second_session = accounts.Account(first, account.email)
    # Both nodes know the session from memory when it ends.
    assert [me(node, account.token).status_code for node in nodes] == [200, 200]
    with Events(first, account.token, "task.*") as here, Events(second, account.token, "task.*") as there:
        end(account, first.admin, second_session)
        assert me(first, account.token).status_code == 401
        for stream in (here, there):
            assert stream.closed() == 4401
        assert me(second, account.token).status_code == 401
    assert refresh(second, account.refresh_token).status_code == 401


def seconds_until_it_is_felt(nodes, end):
    """From the answer to the end: until either node has closed its stream, and until the second refuses requests."""
    first, second = nodes
    account = accounts.new_user(first, first.admin, "member")
    second_session = accounts.Account(first, account.email)

    def refused():
        with accounts.client(second, account.token) as client:
            while client.get("/auth/me").status_code == 200:
                assert time.monotonic() < begun + PATIENCE
    with Events(first, account.token, "task.*") as here, Events(second, account.token, "task.*") as there, \
            ThreadPoolExecutor(3) as threads:
        assert me(second, account.token).status_code == 200
        end(account, first.admin, second_session)
        begun = time.monotonic()

        def timed(wait):
            wait()
            return time.monotonic() - begun
        return list(threads.map(timed, (here.closed, there.closed, refused)))


@pytest.mark.alone
@pytest.mark.parametrize("end", ENDS)
def test_an_end_is_felt_within_a_second(nodes, end):
    """The second is the promise: for the streams of both nodes and for the requests to the other one."""
    runs = zip(*(seconds_until_it_is_felt(nodes, end) for _ in range(RUNS)))
    here, there, refused = map(statistics.median, runs)
    assert max(here, there, refused) < 1, (here, there, refused)


def test_a_new_signing_key_of_one_node_counts_on_the_other(nodes):
    """Also before the other one has heard of it: it has had the next key all along."""
    first, second = nodes
    account = accounts.new_user(first, first.admin, "member")
    before = account.token.split(".")[0]
    assert first.command("admin", "rotate-signing-key").returncode == 0
    first.process.send_signal(signal.SIGHUP)
    while account.renew().token.split(".")[0] == before:
        pass
    assert [me(node, account.token).status_code for node in nodes] == [200, 200]
    elsewhere = accounts.Account(second, account.email)
    assert elsewhere.token.split(".")[0] == before
    assert [me(node, elsewhere.token).status_code for node in nodes] == [200, 200]
