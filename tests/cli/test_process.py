"""serve: signals, addresses, and the configuration that it rereads."""
import json
import signal
import socket

import pytest

from support.program import STARTS_WITHIN, Atrium
from support.raw import Raw
from support.shell import failed


def test_a_second_signal_ends_it_at_once(tmp_path):
    program = Atrium(tmp_path).start()
    with Raw(program) as slow:
        # A request whose body never comes is in flight, which the first signal waits for.
        slow.send("POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                  "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n")
        slow.until(b"100 Continue")
        program.process.send_signal(signal.SIGTERM)
        program.wait_for("stopping")
        program.process.send_signal(signal.SIGTERM)
        assert program.process.wait(60) == 1
    program.reader.join(10)


def test_sighup_rereads_limits_and_keeps_what_was_good(tmp_path):
    file = tmp_path / "atrium.toml"
    file.write_text("[http.rate_limit]\nper_address = 1000\n")
    program = Atrium(tmp_path, arguments=["--config", file])
    program.environment.clear()
    program.start()

    def policy():
        with Raw(program) as client:
            client.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            return client.answer()[1]["ratelimit-policy"]

    try:
        assert '"address";q=1000' in policy()
        file.write_text("[http.rate_limit]\nper_address = 2000\n[egress]\ndeny = [\"192.0.2.0/24\"]\n[http]\nmax_body = 5000\n")
        program.process.send_signal(signal.SIGHUP)
        program.wait_for("egress.deny has changed")
        program.wait_for("http.max_body has changed in the configuration: it needs a restart")
        assert '"address";q=2000' in policy()
        file.write_text("[http.rate_limit]\nper_address = \"many\"\n")
        program.process.send_signal(signal.SIGHUP)
        program.wait_for("what was in effect stays")
        assert '"address";q=2000' in policy()
    finally:
        program.stop()


@pytest.mark.parametrize("abstract", [False, True], ids=["file", "abstract"])
def test_the_service_manager_hears_when_it_is_ready_and_when_it_stops(tmp_path, abstract):
    name = f"atrium-{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name if abstract else name)
        manager.settimeout(STARTS_WITHIN)
        program = Atrium(tmp_path, {"NOTIFY_SOCKET": "@" + name if abstract else name}).start()
        assert manager.recv(100) == b"READY=1"
        program.stop()
        assert manager.recv(100) == b"STOPPING=1"


def test_an_address_that_is_taken(shell):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        line = failed_last_line(shell.run("serve", "--listen", address))
        assert address in line and "--listen" in line


def failed_last_line(result):
    """Of a kernel that did not start: its last line, after those of its log."""
    assert result.returncode == 1, result.stderr
    return result.stderr.splitlines()[-1]


def test_a_public_address_needs_tls(shell):
    line = failed(shell.run("serve", "--listen", "0.0.0.0:0"))
    assert "tls_certificate" in line and "behind_proxy" in line


def test_one_kernel_for_each_data_directory(kernel, shell):
    line = failed_last_line(shell.run("serve", "--listen", "127.0.0.1:0", ATRIUM_DATA_DIRECTORY=str(kernel.data)))
    assert f"process {kernel.process.pid}" in line


def test_configuration_faults_have_file_and_line(shell, tmp_path):
    file = tmp_path / "atrium.toml"
    file.write_text("[http]\nlisten = 5\nlisen = \"127.0.0.1:1\"\n\n[egress]\ndeny = [\"300.0.0.0/8\"]\n")
    result = shell.run("config", "check", "--config", file)
    assert result.returncode == 1
    for place in (f"{file}:2:", f"{file}:3:", f"{file}:6:"):
        assert place in result.stderr
    assert "http.listen" in result.stderr
    assert len(json.loads(shell.run("config", "check", "--json", "--config", file).stdout)["faults"]) == 3
    assert f"{file}:2" in failed(shell.run("serve", "--config", file))
