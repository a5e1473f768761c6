"""Each promise of erasure is broken by a database that has one guard less, and seen to be."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import httpx
import pytest
from litestar import Litestar
from tests.audit.erasures.ended import ended, erase, spoken, stands_in, told
from tests.conftest import Server, found
from tests.replay.desk import Desk, Worker
from tests.server.conftest import started

from placet.audit.erasures import store
from placet.audit.erasures.model import BodiesErased, ErasureWhy
from placet.authority.server_keys import ServerKeys
from placet.events.model import new_event
from placet.kernel.ids import Ids
from placet.kernel.refusals import Refusal
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database
from placet.storage.functions import statements

ERASE: Final = ("placet.events", "event_erase_v1")
FORGET: Final = ("placet.replay", "session_forget_v1")
SNAPSHOTS: Final = """\
    DELETE FROM placet.replay_session_snapshot AS n
    WHERE n.tenant_id = p_tenant AND n.session_id = p_session;
"""
TELLS: Final = """\
    PERFORM placet.event_append_v1(
        placet.tenant_stream_v1(v_tenant, 'erasures'), 'erasures', p_actor,
        ARRAY[p_event], ARRAY['BodiesErased'], ARRAY[p_salt], ARRAY[p_body]);
"""


@dataclass(frozen=True)
class Mutant:
    """A text of a file of functions that is replaced, and the promise that it breaks."""

    source: tuple[str, str]
    old: str
    new: str
    breaks: str
    unforced: bool = False


MUTANTS: Final[Mapping[str, Mutant]] = {
    "the event is left out": Mutant(ERASE, TELLS, "", "told"),
    "an open session is erased": Mutant(ERASE, "THEN 'open'", "THEN 'session'", "open refused"),
    "an unsettled one is erased": Mutant(
        ERASE, "THEN 'unsettled'", "THEN 'session'", "unsettled refused"
    ),
    "snapshots are left": Mutant(FORGET, SNAPSHOTS, "", "snapshots gone"),
    "outputs are left": Mutant(FORGET, "r.receipt_id = ANY (v_receipts)", "false", "copies gone"),
    "arguments are left": Mutant(FORGET, "SET arguments = '{}'::bytea, ", "SET ", "copies gone"),
    "answers are left": Mutant(
        ERASE, "n.stream_id = p_stream AND a.tenant_id = n.tenant_id", "false", "answers gone"
    ),
    "bodies are left": Mutant(
        ERASE,
        "b.stream_id = p_stream AND b.seq = ANY (p_seqs);\n    PERFORM placet.folds",
        "false;\n    PERFORM placet.folds",
        "copies gone",
    ),
    "another tenant's is erased": Mutant(
        ERASE,
        "v_tenant uuid := placet.tenant();",
        "v_tenant uuid := (SELECT s.tenant_id FROM placet.replay_session AS s"
        " WHERE s.session_id = p_stream);",
        "strangers refused",
        unforced=True,
    ),
}


@pytest.fixture(scope="module")
async def own_name(server: Server, template: str, ids: Ids) -> AsyncIterator[str]:
    """A database whose functions these tests change."""
    name = f"placet_mutants_{ids.new().hex[-8:]}"
    await server.run(*server.cloning(template, name))
    yield name
    await server.run(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
async def own_app(
    server: Server, own_name: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Litestar]:
    """A service on that database."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("mutants"))
    async with started(create_app(settings, server.url("placet_app", own_name))) as made:
        yield made


@pytest.fixture(scope="module")
async def own_db(server: Server, own_name: str) -> AsyncIterator[Database]:
    database = await Database.open(server.url("placet_app", own_name))
    yield database
    await database.close()


