"""Plugins of others: installed from a signed package into a running kernel, and removed again."""
import hashlib
import json
import platform

import pytest

from support.host import ID
from support.packages import RELEASE, SAMPLES, Key, archive, atrium, copied, granted, sent
from support.problems import problem


@pytest.fixture(scope="module")
def package(vendor):
    return vendor.packed(RELEASE / ID)


def changed_manifest(vendor, folder, **members):
    """A package of the same code that says something else of itself."""
    source = copied(RELEASE / ID, folder)
    manifest = json.loads((source / "plugin.json").read_text())
    (source / "plugin.json").write_text(json.dumps({**manifest, **members}))
    return vendor.packed(source)


def test_nothing_runs_before_its_wishes_were_seen(server, package):
    answer = sent(server.admin.client, package)
    told = [fault["detail"] for fault in problem(answer, 422)["errors"]]
    assert hashlib.sha256(package).hexdigest() in told[0]
    assert any("tables of its own: messages" in line for line in told)
    problem(sent(server.admin.client, package, grant="0" * 64), 422)
    assert server.state() is None
    assert server.admin.client.get("/messages").status_code == 404


def test_it_is_installed_at_run_time_and_outlives_a_restart(server, package):
    answer = server.install(package)
    assert answer.json()["state"] == "running" and answer.headers["location"] == f"/api/v1/plugins/{ID}"
    assert server.admin.client.get("/messages").status_code == 200
    problem(granted(server.admin.client, package), 409)
    server.restart()
    assert server.state() == "running"
    assert server.admin.client.get("/messages").status_code == 200


def test_removed_it_is_gone_and_its_tables_stay(server, package):
    server.install(package)
    assert server.admin.client.post("/messages/send", json=server.new_message()).status_code == 201
    assert server.admin.client.delete(f"/plugins/{ID}").status_code == 204
    assert server.state() is None and server.admin.client.get("/messages").status_code == 404
    assert server.admin.client.delete(f"/plugins/{ID}").status_code == 404
    assert not list((server.data / "plugins").glob("*.atp"))
    server.install(package)
    assert server.admin.client.get("/messages").json()["total"] == 1
    server.admin.client.delete(f"/plugins/{ID}")
    server.restart()
    assert server.state() is None


def test_what_comes_with_the_release_is_not_removed(server):
    problem(server.admin.client.delete("/plugins/agents"), 409)
    assert server.state("agents") == "running"


def change(file):
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)


def test_a_package_that_changed_on_the_disk_is_not_run(server, package):
    server.install(package)
    kept, = (server.data / "plugins").glob("*.atp")
    shared, = server.data.glob("objects/**/kernel_plugin-*")
    server.stop()
    change(kept)
    server.start()
    server.admin.sign_in()
    assert server.state() == "running" and kept.read_bytes() == package  # it was fetched from the object store
    server.stop()
    change(kept)
    change(shared)
    server.start()
    server.admin.sign_in()
    assert server.state() == "failed" and "changed after it was signed" in server.shown()["reason"]
    assert server.state("agents") == "running"
    assert server.upgrade(package).json()["state"] == "running"  # sent again, it is whole again


def test_an_older_package_in_its_place_is_not_run(server, versions):
    server.install(versions["0.2.0"])
    kept, = (server.data / "plugins").glob("*.atp")
    server.stop()
    kept.write_bytes(versions["0.1.0"])
    server.start()
    server.admin.sign_in()
    assert server.shown()["version"] == "0.2.0"


def test_what_was_changed_where_it_was_unpacked_is_not_run(server, package):
    server.install(package)
    unpacked, = (server.data / "plugins" / "unpacked").glob(f"{ID}-*/{ID}.so")
    honest = unpacked.read_bytes()
    assert server.admin.client.post(f"/plugins/{ID}/disable").status_code == 200
    unpacked.write_bytes(honest + b"and something else")
    assert server.admin.client.post(f"/plugins/{ID}/enable").json()["state"] == "failed"
    assert "is not what the package holds" in server.shown()["reason"]
    server.restart()  # it is unpacked anew
    assert server.state() == "running"


def test_a_stranger_and_nobody_are_refused(server, tmp_path):
    unsigned = tmp_path / "unsigned.atp"
    atrium("plugin", "pack", RELEASE / ID, "--output", unsigned)
    for package in (Key(tmp_path / "other.key").packed(RELEASE / ID), unsigned.read_bytes()):
        refused = problem(granted(server.admin.client, package), 422)
        assert "plugins." in refused["errors"][0]["detail"]
    assert server.state() is None


