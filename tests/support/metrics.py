"""The program's metrics, as a test waits for them."""
import re
import time

import httpx

from support.events import PATIENCE


def metric(server, name):
    """The value of one without labels; None where it was never told."""
    found = re.search(rf"(?m)^{name} (\S+)$", httpx.get(server.url + "/metrics", timeout=60).text)
    return float(found[1]) if found else None


def wait_for_metric(server, name, value):
    deadline = time.monotonic() + PATIENCE
    while (seen := metric(server, name)) != value:
        assert time.monotonic() < deadline, f"{name} stayed {seen}:\n" + server.last_words()
