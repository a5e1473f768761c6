"""One real Postgres for each process of the run, migrated once, cloned for whoever needs its own.

`PLACET_TEST_DATABASE_URL` names another server by its admin's URL (15 to 18); without it the
embedded one is used. Every test works in a tenant of its own.
"""

import asyncio
import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack
from datetime import datetime
from os import environ
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from placet.kernel.clock import Clock, SystemClock
from placet.kernel.ids import Ids, SystemIds, TenantId
from placet.kernel.principal import Environment, Principal
from placet.storage.database import Database
from placet.storage.embedded.cluster import ensure
from placet.storage.migrations import upgrade
from placet.storage.roles import initialise
from placet.tenancy import service as tenancy
from placet.tenancy.model import ActorKind, ApiKey, CreateActor, GrantRole, IssueApiKey, Role
from placet.tenancy.rules import parse_key, scopes_given

TEMPLATE = "placet_template"
GIVEN = "PLACET_TEST_DATABASE_URL"
PROCESSES_MAX = 4
ROOM_NEEDED = 2 * 1024**3
PASSWORDS = {
    role: f"test-{role}"
    for role in ("placet_app", "placet_migrator", "placet_auditor", "placet_backup")
}
PATIENCE = {
    "statement_timeout": "60s",
    "lock_timeout": "4s",
    "idle_in_transaction_session_timeout": "60s",
}
"""How long the server waits for the application's role.

By its own times, of 1 to 5 s, a machine that stands still for a moment loses transactions that
nothing is wrong with. They are tested where the roles are, and on servers of their own.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C mean what it means, and byte code be kept, for the tests and all that they start.

    In the background job of a shell Ctrl-C is ignored, and so it would be in every child. Where
    Python is told to keep no byte code, each child would compile all that it imports again: what
    is kept for them lies in a folder that ends with the run.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if GIVEN in environ and config.getoption("numprocesses", None):
        wrong = f"one process for the server of {GIVEN}: leave out --numprocesses"
        raise pytest.UsageError(wrong)
    if environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        kept = tempfile.mkdtemp(prefix="placet-byte-code-")
        config.add_cleanup(lambda: shutil.rmtree(kept, ignore_errors=True))
        environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = kept
        sys.dont_write_bytecode = False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Tell how many processes share the tests: each has a Postgres of its own.

    A part of them is run in this process, and so are all on one core or on a server that is given.
    """
    is_whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if not is_whole or GIVEN in environ:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return 0 if cores in {1, None} else min(cores, PROCESSES_MAX)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the collector rest while tests are collected: nearly all that is made there stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Keep the collector from all that stays until the end: modules, tests, their parameters.

    Of what comes later, most is let go without it, so it looks seldom.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def roomy_folder() -> Path:
    """Return where the tests' servers keep their data: in memory, where writing waits for no disk.

    What a kill of a process leaves is the same there. Without room in it, on the disk.
    """
    memory, disk = Path("/dev/shm"), Path("/var/tmp")  # noqa: S108 -- each run makes folders of its own there, which the server's own user can enter
    needed = ROOM_NEEDED * int(environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > needed
    return memory if roomy else disk


class Server:
    """A Postgres server to test on: where its admin and its roles connect."""

    def __init__(self, admin_url: str) -> None:
        """Stand on an admin's URL of any database of the server."""
        self.admin_url = admin_url

    def url(self, role: str, database: str) -> str:
        """Return where a role connects to a database."""
        parts = urlsplit(self.admin_url)
        place = f"{role}:{PASSWORDS[role]}@{parts.hostname}:{parts.port or 5432}"
        return urlunsplit(parts._replace(netloc=place, path=f"/{database}"))

    def admin(self, database: str) -> str:
        """Return where the admin connects to a database."""
        return urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{database}"))

    async def run(self, *statements: str) -> None:
        """Run statements as the admin, each on its own."""
        connection = await asyncpg.connect(self.admin("postgres"))
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    def clone(self, source: str, name: str) -> None:
        """Make a database that is a copy of another. Blocking."""
        asyncio.run(self.run(*self.cloning(source, name)))

    def cloning(self, source: str, name: str) -> tuple[str, ...]:
        """Return the statements that copy a database, with what a copy leaves behind."""
        return (
            f'CREATE DATABASE "{name}" TEMPLATE "{source}" OWNER placet_owner',
            f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC',
            f'GRANT CONNECT ON DATABASE "{name}" TO {", ".join(PASSWORDS)}',
            *(
                f"ALTER ROLE placet_app IN DATABASE \"{name}\" SET {limit} = '{wait}'"
                for limit, wait in PATIENCE.items()
            ),
        )


@pytest.fixture(scope="session")
def ids() -> Ids:
    return SystemIds()


@pytest.fixture(scope="session")
def clock() -> Clock:
    return SystemClock()


@pytest.fixture(scope="session")
def server(ids: Ids) -> Iterator[Server]:
    with ExitStack() as stack:
        given = environ.get(GIVEN)
        if given is None:
            folder = roomy_folder() / f"placet-test-{ids.new().hex}"
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            cluster = stack.enter_context(ensure(folder))
            given = cluster.url("postgres", "postgres")
        yield Server(given)


@pytest.fixture(scope="session")
def template(server: Server, ids: Ids) -> Iterator[str]:
    """A migrated database that nobody connects to: what the others are copied from."""
    name = f"{TEMPLATE}_{ids.new().hex[-8:]}"
    asyncio.run(initialise(server.admin_url, PASSWORDS, database=name))
    upgrade(server.url("placet_migrator", name))
    yield name
    asyncio.run(server.run(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def database_name(server: Server, template: str, ids: Ids) -> Iterator[str]:
    """The database that most tests share, each in a tenant of its own."""
    name = f"placet_test_{ids.new().hex[-8:]}"
    server.clone(template, name)
    yield name
    asyncio.run(server.run(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def database_url(server: Server, database_name: str) -> str:
    """Where the application's role connects to the shared database."""
    return server.url("placet_app", database_name)


@pytest.fixture
async def fresh_database_url(server: Server, template: str, ids: Ids) -> AsyncIterator[str]:
    """Where the application's role connects to a database that this test has for itself."""
    name = f"placet_own_{ids.new().hex[-8:]}"
    await server.run(*server.cloning(template, name))
    yield server.url("placet_app", name)
    await server.run(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
async def db(database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(database_url)
    yield database
    await database.close()


class Workplace:
    """A fresh tenant: its founder, who has every role, and a way to more principals."""

    def __init__(self, db: Database, ids: Ids, founder: Principal, founder_key: str) -> None:
        """Hold the founder and the text of its key, which carries every scope of a person."""
        self.founder = founder
        self.founder_key = founder_key
        self.tenant_id: TenantId = founder.tenant_id
        self._db = db
        self._ids = ids

    async def agent(
        self,
        agent: str,
        environment: Environment,
        *roles: Role,
        expires_at: datetime | None = None,
    ) -> tuple[Principal, str]:
        """Return a new agent's principal and the text of its key, with what its roles give."""
        async with self._db.writing(self.founder) as tx:
            actor = await tenancy.create_actor(
                tx, CreateActor(kind=ActorKind.AGENT, name=agent), self._ids
            )
            for role in roles:
                await tenancy.grant_role(
                    tx, GrantRole(actor_id=actor.actor_id, role=role), self._ids
                )
            issued = await tenancy.issue_key(
                tx,
                IssueApiKey(
                    actor_id=actor.actor_id,
                    name="runtime",
                    scopes=sorted(scopes_given(actor, roles)),
                    agent=agent,
                    environment=environment,
                    expires_at=expires_at,
                ),
                self._ids,
            )
        assert issued.api_key is not None
        return _principal(issued.key, issued.api_key), issued.api_key

    async def person(self, name: str, *roles: Role) -> tuple[Principal, str]:
        """Return a new person's principal and a key with all that its roles give."""
        async with self._db.writing(self.founder) as tx:
            actor = await tenancy.create_actor(
                tx, CreateActor(kind=ActorKind.PERSON, name=name), self._ids
            )
            for role in roles:
                await tenancy.grant_role(
                    tx, GrantRole(actor_id=actor.actor_id, role=role), self._ids
                )
            issued = await tenancy.issue_key(
                tx,
                IssueApiKey(
                    actor_id=actor.actor_id,
                    name="key",
                    scopes=sorted(scopes_given(actor, roles)),
                ),
                self._ids,
            )
        assert issued.api_key is not None
        return _principal(issued.key, issued.api_key), issued.api_key


async def found(db: Database, ids: Ids) -> Workplace:
    """Found a tenant whose founder has every role."""
    async with db.writing(tenancy.founder(ids)) as tx:
        created = await tenancy.create_tenant(tx, "a tenant of its own", ids, roles=list(Role))
    return Workplace(db, ids, _principal(created.key, created.api_key), created.api_key)


def _principal(key: ApiKey, text: str) -> Principal:
    parsed = parse_key(text)
    assert parsed is not None
    return Principal(
        tenant_id=key.tenant_id,
        actor_id=key.actor_id,
        key_id=key.key_id,
        secret_hash=parsed.secret_hash,
        scopes=frozenset(key.scopes),
        agent=key.agent,
        environment=key.environment,
    )


@pytest.fixture
async def workplace(db: Database, ids: Ids) -> Workplace:
    """A tenant that this test has for itself."""
    return await found(db, ids)


@pytest.fixture
def tenant(workplace: Workplace) -> Principal:
    """The founder of a fresh tenant: every role, every scope that a person may have."""
    return workplace.founder
