"""The real program, started on a folder of its own and a free port."""
import collections
import os
import pathlib
import re
import resource
import signal
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("ATRIUM_BIN", "build/release/bin/atrium"))
if not BINARY.is_absolute():
    BINARY = ROOT / BINARY

# What the tests run on.
STORES = os.environ.get("ATRIUM_TEST_STORES", "sqlite,postgresql").split(",")
# S3: where the run has a real gateway.
OBJECTS = os.environ.get("ATRIUM_TEST_OBJECTS", "disk,s3" if "ATRIUM_TEST_S3" in os.environ else "disk").split(",")
# Tests send more than any person would; the limit itself is tested by a server of its own.
GENEROUS = {
    "ATRIUM_HTTP_RATE_LIMIT_PER_PRINCIPAL": "100000000",
    "ATRIUM_HTTP_RATE_LIMIT_PER_ADDRESS": "100000000",
}
STARTS_WITHIN, STOPS_WITHIN = 120, 60  # seconds; sanitizer builds on a busy machine are slow


class Atrium:
    """One `atrium serve`. Start and stop it as often as you like: the data folder stays."""

    def __init__(self, folder, environment=None, arguments=(), binary=None):
        self.binary = binary or BINARY
        self.data = pathlib.Path(folder) / "data"
        self.environment = {**GENEROUS, **(environment or {})}
        self.arguments = list(arguments)
        self.process = None
        self.url = None
        self.log = collections.deque(maxlen=2000)
        self.heard = threading.Condition()

    def command_line(self):
        return [self.binary, "serve", "--data", self.data, "--listen", "127.0.0.1:0", *self.arguments]

    @property
    def api(self):
        return self.url + "/api/v1"

    @property
    def address(self):
        host, port = self.url.removeprefix("http://").rsplit(":", 1)
        return host, int(port)

    def start(self):
        listening = threading.Event()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ATRIUM_", "OPENAI_"))}
        self.process = subprocess.Popen(
            self.command_line(),
            env={**inherited, **self.environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", preexec_fn=_many_files)

        def read(pipe):
            for line in pipe:
                with self.heard:
                    self.log.append(line)
                    self.heard.notify_all()
                if found := re.search(r"listening on (http://\S+)", line):
                    self.url = found[1]
                    listening.set()
            listening.set()

        self.reader = threading.Thread(target=read, args=(self.process.stdout,), daemon=True)
        self.url = None
        self.reader.start()
        if not listening.wait(STARTS_WITHIN) or self.url is None:
            self.kill()
            raise RuntimeError("atrium did not start:\n" + self.last_words())
        return self

    def stop(self):
        """As a service manager would; a crash, a hang or a sanitizer's report on the way fails the test."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("atrium did not stop:\n" + self.last_words()) from None
        self.reader.join(10)
        self.process = None
        assert status == 0, f"atrium ended with {status}:\n" + self.last_words()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join(10)
        self.process = None

    def running(self):
        return self.process is not None and self.process.poll() is None

    def command(self, *arguments, **options):
        """Runs `atrium ARGUMENT...` against this server's folder and address."""
        environment = {**os.environ, **self.environment, "ATRIUM_DATA_DIRECTORY": str(self.data)}
        if self.url:
            environment["ATRIUM_URL"] = self.url
        environment.update(options.pop("environment", {}))
        return subprocess.run([self.binary, *arguments], env=environment, capture_output=True, text=True, timeout=120,
                              **options)

    def wait_for(self, text):
        """Waits until the program has said this."""
        with self.heard:
            said = self.heard.wait_for(lambda: any(text in line for line in self.log), STARTS_WITHIN)
        assert said, f"atrium never said {text!r}:\n" + self.last_words()

    def last_words(self, lines=60):
        return "".join(list(self.log)[-lines:])

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.process:
            self.kill()


def _many_files():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
