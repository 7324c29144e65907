"""The listings of a page, and what stands in the files that they name.

    <!-- listing: PATH -->          the whole file
    <!-- listing: PATH #REGION -->  the lines between `// [REGION]` and `// [end]`; or with `#`, `--`
    <!-- listing: PATH #/a/0 -->    of a JSON file: the value at this pointer

A file of sdk/template is shown as `atrium plugin new todo-list` writes it. After a change of the files,
`python3 tests/docs/listings.py PAGE...` puts what stands there now into the pages.
"""
import dataclasses
import json
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ("sdk/template/", "sdk/samples/", "sdk/testing/", "plugins/", "tests/docs/")
LANGUAGES = {"cpp", "c", "rust", "json", "cmake", "sh"}
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.M | re.S)
RUN_AS_IT_STANDS = " run"  # by test_examples.py
MARKER = re.compile(r"<!-- listing: (\S+)(?: #(\S+))? -->\n\Z")
NEW_PLUGIN = {"@ID@": "todo-list", "@TABLE@": "todo_list", "@CLASS@": "TodoList", "@NAME@": "Todo list"}


class Fault(Exception):
    """What is wrong with a listing."""


@dataclasses.dataclass
class Block:
    line: int
    language: str
    text: str
    path: str = ""  # empty: there is no marker
    part: str = ""


def blocks(page):
    """The blocks of a page's text that are listings, or have to be."""
    for fence in FENCE.finditer(page):
        marker = MARKER.search(page, 0, fence.start())
        if marker or fence[1] in LANGUAGES and fence[2] != RUN_AS_IT_STANDS:
            path, part = marker.groups() if marker else ("", "")
            yield Block(page.count("\n", 0, fence.start()) + 1, fence[1], fence[3], path, part or "")


def region(text, name):
    mark = r"^[ \t]*(?://|#|--) \[{}\]$"
    found = re.findall(mark.format(re.escape(name)) + r"\n(.*?)" + mark.format("end"), text, re.M | re.S)
    if len(found) != 1:
        raise Fault(f"there are {len(found)} regions {name}")
    return textwrap.dedent(found[0])


def at_pointer(document, pointer):
    for step in pointer.split("/")[1:]:
        try:
            document = document[int(step)] if isinstance(document, list) else document[step]
        except (LookupError, ValueError):
            raise Fault(f"there is nothing at {pointer}") from None
    return document


def expected(block, root=ROOT):
    """What stands in the file; throws what is wrong with the marker."""
    if not block.path:
        raise Fault(f"a block of {block.language} needs a line <!-- listing: PATH --> above it")
    if not block.path.startswith(SOURCES) or not (root / block.path).is_file():
        raise Fault(f"{block.path} is no file of {', '.join(SOURCES)}")
    text = (root / block.path).read_text()
    if block.path.startswith("sdk/template/"):
        for mark, value in NEW_PLUGIN.items():
            text = text.replace(mark, value)
    if block.part.startswith("/"):
        value = at_pointer(json.loads(text), block.part)
        return block.text if json.loads(block.text or "null") == value else json.dumps(value, indent=2) + "\n"
    return (region(text, block.part) if block.part else text).rstrip("\n") + "\n"


def check(block, root=ROOT):
    """Throws what is wrong."""
    if block.text != (wanted := expected(block, root)):
        raise Fault(f"differs from {block.path} {block.part}; there it reads:\n{wanted}")


if __name__ == "__main__":
    for page in map(pathlib.Path, sys.argv[1:]):
        text = page.read_text()
        for block in blocks(text):
            head = f"<!-- listing: {block.path}{' #' + block.part if block.part else ''} -->\n```{block.language}\n"
            text = text.replace(f"{head}{block.text}```\n", f"{head}{expected(block)}```\n")
        page.write_text(text)
