"""What the author's guide has an author type works, from the SDK's sources to the next version in a running kernel."""
import os
import subprocess

from support.postgresql import free_port
from support.program import BINARY, ROOT


def test_the_guide_from_its_first_command_to_its_last(tmp_path):
    (tmp_path / "sdk").symlink_to(ROOT / "sdk")
    address = f"127.0.0.1:{free_port()}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ATRIUM_")}
    environment = {**inherited, "HOME": str(tmp_path / "home"), "PATH": f"{BINARY.parent}:{os.environ['PATH']}",
                   "ATRIUM_HTTP_LISTEN": address, "ATRIUM_URL": f"http://{address}"}
    ran = subprocess.run(["bash", "-c", 'yes | bash -x "$0"', ROOT / "tests/docs/journey.sh"], cwd=tmp_path,
                         env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout
