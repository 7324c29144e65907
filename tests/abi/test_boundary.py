"""The boundary is frozen: what a released minor says of its tables holds for every later kernel of the major.

tests/abi/1.MINOR.abi.xml is what abidw tells of the anchor with the header of that minor. A change that only appends slots
raises ATRIUM_ABI_MINOR and adds the next file:

    tests/abi/describe.sh > tests/abi/1.MINOR.abi.xml
"""
import pathlib
import re
import subprocess
import xml.etree.ElementTree as xml

import pytest

from support.program import ROOT

HERE = pathlib.Path(__file__).parent
HEADER = (ROOT / "sdk/include/atrium/abi.h").read_text()
MINOR = int(re.search(r"#define ATRIUM_ABI_MINOR (\d+)u", HEADER)[1])
RELEASED = sorted(HERE.glob("1.*.abi.xml"), key=lambda file: int(file.name.split(".")[1]))


@pytest.fixture(scope="module")
def now(tmp_path_factory):
    file = tmp_path_factory.mktemp("abi") / "now.abi.xml"
    file.write_bytes(subprocess.run([HERE / "describe.sh"], check=True, capture_output=True).stdout)
    return file


class Layout:
    """The tables in an abixml file."""

    def __init__(self, file):
        tree = xml.parse(file).getroot()
        self.types = {element.get("id"): element for element in tree.iter() if element.get("id")}
        self.tables = {struct.get("name"): self.slots(struct) for struct in tree.iter("class-decl")
                       if struct.get("is-declaration-only") != "yes" and struct.get("name")}

    def slots(self, struct):
        """(offset in bits, name, type) of each member, in order."""
        members = [(int(member.get("layout-offset-in-bits", 0)), member.find("var-decl"))
                   for member in struct.iter("data-member")]
        return [(offset, variable.get("name"), self.type(variable.get("type-id"))) for offset, variable in members]

    def type(self, name):
        element = self.types[name]
        kind, under = element.tag, element.get("type-id")
        if kind in ("class-decl", "type-decl") and element.get("name"):
            return element.get("name")
        if kind == "typedef-decl":
            return self.type(under)
        if kind == "pointer-type-def":
            return self.type(under) + "*"
        if kind == "qualified-type-def":
            return "const " + self.type(under)
        if kind == "array-type-def":
            return f"{self.type(under)}[{element.find('subrange').get('length')}]"
        if kind == "function-type":
            parameters = ",".join(self.type(parameter.get("type-id")) for parameter in element.iter("parameter"))
            return f"{self.type(element.find('return').get('type-id'))}({parameters})"
        assert kind in ("union-decl", "class-decl"), kind
        return f"{kind}{self.slots(element)}"


def test_this_minor_is_what_was_released(now):
    """No suppressions: whatever abidiff has to say is a change of the boundary."""
    released = HERE / f"1.{MINOR}.abi.xml"
    assert released.exists(), f"add it: tests/abi/describe.sh > {released.name}"
    compared = subprocess.run(["abidiff", "--harmless", released, now], capture_output=True, text=True)
    assert compared.returncode == 0 and compared.stdout == "", compared.stdout + compared.stderr


@pytest.mark.parametrize("released", RELEASED, ids=lambda file: file.name.removesuffix(".abi.xml"))
def test_slots_are_only_appended(released, now):
    current = Layout(now).tables
    for table, slots in Layout(released).tables.items():
        assert current.get(table, [])[:len(slots)] == slots, table


def test_the_anchor_holds_every_table(now):
    declared = set(re.findall(r"^(?:typedef )?struct (atrium_\w+) \{", HEADER, re.M))
    assert len(declared) > 13 and declared <= set(Layout(now).tables)


def test_tables_tell_their_size_first(now):
    for name, slots in Layout(now).tables.items():
        if name not in ("atrium_str", "atrium_value", "atrium_err"):  # these are frozen for ever
            assert slots[0] == (0, "size", "unsigned int"), name


def test_a_moved_and_a_changed_slot_are_noticed(now, tmp_path):
    """The checks can fail: they see what a careless change does."""
    text = now.read_text()
    slots = Layout(now).tables["atrium_jobs"]
    swapped = tmp_path / "swapped.abi.xml"
    swapped.write_text(text.replace("var-decl name='post'", "var-decl name='was_post'"))
    assert Layout(swapped).tables["atrium_jobs"][:len(slots)] != slots
    compared = subprocess.run(["abidiff", "--harmless", now, swapped], capture_output=True, text=True)
    assert compared.returncode & 4, "abidiff sees no change"
