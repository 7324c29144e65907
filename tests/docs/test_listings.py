"""Every listing in the documentation for authors is code that is compiled and tested where it stands."""
import pytest

import listings
from support.program import ROOT
from test_reference import generate

PAGES = [ROOT / "docs/writing-plugins.md",
         *sorted((ROOT / "docs/plugins").glob("*.md")),
         *sorted((ROOT / "docs/extension-kinds").glob("*.md")),
         *(page for page in sorted((ROOT / "docs/reference").glob("*.md")) if page.name not in generate.pages())]
BLOCKS = [pytest.param(block, id=f"{page.name}:{block.line}") for page in PAGES
          for block in listings.blocks(page.read_text())]


@pytest.mark.parametrize("block", BLOCKS)
def test_it_is_what_stands_in_the_file(block):
    listings.check(block)


SAMPLE = "sdk/samples/a.cpp"
SOURCE = "int a;\n  // [one]\n  int b;\n    int c;\n  // [end]\n"


@pytest.mark.parametrize("page, fault", [
    (f"<!-- listing: {SAMPLE} -->\n```cpp\n{SOURCE}```\n", None),
    (f"<!-- listing: {SAMPLE} #one -->\n```cpp\nint b;\n  int c;\n```\n", None),
    ("<!-- listing: sdk/samples/a.json #/list/1 -->\n```json\n{\"deep\":\n true}\n```\n", None),
    ("```cpp\nint b;\n```\n", "needs a line"),
    (f"<!-- listing: {SAMPLE} #one -->\n\n```cpp\nint b;\n```\n", "needs a line"),
    (f"<!-- listing: {SAMPLE} #one -->\n```cpp\nint b;\n```\n", "differs"),
    (f"<!-- listing: {SAMPLE} #two -->\n```cpp\nint b;\n```\n", "0 regions"),
    ("<!-- listing: sdk/samples/a.json #/list/1 -->\n```json\n{\"deep\": false}\n```\n", "differs"),
    ("<!-- listing: sdk/samples/a.json #/none -->\n```json\n{}\n```\n", "nothing at"),
    ("<!-- listing: kernel/main.cpp -->\n```cpp\nint b;\n```\n", "is no file of"),
    ("<!-- listing: sdk/samples/none.cpp -->\n```cpp\nint b;\n```\n", "is no file of"),
], ids=range(11))
def test_a_listing_that_is_not_true_is_noticed(page, fault, tmp_path):
    folder = tmp_path / "sdk/samples"
    folder.mkdir(parents=True)
    (folder / "a.cpp").write_text(SOURCE)
    (folder / "a.json").write_text('{"list": [1, {"deep": true}]}')
    block, = listings.blocks(page)
    if fault is None:
        return listings.check(block, tmp_path)
    with pytest.raises(listings.Fault, match=fault):
        listings.check(block, tmp_path)
