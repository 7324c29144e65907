"""The reference page of the C++ headers: each one's purpose, and what it declares, with the comments of both."""
import dataclasses
import re

MADE_BY = "<!-- Made by sdk/reference/generate.py from the comments of sdk/include/atrium/*.hpp. -->\n"
TOKEN = re.compile(r"""(?P<doc>///[^\n]*)|//[^\n]*|/\*.*?\*/|"""
                   r"""R"(?P<mark>\w*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])'|"""
                   r"""[{}();\[\]]|[^/"'{}();\[\]R]+|.""", re.S)
TYPE = re.compile(r"^(?:template ?<.*?> ?(?:requires .*?)?)?(?:class|struct|enum class|enum) (?!.*\()")
# Friends, destructors, moves; specialisations, definitions of what was declared; a coroutine's joints; descriptions.
NOT_SHOWN = re.compile(r"^(friend|using namespace|static_assert|~|virtual ~)|= (delete|default)$|^(\w+)\(\3 ?&&|operator=\(|"
                       r"(struct|class) \w+<.*>$|^[^(=]*\w::\w+\(|await_|promise_type|members = ")


@dataclasses.dataclass
class Declaration:
    doc: str
    code: str
    body: str = ""  # of a type or namespace


def declarations(text):
    """What stands at the outermost level of a piece of C++, bodies of functions left out."""
    made, doc, code, body, depth, braces = [], [], "", "", 0, 0
    in_body, keep = False, False

    def end():
        nonlocal doc, code, body, in_body
        if plain := " ".join(code.split()):
            made.append(Declaration(" ".join(doc), plain, body))
        doc, code, body, in_body = [], "", "", False

    for found in TOKEN.finditer(text):
        token = found[0]
        if found["doc"] and not in_body:
            if token.startswith("///<"):
                if made and not code.strip():
                    made[-1].doc = " ".join([made[-1].doc, token[4:].strip()]).strip()
            elif not code.strip() or code.strip().endswith(":"):
                doc.append(token[3:].strip())
            continue
        if in_body:
            braces += {"{": 1, "}": -1}.get(token, 0)
            if braces:
                body += token if keep else ""
                continue
            in_body = False
            goes_on = text[found.end():].lstrip().startswith(("{", ","))  # the initialisers of a constructor
            if code.strip().startswith("namespace") or (is_function and not goes_on):
                end()
            continue
        if token.startswith(("//", "/*")):
            continue
        if token == "{" and depth == 0:
            plain = " ".join(code.split())
            plain = re.sub(r"^(?:public|private|protected): ?", "", plain)
            keep = plain.startswith("namespace") or bool(TYPE.match(plain))
            is_value = re.search(r"\w = ", re.sub(r"\(.*\)|<.*?>", "", plain))
            is_function = not keep and "(" in plain and not is_value
            in_body, braces, body = True, 1, ""
            continue
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token, 0)
        if token == ";" and depth == 0:
            end()
        else:
            code += token
    return made


def signature(code):
    code = re.sub(r"^(?:inline|constexpr|virtual|static constexpr auto) |(?<=> )inline ", "", code)
    return re.sub(r"\)((?: const| noexcept)*) ?: (?!:).*$", r")\1", code).strip()


def members(declaration):
    public = not re.search(r"\bclass ", declaration.code) or "enum class" in declaration.code
    for one in declarations(declaration.body):
        while label := re.match(r"(public|private|protected): ?", one.code):
            public, one.code = label[1] != "private", one.code[label.end():]
        if public and one.code and not NOT_SHOWN.search(signature(one.code)):
            yield one


def lines_of(declaration, margin=""):
    shown = signature(declaration.code)
    if "enum" in shown.split(" ")[:1]:
        shown += " { " + " ".join(re.sub(r"///<.*|//.*", "", declaration.body).split()) + " }"
    yield f"{margin}- `{shown}`" + (f": {declaration.doc}" if declaration.doc else "")
    if declaration.body and "enum" not in shown.split(" ")[:1]:
        for one in members(declaration):
            yield from lines_of(one, margin + "  ")


def public_of(text):
    for one in declarations(text):
        if re.match(r"namespace (?!detail)[\w:]+$", one.code):
            yield from public_of(one.body)
        elif not one.code.startswith("namespace") and not NOT_SHOWN.search(signature(one.code)):
            yield one


def page(headers):
    out = ["# C++ headers", "", MADE_BY, "Header-only C++20 on top of [the C interface](README.md); a plugin includes "
           "`<atrium/plugin.hpp>`, which brings most of them, and `<atrium/entry.hpp>` comes with it.", ""]
    for header in headers:
        text = header.read_text()
        purpose = re.search(r"#pragma once\n((?://.*\n)+)", text)[1]
        out += [f"## atrium/{header.name}", ""]
        for paragraph in re.split(r"\n//\n", purpose.strip()):
            lines = [re.sub(r"^// ?", "", line) for line in paragraph.split("\n")]
            code = [line for line in lines if line.startswith("  ")]
            out += ["```text", *code, "```", ""] if code == lines else [" ".join(lines), ""]
        for doc, macro in re.findall(r"^/// (.*)\n#define (\w+\(.*?\))", text, re.M):
            out.append(f"- `{macro}`: {doc}")
        text = re.sub(r"^#.*?(?<!\\)$", "", text, flags=re.M | re.S)
        for one in public_of(text):
            out += lines_of(one)
        out.append("")
    return "\n".join(out).rstrip() + "\n"
