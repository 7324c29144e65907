"""The reference pages of the C interface, from the comments of abi.h.

A function's comment stands above its slot: `[threads] text`, an empty line between paragraphs, and at its end a line
`ATRIUM_E_...: when` for each failure.
"""
import dataclasses
import re

COMMENT = re.compile(r"/\*(.*?)\*/", re.S)
SECTION = re.compile(r"^/\* ---- (.*?) -+ \*/$", re.M)
TABLE = re.compile(r"^(?:typedef )?struct atrium_(?P<name>\w+) \{\n(?P<body>.*?)\n\}(?: \w+)?;\n", re.M | re.S)
SLOT = re.compile(r"(?:/\*(?P<comment>(?:(?!\*/).)*)\*/\s*)?(?P<code>[^;/]*?\(\*(?P<name>\w+)\)\([^;]*;)", re.S)
NAME = re.compile(r"""(?<![\w`"])((?:ATRIUM_|_)[A-Z][A-Z_]{3,}(?:\(\))?|[a-z_]+\(\)|atrium_[a-z_0-9]+|"""
                  r"[a-z]+_(?:json|ms))(?![\w`(])")
MADE_BY = "<!-- Made by sdk/reference/generate.py from the comments of sdk/include/atrium/abi.h. -->\n"


@dataclasses.dataclass
class Function:
    name: str
    signature: str
    threads: str
    paragraphs: list
    failures: list  # (codes, when)


@dataclasses.dataclass
class Interface:
    name: str
    title: str       # of its section in the header
    define: str      # the macro of its id; empty for the tables that are not fetched
    id: str
    about: str
    types: str       # what its functions are declared with, as the header has it
    functions: list


def words(comment):
    """A comment's lines without their margin, joined; an empty line stays as a paragraph's end."""
    lines = [re.sub(r"^\s*\* ?", "", line).strip() for line in comment.strip().split("\n")]
    return "\n".join(" ".join(paragraph.split("\n")) for paragraph in "\n".join(lines).split("\n\n"))


def function(name, code, comment):
    lines = [re.sub(r"^\s*\* ?", "", line).strip() for line in (comment or "").strip().split("\n")]
    failures = []
    text = []
    for line in lines:
        if found := re.match(r"(ATRIUM_E_\w+): (.*)", line):
            failures.append(found.groups())
        elif failures:
            failures[-1] = (failures[-1][0], f"{failures[-1][1]} {line}")
        else:
            text.append(line)
    marked = re.match(r"\[([a-z|]+)\] ?(.*)", "\n".join(text), re.S)
    threads, text = marked.groups() if marked else ("", "\n".join(text))
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip()]
    return Function(name, re.sub(r"\n\s*", "\n    ", code.strip()), threads, paragraphs, failures)


def interfaces(header):
    """Each table of functions that begins with its size and is not a struct of one interface's own."""
    sections = [(found.end(), found[1]) for found in SECTION.finditer(header)]
    made, since = [], header.index("struct atrium_host {")
    for table in TABLE.finditer(header):
        functions = [function(slot["name"], slot["code"], slot["comment"]) for slot in SLOT.finditer(table["body"])]
        if not functions or table["name"] == "exchange":
            continue
        before = [(end, title) for end, title in sections if end < table.start()]
        start, title = before[-1] if before else (since, "What every plugin is given")
        between = header[max(start, since):table.start()]
        since = table.end()
        define = re.search(r'^#define (ATRIUM_\w+) "(atrium\.[^"]+)"\n', between, re.M)
        between = re.sub(r"^#define ATRIUM_\w+ .*\n", "", between, flags=re.M).strip()
        about = ""
        if last := re.search(r"/\*((?:(?!\*/).)*)\*/\Z", between, re.S):  # the comment that stands above the table
            about, between = words(last[1]), between[:last.start()].strip()
        macro, id = define.groups() if define else ("", "")
        made.append(Interface(table["name"], title, macro, id, about, between, functions))
    return made


def marked(text):
    """Names of the contract in code type."""
    return re.sub(NAME, r"`\1`", text).replace("<", "&lt;")


def rules(header):
    """The rules at the header's head by their names; of THREADS what each mark means."""
    found = re.findall(r"^ \* ([A-Z]{4,}) +(.*(?:\n \*  +.*)*)", COMMENT.search(header)[1], re.M)
    texts = {name: re.sub(r"\n \* +", "\n", text) for name, text in found}
    threads = dict(re.findall(r"^\[(\w+)\] +(.*)$", texts["THREADS"], re.M))
    return {**{name: text.replace("\n", " ") for name, text in texts.items()}, "THREADS": threads}


def threads_of(mark, meanings):
    return "; or ".join(f"`[{one}]` {marked(meanings[one].rstrip('.;'))}" for one in mark.split("|"))


def page(interface, meanings):
    out = [f"# atrium.{interface.name}" if interface.define else f"# struct atrium_{interface.name}", "", MADE_BY,
           f"{interface.title}.", ""]
    if interface.define:
        out += [f"Id `{interface.id}`, in C `{interface.define}`: "
                f"`const atrium_{interface.name} *table = host->get(host, {interface.define});`", ""]
    if interface.about:
        out += [marked(interface.about), ""]
    out += ["| function | threads |", "|---|---|"]
    out += [f"| [`{one.name}`](#{one.name}) | {one.threads.replace('|', ', ')} |" for one in interface.functions]
    if interface.types:
        out += ["", "## Types", "", "```c", interface.types, "```"]
    for one in interface.functions:
        out += ["", f"## {one.name}", "", "```c", one.signature, "```", ""]
        out.append(f"Threads: {threads_of(one.threads, meanings)}.")
        for paragraph in one.paragraphs:
            out += ["", marked(paragraph)]
        if one.failures:
            out += ["", "| fails with | when |", "|---|---|"]
            out += [f"| `{code}` | {marked(when.rstrip('.'))} |" for code, when in one.failures]
    return "\n".join(out) + "\n"


def index(header, found, head):
    out = ["# Reference", "", MADE_BY,
           "The C interface between the kernel and a plugin, `atrium/abi.h`; on top of it the [C++ headers](cpp.md).",
           "How a plugin is written stands in [the guide](../writing-plugins.md).", "", "## Rules", ""]
    for name, text in head.items():
        if name == "THREADS":
            out += ["- **Threads.**", *(f"  - {threads_of(mark, text)}" for mark in text)]
        else:
            out.append(f"- **{name.capitalize()}.** {marked(text.strip())}")
    out += ["", "## Interfaces", "", "| page | |", "|---|---|"]
    for one in found:
        name = f"atrium.{one.name}" if one.define else f"struct atrium_{one.name}"
        out.append(f"| [`{name}`]({one.name}.md) | {one.title}: " +
                   ", ".join(f"[`{each.name}`]({one.name}.md#{each.name})" for each in one.functions) + " |")
    types = header[header.index("#define ATRIUM_ABI_MINOR"):header.index("struct atrium_host {")].strip()
    out += ["", "## Types of all interfaces", "", "```c", types, "```"]
    return "\n".join(out) + "\n"


def pages(header):
    found, head = interfaces(header), rules(header)
    return {"README.md": index(header, found, head),
            **{f"{one.name}.md": page(one, head["THREADS"]) for one in found}}
