"""A language model of the tests' own: aimock, which speaks OpenAI's protocol and says what it is told to."""
import json
import pathlib
import re
import subprocess
import time

import httpx

from support.events import PATIENCE

TOOLS = pathlib.Path(__file__).resolve().parents[1] / "tools"


def told_to_use(tool, arguments, word=None):
    """Answers to instructions that name the word (else the tool): first the tool is used, then all is done."""
    word = word or tool
    return [
        {"match": {"userMessage": word, "hasToolResult": False},
         "response": {"toolCalls": [{"id": "call_1", "name": tool, "arguments": json.dumps(arguments)}]}},
        {"match": {"userMessage": word, "hasToolResult": True}, "response": {"content": "Done."}},
    ]


class LanguageModel:
    """`with LanguageModel(folder, answers, "--chunk-size", "5") as model:`; answers: aimock's fixtures."""

    def __init__(self, folder, answers, *options, port=0):
        self.fixtures = pathlib.Path(folder) / "fixtures.json"
        self.fixtures.write_text(json.dumps({"fixtures": answers}))
        self.options, self.port = options, port

    def __enter__(self):
        self.process = subprocess.Popen(
            [TOOLS / "aimock", "--port", str(self.port), "--fixtures", self.fixtures, "--strict", *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        for line in self.process.stdout:
            said.append(line)
            if found := re.search(r"listening on (http://\S+:(\d+))", line):
                self.url, self.port = found[1], int(found[2])
                return self
        raise RuntimeError("aimock did not start:\n" + "".join(said))

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=60)

    def requests(self, path="/chat/completions"):
        """The bodies of the chats so far, or of what else it was asked for; oldest first."""
        entries = httpx.get(self.url + "/__aimock/journal", timeout=60).json()
        return [entry["body"] for entry in entries if entry["path"].endswith(path)]

    def asked(self, path="/chat/completions"):
        """Waits until it was asked at least once."""
        deadline = time.monotonic() + PATIENCE
        while not self.requests(path):
            assert time.monotonic() < deadline, "nobody asked the model"


class RealModel:
    """A model's file behind OpenAI's protocol; the program that runs it is installed on first use."""

    folder = TOOLS / "real-model"

    def __init__(self, model):
        self.model = pathlib.Path(model).resolve()

    def __enter__(self):
        if not (self.folder / "node_modules").exists():
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=self.folder, check=True)
        self.process = subprocess.Popen(["node", self.folder / "server.mjs", self.model], stdout=subprocess.PIPE, text=True)
        self.url = re.search(r"http://\S+", self.process.stdout.readline())[0]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=60)
