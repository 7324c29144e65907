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


def test_it_is_quarantined_until_it_is_enabled_or_upgraded(server, vendor, tmp_path):
    server.install(vendor.packed(built(tmp_path / "crashes", "1.0.0")))

    def crash():
        with pytest.raises(httpx.HTTPError):
            server.admin.client.get("/crasher")
        server.process.wait(60)
        server.start()
        server.admin.sign_in()

    crash()
    assert server.state(ID) == "quarantined" and "SIGABRT" in server.shown(ID)["reason"]
    assert server.admin.client.get("/crasher").status_code == 404
    assert server.admin.client.get("/agents").status_code == 200
    server.restart()
    assert server.state(ID) == "quarantined"
    assert server.admin.client.post(f"/plugins/{ID}/enable").json()["state"] == "running"
    crash()
    assert server.state(ID) == "quarantined"
    mended = vendor.packed(built(tmp_path / "mended", "1.0.1", "-DMENDED"))
    assert granted(server.admin.client, mended, f"/plugins/{ID}/upgrade").json()["state"] == "running"
    assert server.admin.client.get("/crasher").status_code == 204
