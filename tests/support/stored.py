"""What lies in a server's database, read past the server: by the tests that must know."""
import contextlib
import sqlite3


@contextlib.contextmanager
def connected(server):
    if url := server.environment.get("ATRIUM_DATABASE_URL"):
        import psycopg2

        connection = psycopg2.connect(url)
    else:
        connection = sqlite3.connect(server.data / "atrium.db", timeout=60)
    with contextlib.closing(connection):
        yield connection


def run(server, sql, *values):
    """One statement with %s for its parameters, committed; its rows, or how many it changed."""
    with connected(server) as connection:
        cursor = connection.cursor()
        cursor.execute(sql if server.environment.get("ATRIUM_DATABASE_URL") else sql.replace("%s", "?"), values)
        answer = cursor.fetchall() if cursor.description else cursor.rowcount
        connection.commit()
        return answer


def audited(server, resource, id):
    """The actions and actors of a resource's audit rows, oldest first."""
    return run(server, "SELECT action, actor_kind, actor_id FROM audit WHERE resource = %s AND resource_id = %s "
                       "ORDER BY sequence", resource, id)
