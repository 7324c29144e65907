"""The house's rules that a machine can check: what a plugin may know, and what the kernel may not."""
import json
import re
import subprocess

import pytest

from support.program import BINARY, ROOT

BUILD = BINARY.parents[1]
MANIFESTS = sorted((ROOT / "plugins").glob("*/plugin.json"))
LIBRARIES_OF_THE_KERNEL = re.compile(r"pistache|soci|sqlite|libpq|hiredis|boost|Poco|libssl|argon2|sodium|spdlog|prometheus|wslay|qrencode|png")


@pytest.fixture(params=MANIFESTS, ids=lambda path: path.parent.name)
def plugin(request):
    return request.param.parent


def library(plugin):
    return BUILD / "plugins" / plugin.name / f"{plugin.name}.so"


def said_by(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_plugin_links_nothing_of_the_kernel(plugin):
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", said_by("readelf", "-dW", library(plugin)))
    assert needed
    assert not [name for name in needed if LIBRARIES_OF_THE_KERNEL.search(name)]


def test_a_plugin_exports_its_entry_alone(plugin):
    exported = [line.split()[-1] for line in said_by("nm", "-D", "--defined-only", library(plugin)).splitlines()]
    assert exported == ["atrium_plugin_v1"]


def test_a_plugin_is_built_from_itself_and_the_sdk():
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    of_plugins = [command for command in commands if command["file"].startswith(str(ROOT / "plugins"))]
    assert of_plugins
    for command in of_plugins:
        own = ROOT / "plugins" / command["file"].split("/plugins/")[1].split("/")[0]
        folders = re.findall(r"(?:-I|-isystem )\s*(\S+)", command["command"])
        strange = [folder for folder in folders if folder.startswith(str(ROOT)) and not folder.startswith(
            (str(own), str(ROOT / "sdk"), str(BUILD)))]
        assert not strange, (command["file"], strange)


def test_the_kernel_names_no_plugin():
    names = "|".join(re.escape(manifest.parent.name) for manifest in MANIFESTS)
    naming = re.compile(rf'["/](?:{names})["/]')
    for path in (ROOT / "kernel").rglob("*.[ch]pp"):
        if path.name.endswith("_test.cpp") or "testing" in path.parts:
            continue
        found = naming.search(path.read_text())
        assert not found, (path, found)
