"""No webhook reaches what its owner may not: 300 and more spellings of special addresses, names, redirects, rebinding.

Where the machine permits it all of this happens in a network of its own, in which every address in the world is one of
this machine's, so that no packet to any of them is overlooked.
"""
import contextlib
import ipaddress
import shlex
import socket
import subprocess

import pytest

from support import accounts, network, program, ssrf, stored
from support.webhooks import Receiver, Silent, eventually, log_of, new_task, new_webhook, sending_server

# What a refusal says: by the kernel before it connects, or because the name has no address at all.
REFUSED = ("refused to connect to", "the URL ", "cannot look up")
ALLOWED = ipaddress.ip_network("127.77.0.0/16")


class Trap:
    """Listens on one port of many loopback addresses, where nobody may come; .packets tell of all other addresses."""

    def __init__(self, stack):
        self.packets, self.why_not, self.servers = None, "", []
        try:
            stack.enter_context(network.own_network())
            self.packets = stack.enter_context(network.Packets())
        except OSError as refused:
            self.why_not = str(refused)
        first = stack.enter_context(Silent("127.0.0.1"))
        self.port = first.server_address[1]
        others = [stack.enter_context(Silent(host, self.port))
                  for host in ("127.0.0.2", "127.1.2.3", "127.255.255.254", "::1")]
        self.listeners = [first, *others]

    def came(self):
        """Who came to a listener; and what was sent, but for what the tests, their servers and allowed receivers say."""
        found = [listener.came.get() for listener in self.listeners if not listener.came.empty()]
        if self.packets:
            own = {(ipaddress.ip_address(host), port) for host, port in (server.address for server in self.servers)}
            found += [ends for ends in self.packets.new()
                      if own.isdisjoint(ends) and not any(address in ALLOWED for address, _ in ends)]
        return found

    @contextlib.contextmanager
    def beside(self, sender):
        """A server that runs meanwhile, and was never lured when it has ended."""
        sender.start()
        self.servers.append(sender)
        sender.admin = accounts.first_admin(sender)
        yield sender
        sender.stop()
        assert not self.came()


@pytest.fixture(scope="module")
def trap():
    with contextlib.ExitStack() as stack:
        yield Trap(stack)


@pytest.fixture(scope="module")
def server(request, tmp_path_factory, trap):
    with sending_server(request, "sqlite", tmp_path_factory.mktemp("targets"), allow=[str(ALLOWED)],
                        retry_seconds=[1]) as sender, trap.beside(sender):
        yield sender


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
    urls = ssrf.urls(trap.port)
    assert len(urls) >= 300
    for url in urls:
        refusal(server.admin, url)
        assert not trap.came(), url


def test_no_delivery_gets_through(server, trap):
    """Not even to a URL that would have passed when it was given: all of them are put past that check."""
    urls = ssrf.urls(trap.port)
    hooks = [new_webhook(server.admin, "https://example.org/", ["task.created"])["id"] for _ in urls]
    with stored.connected(server) as database:
        database.executemany("UPDATE webhooks SET url = ? WHERE id = ?", zip(urls, hooks))
        database.commit()
    new_task(server.admin)
    found = "FROM webhook_deliveries WHERE type = 'task.created'"
    ended = f"SELECT count(*) {found} AND status = 'failed' AND attempts = 2"
    eventually(lambda: stored.run(server, ended) == [(len(urls),)], "each was tried twice")
    told = stored.run(server, f"SELECT response_status, error {found}")
    assert not [one for one in told if one[0] is not None or not one[1].startswith(REFUSED)]
    assert not trap.came()


def test_the_trap_would_notice():
    with contextlib.ExitStack() as stack:
        notices(Trap(stack))


def notices(trap):
    for host, listener in (("127.0.0.1", trap.listeners[0]), ("::1", trap.listeners[-1])):
        with socket.create_connection((host, trap.port)):
            assert listener.came.get(timeout=60)
    if not trap.packets:
        pytest.skip("five loopback addresses are watched, and no others: " + trap.why_not)
    assert trap.came()
    for host in [*ssrf.SPECIAL, *ssrf.SIXES, "8.8.8.8", "2606:4700::1"]:
        address = ipaddress.ip_address(host)
        if not address.is_multicast and host != "255.255.255.255":  # no connection can be made to these
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection((host + "%lo" * (address.version == 6 and address.is_link_local), 9))
            assert trap.came(), host


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_nowhere(server, trap, status, allowed_receiver):
    hook = new_webhook(server.admin, allowed_receiver.url, ["nothing.ever"])
    for host in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[fd00:ec2::254]"):
        allowed_receiver.answer = lambda received: (status, {"Location": f"http://{host}:{trap.port}/"})
        result = server.admin.client.post(f"/webhooks/{hook['id']}/test").json()
        assert (result["ok"], result["response_status"]) == (False, status)
        assert not trap.came(), host


@pytest.fixture
def allowed_receiver():
    """On an address that the configuration opens."""
    with Receiver(host="127.77.0.1") as receiver:
        yield receiver


def test_the_configuration_opens_what_it_names_and_no_more(server, allowed_receiver, trap):
    hook = new_webhook(server.admin, allowed_receiver.url, ["nothing.ever"])
    assert server.admin.client.post(f"/webhooks/{hook['id']}/test").json()["ok"]
    assert "loopback" in refusal(server.admin, f"http://127.78.0.1:{trap.port}/")
    assert not trap.came()
    assert [one["type"] for one in log_of(server.admin, hook)] == ["webhook.test"]


@pytest.fixture
def rebinding(request, tmp_path, monkeypatch, trap):
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
    with sending_server(request, "sqlite", tmp_path, allow=[str(ALLOWED)], retry_seconds=[3600]) as sender, \
            trap.beside(sender):
        yield sender, hosts


def test_a_name_that_changes_its_address(rebinding, trap):
    """The address that is dialled is the one that was judged: a name that leads inside later is refused later."""
    sender, hosts = rebinding
    with Receiver(host="127.77.0.1", port=trap.port) as inside:
        hook = new_webhook(sender.admin, f"http://rebind.test:{trap.port}/", ["nothing.ever"])
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
    assert not trap.came()
