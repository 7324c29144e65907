"""What holds for every command: help with an example, exit codes, one line on stderr."""
import json
import re

import pytest

from support.shell import done, failed

COMMANDS = ["serve", "admin", "admin create", "admin reset-password", "admin remove-mfa",
            "admin clear-ip-rules", "admin rotate-signing-key", "login", "plugin", "plugin list", "plugin show",
            "plugin enable", "plugin disable", "plugin new", "plugin install", "plugin upgrade", "plugin remove",
            "plugin keygen", "plugin pack", "plugin verify",
            "events", "migrate", "backup", "restore", "config", "config check",
            "config show", "config sample", "audit", "audit verify", "doctor", "version"]


def subcommands(text):
    _, _, below = text.partition("Subcommands:\n")
    return re.findall(r"^  (\S+) ", below.partition("\n\n")[0], re.MULTILINE)


def test_the_list_here_is_complete(shell):
    found = []
    for name in subcommands(done(shell.run("--help"))):
        found += [name, *(f"{name} {each}" for each in subcommands(done(shell.run(name, "--help"))))]
    assert sorted(found) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(shell, command):
    text = done(shell.run(*command.split(), "--help"))
    assert f"Example:\n  atrium {command}" in text


@pytest.mark.parametrize("arguments", [
    [], ["plugin"], ["serve", "--nonsense"], ["plugin", "show"], ["admin", "create", "--email", "a@example.org"],
    ["events", "a", "b"], ["backup"], ["config", "check", "--json=maybe"]])
def test_wrong_usage_is_2_and_names_the_help(shell, arguments):
    assert "--help" in failed(shell.run(*arguments), 2)


@pytest.mark.parametrize("arguments", [
    ["admin", "create", "--email", "a@example.org", "--full-name", "A", "--password", "secret-as-argument"],
    ["admin", "reset-password", "--email", "a@example.org", "--password=secret-as-argument"],
    ["login", "--email", "a@example.org", "--password", "secret-as-argument"],
    ["plugin", "list", "--token", "secret-as-argument"]])
def test_no_secret_is_taken_from_an_argument(shell, arguments):
    failed(shell.run(*arguments), 2)


def test_a_secret_needs_a_terminal_a_file_or_standard_input(shell):
    assert "--password-file" in failed(shell.run("admin", "create", "--email", "a@example.org", "--full-name", "A"))


def test_no_kernel_to_speak_to(shell):
    for arguments in (["plugin", "list"], ["events"], ["run", "something"]):
        assert "atrium serve" in failed(shell.run(*arguments, ATRIUM_URL="http://127.0.0.1:1"))


def test_a_command_that_nobody_brings(signed_in):
    assert "there is no command `fly`" in failed(signed_in.run("fly"), 2)


def test_version_is_json(shell):
    assert json.loads(done(shell.run("version", "--json")))["abi"].startswith("1.")


def test_json_of_everything_that_prints_data(signed_in):
    for arguments in (["plugin", "list"], ["plugin", "show", "messages"], ["config", "show"], ["config", "check"],
                      ["audit", "verify"], ["doctor"], ["version"]):
        assert isinstance(json.loads(done(signed_in.run(*arguments, "--json"))), dict), arguments


def test_what_a_command_prints_cannot_steer_the_terminal(shell):
    assert "\x1b" not in failed(shell.run("config", "check\x1b[31m"), 2)
