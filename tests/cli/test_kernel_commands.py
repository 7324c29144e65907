"""plugin and events: what a running kernel tells and is told."""
import http.server
import json
import threading

from support.shell import done, failed


def test_plugins_come_and_go(kernel, signed_in):
    def state():
        return json.loads(done(signed_in.run("plugin", "show", "messages", "--json")))["state"]

    assert "messages" in done(signed_in.run("plugin", "list"))
    assert state() == "running"
    done(signed_in.run("plugin", "disable", "messages"))
    try:
        assert state() == "disabled"
        assert kernel.admin.client.get("/messages").status_code == 404
    finally:
        done(signed_in.run("plugin", "enable", "messages"))
    assert state() == "running"
    assert kernel.admin.client.get("/messages").status_code == 200


def test_a_plugin_that_is_not_there(signed_in):
    failed(signed_in.run("plugin", "show", "nothing"))
    failed(signed_in.run("plugin", "enable", "../../etc"))


def test_events_follow_from_where_they_are_told(kernel, signed_in):
    task = kernel.admin.client.post("/tasks", json={"title": "heard"}).json()
    with signed_in.begin("events", "task.*", "--json", "--after", "0") as following:
        heard = next(event for line in following.stdout if (event := json.loads(line)["data"])["id"] == task["id"])
        later = kernel.admin.client.post("/tasks", json={"title": "heard live"}).json()
        assert next(event for line in following.stdout if (event := json.loads(line)["data"])["id"] == later["id"])
        following.kill()
    assert heard["title"] == "heard"


class Unavailable(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503)

    def log_message(self, *_):
        pass


def test_a_kernel_that_opens_no_websocket_is_told_from_none(shell):
    with http.server.HTTPServer(("127.0.0.1", 0), Unavailable) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = failed(shell.run("events", "--url", f"http://127.0.0.1:{server.server_port}"))
        server.shutdown()
    assert "503" in said


def test_events_without_a_sign_in(kernel, shell):
    assert "atrium login" in failed(shell.run("events", "--url", kernel.url))
