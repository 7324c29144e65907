"""No webhook reaches what its owner may not: 300 and more spellings of special addresses, names, redirects, rebinding."""
import contextlib
import shlex
import socket
import subprocess

import pytest

from support import accounts, program, ssrf
from support.program import STORES
from support.webhooks import Receiver, Silent, eventually, log_of, new_webhook, sending_server

# What a refusal says: by the kernel before it connects, or because the name has no address at all.
REFUSED = ("refused to connect to", "the URL ", "cannot look up")


@pytest.fixture(scope="module")
def trap():
    """Listens where a connection could arrive, on one port of many loopback addresses; nobody may come."""
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(Silent("127.0.0.1"))
        port = first.server_address[1]
        others = [stack.enter_context(Silent(host, port)) for host in ("127.0.0.2", "127.1.2.3", "127.255.255.254", "::1")]
        yield port, [first, *others]


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    with sending_server(request, STORES[0], tmp_path_factory.mktemp("targets"), allow=["127.77.0.0/16"],
                        retry_seconds=[3600]) as sender:
        sender.start()
        sender.admin = accounts.first_admin(sender)
        yield sender
        sender.stop()


def came(listeners):
    return [listener.came.get() for listener in listeners if not listener.came.empty()]


def refusal(account, url):
    """How this URL was refused; fails the test when it was not."""
    answer = account.client.post("/webhooks", json={"url": url, "events": ["nothing.ever"]})
    if answer.status_code == 422:
        fault, = answer.json()["errors"]
        assert fault["pointer"] == "/url", (url, answer.text)
        return fault["detail"]
    assert answer.status_code == 201, answer.text
    result = account.client.post(f"/webhooks/{answer.json()['id']}/test").json()
    assert not result["ok"] and result["response_status"] is None, (url, result)
    assert result["error"].startswith(REFUSED), (url, result)
    return result["error"]


def test_no_spelling_gets_through(server, trap):
    port, listeners = trap
    urls = ssrf.urls(port)
    assert len(urls) >= 300
    for url in urls:
        refusal(server.admin, url)
        assert not came(listeners), url


def test_the_trap_would_notice(trap):
    port, listeners = trap
    for host in ("127.0.0.1", "::1"):
        with socket.create_connection((host, port)):
            listener = listeners[0] if host == "127.0.0.1" else listeners[-1]
            assert listener.came.get(timeout=60)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_nowhere(server, trap, status, allowed_receiver):
    port, listeners = trap
    allowed_receiver.answer = lambda received: (status, {"Location": f"http://127.0.0.1:{port}/"})
    hook = new_webhook(server.admin, allowed_receiver.url, ["nothing.ever"])
    result = server.admin.client.post(f"/webhooks/{hook['id']}/test").json()
    assert (result["ok"], result["response_status"]) == (False, status)
    assert not came(listeners)


@pytest.fixture
def allowed_receiver():
    """On an address that the configuration opens."""
    with Receiver(host="127.77.0.1") as receiver:
        yield receiver


def test_the_configuration_opens_what_it_names_and_no_more(server, allowed_receiver, trap):
    hook = new_webhook(server.admin, allowed_receiver.url, ["nothing.ever"])
    assert server.admin.client.post(f"/webhooks/{hook['id']}/test").json()["ok"]
    assert "loopback" in refusal(server.admin, f"http://127.78.0.1:{trap[0]}/")
    assert [one["type"] for one in log_of(server.admin, hook)] == ["webhook.test"]


@pytest.fixture
def rebinding(request, tmp_path, monkeypatch):
    """A server that has /etc/hosts to itself, in a mount namespace of its own, and the file that it reads instead."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.77.0.1 rebind.test\n")
    mount = f"mount --bind {shlex.quote(str(hosts))} /etc/hosts"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("this machine gives no mount namespaces")
    inside = tmp_path / "atrium"
    inside.write_text(f"#!/bin/sh\nexec unshare -rm sh -c '{mount} && exec \"$0\" \"$@\"' {program.BINARY} \"$@\"\n")
    inside.chmod(0o755)
    monkeypatch.setattr(program, "BINARY", inside)
    with sending_server(request, "sqlite", tmp_path, allow=["127.77.0.0/16"], retry_seconds=[3600]) as sender:
        sender.start()
        sender.admin = accounts.first_admin(sender)
        yield sender, hosts
        sender.stop()


def test_a_name_that_changes_its_address(rebinding, trap):
    """The address that is dialled is the one that was judged: a name that leads inside later is refused later."""
    sender, hosts = rebinding
    port, listeners = trap
    with contextlib.ExitStack() as stack:
        inside = stack.enter_context(Receiver(host="127.77.0.1", port=port))
        hook = new_webhook(sender.admin, f"http://rebind.test:{port}/", ["nothing.ever"])
        test = f"/webhooks/{hook['id']}/test"
        assert sender.admin.client.post(test).json()["ok"]
        hosts.write_text("127.0.0.1 rebind.test\n")
        refused = eventually(lambda: not (result := sender.admin.client.post(test).json())["ok"] and result,
                             "the new address is refused")
        assert refused["error"].startswith("refused to connect to rebind.test: 127.0.0.1 is a loopback address")
        hosts.write_text("127.0.0.1 rebind.test\n127.77.0.1 rebind.test\n")
        before = len(inside.received)
        eventually(lambda: sender.admin.client.post(test).json()["ok"], "the allowed one of two addresses is taken")
        assert len(inside.received) > before
    assert not came(listeners)
