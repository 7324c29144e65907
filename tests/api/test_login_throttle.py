"""Guessing from one address, an account at a time: the address is held back, and nobody else is."""
import pytest

from support import accounts
from support.problems import problem
from test_ip_rules import proxied  # noqa: F401: a kernel that believes who the proxy says is asking

MANY = 200  # guesses, more than an address may have


def login(server, address, email, password=accounts.PASSWORD):
    with accounts.client(server, **{"X-Forwarded-For": address}) as client:
        return client.post("/auth/login", json={"email": email, "password": password})


@pytest.mark.parametrize("address_of, elsewhere", [
    (lambda guess: "198.51.100.7", "198.51.100.8"),
    (lambda guess: f"2001:db8:0:1::{guess:x}", "2001:db8:0:2::1")], ids=["v4", "a network of v6"])
def test_many_accounts_from_one_address(proxied, address_of, elsewhere):  # noqa: F811
    server, admin = proxied
    accounts.hash_cheaply(admin)
    assert admin.client.put("/security", json={"max_failed_logins": 1}).status_code == 200
    for guess in range(1, MANY):
        answer = login(server, address_of(guess), f"account-{guess}@example.org")
        if answer.status_code == 429:
            break
        problem(answer, 401, "/problems/invalid-credentials")
    problem(answer, 429, "/problems/too-many-attempts")
    assert guess > 2 and int(answer.headers["retry-after"]) >= 1
    problem(login(server, address_of(MANY), admin.email), 429, "/problems/too-many-attempts")
    assert login(server, elsewhere, admin.email).status_code == 200
    with accounts.client(server, admin.token, **{"X-Forwarded-For": address_of(1)}) as client:
        assert client.get("/auth/me").status_code == 200
