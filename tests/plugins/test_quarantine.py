"""A plugin that brought the process down is named, and does not run again until somebody wants it to."""
import json
import subprocess

import httpx
import pytest

from support.packages import SDK, granted
from support.program import ROOT

ID = "crasher"


def built(folder, version, *flags):
    folder.mkdir()
    (folder / "plugin.json").write_text(json.dumps(
        {"id": ID, "version": version, "name": "Crasher", "abi": {"major": 1, "minor": 0},
         "routes": ["/crasher"]}))
    subprocess.run(["gcc", "-shared", "-fPIC", f"-I{SDK / 'include'}", f'-DVERSION="{version}"', *flags,
                    ROOT / "tests/support/crashing_plugin.c", "-o", folder / f"{ID}.so"], check=True)
    return folder


@pytest.fixture
def crasher(server, vendor, tmp_path):
    server.install(vendor.packed(built(tmp_path / "crashes", "1.0.0")))
    return server


def crash(server, how):
    with pytest.raises(httpx.HTTPError):
        while True:  # a job may run after the answer
            server.admin.client.get("/crasher", params={"how": how})
    server.process.wait(60)
    server.start()
    server.admin.sign_in()


@pytest.mark.parametrize("how, signal", [("abort", "SIGABRT"), ("segv", "SIGSEGV"), ("job", "SIGABRT")])
def test_what_ended_the_process_is_named_and_does_not_run(crasher, how, signal):
    crash(crasher, how)
    assert crasher.state(ID) == "quarantined" and signal in crasher.shown(ID)["reason"]
    assert crasher.admin.client.get("/crasher").status_code == 404
    assert crasher.admin.client.get("/agents").status_code == 200
    crasher.restart()
    assert crasher.state(ID) == "quarantined"


def test_it_runs_again_when_it_is_enabled_or_upgraded(crasher, vendor, tmp_path):
    crash(crasher, "abort")
    assert crasher.admin.client.post(f"/plugins/{ID}/enable").json()["state"] == "running"
    crash(crasher, "abort")
    assert crasher.state(ID) == "quarantined"
    mended = vendor.packed(built(tmp_path / "mended", "1.0.1", "-DMENDED"))
    assert granted(crasher.admin.client, mended, f"/plugins/{ID}/upgrade").json()["state"] == "running"
    assert crasher.admin.client.get("/crasher").status_code == 204


def test_one_that_crashes_at_every_start_keeps_the_kernel_down_once(crasher):
    crasher.stop()
    crasher.environment["CRASH_IN_START"] = "1"
    with pytest.raises(RuntimeError):
        crasher.start()
    crasher.start()
    crasher.admin.sign_in()
    assert crasher.state(ID) == "quarantined" and crasher.state("agents") == "running"


def test_one_that_crashes_while_it_is_installed_is_not_installed_and_its_next_version_can_be(server, vendor, tmp_path):
    server.stop()
    server.environment["CRASH_IN_START"] = "1"
    server.start()
    server.admin.sign_in()
    with pytest.raises(httpx.HTTPError):
        granted(server.admin.client, vendor.packed(built(tmp_path / "crashes", "1.0.0")))
    server.process.wait(60)
    server.start()
    server.admin.sign_in()
    assert server.state(ID) is None
    rows = server.admin.client.get("/admin/audit", params={"resource": f"plugin/{ID}"}).json()["items"]
    assert [row["action"] for row in rows] == ["plugin.installing"]
    assert server.install(vendor.packed(built(tmp_path / "mended", "1.0.1", "-DMENDED"))).json()["state"] == "running"
