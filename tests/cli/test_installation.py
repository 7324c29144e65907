"""backup, restore, migrate and doctor: what a data directory goes through."""
import json
import shutil
import socket
import stat
import subprocess
import threading

import pytest

from support import accounts
from support.program import Atrium
from support.shell import done, failed


@pytest.fixture
def busy(tmp_path):
    """A kernel to which somebody keeps adding tasks; `busy.answered` are those whose creation was answered."""
    with Atrium(tmp_path / "busy") as program:
        program.admin = accounts.first_admin(program)
        program.answered, over, enough = [], threading.Event(), threading.Event()

        def add():
            with accounts.client(program, program.admin.token) as client:
                while not over.is_set():
                    answer = client.post("/tasks", json={"title": "kept"})
                    assert answer.status_code == 201, answer.text
                    program.answered.append(answer.json()["id"])
                    if len(program.answered) > 100:
                        enough.set()

        adding = threading.Thread(target=add)
        adding.start()
        assert enough.wait(60)
        yield program
        over.set()
        adding.join()


def object_file(data, id):
    spread = 2166136261
    for byte in id.encode():
        spread = (spread ^ byte) * 16777619 % 2**32
    return data / "objects" / f"{spread % 256:02x}" / id


@pytest.mark.parametrize("suffix", [".tar.zst", ".tar.gz"])
def test_a_backup_holds_every_task_that_was_answered(busy, shell, tmp_path, suffix):
    stored = object_file(busy.data, "0199aa-object")
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"\0bytes" * 100_000)
    file = tmp_path / ("saved" + suffix)
    before = list(busy.answered)
    report = json.loads(done(shell.run("backup", file, "--json", ATRIUM_DATA_DIRECTORY=str(busy.data))))
    assert report["objects"] == 1 and report["bytes"] == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("saved*")] == [file.name]

    restored = Atrium(tmp_path / "restored")
    done(shell.run("restore", file, ATRIUM_DATA_DIRECTORY=str(restored.data)))
    assert object_file(restored.data, "0199aa-object").read_bytes() == stored.read_bytes()
    done(shell.run("audit", "verify", ATRIUM_DATA_DIRECTORY=str(restored.data)))
    with restored:
        # The keys came along: a token from before the backup still counts.
        client = accounts.client(restored, busy.admin.token)
        for id in before:
            assert client.get(f"/tasks/{id}").status_code == 200
        assert client.get("/tasks/stats").json()["total"] >= len(before)
        assert client.post("/tasks", json={"title": "goes on"}).status_code == 201


def test_restore_spares_what_is_there(busy, shell, tmp_path):
    file = tmp_path / "saved.tar.zst"
    done(shell.run("backup", file, ATRIUM_DATA_DIRECTORY=str(busy.data)))
    assert "uses the data directory" in failed(shell.run("restore", file, ATRIUM_DATA_DIRECTORY=str(busy.data)))
    assert "choose another" in failed(shell.run("backup", file, ATRIUM_DATA_DIRECTORY=str(busy.data)))

    done(shell.run("restore", file))
    data = tmp_path / "data"
    database = (data / "atrium.db").read_bytes()
    assert "--force" in failed(shell.run("restore", file))
    assert (data / "atrium.db").read_bytes() == database
    (data / "keys" / "mine").write_text("mine")
    assert "before-restore-" in done(shell.run("restore", file, "--force"))
    assert not (data / "keys" / "mine").exists()
    assert len(list(data.glob("before-restore-*/keys/mine"))) == 1


def test_a_damaged_or_foreign_archive_changes_nothing(busy, shell, tmp_path):
    file = tmp_path / "saved.tar.zst"
    done(shell.run("backup", file, ATRIUM_DATA_DIRECTORY=str(busy.data)))
    cut = tmp_path / "cut.tar.zst"
    cut.write_bytes(file.read_bytes()[:-5000])
    foreign = tmp_path / "foreign.tar.gz"
    subprocess.run(["tar", "-czf", foreign, "-C", tmp_path, "saved.tar.zst"], check=True)
    for damaged in (cut, foreign, tmp_path / "missing.tar.gz"):
        assert damaged.name in failed(shell.run("restore", damaged))
    assert [path.name for path in (tmp_path / "data").glob("*")] in ([], ["lock"])


def test_an_archive_cannot_write_elsewhere(shell, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "atrium-backup.json").write_text('{"format": 1, "version": "0.1.0"}')
    (tmp_path / "evil").write_text("evil")
    archive = tmp_path / "evil.tar.gz"
    subprocess.run(["tar", "-czPf", archive, "-C", inside, "atrium-backup.json", "../evil",
                    "--transform=s,^../evil,data/../../escaped,"], check=True)
    failed(shell.run("restore", archive))
    (inside / "data").symlink_to(tmp_path)
    subprocess.run(["tar", "-czf", archive, "-C", inside, "atrium-backup.json", "data"], check=True)
    failed(shell.run("restore", archive))
    assert not list(tmp_path.rglob("escaped"))


