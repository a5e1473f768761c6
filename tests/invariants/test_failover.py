"""Another Postgres takes the place of one that died under load.

What was acknowledged is there where the other had to have it before an answer was given, and only
there: without that, the newest of it is lost, which the second test shows. A service cannot tell
the two apart, so that it grants nothing on the new timeline until the epoch was raised.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.invariants.stage import NOTE
from tests.invariants.standby import Standby
from tests.invariants.test_crashes_postgres import OK, Load, as_admin, patiently, running
from tests.invariants.wire import wired
from tests.replay.desk import REQUEST_HASH, Desk, Worker

from placet.kernel.ids import Ids
from placet.replay.calls.fold import fold
from placet.replay.restores.procedure import restore
from placet.replay.sessions.rules import encode_state
from placet.storage.embedded.cluster import SUPERUSER, Cluster

WORKERS = 4
ACKS = 60
BACK_SECONDS = 120
IN_STEP = "SELECT bool_or(sync_state = 'sync') FROM pg_stat_replication"


@asynccontextmanager
async def followed(own: Cluster, place: Path) -> AsyncIterator[Standby]:
    """Have a standby follow the cluster, which is the primary again afterwards."""
    standby = await asyncio.to_thread(Standby, own, place)
    await asyncio.to_thread(standby.start)
    try:
        yield standby
    finally:
        await asyncio.to_thread(standby.stop)
        shutil.rmtree(place, ignore_errors=True)
        await asyncio.to_thread(own.revive)
        await as_admin(own, "ALTER SYSTEM RESET synchronous_standby_names")
        await as_admin(own, "SELECT pg_reload_conf()")


async def keep_in_step(own: Cluster) -> None:
    """Let nothing be answered that the standby has not written too."""
    await as_admin(own, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    await as_admin(own, "SELECT pg_reload_conf()")
    connection = await asyncpg.connect(own.url(SUPERUSER))
    async with asyncio.timeout(BACK_SECONDS):
        while not await connection.fetchval(IN_STEP):
            pass
    await connection.close()


async def goes_on(worker: Worker) -> None:
    """Take one more call from preflight to commit, under a new lease."""
    lost = await worker.post("preflight", {"request_hash": REQUEST_HASH})
    assert lost.json()["code"] == "lease_lost"
    assert (await again(lambda: worker.lease(ttl_seconds=60))).status_code == OK
    prepared = await patiently(worker, "preflight", {"request_hash": REQUEST_HASH})
    proposed = await patiently(worker, "proposals", worker.proposal(prepared.json(), NOTE))
    (call,) = proposed.json()["calls"]
    told = await patiently(worker, "receipts", worker.receipt(call, output={}))
    assert told.json()["commit_state"] == "committed"


async def is_whole(standby: Standby, worker: Worker) -> None:
    """Hold that a session's state is the fold of its events where it stands now."""
    connection = await asyncpg.connect(standby.url(SUPERUSER))
    state = await connection.fetchval(
        "SELECT state FROM placet.replay_session WHERE session_id = $1", worker.session_id
    )
    rows = await connection.fetch(
        "SELECT e.type, b.body FROM placet.event AS e JOIN placet.event_body AS b"
        " USING (tenant_id, stream_id, seq) WHERE e.stream_id = $1 ORDER BY e.seq",
        worker.session_id,
    )
    await connection.close()
    assert encode_state(fold((row["type"], row["body"]) for row in rows)) == state


async def takes_over(standby: Standby, desk: Desk) -> None:
    """Raise the epoch for the standby, and close what it may have lost."""
    migrator = await asyncpg.connect(standby.url("placet_migrator"))
    report = await restore(desk.db, migrator, None, {}, desk.ids)
    await migrator.close()
    assert (report.from_epoch, report.is_raised) == (1, True)
    reason = {"epoch": report.epoch, "reason": "the standby was kept in step"}
    closed = await desk.post("/api/v1/authority/recovery/close", reason, desk.operator_key)
    assert closed.status_code == 200, closed.text


async def grants_nothing(worker: Worker) -> None:
    """Hold that a worker is refused whatever would give authority, and may read."""
    refused = await patiently(worker, "preflight", {"request_hash": REQUEST_HASH})
    assert refused.json()["code"] == "recovering"
    assert (await worker.lease("renew")).json()["code"] == "recovering"
    assert (await again(lambda: worker.desk.get(worker.path))).json()["status"] == "active"
    opened = await again(lambda: worker.desk.post("/api/v1/replay/sessions", {}))
    assert opened.json()["code"] == "recovering"


async def again(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Send a request until no connection of before is left that it could fail on."""
    async with asyncio.timeout(BACK_SECONDS):
        while (answered := await send()).json().get("code") == "governance_unavailable":
            pass
    return answered


@pytest.mark.parametrize("how", ["kept_in_step", "left_behind"])
async def test_what_was_acknowledged_survives_a_failover_to_a_standby_that_is_kept_in_step(
    own: Cluster, ids: Ids, tmp_path: Path, how: str
) -> None:
    in_step = how == "kept_in_step"
    place = Path("/var/tmp") / f"placet-standby-{ids.new().hex}"  # noqa: S108 -- must be enterable by the server's own user
    async with (
        wired(own.url("placet_app")) as wire,
        followed(own, place) as standby,
        running(own, ids, tmp_path, wire.url) as desk,
    ):
        workers = [await desk.worker(ttl_seconds=60) for _ in range(WORKERS)]
        if in_step:
            await keep_in_step(own)
        else:
            await asyncio.to_thread(standby.stop)
        load = Load(own.pid, ACKS)
        await asyncio.gather(*(load.govern(worker) for worker in workers))
        if not in_step:
            await asyncio.to_thread(standby.start)
        await standby.promote()
        wire.lead_to(standby.url("placet_app"))
        lost = [ack.verb for ack in load.acks if not await ack.holds()]
        assert (lost == []) == in_step
        await grants_nothing(workers[0])
        if in_step:
            await takes_over(standby, desk)
            for worker in workers:
                await goes_on(worker)
                await is_whole(standby, worker)
