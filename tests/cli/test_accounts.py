"""admin, login, and the login that renews itself."""
import base64
import json
import signal
import stat

import httpx

from support import accounts
from support.accounts import PASSWORD
from support.events import Events
from support.shell import Shell, done, failed


def sign_in(program, email, password=PASSWORD):
    return accounts.anonymous(program).post("/auth/login", json={"email": email, "password": password}).status_code


def login_file(shell):
    return shell.home / ".config" / "atrium" / "token"


def test_an_admin_before_the_first_start(shell, own_server):
    program = own_server()
    program.stop()
    there = {"ATRIUM_DATA_DIRECTORY": str(program.data)}
    done(shell.run("admin", "create", "--email", "ada@example.org", "--full-name", "Ada", "--password-file", "-",
                   input=PASSWORD + "\n", **there))
    assert "at least" in failed(shell.run("admin", "reset-password", "--email", "ada@example.org", "--password-file",
                                          "-", input="short\n", **there))
    done(shell.run("admin", "reset-password", "--email", "ada@example.org", "--password-file", "-",
                   input="another " + PASSWORD + "\n", **there))
    program.start()
    assert not (program.data / "setup-token").exists()
    assert sign_in(program, "ada@example.org") == 401
    assert sign_in(program, "ada@example.org", "another " + PASSWORD) == 200


def test_an_admin_while_the_kernel_runs(kernel, signed_in, tmp_path):
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    create = ["admin", "create", "--email", "grace@example.org", "--full-name", "Grace", "--password-file", secret]
    assert "grace@example.org" in done(signed_in.run(*create))
    grace = accounts.Account(kernel, "grace@example.org")
    assert grace.user["role"] == "admin"
    assert "atrium admin reset-password" in failed(signed_in.run(*create))
    done(signed_in.run("admin", "reset-password", "--email", "grace@example.org", "--password-file", "-",
                       input="another " + PASSWORD))
    assert sign_in(kernel, "grace@example.org") == 401
    assert accounts.anonymous(kernel).post("/auth/refresh", json={"refresh_token": grace.refresh_token}).status_code == 401


def test_nobody_to_reset(signed_in):
    line = failed(signed_in.run("admin", "reset-password", "--email", "nobody@example.org", "--password-file", "-",
                                input=PASSWORD))
    assert "admin create" in line


def test_login_keeps_its_tokens_private(signed_in):
    file = login_file(signed_in)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(json.loads(file.read_text())) == {"url", "access_token", "refresh_token"}


def test_login_refuses_a_wrong_password(kernel, signed_in):
    before = login_file(signed_in).read_text()
    failed(signed_in.run("login", "--email", kernel.admin.email, "--password-file", "-", input="wrong " + PASSWORD))
    assert login_file(signed_in).read_text() == before


def spoil_access_token(shell):
    file = login_file(shell)
    login = json.loads(file.read_text())
    file.write_text(json.dumps({**login, "access_token": "expired." + login["access_token"]}))
    return login


def test_an_expired_login_renews_itself(signed_in):
    before = spoil_access_token(signed_in)
    for _ in range(2):
        done(signed_in.run("plugin", "list"))
    after = json.loads(login_file(signed_in).read_text())
    assert after["refresh_token"] != before["refresh_token"]
    assert stat.S_IMODE(login_file(signed_in).stat().st_mode) == 0o600


def test_commands_at_once_do_not_spend_each_others_token(signed_in):
    spoil_access_token(signed_in)
    running = [signed_in.begin("plugin", "list") for _ in range(6)]
    for command in running:
        _, error = command.communicate(timeout=120)
        assert command.returncode == 0, error
    spoil_access_token(signed_in)
    done(signed_in.run("plugin", "list"))


def test_an_ended_session_asks_to_sign_in(kernel, signed_in):
    login = json.loads(login_file(signed_in).read_text())
    with httpx.Client(base_url=kernel.api, headers={"Authorization": "Bearer " + login["access_token"]}) as client:
        assert client.post("/auth/logout").status_code < 300
    assert "atrium login" in failed(signed_in.run("plugin", "list"))


def test_tokens_are_shown_to_their_own_kernel_only(signed_in, own_server):
    stranger = own_server()
    assert "atrium login" in failed(signed_in.run("plugin", "list", ATRIUM_URL=stranger.url))
    assert "login" not in stranger.last_words()


def test_a_login_that_others_can_read_is_not_used(signed_in):
    login_file(signed_in).chmod(0o644)
    assert "chmod 600" in failed(signed_in.run("plugin", "list"))


def test_a_bare_token_from_a_file_or_the_environment(kernel, tmp_path):
    shell = Shell(tmp_path, ATRIUM_URL=kernel.url)
    (tmp_path / "bare").write_text(kernel.admin.sign_in().token + "\n")
    done(shell.run("plugin", "list", "--token-file", tmp_path / "bare"))
    done(shell.run("plugin", "list", ATRIUM_TOKEN=kernel.admin.token))
    assert "no token file" in failed(shell.run("plugin", "list", "--token-file", tmp_path / "missing"))
    (tmp_path / "bare").write_text("two words\n")
    assert "atrium login" in failed(shell.run("plugin", "list", "--token-file", tmp_path / "bare"))


def kid(token):
    header = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]


def reload_until_another_key_signs(program, account, before):
    program.process.send_signal(signal.SIGHUP)
    while kid(account.renew().token) == before:
        pass


def test_a_new_signing_key_logs_nobody_out(shell, own_server):
    program = own_server()
    admin = accounts.first_admin(program)
    there = {"ATRIUM_DATA_DIRECTORY": str(program.data)}
    old_token, old_refresh, old_kid = admin.token, admin.refresh_token, kid(admin.token)
    admin.sign_in()  # another session, to see what signs now

    def still_signed_in():
        with accounts.client(program, old_token) as client:
            return client.get("/auth/me").status_code == 200

    with Events(program, old_token, "*") as stream:
        assert "nobody" in done(shell.run("admin", "rotate-signing-key", "--help")).lower()
        done(shell.run("admin", "rotate-signing-key", **there))
        reload_until_another_key_signs(program, admin, old_kid)
        assert still_signed_in()
        stream.nothing_before_pong()
    program.stop()
    program.start()
    assert still_signed_in()
    # After a second rotation its access token is one to refresh, but the session lives.
    second_kid = kid(admin.token)
    done(shell.run("admin", "rotate-signing-key", **there))
    reload_until_another_key_signs(program, admin, second_kid)
    assert not still_signed_in()
    with accounts.anonymous(program) as client:
        answer = client.post("/auth/refresh", json={"refresh_token": old_refresh})
    assert answer.status_code == 200 and kid(answer.json()["access_token"]) not in (old_kid, second_kid)
    rows = admin.client.get("/admin/audit", params={"action": "signing_key.rotated"}).json()["items"]
    assert len(rows) == 2