def test_postgresql_names_its_own_tools(shell, tmp_path):
    there = {"ATRIUM_DATABASE_URL": "postgresql://user:s3cret@127.0.0.1:1/atrium"}
    line = failed(shell.run("backup", tmp_path / "saved.tar.zst", **there))
    assert "pg_dump" in line and "s3cret" not in line
    assert "pg_restore" in failed(shell.run("restore", tmp_path / "saved.tar.zst", **there))


def test_migrate_needs_the_data_directory_for_itself(kernel, shell):
    assert "up to date" in done(shell.run("migrate"))
    assert "up to date" in done(shell.run("migrate"))
    assert str(kernel.process.pid) in failed(shell.run("migrate", ATRIUM_DATA_DIRECTORY=str(kernel.data)))


# ---- doctor ---------------------------------------------------------------------------------------------------------

def examined(shell, *arguments, **environment):
    result = shell.run("doctor", "--json", *arguments, **environment)
    report = json.loads(result.stdout)
    assert result.returncode == (0 if report["ok"] else 1)
    return report["checks"]


def failures(checks):
    return {check["name"]: check for check in checks if check["state"] == "failed"}


def test_doctor_finds_a_new_installation_well(shell, tmp_path):
    checks = examined(shell, ATRIUM_HTTP_LISTEN="127.0.0.1:0")
    assert failures(checks) == {}
    assert {"configuration", "data directory", "key files", "port", "database", "plugins", "open files", "clock",
            "TLS to other hosts"} <= {check["name"] for check in checks}
    assert all(check["cure"] for check in checks if check["state"] != "ok")
    assert not (tmp_path / "data").exists()  # it looks, and makes nothing


def test_doctor_sees_the_running_kernel(kernel, shell):
    checks = examined(shell, ATRIUM_DATA_DIRECTORY=str(kernel.data), ATRIUM_HTTP_LISTEN=kernel.url.split("//")[1])
    assert failures(checks) == {}
    port = next(check for check in checks if check["name"] == "port")
    assert str(kernel.process.pid) in port["detail"]


def test_doctor_and_a_key_that_others_can_read(shell, tmp_path):
    done(shell.run("migrate"))
    key = tmp_path / "data" / "keys" / "jwt.key"
    key.chmod(0o644)
    there = {"ATRIUM_HTTP_LISTEN": "127.0.0.1:0"}
    cure = failures(examined(shell, **there))["key files"]["cure"]
    assert cure == f"run: chmod 600 {key}"
    subprocess.run(cure.removeprefix("run: ").split(), check=True)
    assert failures(examined(shell, **there)) == {}


def test_doctor_and_a_port_that_is_taken(shell):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = failures(examined(shell, ATRIUM_HTTP_LISTEN=f"127.0.0.1:{port}"))
        assert "--listen" in found["port"]["cure"] and str(port) in found["port"]["detail"]


def test_doctor_and_a_configuration_with_faults(shell, tmp_path):
    file = tmp_path / "atrium.toml"
    file.write_text("[http]\nlisen = \"127.0.0.1:1\"\n")
    checks = failures(examined(shell, "--config", file))
    assert f"{file}:2" in checks["configuration"]["detail"]


def test_doctor_and_plugins(shell, tmp_path):
    there = {"ATRIUM_HTTP_LISTEN": "127.0.0.1:0", "ATRIUM_PLUGINS_DIRECTORY": str(tmp_path / "plugins")}
    (tmp_path / "plugins" / "broken").mkdir(parents=True)
    (tmp_path / "plugins" / "broken" / "plugin.json").write_text("{")
    found = failures(examined(shell, **there))["plugins"]
    assert "broken" in found["detail"] and "broken" in found["cure"]
    shutil.rmtree(tmp_path / "plugins")
    assert "wanted" in failures(examined(shell, ATRIUM_HTTP_LISTEN="127.0.0.1:0",
                                         ATRIUM_PLUGINS_ENABLED="wanted"))["plugins"]["detail"]


def test_doctor_and_a_database_that_cannot_be_reached(shell):
    found = failures(examined(shell, ATRIUM_HTTP_LISTEN="127.0.0.1:0",
                              ATRIUM_DATABASE_URL="postgresql://user:s3cret@127.0.0.1:1/atrium"))["database"]
    assert found["cure"] and "s3cret" not in json.dumps(found)


def test_doctor_and_missing_authorities(shell, tmp_path):
    found = failures(examined(shell, ATRIUM_HTTP_LISTEN="127.0.0.1:0", SSL_CERT_FILE=str(tmp_path / "none"),
                              SSL_CERT_DIR=str(tmp_path / "none")))
    assert "ca-certificates" in found["TLS to other hosts"]["cure"]


def test_doctor_for_people(shell, tmp_path):
    done(shell.run("migrate"))
    (tmp_path / "data" / "keys" / "jwt.key").write_bytes(b"short")
    result = shell.run("doctor", ATRIUM_HTTP_LISTEN="127.0.0.1:0")
    assert "1 checks failed" in failed(result)
    assert "failed   key files:" in result.stdout and "-> restore it from a backup" in result.stdout
