"""What a governed call costs the database: WAL fsyncs by client backends, and round trips."""

import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from tests.conftest import found
from tests.invariants.wire import Wire, wired
from tests.replay.desk import REQUEST_HASH, Desk, Worker
from tests.replay.slices.purse import paid, purse
from tests.replay.tallies.wide import wide
from tests.server.conftest import started

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage import listener
from placet.storage.database import Database
from placet.storage.embedded.cluster import Cluster

CALLS = 200
STEPS = 50
NOTE = ("note", {"text": "called back"})
FLUSH = "SELECT pg_stat_force_next_flush()"
FSYNCS_SINCE_18 = """
SELECT sum(fsyncs) FROM pg_stat_io
WHERE object = 'wal' AND context = 'normal' AND backend_type = 'client backend'
"""
FSYNCS = "SELECT wal_sync FROM pg_stat_wal"


@dataclass
class Bench:
    """An application whose line to the database is counted, and the only one who uses it."""

    desk: Desk
    keys: ServerKeys
    db: Database
    runtime: Runtime
    wire: Wire
    admin: "asyncpg.Connection[Any]"

    async def fsyncs(self) -> int:
        """Return how many WAL fsyncs client backends have done so far."""
        for reserved in (False, True):
            await self.db.hot.rows(FLUSH, reserved=reserved)
        async with self.db.reading(self.desk.workplace.founder) as tx:
            await tx.rows(sa.text(FLUSH))
        await self.admin.execute(FLUSH)
        by_kind = self.admin.get_server_version().major >= 18
        return int(await self.admin.fetchval(FSYNCS_SINCE_18 if by_kind else FSYNCS))

    async def tour(self, *, forgetting: bool = False) -> dict[str, int]:
        """Return how many round trips each hot endpoint makes for a session that was met before.

        Forgetting is to remember no session before each request, as a process that just started.
        """
        worker = Worker(self.desk, await self.desk.session())
        trips: dict[str, int] = {}

        async def count(name: str, work: Awaitable[httpx.Response]) -> Any:  # noqa: ANN401 -- JSON
            if forgetting:
                self.runtime.memory = Memory()
            before = self.wire.round_trips
            answered = await work
            assert answered.status_code == 200, answered.text
            trips[name] = self.wire.round_trips - before
            return answered.json()

        await count("grant", worker.lease())
        await worker.prepare()
        prepared = await count(
            "preflight", worker.post("preflight", {"request_hash": REQUEST_HASH})
        )
        asked = worker.proposal(prepared, NOTE, NOTE)
        first, second = (await count("proposal", worker.post("proposals", asked)))["calls"]
        await count("replay", worker.post("proposals", asked))
        await count("start", worker.start(first))
        await count("receipt", worker.post("receipts", worker.receipt(first)))
        at_once = {"tool_calls": asked["tool_calls"][:1]}
        (third,) = (await count("calls", worker.post("calls", at_once)))["calls"]
        carrying = worker.receipt(third, next={"request_hash": REQUEST_HASH})
        await count("receipt and preflight", worker.post("receipts", carrying))
        await count("renew", worker.lease("renew"))
        settlement = {
            "settlement_id": str(self.desk.ids.new()),
            "call_id": second["call_id"],
            "outcome": "succeeded",
            "reason": "looked at the books",
        }
        key = self.desk.operator_key
        await count("settlement", worker.post("settlements", settlement, key))
        await count("steal", worker.lease("steal", reason="it hangs"))
        await count("release", worker.lease("release"))
        await count("kill", worker.post("kill", {"reason": "enough"}, key))
        return trips


@pytest.fixture(scope="module")
async def bench(
    own: Cluster, ids: Ids, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("counts"))
    async with AsyncExitStack() as stack:
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        # Those who listen ask twice a minute whether their line still lives, for no call's sake.
        patched.setattr(listener, "CHECK_SECONDS", 3600.0)
        wire = await stack.enter_async_context(wired(own.url("placet_app")))
        app = await stack.enter_async_context(started(create_app(settings, wire.url)))
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://placet.test")
        )
        db = app.state[Database.__name__]
        desk = Desk(client, db, ids, await found(db, ids))
        keys = app.state[ServerKeys.__name__]
        await desk.approve(keys)
        admin = await asyncpg.connect(own.url("postgres"))
        # A fresh segment: the end of one costs an fsync that no call asked for.
        await admin.execute("SELECT pg_switch_wal()")
        yield Bench(desk, keys, db, app.state[Runtime.__name__], wire, admin)
        await admin.close()


async def govern(worker: Worker, *, starts: bool) -> None:
    """Take one call from preflight to commit."""
    (call,) = await worker.propose(NOTE)
    if starts:
        assert (await worker.start(call)).status_code == 200
    assert (await worker.report(call))["commit_state"] == "committed"


