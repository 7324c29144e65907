"""People and their clients, made through the API as anybody would make them."""
import secrets
import socket

import httpx

PASSWORD = "correct horse battery staple 7"


class Account:
    def __init__(self, server, email, password=PASSWORD):
        self.server, self.email, self.password = server, email, password
        self.sign_in()

    def sign_in(self):
        answer = anonymous(self.server).post("/auth/login", json={"email": self.email, "password": self.password})
        return self._has(answer)

    def renew(self):
        """The same session with a new pair of tokens."""
        return self._has(anonymous(self.server).post("/auth/refresh", json={"refresh_token": self.refresh_token}))

    def _has(self, answer):
        assert answer.status_code == 200, answer.text
        body = answer.json()
        self.token, self.refresh_token, self.user = body["access_token"], body["refresh_token"], body["user"]
        self.id = self.user["id"]
        self.client = client(self.server, self.token)
        return self


def client(server, token=None, **headers):
    if token:
        headers["Authorization"] = "Bearer " + token
    return httpx.Client(base_url=server.api, headers=headers, timeout=60, event_hooks={"response": [no_delay]})


def no_delay(answer):
    """This httpx sends head and body apart: without this each body waits 40 ms for the head's acknowledgement."""
    answer.extensions["network_stream"].get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def anonymous(server):
    return client(server)


def first_admin(server):
    token = (server.data / "setup-token").read_text().strip()
    email = "admin@example.org"
    answer = anonymous(server).post("/auth/register", json={
        "email": email, "password": PASSWORD, "full_name": "Ada Admin", "setup_token": token})
    assert answer.status_code == 201, answer.text
    return Account(server, email)


def new_user(server, admin, role="member"):
    email = f"{role}-{secrets.token_hex(4)}@example.org"
    answer = admin.client.post("/admin/users", json={
        "email": email, "password": PASSWORD, "full_name": role.title(), "role": role})
    assert answer.status_code == 201, answer.text
    return Account(server, email)


def hash_cheaply(admin):
    """For a server of its own that makes many accounts: the least that a setting may ask of a password's hash."""
    least = {"passes": 2, "memory_kib": 19456, "lanes": 1}
    answer = admin.client.put("/settings/bulk", json={
        "settings": {f"password_hashing.{name}": value for name, value in least.items()}})
    assert answer.status_code == 200, answer.text
