"""Who waits for a tally is held to the clock once more, and holds up nobody who settles."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import asyncpg
import httpx
import pytest
from litestar import Litestar
from tests.conftest import Server, Workplace
from tests.replay.asks.people import AskDesk
from tests.replay.tallies.wide import Bounds, pay, wide

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime
from placet.storage.database import Database

Admin: TypeAlias = "asyncpg.Connection[Any]"
NEAR: Bounds = {"op": "distinct", "path": "$.to", "lte": 9, "window_seconds": 60}
LOCK = """
    SELECT pg_advisory_lock(placet.tally_lock_key_v1(m.tally_id))
    FROM (SELECT DISTINCT tally_id FROM placet.replay_tally_mark WHERE tenant_id = $1) AS m
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = $1"
SOON = "clock_timestamp() + interval '2 seconds'"
SESSION = f"UPDATE placet.replay_session SET {{}} = {SOON}{{}} WHERE session_id = $1"  # noqa: S608 -- a time of ours
ENDS = {
    "lease_lost": SESSION.format("lease_expires_at", ""),
    "authority_expired": SESSION.format("authority_until", ""),
    "session_expired": SESSION.format("created_at", " - interval '1 hour'"),
    "prepared_request_expired": (
        f"UPDATE placet.replay_prepared_request SET expires_at = {SOON} WHERE session_id = $1"  # noqa: S608 -- a time of ours
    ),
    "ask_closed": (
        f"UPDATE placet.replay_pending_call SET deadline_at = {SOON} WHERE session_id = $1"  # noqa: S608 -- a time of ours
    ),
}
LONG_AGO = """
    UPDATE placet.replay_tally_mark SET committed_at = now() - interval '1 hour'
    WHERE tenant_id = $1
"""
TAKEN_MEANWHILE = """
    UPDATE placet.replay_effect_key SET released_at = NULL WHERE session_id = $1
"""
FREE = """
    SELECT count(*) FROM (
        SELECT FROM placet.replay_tally_mark
        WHERE tenant_id = $1 AND committed_at < now() - interval '30 minutes'
        FOR UPDATE SKIP LOCKED) AS m
"""


@pytest.fixture
async def desk(
    client: httpx.AsyncClient, app: Litestar, db: Database, ids: Ids, workplace: Workplace
) -> AskDesk:
    """A desk whose sessions last an hour, and share two tallies."""
    made = AskDesk(client, db, ids, workplace)
    document = wide(NEAR, NEAR | {"tool": "pay_asked"})
    document["session"]["limits"] = {"max_seconds": 3600}
    (payment,) = [one for one in document["tools"] if one["tool"] == "pay"]
    payment["effect_key"] = ["$.to"]
    await made.approve_asking(app.state[ServerKeys.__name__], document, names=())
    return made


@pytest.fixture
async def busy(server: Server, database_name: str) -> AsyncIterator[Admin]:
    """Return a connection that stands in for another process with a transaction under way."""
    admin = await asyncpg.connect(server.admin(database_name))
    await admin.execute("SET session_replication_role = replica")
    yield admin
    await admin.close()


def end(answered: httpx.Response) -> str:
    """Return what became of a call: why it was refused or denied, or its status."""
    said = answered.json()
    if answered.status_code != 200:
        return str(said["code"])
    (call,) = said["calls"]
    return str(call["reasons"][0]["code"] if call["verdict"] == "deny" else call["status"])


async def waiting(busy: Admin, kind: str, *asked: "asyncio.Task[httpx.Response]") -> None:
    """Return once all of these wait for a lock of a kind."""
    while await busy.fetchval(WAITING, kind) < len(asked):
        assert not any(one.done() for one in asked), [end(one.result()) for one in asked]


async def test_what_ends_while_a_decision_waits_for_a_tally_is_over_when_it_has_it(
    desk: AskDesk, app: Litestar, busy: Admin
) -> None:
    first = await desk.worker()
    _, asked = await first.propose(pay(1, "a"), pay(1, "a", "pay_asked"))
    await desk.yes(first, asked)
    assert end(await desk.claim(first, asked)) == "granted"
    sent = {}
    for why in ENDS:
        worker = await desk.worker()
        if why == "ask_closed":
            (call,) = await worker.propose(pay(1, "b", "pay_asked"))
            await desk.yes(worker, call)
            sent[why] = worker, desk.claim(worker, call)
        else:
            body = worker.proposal(await worker.prepare(), pay(1, why))
            sent[why] = worker, worker.post("proposals", body)
    app.state[Runtime.__name__].memory = Memory()
    await busy.execute(LOCK, desk.workplace.tenant_id)
    for why, (worker, _) in sent.items():
        await busy.execute(ENDS[why], worker.session_id)
    until = await busy.fetchval(f"SELECT {SOON}")
    made = {why: asyncio.ensure_future(sending) for why, (_, sending) in sent.items()}
    await waiting(busy, "advisory", *made.values())
    while not await busy.fetchval("SELECT clock_timestamp() >= $1", until):
        pass
    await busy.execute("SELECT pg_advisory_unlock_all()")
    assert {why: end(await one) for why, one in made.items()} == {why: why for why in ENDS}


async def test_what_has_left_a_window_is_not_held_by_who_waits_for_an_effect(
    desk: AskDesk, busy: Admin
) -> None:
    one, other = await desk.worker(), await desk.worker()
    await one.report((await one.propose(pay(1, "a")))[0], output={})
    (kept,) = await other.propose(pay(1, "b"))
    await other.report(kept, "failed")
    await busy.execute(LONG_AGO, desk.workplace.tenant_id)
    await busy.execute("BEGIN")
    await busy.execute(TAKEN_MEANWHILE, other.session_id)
    asked = asyncio.ensure_future(other.try_propose(pay(1, "b")))
    await waiting(busy, "transactionid", asked)
    assert await busy.fetchval(FREE, desk.workplace.tenant_id) == 1
    await busy.execute("ROLLBACK")
    assert end(await asked) == "granted"
    assert await busy.fetchval(FREE, desk.workplace.tenant_id) == 0
