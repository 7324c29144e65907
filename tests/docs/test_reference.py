"""The reference is what the headers' comments say, and they say something of every function."""
import re
import subprocess
import sys

import pytest

from support.program import ROOT

sys.path.append(str(ROOT / "sdk/reference"))
import abi  # noqa: E402
import generate  # noqa: E402

HEADER = (ROOT / "sdk/include/atrium/abi.h").read_text()
FUNCTIONS = [(table.name, function) for table in abi.interfaces(HEADER) for function in table.functions]


def test_the_pages_are_what_the_generator_makes():
    made = generate.pages()
    assert sorted(made) == sorted(path.name for path in generate.TARGET.iterdir())
    for name, text in made.items():
        assert (generate.TARGET / name).read_text() == text, f"{name}: run sdk/reference/generate.py"


def test_every_interface_of_the_header_has_a_page():
    declared = re.findall(r'^#define ATRIUM_\w+ "atrium\.(\w+)[./]', HEADER, re.M)
    assert declared
    assert {*declared, "host", "plugin"} == {table.name for table in abi.interfaces(HEADER)}


def test_no_slot_is_overlooked(tmp_path):
    """The compiler counts the slots of each table; pointers of one size make it simple."""
    program = tmp_path / "slots.c"
    tables = [table.name for table in abi.interfaces(HEADER)]
    program.write_text("#include <atrium/abi.h>\n#include <stdio.h>\nint main(void) {\n" + "".join(
        f'printf("%zu\\n", (sizeof(struct atrium_{name}) - 8) / sizeof(void *));\n' for name in tables) + "}\n")
    subprocess.run(["cc", "-I", ROOT / "sdk/include", program, "-o", tmp_path / "slots"], check=True)
    counted = subprocess.run([tmp_path / "slots"], check=True, capture_output=True, text=True).stdout.split()
    strings = {"plugin": 2}  # id and version
    assert dict(zip(tables, map(int, counted))) == {
        table.name: len(table.functions) + strings.get(table.name, 0) for table in abi.interfaces(HEADER)}


@pytest.mark.parametrize("table, function", FUNCTIONS, ids=lambda part: getattr(part, "name", part))
def test_every_function_is_explained(table, function):
    assert function.paragraphs, "a comment of its own, above the slot"
    assert function.threads, "[threads] at its beginning"


def test_every_member_of_the_manifest_is_explained():
    explained = (ROOT / "docs/plugins/manifest.md").read_text()
    read = {name for source, call in [("kernel/plugins/manifest.cpp", r'reader\.\w+\("(\w+)"'),
                                      ("kernel/settings/definition.cpp", r'(?:reader\.\w+|choices_of)\("(\w+)"')]
            for name in re.findall(call, (ROOT / source).read_text())}
    assert {"id", "egress", "provides", "secret"} <= read
    assert [name for name in sorted(read) if not re.search(rf'[`."]{name}[`".]', explained)] == []
