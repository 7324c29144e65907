"""Real texts for a knowledge base, and the quickest way to get them there: the comments of this machine's headers."""
import itertools
import json
import pathlib
import re
import socket
from concurrent.futures import ThreadPoolExecutor

COMMENTS = re.compile(r"/\*(.*?)\*/|((?:^[ \t]*//[^\n]*\n)+)", re.S | re.M)
MARKS = re.compile(r"(?m)^\s*(\*|//+[!<]?)")
CLIENTS, PATIENCE = 16, 60


def comments():
    """Every comment of some length once, in the order of the files."""
    seen = set()
    for path in sorted(pathlib.Path("/usr/include").rglob("*.h*")):
        for comment in COMMENTS.finditer(path.read_text(errors="ignore")):
            text = re.sub(r"\s+", " ", MARKS.sub("", comment[1] or comment[2] or "")).strip()[:4000]
            if len(text) >= 60 and text not in seen:
                seen.add(text)
                yield text


def real_texts(most):
    """So many different texts. Where there are not as many comments, the rest are two that follow each other."""
    texts = list(itertools.islice(comments(), most))
    assert len(texts) * 2 > most, f"only {len(texts)} texts in /usr/include"
    return texts + [f"{one}\n\n{other}" for one, other in itertools.islice(zip(texts, texts[1:]), most - len(texts))]


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
