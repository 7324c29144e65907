"""A request that takes its time is answered in full by the version that took it, whatever becomes of that meanwhile."""
import concurrent.futures
import contextlib
import json
import subprocess

import pytest

from support import raw
from support.packages import SDK, granted
from support.program import ROOT
from support.webhooks import eventually

ID = "patient"
BODY = b"x" * 100_000


class Patient:
    """Packages of a plugin whose long answers end when the gate opens."""

    def __init__(self, vendor, folder):
        self.vendor, self.folder, self.gate = vendor, folder, folder / "gate"

    def package(self, version):
        source = self.folder / version
        source.mkdir()
        (source / "plugin.json").write_text(json.dumps(
            {"id": ID, "version": version, "name": "Patient", "abi": {"major": 1, "minor": 0}, "routes": ["/patient"]}))
        subprocess.run(["gcc", "-shared", "-fPIC", f"-I{SDK / 'include'}", f'-DVERSION="{version}"',
                        f'-DGATE="{self.gate}"', ROOT / "tests/support/patient_plugin.c", "-o", source / f"{ID}.so"],
                       check=True)
        return self.vendor.packed(source)


@pytest.fixture
def patient(server, vendor, tmp_path):
    plugin = Patient(vendor, tmp_path)
    server.install(plugin.package("1.0.0"))
    return plugin


@contextlib.contextmanager
def long_requests(server, gate):
    """An upload and an answer, each of them half done; they are finished, and checked, at the end."""
    token = f"Authorization: Bearer {server.admin.token}"
    with raw.Raw(server) as upload, raw.Raw(server) as answer:
        upload.send(raw.request("POST", "/api/v1/patient", token, "Content-Type: text/plain", "Expect: 100-continue",
                                f"Content-Length: {len(BODY)}"))
        assert upload.answer()[0] == 100
        upload.send(BODY[:len(BODY) // 2])
        answer.send(raw.request("GET", "/api/v1/patient/answer", token))
        begun = answer.until(b"1.0.0 began\n")
        yield
        upload.send(BODY[len(BODY) // 2:])
        status, _, body = upload.answer()
        assert (status, body.decode()) == (200, f"1.0.0 took {len(BODY)}")
        gate.touch()
        answer.waiting = begun
        status, _, body = answer.answer()
        assert (status, body) == (200, b"1.0.0 began\n1.0.0 ended\n")


def changed_meanwhile(server, patient, change, seen):
    with concurrent.futures.ThreadPoolExecutor() as pool, long_requests(server, patient.gate):
        changing = pool.submit(change)
        eventually(lambda: seen(server.admin.client.get("/patient")), "new requests see the change")
    assert changing.result().status_code == 200, changing.result().text


def test_while_it_is_upgraded(server, patient):
    package = patient.package("1.1.0")
    changed_meanwhile(server, patient, lambda: granted(server.admin.client, package, f"/plugins/{ID}/upgrade"),
                      lambda answer: answer.text == "1.1.0")
    assert server.shown(ID)["state"] == "running"


def test_while_it_is_disabled(server, patient):
    changed_meanwhile(server, patient, lambda: server.admin.client.post(f"/plugins/{ID}/disable"),
                      lambda answer: answer.status_code == 404)
    assert server.shown(ID)["state"] == "disabled"
