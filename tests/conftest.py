import contextlib
import pathlib
import secrets

import pytest

from support import accounts, events, postgresql
from support.program import STORES, Atrium


@pytest.fixture(scope="session")
def postgresql_cluster():
    """The URL of a PostgreSQL superuser: packaging/check's, or a cluster of this run's own."""
    with postgresql.cluster() as url:
        yield url


@pytest.fixture(scope="session")
def bucket():
    """The objects.url of a bucket on a real S3 gateway: packaging/check's, or one of this run's own."""
    from support import ceph

    with ceph.gateway() as url:
        yield url


@pytest.fixture(scope="session", params=STORES)
def store(request):
    return request.param


@pytest.fixture(scope="session")
def store_environment(request, store):
    with postgresql.environment(request, store) as environment:
        yield environment


@pytest.fixture(scope="session")
def server(store_environment, store, tmp_path_factory):
    """The real program on each store in turn, shared by the tests; `server.admin` may do everything."""
    with Atrium(tmp_path_factory.mktemp(store), store_environment) as program:
        program.store = store
        program.admin = accounts.first_admin(program)
        yield program


@contextlib.contextmanager
def servers(folder, environment):
    """make(*ARGUMENTS, **ENVIRONMENT): each in a folder of its own; all are stopped in the end."""
    made = []

    def make(*arguments, **more):
        program = Atrium(folder / str(len(made)), {**environment, **more}, arguments)
        made.append(program)
        program.start()
        return program

    yield make
    for program in made:
        if program.process:
            program.stop()


@pytest.fixture
def own_server(tmp_path):
    """Makes servers on SQLite for one test alone: own_server(ATRIUM_HTTP_MAX_BODY="1024")."""
    with servers(tmp_path, {}) as make:
        yield make


@pytest.fixture
def own_server_on_each(request, store, tmp_path):
    """As own_server, on each store in turn; on PostgreSQL they share one database."""
    if store == "sqlite":
        with servers(tmp_path, {}) as make:
            yield make
        return
    with postgresql.database(request.getfixturevalue("postgresql_cluster")) as url, \
            servers(tmp_path, {"ATRIUM_DATABASE_URL": url}) as make:
        yield make


@pytest.fixture
def admin(server):
    return server.admin


@pytest.fixture(scope="session")
def member(server):
    return accounts.new_user(server, server.admin, "member")


@pytest.fixture(scope="session")
def viewer(server):
    return accounts.new_user(server, server.admin, "viewer")


@pytest.fixture
def newcomer(server):
    """A member whom no other test knows."""
    return accounts.new_user(server, server.admin, "member")


@pytest.fixture
def anonymous(server):
    return accounts.anonymous(server)


@pytest.fixture
def listen(server, member):
    """listen("task.*"): a subscribed event stream of the member's, closed when the test ends."""
    open_streams = []

    def subscribe(*patterns, token=None):
        stream = events.Events(server, token or member.token, *patterns)
        stream.__enter__()
        open_streams.append(stream)
        return stream

    yield subscribe
    for stream in open_streams:
        stream.__exit__()


@pytest.fixture
def new_agent(member):
    def make(**members):
        answer = member.client.post("/agents", json={"name": "Agent " + secrets.token_hex(4), **members})
        assert answer.status_code == 201, answer.text
        return answer.json()
    return make


@pytest.fixture
def new_task(member):
    def make(**members):
        answer = member.client.post("/tasks", json={"title": "Task " + secrets.token_hex(4), **members})
        assert answer.status_code == 201, answer.text
        return answer.json()
    return make


@pytest.fixture
def new_worker(server, member, admin):
    """A registered worker as (resource, client with its token); approved unless said otherwise."""
    def make(approved=True, **members):
        answer = member.client.post("/workers/register", json={
            "name": "worker-" + secrets.token_hex(4), "hostname": "host.example.org", "ip_address": "192.0.2.7",
            "max_agents": 4, "cpu_cores": 8, "memory_total_mb": 16384, "os_info": "Debian 12", **members})
        assert answer.status_code == 201, answer.text
        worker = answer.json()
        if approved:
            answer = admin.client.patch(f"/admin/workers/{worker['id']}/approve", json={"is_approved": True})
            assert answer.status_code == 200, answer.text
        return worker, accounts.client(server, worker["token"])
    return make