@pytest.mark.parametrize("each", [3, 4], ids=["without_start", "with_start"])
async def test_a_governed_call_costs_one_fsync_a_request(bench: Bench, each: int) -> None:
    starts = each > 3
    worker = await bench.desk.worker(ttl_seconds=60)
    await govern(worker, starts=starts)
    # A fresh segment: the end of one costs an fsync that no call asked for.
    await bench.admin.execute("SELECT pg_switch_wal()")
    before, trips = await bench.fsyncs(), bench.wire.round_trips
    for _ in range(CALLS):
        await govern(worker, starts=starts)
    trips = bench.wire.round_trips - trips
    assert trips == CALLS * each
    assert await bench.fsyncs() - before == CALLS * each


async def test_a_receipt_that_carries_the_next_preflight_saves_a_third(bench: Bench) -> None:
    worker = await bench.desk.worker(ttl_seconds=60)
    await govern(worker, starts=False)
    prepared = await worker.prepare()
    before, trips = await bench.fsyncs(), bench.wire.round_trips
    for _ in range(STEPS):
        answered = await worker.post("proposals", worker.proposal(prepared, NOTE))
        (call,) = answered.json()["calls"]
        prepared = (await worker.report(call, next={"request_hash": REQUEST_HASH}))["next"]
    assert bench.wire.round_trips - trips == STEPS * 2
    assert await bench.fsyncs() - before == STEPS * 2


async def test_calls_at_once_save_a_third(bench: Bench) -> None:
    worker = await bench.desk.worker(ttl_seconds=60)
    await govern(worker, starts=False)
    asked = {"tool_calls": [{"id": "a", "name": NOTE[0], "arguments": json.dumps(NOTE[1])}]}
    before, trips = await bench.fsyncs(), bench.wire.round_trips
    for _ in range(STEPS):
        (call,) = (await worker.post("calls", asked)).json()["calls"]
        assert (await worker.report(call))["commit_state"] == "committed"
    assert bench.wire.round_trips - trips == STEPS * 2
    assert await bench.fsyncs() - before == STEPS * 2


async def test_reading_costs_no_fsync(bench: Bench) -> None:
    worker = await bench.desk.worker()
    before = await bench.fsyncs()
    for _ in range(20):
        await worker.read()
    assert await bench.fsyncs() - before == 0


async def test_a_hot_endpoint_is_one_round_trip_when_warm(bench: Bench) -> None:
    await bench.tour()
    trips = await bench.tour()
    assert {name: n for name, n in trips.items() if n != 1} == {}


async def test_a_process_that_remembers_nothing_makes_one_round_trip_more(bench: Bench) -> None:
    await bench.tour()
    trips = await bench.tour(forgetting=True)
    more = {name for name, n in trips.items() if n == 2}
    calls = {"preflight", "proposal", "calls", "receipt", "receipt and preflight"}
    assert more == {*calls, "settlement"}
    assert {n for name, n in trips.items() if name not in more} == {1}


async def test_what_is_taken_beyond_a_session_costs_no_round_trip_and_no_fsync_more(
    bench: Bench, ids: Ids
) -> None:
    desk = Desk(bench.desk.client, bench.db, ids, await found(bench.db, ids))
    await desk.approve(bench.keys, purse({"lte": 1000}))
    one, other = await desk.worker(ttl_seconds=60), await desk.worker(ttl_seconds=60)
    for worker in (one, other):
        assert await paid(worker, 1) == ["allow"]
    assert await paid(other, 999) == ["deny"]
    before, trips = await bench.fsyncs(), bench.wire.round_trips
    # From its slice, from the parent, by calling back, and denied on what was told before.
    assert await paid(one, 1) == ["allow"]
    assert await paid(one, 300) == ["allow"]
    assert await paid(one, 690) == ["allow"]
    assert await paid(other, 999) == ["deny"]
    assert bench.wire.round_trips - trips == 4 * 2
    assert await bench.fsyncs() - before == 4 * 2


async def test_what_is_marked_in_a_tally_costs_no_round_trip_and_no_fsync_more(
    bench: Bench, ids: Ids
) -> None:
    desk = Desk(bench.desk.client, bench.db, ids, await found(bench.db, ids))
    bounds = {"op": "max", "lte": 50}, {"op": "distinct", "lte": 3}, {"op": "min", "gte": 1}
    await desk.approve(bench.keys, wide(*bounds))
    one, other = await desk.worker(ttl_seconds=60), await desk.worker(ttl_seconds=60)
    assert await paid(one, 1) == ["allow"]
    assert await paid(other, 2) == ["allow"]
    assert await paid(other, 50, 51) == ["allow", "deny"]
    assert await paid(one, 9) == ["deny"]
    before, trips = await bench.fsyncs(), bench.wire.round_trips
    # What others give was told before: to who is granted, to who is denied, and to who is neither.
    assert await paid(one, 1) == ["allow"]
    assert await paid(other, 2, 0.5) == ["allow", "deny"]
    assert await paid(other, 51) == ["deny"]
    assert bench.wire.round_trips - trips == 3 * 2
    assert await bench.fsyncs() - before == 3 * 2