@pytest.fixture
async def admin(server: Server, own_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(own_name))
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def desks(own_app: Litestar, own_db: Database, ids: Ids) -> AsyncIterator[tuple[Desk, Desk]]:
    """Two tenants, each with a desk."""
    transport = httpx.ASGITransport(app=own_app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
    async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as client:
        made = [Desk(client, own_db, ids, await found(own_db, ids)) for _ in range(2)]
        await made[0].approve(own_app.state[ServerKeys.__name__])
        yield made[0], made[1]


async def broken(desks: tuple[Desk, Desk], admin: "asyncpg.Connection[Any]") -> set[str]:
    """Return the promises that this database breaks."""
    desk, stranger = desks
    text = f"{desk.ids.new().hex}@example.org"
    worker = await ended(desk, text)
    await desk.post(f"{worker.path}/snapshots", {}, desk.operator_key)
    promises = {
        "strangers refused": await called(stranger, worker) == "unknown",
        "open refused": await is_refused(desk, await spoken(desk)),
        "unsettled refused": await is_refused(desk, await unsettled(desk)),
    }
    before = len(await told(desk))
    await erase(desk, worker.session_id)
    listed = await desk.get(f"{worker.path}/snapshots", desk.operator_key)
    kept = await admin.fetchval(
        "SELECT count(*) FROM placet.idempotency_answer"
        " WHERE strpos(encode(body, 'escape'), $1) > 0",
        str(worker.session_id),
    )
    promises |= {
        "told": len(await told(desk)) == before + 1,
        "copies gone": await stands_in(admin, text) == set(),
        "snapshots gone": listed.json()["items"] == [],
        "answers gone": kept == 0,
    }
    return {name for name, is_kept in promises.items() if not is_kept}


async def is_refused(desk: Desk, worker: Worker) -> bool:
    try:
        await erase(desk, worker.session_id)
    except (Refusal, asyncpg.PostgresError):
        return True
    return False


async def called(desk: Desk, worker: Worker) -> str:
    """Call the function itself for a session, as whoever has the application's role can."""
    said = BodiesErased(
        erasure_id=desk.ids.new(),
        stream_id=worker.session_id,
        from_seq=1,
        to_seq=1,
        count=1,
        why=ErasureWhy.SUBJECT,
        reason="none of theirs",
    )
    async with desk.db.writing(desk.workplace.founder) as tx:
        return await store.erase(tx, said, [1], new_event(desk.ids, said))


async def unsettled(desk: Desk) -> Worker:
    """Return the worker of a session that was killed with a call under way."""
    worker = await spoken(desk)
    await worker.propose(("note", {"text": "b"}))
    await worker.post("kill", {"reason": "enough"}, desk.operator_key)
    return worker


async def replace(admin: "asyncpg.Connection[Any]", mutant: Mutant, *, is_on: bool) -> None:
    """Put a mutant in the place of the functions of its file, or take it back."""
    before = "\n$$;\n".join(statements(*mutant.source))
    assert mutant.old in before, mutant.breaks
    for text in statements(*mutant.source):
        changed = text.replace(mutant.old, mutant.new) if is_on else text
        await admin.execute(changed.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))
    if mutant.unforced:
        force = "NO FORCE" if is_on else "FORCE"
        rows = await admin.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'placet'::regnamespace"
            " AND relkind = 'r' AND relrowsecurity"
        )
        for row in rows:
            await admin.execute(f'ALTER TABLE placet."{row["relname"]}" {force} ROW LEVEL SECURITY')


async def test_the_database_as_it_is_keeps_every_promise(
    desks: tuple[Desk, Desk], admin: "asyncpg.Connection[Any]"
) -> None:
    assert await broken(desks, admin) == set()


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_database_with_one_guard_less_breaks_its_promise(
    desks: tuple[Desk, Desk], admin: "asyncpg.Connection[Any]", name: str
) -> None:
    mutant = MUTANTS[name]
    await replace(admin, mutant, is_on=True)
    try:
        assert mutant.breaks in await broken(desks, admin)
    finally:
        await replace(admin, mutant, is_on=False)