# A test of plugins that this tree does not hold is not collected.
PLUGINS = pathlib.Path(__file__).parent.parent / "plugins"
NEEDS = {
    "api/test_agents.py": ["agents"],
    "api/test_audit_of_changes.py": ["agents", "tasks", "messages", "files", "knowledge", "workers", "secrets", "ssh",
                                     "webhooks"],
    "api/test_audit_refused.py": ["tasks"],
    "api/test_conventions.py": ["agents", "tasks"],
    "api/test_event_stream.py": ["agents", "tasks"],
    "api/test_files.py": ["files", "tasks", "workers"],
    "api/test_knowledge.py": ["knowledge", "agents", "tasks", "workers", "runner", "llm-rehearsal"],
    "api/test_messages.py": ["agents", "messages"],
    "api/test_operations.py": ["agents", "tasks", "messages", "workers", "files", "knowledge", "secrets", "ssh",
                               "webhooks"],
    "api/test_passwords.py": ["tasks"],
    "api/test_runner.py": ["agents", "tasks", "runner", "llm-rehearsal", "tools"],
    "api/test_secrets.py": ["secrets", "tasks", "workers"],
    "api/test_service.py": ["agents", "tasks"],
    "api/test_settings_health.py": ["tasks"],
    "api/test_settings.py": ["agents", "tasks", "runner", "llm-rehearsal", "tools"],
    "api/test_ssh.py": ["ssh", "secrets", "agents", "tasks", "runner", "llm-rehearsal", "workers"],
    "api/test_ssh_times.py": ["ssh", "secrets", "agents", "tasks", "runner", "llm-rehearsal"],
    "api/test_tasks.py": ["agents", "tasks", "workers"],
    "api/test_webhook_times.py": ["webhooks", "secrets", "tasks"],
    "api/test_webhooks.py": ["webhooks", "secrets", "tasks", "workers"],
    "api/test_workers.py": ["agents", "tasks", "workers"],
    "plugins/test_installing.py": ["agents", "messages"],
    "plugins/test_quarantine.py": ["agents"],
    "plugins/test_upgrades.py": ["agents", "messages"],
    "llm/test_embeddings.py": ["knowledge", "llm-openai"],
    "llm/test_hybrid_search.py": ["knowledge", "llm-openai"],
    "llm/test_file_tools.py": ["agents", "tasks", "runner", "llm-openai", "files"],
    "llm/test_openai.py": ["agents", "tasks", "runner", "llm-openai", "tools"],
    "llm/test_prompt_canaries.py": ["agents", "tasks", "runner", "llm-openai", "secrets", "ssh"],
    "cli/test_installation.py": ["agents", "tasks"],
    "cli/test_kernel_commands.py": ["agents", "tasks", "messages"],
    "cli/test_run.py": ["agents", "tasks", "runner", "llm-rehearsal", "tools"],
    "cli/test_usage.py": ["messages"],
    "crash/test_kill.py": ["agents", "tasks", "runner", "llm-rehearsal", "tools"],
    "crash/test_kill_knowledge.py": ["knowledge"],
    "crash/test_kill_webhooks.py": ["webhooks", "secrets", "tasks"],
    "docs/test_guide_plugin.py": ["secrets"],
    "hostile/test_webhook_targets.py": ["webhooks", "secrets", "tasks"],
    "crash/test_kill_rotations.py": ["secrets"],
    "hostile/test_canaries.py": ["secrets"],
    "crash/test_kill_uploads.py": ["files"],
    "packaging/test_debian.py": ["messages", "tools"],
}
collect_ignore = [file for file, plugins in NEEDS.items()
                  if not all((PLUGINS / plugin / "plugin.json").exists() for plugin in plugins)]
