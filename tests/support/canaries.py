"""Values made to be searched for: in answers, in the data folder, in PostgreSQL's tables and in its write-ahead log."""
import base64
import contextlib
import os
import secrets
import subprocess
import urllib.parse


class Canaries:
    """The values; and `mark`, to be stored openly beside them: a search that does not see it proves nothing."""

    def __init__(self):
        self.values, self.mark = [], "open" + secrets.token_hex(24)

    def new(self):
        # Letters that JSON and URLs leave as they are, so that the plain search finds every such spelling too.
        return self.add("canary" + secrets.token_hex(24))

    def add(self, value):
        self.values.append(value)
        return value

    def spellings(self):
        for value in self.values:
            raw = value.encode()
            yield raw
            yield raw.hex().encode()
            # Base64 of the value at each of the three places where it may begin in a longer text.
            for shift in range(3):
                text = base64.b64encode(b"\0" * shift + raw)
                yield text[4 if shift else 0:-4]

    def in_(self, where, content):
        content = content if isinstance(content, bytes) else content.encode()
        found = [spelling for spelling in self.spellings() if spelling in content or spelling.upper() in content]
        assert not found, f"{len(found)} spellings of secret values are in {where}"

    def absent(self, where, contents):
        """Of several (name, content), none holds a value, though one holds the mark."""
        seen = False
        for name, content in contents:
            self.in_(f"{name} of {where}", content)
            seen = seen or self.mark.encode() in content
        assert seen, f"the mark is not in {where}"

    def in_answers(self, client, *paths):
        for path in paths:
            answer = client.get(path)
            assert answer.status_code == 200, f"{path}: {answer.text}"
            self.in_(path, answer.content)


# What shows every admin how things are, and what leaves the house as a file.
OVERVIEWS = ("/settings", "/settings/health", "/plugins", "/openapi.json", "/health", "/admin/audit",
             "/admin/audit/export", "/admin/audit/export?format=csv")


def kept(canaries, server, when):
    """The data folder with database, WAL and objects; and PostgreSQL's dump."""
    files = [file for file in server.data.rglob("*") if file.is_file() and not file.is_symlink()]
    contents = [(file.name, file.read_bytes()) for file in files]
    if url := server.environment.get("ATRIUM_DATABASE_URL"):
        contents.append(("the dump", _dump(url)))
    canaries.absent(f"the data {when}", contents)


def _dump(url):
    parts = urllib.parse.urlsplit(url)
    place = parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}").geturl()
    return subprocess.run(["pg_dump", "--dbname", place], env={**os.environ, "PGPASSWORD": parts.password},
                          capture_output=True, check=True).stdout


class WriteAheadLog:
    """What the cluster writes into its pg_wal while it is open; a replication slot keeps every segment until then."""

    def __init__(self, url):
        import psycopg2

        self.connection = psycopg2.connect(url)
        self.connection.autocommit = True
        self.slot = "canaries_" + secrets.token_hex(6)

    def __enter__(self):
        self._ask("SELECT pg_create_physical_replication_slot(%s, true)", self.slot)
        self.first = self._ask("SELECT pg_walfile_name(pg_current_wal_lsn())")
        return self

    def __exit__(self, *_):
        with contextlib.closing(self.connection):
            self._ask("SELECT pg_drop_replication_slot(%s)", self.slot)

    def segments(self):
        """The name and the bytes of each, the oldest first."""
        last = self._ask("SELECT pg_walfile_name(pg_current_wal_lsn())")
        names = self._ask("SELECT array_agg(name ORDER BY name) FROM pg_ls_waldir() WHERE name BETWEEN %s AND %s",
                          self.first, last)
        assert names[0] == self.first and names[-1] == last
        for name in names:
            yield name, bytes(self._ask("SELECT pg_read_binary_file('pg_wal/' || %s)", name))

    def _ask(self, statement, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone()[0]


@contextlib.contextmanager
def absent_from_wal(canaries, url):
    """On PostgreSQL, nothing that the cluster logs meanwhile holds one of the values."""
    if not url:
        yield
        return
    with WriteAheadLog(url) as log:
        yield
        canaries.absent("pg_wal", log.segments())
