"""SSH connections as an admin makes and uses them, and the fixtures that tests of them share."""
import secrets

import pytest

from support.openssh import OpenSsh, User, keygen


@pytest.fixture(scope="module")
def user():
    made = User()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Key pairs by their kind, the private keys' paths."""
    folder = tmp_path_factory.mktemp("ssh-keys")
    made = {}
    for name, kind, passphrase, *options in (
            ("ed25519", "ed25519", ""), ("encrypted", "ed25519", "open sesame"), ("ecdsa", "ecdsa", ""),
            ("ecdsa-521", "ecdsa", "", "-b", "521"), ("rsa", "rsa", ""), ("rsa-pem", "rsa", "", "-m", "PEM"),
            ("stranger", "ed25519", "")):
        made[name] = folder / name
        keygen(made[name], kind, passphrase, *options)
    return made


@pytest.fixture(scope="module")
def machine(tmp_path_factory, user, keys):
    """The server that most tests use: it knows every key but the stranger's."""
    with OpenSsh(tmp_path_factory.mktemp("sshd") / "server", user, ("ed25519", "ecdsa", "rsa")) as server:
        for name, key in keys.items():
            if name != "stranger":
                server.allow(key.with_suffix(".pub"))
        yield server


@pytest.fixture
def ready(admin, machine, keys):
    """A connection that works."""
    made, said = pinned(admin.client, machine, keys["ed25519"])
    assert said["ok"], said
    return made


def secret(client, value):
    answer = client.post("/secrets", json={"name": "ssh-" + secrets.token_hex(6), "value": value,
                                           "granted_to": ["ssh"]})
    assert answer.status_code == 201, answer.text
    return answer.json()["name"]


def connection(client, server, key=None, **members):
    body = {"name": "machine-" + secrets.token_hex(6), "hostname": "127.0.0.1", "port": server.port,
            "username": server.user.name, "auth_method": "private_key", **members}
    if key:
        body["secret"] = secret(client, key.read_text())
    answer = client.post("/ssh-connections", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def tried(client, made, **body):
    answer = client.post(f"/ssh-connections/{made['id']}/test", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pinned(client, server, key=None, **members):
    """A connection whose host key is known, with what the confirming test said."""
    made = connection(client, server, key, **members)
    shown = tried(client, made)
    assert shown["reason"] == "unknown_host_key"
    return made, tried(client, made, confirm_fingerprint=shown["fingerprint"])


def execute(client, made, command, **members):
    return client.post(f"/ssh-connections/{made['id']}/execute", json={"command": command, **members})


def run(client, made, command, **members):
    answer = execute(client, made, command, **members)
    assert answer.status_code == 200, answer.text
    return answer.json()


def executions(client, made, **query):
    answer = client.get(f"/ssh-connections/{made['id']}/executions", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]
