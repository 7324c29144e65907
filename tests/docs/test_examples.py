"""The examples in the documentation work: every shell block marked `run` is run against a real server, page by page.

    ```sh run

The blocks of one page share a shell, so that a later one may use the variables of an earlier one. They find $ATRIUM_URL
and $ATRIUM_TOKEN set, `atrium` on the path, and an empty folder to work in.
"""
import os
import re
import subprocess

import pytest

from support import accounts
from support.program import BINARY, ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```sh run\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.M)


def blocks(page):
    return BLOCK.findall(page.read_text())


def places(page):
    """The names of a page's headings, as a link writes them."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(page.read_text())}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_examples_run(page, own_server, tmp_path):
    server = own_server()
    admin = accounts.first_admin(server)
    environment = {**os.environ, "ATRIUM_URL": server.url, "ATRIUM_TOKEN": admin.token, "HOME": str(tmp_path),
                   "PATH": f"{BINARY.parent}:{os.environ['PATH']}"}
    script = "set -euo pipefail\n" + "\n".join(blocks(page))
    ran = subprocess.run(["bash", "-x"], input=script, cwd=tmp_path, env=environment, capture_output=True, text=True,
                         timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link, place in LINK.findall(page.read_text()):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        target = page.parent / link if link else page
        assert target.exists(), link
        assert not place or place in places(target), f"{link}#{place}"


def test_every_package_is_explained():
    explained = (ROOT / "docs/dependencies.md").read_text()
    listed = subprocess.run([ROOT / "packaging/deps"], capture_output=True, text=True, check=True).stdout.split()
    assert [package for package in listed if f"`{package}`" not in explained] == []
