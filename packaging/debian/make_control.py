#!/usr/bin/python3
"""Writes debian/control: control.in with what it leaves open, and a package for each plugin, from its manifest."""
import json
import pathlib
import re
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def package(manifest):
    return "atrium-plugin-" + manifest["id"]


def serves(manifest, wanted):
    """Whether this plugin provides the service; a name that ends in /* means any of its kind."""
    provided = manifest.get("services", {}).get("provides", [])
    return any(name == wanted or (wanted.endswith("/*") and name.startswith(wanted[:-1])) for name in provided)


def recommends(manifest, manifests):
    """Plugins without which this one waits. No more than a recommendation: another vendor's may provide the same."""
    groups = {" | ".join(package(other) for other in manifests if serves(other, wanted))
              for wanted in manifest.get("services", {}).get("requires", [])}
    return ", ".join(sorted(groups - {""}))


def stanza(manifest, manifests):
    abi = manifest["abi"]
    lines = [
        f"Package: {package(manifest)}",
        "Architecture: any",
        f"Depends: atrium-abi-{abi['major']} (>= {abi['major']}.{abi['minor']}), ${{misc:Depends}}, ${{shlibs:Depends}}",
        f"Recommends: {recommends(manifest, manifests)}",
        f"Description: Plugin of Atrium: {manifest['name']}",
        *textwrap.wrap(manifest["description"] + ".", 78, initial_indent=" ", subsequent_indent=" "),
        " .",
        " Atrium runs a company's AI agents. Its features are plugins, and this is one",
        " of them: the service loads it when it is installed.",
    ]
    return "\n".join(line for line in lines if not line.endswith(": ")) + "\n"


def main():
    manifests = [json.loads(path.read_text()) for path in sorted((ROOT / "plugins").glob("*/plugin.json"))]
    header = (ROOT / "sdk/include/atrium/abi.h").read_text()
    major = re.search(r'#define ATRIUM_ENTRY "atrium_plugin_v(\d+)"', header)[1]
    minor = re.search(r"#define ATRIUM_ABI_MINOR (\d+)u", header)[1]
    values = {"PLUGINS": ", ".join(map(package, manifests)), "ABI_MAJOR": major, "ABI": f"{major}.{minor}"}
    control = re.sub(r"@(\w+)@", lambda name: values[name[1]], (HERE / "control.in").read_text())
    print("\n".join([control, *(stanza(manifest, manifests) for manifest in manifests)]), end="")


if __name__ == "__main__":
    main()
