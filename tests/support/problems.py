"""What an error answer must look like (RFC 9457)."""


def problem(answer, status, type=None):
    """The members of a well-formed RFC 9457 answer."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("/problems/")
    assert body["title"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["instance"]
    if type:
        assert body["type"] == type
    return body


def pointers(answer):
    return sorted(entry["pointer"] for entry in problem(answer, 422, "/problems/validation")["errors"])