def test_one_that_does_not_start_leaves_nothing(server, vendor, package, tmp_path):
    lonely = changed_manifest(vendor, tmp_path / ID, services={"requires": ["nothing/there"]})
    assert "nothing/there" in problem(granted(server.admin.client, lonely), 409)["detail"]
    assert server.state() is None and not list((server.data / "plugins").glob("*.atp"))
    server.install(package)


def test_it_provides_what_its_manifest_lists_and_nothing_else(server, vendor, tmp_path):
    silent = changed_manifest(vendor, tmp_path / ID, services={"uses": ["agents/directory"]})
    assert "may not provide agent.tool/message_send" in problem(granted(server.admin.client, silent), 409)["detail"]
    assert server.state() is None


def test_it_answers_under_the_paths_that_its_manifest_lists_and_nowhere_else(server, vendor, package, tmp_path):
    elsewhere = changed_manifest(vendor, tmp_path / ID, routes=["/messages/send", "/letters"])
    told = [fault["detail"] for fault in problem(sent(server.admin.client, elsewhere), 422)["errors"]]
    assert "to answer requests under: /messages/send, /letters" in told
    assert "may not answer /messages" in problem(granted(server.admin.client, elsewhere), 409)["detail"]
    assert server.state() is None and server.admin.client.get("/messages").status_code == 404
    server.install(package)


def test_it_reaches_the_hosts_that_its_manifest_lists_and_no_others(server, vendor, tmp_path):
    source = copied(SAMPLES / "bookmarks", tmp_path / "bookmarks")
    manifest = json.loads((source / "plugin.json").read_text())
    (source / "plugin.json").write_text(json.dumps({**manifest, "egress": ["*.example.org"]}))
    package = vendor.packed(source)
    told = [fault["detail"] for fault in problem(sent(server.admin.client, package), 422)["errors"]]
    assert "the network, for these hosts and no others: *.example.org" in told
    server.install(package)

    def kept(url):
        return server.admin.client.post("/bookmarks", json={"url": url, "title": "A page"})

    assert "example.net" in problem(kept("https://example.net/"), 422)["errors"][0]["detail"]
    assert kept("https://www.example.org/").status_code == 201
    server.admin.client.delete("/plugins/bookmarks")


@pytest.mark.parametrize("abi, told", [({"major": 1, "minor": 7}, "needs ABI 1.7, this kernel has 1.0"),
                                       ({"major": 2, "minor": 0}, "is 2, this kernel has 1")], ids=["minor", "major"])
def test_one_that_needs_a_newer_kernel_is_told_both_numbers(server, vendor, abi, told):
    manifest = {**json.loads((RELEASE / ID / "plugin.json").read_text()), "abi": abi}
    code = (RELEASE / ID / f"{ID}.so").read_bytes()
    newer = vendor.signed(archive(("plugin.json", json.dumps(manifest).encode()),
                                  (f"lib/{platform.machine()}/{ID}.so", code)))
    assert told in problem(granted(server.admin.client, newer), 422)["errors"][0]["detail"]


def test_one_for_another_machine_is_told_so(server, vendor):
    manifest, code = ((RELEASE / ID / name).read_bytes() for name in ("plugin.json", f"{ID}.so"))
    foreign = vendor.signed(archive(("plugin.json", manifest), (f"lib/pdp11/{ID}.so", code)))
    fault, = problem(granted(server.admin.client, foreign), 422)["errors"]
    assert fault["pointer"] == "/file" and platform.machine() in fault["detail"]
    assert server.state() is None


def test_what_is_no_package(server):
    client = server.admin.client
    for content in (b"", b"x", b"ATRIUM-PLUGIN/1\n", b"ATRIUM-PLUGIN/1\n" + bytes(96), b"PK\x03\x04" + bytes(1000)):
        problem(sent(client, content), 422)
    problem(client.post("/plugins", files={"other": ("p", b"x")}), 422)
    problem(client.post("/plugins", json={}), 415)


def test_removed_while_it_was_off_it_can_be_installed_again(server, package):
    server.install(package)
    server.admin.client.post(f"/plugins/{ID}/disable")
    server.admin.client.delete(f"/plugins/{ID}")
    assert server.install(package).json()["state"] == "running"


def test_each_change_is_in_the_audit_log(server, package):
    server.install(package)
    client = server.admin.client
    for action in ("disable", "enable"):
        assert client.post(f"/plugins/{ID}/{action}").status_code == 200
    client.delete(f"/plugins/{ID}")
    rows = client.get("/admin/audit", params={"resource": f"plugin/{ID}"}).json()["items"]
    assert [row["action"] for row in rows] == ["plugin.removed", "plugin.enabled", "plugin.disabled",
                                               "plugin.installed", "plugin.installing"]
