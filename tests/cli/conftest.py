import pytest

from support import accounts
from support.program import Atrium
from support.shell import Shell, done


@pytest.fixture
def shell(tmp_path):
    """A shell whose data directory is still empty."""
    return Shell(tmp_path, ATRIUM_DATA_DIRECTORY=str(tmp_path / "data"))


@pytest.fixture(scope="session")
def kernel(tmp_path_factory):
    """A running kernel on the embedded defaults; `kernel.admin` may do everything."""
    with Atrium(tmp_path_factory.mktemp("kernel")) as program:
        program.admin = accounts.first_admin(program)
        yield program


@pytest.fixture
def signed_in(kernel, tmp_path):
    """A shell of the admin's, signed in to `kernel`."""
    shell = Shell(tmp_path, ATRIUM_URL=kernel.url, ATRIUM_DATA_DIRECTORY=str(kernel.data))
    done(shell.run("login", "--email", kernel.admin.email, "--password-file", "-", input=accounts.PASSWORD + "\n"))
    return shell
