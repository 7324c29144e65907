"""Health, metrics, the description and its page."""
import json
import re
import subprocess

import httpx

from support.program import ROOT


def test_health(anonymous):
    answer = anonymous.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "healthy"
    assert body["service"] == "atrium"
    assert re.match(r"\d+\.\d+\.\d+", body["version"])
    assert body["uptime_seconds"] >= 0


def test_metrics_please_promtool(server):
    httpx.get(server.api + "/health")
    answer = httpx.get(server.url + "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    checked = subprocess.run(["promtool", "check", "metrics"], input=answer.text, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_metrics_count_requests_by_route_not_by_path(server, member, new_task):
    task = new_task()
    member.client.get(f"/tasks/{task['id']}")
    member.client.get("/no/such/path/" + task["id"])
    text = httpx.get(server.url + "/metrics").text
    assert task["id"] not in text
    assert "/tasks/{id}" in text


def test_description_is_openapi_3_1(server, tmp_path):
    answer = httpx.get(server.api + "/openapi.json")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["openapi"].startswith("3.1")
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(answer.json()))
    linted = subprocess.run(
        [ROOT / "tests/tools/redocly", "lint", "--config", ROOT / "tests/tools/redocly.yaml", document],
        capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_operation_ids_are_unique(server):
    document = httpx.get(server.api + "/openapi.json").json()
    ids = [operation["operationId"] for path in document["paths"].values() for method, operation in path.items()
           if method in ("get", "post", "put", "patch", "delete")]
    assert len(ids) == len(set(ids))


def test_docs_need_no_other_host(server):
    for path in (server.url + "/docs", server.api + "/docs"):
        page = httpx.get(path, follow_redirects=True)
        if page.status_code == 200:
            break
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page.text), "loads something from elsewhere"
    for asset in re.findall(r"""(?:src|href)\s*=\s*["']([^"'#]+)["']""", page.text):
        loaded = httpx.get(httpx.URL(str(page.url)).join(asset))
        assert loaded.status_code == 200, asset
        assert not re.search(r"@import\s+url\(['\"]?https?:", loaded.text)
