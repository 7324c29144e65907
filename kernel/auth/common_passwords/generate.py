#!/usr/bin/python3
"""Writes the passwords that people choose most as a C++ file: generate.py OUTPUT. Debian's python3-zxcvbn brings them."""
import sys

from zxcvbn.frequency_lists import FREQUENCY_LISTS

SHORTEST = 4  # characters; with digits around it such a word is long enough to be somebody's password

words = sorted({word.lower() for word in FREQUENCY_LISTS["passwords"] if len(word) >= SHORTEST and word.isascii()})
with open(sys.argv[1], "w") as out:
    out.write('#include "auth/common_passwords.hpp"\n\nnamespace kernel::auth {\n\n')
    out.write("const std::string_view common_password_list =\n")
    for word in words:
        escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
        out.write(f'    "{escaped}\\n"\n')
    out.write("    ;\n\n}  // namespace kernel::auth\n")
