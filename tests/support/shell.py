"""Commands as somebody types them, and what they must answer."""
import os
import subprocess

from support.program import BINARY


class Shell:
    """Somebody at a terminal: a home of their own, and nothing of Atrium in the environment but what is given."""

    def __init__(self, home, binary=None, **environment):
        self.binary = binary or BINARY
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ATRIUM_", "XDG_"))}
        self.home = home
        self.environment = {**inherited, "HOME": str(home), **environment}

    def run(self, *arguments, input="", **environment):
        return subprocess.run([self.binary, *arguments], env={**self.environment, **environment}, input=input,
                              capture_output=True, text=True, timeout=120, start_new_session=True)

    def begin(self, *arguments, **environment):
        return subprocess.Popen([self.binary, *arguments], env={**self.environment, **environment}, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                start_new_session=True)


def done(result):
    assert result.returncode == 0, result.stderr
    return result.stdout


def failed(result, code=1):
    """The one line on stderr of a command that failed."""
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr
