"""Real texts for a knowledge base, out of this machine's headers, modules, documents and manuals, and the quickest way
to get them there."""
import gzip
import itertools
import json
import pathlib
import re
import socket
import zlib
from concurrent.futures import ThreadPoolExecutor

COMMENTS = re.compile(r"/\*(.*?)\*/|((?:^[ \t]*//[^\n]*\n)+)", re.S | re.M)
MARKS = re.compile(r"(?m)^\s*(\*|//+[!<]?)")
DOCSTRINGS = re.compile(r'^[ \t]*(?:def|class) [^\n]*:[ \t]*\n\s*r?"""(.*?)"""', re.S | re.M)
REQUESTS = re.compile(r"""(?m)^[.'].*|\\f[^(\[]|\\f\[\w*\]|\\&""")  # what tells a manual's typesetter how, not what
PARAGRAPHS = re.compile(r"\n\s*\n")
LEAST, MOST = 60, 4000  # characters
CLIENTS, PATIENCE = 16, 60


def comments():
    """Of the headers."""
    for path in _files("/usr/include", "*.h*"):
        for comment in COMMENTS.finditer(_read(path)):
            yield MARKS.sub("", comment[1] or comment[2] or "")


def docstrings():
    """Of Python's own modules and of what is installed for it."""
    for folder in sorted(pathlib.Path("/usr/lib").glob("python3*")):
        for path in _files(folder, "*.py"):
            yield from DOCSTRINGS.findall(_read(path))


def documents():
    """The paragraphs of what the packages have to say."""
    for path in _files("/usr/share/doc", "*"):
        yield from PARAGRAPHS.split(_read(path))


def manuals():
    """The passages between two requests for another paragraph."""
    for path in _files("/usr/share/man", "*.gz"):
        for passage in re.split(r"(?m)^\.[PLTIS][PH].*", _read(path)):
            yield REQUESTS.sub("", passage).replace("\\-", "-")


def all_texts():
    """Every text of this machine once, if it has some length, always in the same order."""
    seen = set()
    for raw in itertools.chain(comments(), docstrings(), documents(), manuals()):
        text = re.sub(r"\s+", " ", raw).strip()[:MOST]
        if len(text) >= LEAST and text not in seen:
            seen.add(text)
            yield text


def real_texts(most):
    """So many different texts that somebody wrote."""
    found = list(itertools.islice(all_texts(), most))
    assert len(found) == most, f"only {len(found)} texts on this machine"
    return found


def _files(folder, pattern):
    return (path for path in sorted(pathlib.Path(folder).rglob(pattern)) if path.is_file())


def _read(path):
    """A text, compressed or not; nothing of what is none."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error):
        return ""
    return "" if b"\0" in content else content.decode(errors="ignore")


def load(server, token, texts):
    """An entry for each text, stored in whatever order the clients come in."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda first: add(server, token, map(entry, texts[first::CLIENTS])), range(CLIENTS)))


def entry(text):
    return {"title": text[:40], "content": text}


def add(server, token, entries):
    """One after the other."""
    head = (f"POST /api/v1/knowledge HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: ").encode()
    with socket.create_connection(server.address, PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for members in entries:
            body = json.dumps(members).encode()
            connection.sendall(b"%s%d\r\n\r\n%s" % (head, len(body), body))
            status, said = answer(connection)
            assert status == 201, said


def answer(connection):
    """The status and the body of a whole answer with a length."""
    read = connection.recv(65536)
    while (end := read.find(b"\r\n\r\n")) < 0:
        read += _more(connection)
    size = int(re.search(rb"(?i)content-length: (\d+)", read[:end])[1])
    while len(read) < end + 4 + size:
        read += _more(connection)
    return int(read[9:12]), read[end + 4:]


def _more(connection):
    piece = connection.recv(1 << 20)
    assert piece, "the server hung up"
    return piece
