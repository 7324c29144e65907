"""A command run with a server of the tests' own in one variable of its environment."""
import os
import signal
import subprocess
import sys


def run_with(variable, provided, usage):
    """Runs the command in this script's arguments inside `provided`, a context whose value goes into the variable."""
    if len(sys.argv) < 2:
        sys.exit(usage)
    with provided as url:
        child = subprocess.Popen(sys.argv[1:], env={**os.environ, variable: url})
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda received, _: child.send_signal(received))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the child as well
        return child.wait()
