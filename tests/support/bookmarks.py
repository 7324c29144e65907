"""The plugin `bookmarks` of the author's guide, used as somebody would."""
from support import accounts
from support.shell import Shell, done


def install_and_use(kernel, package, folder):
    """Fails where the plugin does not do what the guide says of it."""
    shell = Shell(folder, ATRIUM_URL=kernel.url, ATRIUM_TOKEN=kernel.admin.token)
    client = kernel.admin.client
    done(shell.run("plugin", "install", package, "--yes"))
    made = client.post("/bookmarks", json={"url": "https://example.org/", "title": "Home"})
    assert made.status_code == 201, made.text
    assert client.post("/bookmarks", json={"url": "https://example.org/"}).status_code == 409
    assert client.post("/bookmarks", json={"url": "http://127.0.0.1/"}).status_code == 422

    path = f"/bookmarks/{made.json()['id']}"
    assert client.put(path + "/snapshot", content=b"<p>here</p>").status_code == 204
    link = client.post(path + "/snapshot-link").json()["url"]
    assert accounts.anonymous(kernel).get(link).content == b"<p>here</p>"
    assert client.put(path + "/token", json={"token": "hush"}).status_code == 204
    assert client.put("/settings/bookmarks/checks_per_minute", json={"value": 0}).status_code == 200
    assert done(shell.run("bookmarks")) == "https://example.org/  Home\n"
