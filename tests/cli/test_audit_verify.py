"""atrium audit verify: whatever somebody does to the audit log in the database is found, with the first row of it."""
import json

import pytest

from support import accounts, postgresql, stored
from support.program import Atrium
from support.shell import done, failed

COLUMNS = ("sequence", "time_us", "actor_kind", "actor_id", "action", "resource", "resource_id", "address",
           "request_id", "mac", "outcome")
NEWEST = "(SELECT max(sequence) FROM audit)"
HEAD_FOLLOWS = ("UPDATE log_head SET audit_sequence = " + NEWEST,
                "UPDATE log_head SET audit_mac = (SELECT mac FROM audit WHERE sequence = audit_sequence)")
TAMPERING = {
    **{f"altered {column}": (3, f"UPDATE audit SET {column} = {column} || 'x' WHERE sequence = 3")
       for column in COLUMNS if column not in ("sequence", "time_us")},
    "altered time_us": (3, "UPDATE audit SET time_us = time_us + 1 WHERE sequence = 3"),
    "told as a failure": (3, "UPDATE audit SET outcome = 'failure' WHERE sequence = 3"),
    "split between columns": (3, "UPDATE audit SET resource = resource || substr(resource_id, 1, 1), "
                                 "resource_id = substr(resource_id, 2) WHERE sequence = 3"),
    "removed": (3, "DELETE FROM audit WHERE sequence = 3"),
    "removed, the later ones moved up": (
        3, "DELETE FROM audit WHERE sequence = 3", "UPDATE audit SET sequence = 1 - sequence WHERE sequence > 3",
        "UPDATE audit SET sequence = -sequence WHERE sequence < 0", *HEAD_FOLLOWS),
    "the first removed": (1, "DELETE FROM audit WHERE sequence = 1"),
    "reordered": (3, "UPDATE audit SET sequence = sequence - 7 WHERE sequence IN (3, 4)",
                  "UPDATE audit SET sequence = -sequence WHERE sequence < 0"),
    "cut off": (6, "DELETE FROM audit WHERE sequence > 5"),
    "cut off, the tables agree": (6, "DELETE FROM audit WHERE sequence > 5", *HEAD_FOLLOWS),
    "emptied": (1, "DELETE FROM audit", "UPDATE log_head SET audit_sequence = 0, audit_mac = ''"),
}


@pytest.fixture(scope="module")
def logged(request, store, tmp_path_factory):
    """A kernel that has stopped and left some rows."""
    with postgresql.environment(request, store) as environment:
        with Atrium(tmp_path_factory.mktemp("logged"), environment) as program:
            admin = accounts.first_admin(program)
            for number in range(5, 15):
                answer = admin.client.put("/settings/security/max_sessions_per_user", json={"value": number})
                assert answer.status_code == 200
        yield program


@pytest.fixture
def kept(logged):
    """Puts the log back as it was."""
    tables = {"audit": COLUMNS, "log_head": ("id", "event_sequence", "audit_sequence", "audit_mac")}
    before = {table: stored.run(logged, f"SELECT {', '.join(columns)} FROM {table}")
              for table, columns in tables.items()}
    yield logged
    for table, columns in tables.items():
        row = "(" + ", ".join(["%s"] * len(columns)) + ")"
        rows = before[table]
        stored.run(logged, f"DELETE FROM {table}")
        stored.run(logged, f"INSERT INTO {table} ({', '.join(columns)}) VALUES " + ", ".join([row] * len(rows)),
                   *(value for each in rows for value in each))
    done(logged.command("audit", "verify"))


@pytest.mark.parametrize("how", TAMPERING)
def test_whoever_changes_the_log_is_noticed(kept, how):
    first, *statements = TAMPERING[how]
    for statement in statements:
        assert stored.run(kept, statement) > 0, statement
    report = kept.command("audit", "verify", "--json")
    assert (report.returncode, json.loads(report.stdout)) == (1, {"ok": False, "broken_at": first})


def test_a_whole_log(logged):
    assert "whole" in done(logged.command("audit", "verify"))
    assert json.loads(done(logged.command("audit", "verify", "--json"))) == {"ok": True, "broken_at": None}


def test_the_kernel_does_not_start_on_a_log_that_was_cut_off(kept, shell):
    """The newest row is noted outside the database; who put an older one back removes the note."""
    noted = kept.data / "audit-head"
    assert noted.stat().st_mode & 0o777 == 0o600
    (newest,), = stored.run(kept, "SELECT max(sequence) FROM audit")
    for statement in ("DELETE FROM audit WHERE sequence = " + NEWEST, *HEAD_FOLLOWS):
        stored.run(kept, statement)
    assert f"from row {newest} on" in failed(kept.command("audit", "verify"))
    refused = failed(shell.run("serve", "--data", kept.data, "--listen", "127.0.0.1:0", **kept.environment))
    assert f"lost row {newest}" in refused and "audit-head" in refused
    note = noted.read_bytes()
    noted.unlink()
    kept.start()
    kept.stop()
    done(kept.command("audit", "verify"))
    noted.write_bytes(note)
