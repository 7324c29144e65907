"""Whether an account exists is not told by how long a refused login takes."""
import json
import statistics
import time

import pytest

from support import accounts
from support.raw import Raw, request

PAIRS = 200  # of logins whose times are compared
MEASUREMENTS = 4  # at most


def seconds_of_a_wrong_password(connection, emails):
    """The medians for each of two, asked in turn; and what they were told. Each login is sent in one piece: in two, the
    second would wait for the network longer than the hash takes."""
    times, bodies = {email: [] for email in emails}, set()
    logins = {email: request("POST", "/api/v1/auth/login", "Content-Type: application/json",
                             "X-Request-Id: the-same-for-all",
                             body=json.dumps({"email": email, "password": "wrong kettle drum"})) for email in emails}
    for pair in range(PAIRS):
        for email in emails[::-1] if pair % 2 else emails:
            begun = time.perf_counter()
            connection.send(logins[email])
            status, _, body = connection.answer()
            times[email].append(time.perf_counter() - begun)
            assert status == 401
            bodies.add(body)
    return [statistics.median(taken) for taken in times.values()], bodies


@pytest.mark.alone
def test_known_and_unknown_account_answer_alike(own_server):
    """The same bytes, and the same time within 5 % of the median, where hashing, which hides the rest, costs least. A
    busy machine may spoil a measurement, and not each of a few; a difference of the program would show in each."""
    server = own_server()
    admin = accounts.first_admin(server)
    accounts.hash_cheaply(admin)
    assert admin.client.put("/security", json={"max_failed_logins": 1000}).status_code == 200
    known = accounts.new_user(server, admin)
    with Raw(server) as connection:
        seen = []
        while not seen or max(seen[-1]) - min(seen[-1]) > 0.05 * max(seen[-1]):
            assert len(seen) < MEASUREMENTS, seen
            medians, bodies = seconds_of_a_wrong_password(connection, [known.email, "nobody@example.org"])
            assert len(bodies) == 1
            seen.append(medians)
