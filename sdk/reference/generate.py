#!/usr/bin/python3
"""Makes docs/reference from the comments of the public headers: a page for each interface of abi.h, and one for C++."""
import pathlib
import sys

import abi
import cpp

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "sdk/include/atrium"
TARGET = ROOT / "docs/reference"


def pages():
    """Each page's text by the name of its file."""
    return {**abi.pages((INCLUDE / "abi.h").read_text()), "cpp.md": cpp.page(sorted(INCLUDE.glob("*.hpp")))}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit("usage: sdk/reference/generate.py    (writes docs/reference)")
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (TARGET / name).write_text(text)
