"""Plugins that were built for an earlier kernel of this major run as they are: see freeze.sh."""
import pathlib
import platform

import pytest

from support import accounts
from support.bookmarks import install_and_use
from support.packages import granted
from support.program import Atrium

FROZEN = sorted(pathlib.Path(__file__).parent.glob("frozen/1.*"))
pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="they were built for x86_64")


@pytest.fixture(params=FROZEN, ids=lambda folder: folder.name)
def frozen(request):
    return request.param


@pytest.fixture
def kernel(frozen, tmp_path):
    with Atrium(tmp_path, {"ATRIUM_PLUGINS_TRUSTED_KEYS": str(frozen / "vendor.key.pub")}) as program:
        program.admin = accounts.first_admin(program)
        yield program


def test_each_minor_left_its_plugins():
    assert [len(list(folder.glob("*.atp"))) for folder in FROZEN] == [3] * len(FROZEN) and FROZEN


def test_the_one_in_cpp(kernel, frozen, tmp_path):
    install_and_use(kernel, frozen / "bookmarks.atp", tmp_path)


@pytest.mark.parametrize("language, greeting", [("c", "Hello from C"), ("rust", "Hello from Rust")])
def test_those_on_the_c_interface(kernel, frozen, language, greeting):
    answer = granted(kernel.admin.client, (frozen / f"frozen-{language}.atp").read_bytes())
    assert answer.status_code == 201, answer.text
    assert kernel.admin.client.get(f"/frozen-{language}").json() == {"greeting": greeting}
