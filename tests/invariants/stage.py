"""Where races are played: a database of their own, three processes, and somebody who watches."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from tests.conftest import Server, found
from tests.invariants.hands import Hand
from tests.invariants.interleave import Met, Side, Work, overtake
from tests.patient import Patient
from tests.replay.desk import Desk, Worker
from tests.server.conftest import started

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.replay.sessions.lease_model import LeaseAction
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database

SIDES = 3
LOOKUP = ("lookup_order", {"order_id": "ord_00000001"})
PAYOUT = ("change_payout_account", {"account": "DE00"})
NOTE = ("note", {"text": "called back"})
LEASE_END = "replay_session.lease_expires_at"
GRANT_END = "replay_pending_call.grant_expires_at"
PREPARED_END = "replay_prepared_request.expires_at"
DUE_NOW = """\
UPDATE placet.replay_session SET next_due_at = least(next_due_at, now()) WHERE session_id = ANY ($1)
"""
FOOTPRINT = (
    "SELECT 'session', r::text FROM placet.replay_session AS r WHERE session_id = $1",
    "SELECT 'prepared', r::text FROM placet.replay_prepared_request AS r WHERE session_id = $1",
    "SELECT 'call', r::text FROM placet.replay_pending_call AS r WHERE session_id = $1",
    "SELECT 'receipt', r::text FROM placet.replay_execution_receipt AS r WHERE session_id = $1",
    "SELECT 'effect', r::text FROM placet.replay_effect_key AS r WHERE session_id = $1",
    "SELECT 'event', r.leaf::text FROM placet.event AS r WHERE stream_id = $1",
)


def refund(order_id: str) -> tuple[str, dict[str, Any]]:
    """Return the refund of an order."""
    return "issue_refund", {"order_id": order_id, "amount_cents": 4000}


@dataclass(frozen=True)
class Place:
    """Where a service of the stage finds its database, and its folder."""

    database_url: str
    folder: Path


@dataclass
class Stage:
    """A desk on a database of its own, with connections whose transactions a test holds.

    `watch` reads all tenants, `owner` may change the functions.
    """

    sides: list[Side]
    watch: "asyncpg.Connection[Any]"
    owner: "asyncpg.Connection[Any]"
    desk: Desk
    keys: ServerKeys
    place: Place

    async def alone(self) -> "Stage":
        """Return the same stage with a tenant of its own: one that may be killed."""
        desk = Desk(
            self.desk.client, self.desk.db, self.desk.ids, await found(self.desk.db, self.desk.ids)
        )
        await desk.approve(self.keys)
        return Stage(self.sides, self.watch, self.owner, desk, self.keys, self.place)

    def order(self) -> str:
        """Return the id of an order that nobody has touched."""
        return f"ord_{self.desk.ids.new().hex[-8:]}"

    async def worker(self, side: int = 0, session_id: UUID | None = None) -> Hand:
        """Return a worker that holds the lease of a session, a new one unless it is named."""
        worker = self.hand(side, session_id or await self.desk.session())
        await worker.lease()
        return worker

    async def rival(self, worker: Hand, side: int = 1) -> Hand:
        """Return another process that has not got the lease of a worker's session."""
        return self.hand(side, worker.session_id)

    async def twin(self, worker: Hand, side: int = 1) -> Hand:
        """Return the same holder in another process, which remembers the session too."""
        twin = worker.twin(self.sides[side])
        await twin.prepare()
        return twin

    def hand(self, side: int, session_id: UUID) -> Hand:
        """Return a worker without a lease."""
        desk = self.desk
        return Hand(
            self.sides[side], desk.ids, self.keys, desk.runtime, session_id, desk.ids.new().hex
        )

    def operator(self, worker: Hand, side: int = 1) -> Hand:
        """Return an operator who looks at a worker's session."""
        desk = self.desk
        return Hand(
            self.sides[side], desk.ids, self.keys, desk.operator, worker.session_id, "operator"
        )

    async def meet(
        self, one: Hand, first: Work, other: Hand, second: Work, meanwhile: Work | None = None
    ) -> Met:
        """Let the second overtake the first, which is done and not committed."""
        return await overtake(
            self.watch, (one.side, first), (other.side, second), meanwhile=meanwhile
        )

    async def stolen(self, worker: Hand) -> Hand:
        """Return the worker for whom an operator stole the lease."""
        after = await self.rival(worker, 1)
        answer = await self.operator(worker).lease(LeaseAction.STEAL, holder=after.holder)
        after.fence = answer.fence
        return after

    async def session(self, worker: Hand) -> asyncpg.Record:
        """Return the row of a session."""
        rows: list[asyncpg.Record] = await self.watch.fetch(
            "SELECT * FROM placet.replay_session WHERE session_id = $1", worker.session_id
        )
        return rows[0]

    async def calls(self, worker: Hand) -> list[asyncpg.Record]:
        """Return the calls of a session in their order."""
        return await self.watch.fetch(
            "SELECT * FROM placet.replay_pending_call WHERE session_id = $1"
            " ORDER BY step_id, ordinal",
            worker.session_id,
        )

    async def events(self, worker: Hand, stream: UUID | None = None) -> list[asyncpg.Record]:
        """Return the events of a session, or of another stream, in their order."""
        return await self.watch.fetch(
            "SELECT * FROM placet.event WHERE stream_id = $1 ORDER BY seq",
            stream or worker.session_id,
        )

    async def footprint(self, worker: Hand | Worker) -> list[tuple[str, str]]:
        """Return everything that is kept of a session."""
        found: list[tuple[str, str]] = []
        for query in FOOTPRINT:
            found += [tuple(row) for row in await self.watch.fetch(query, worker.session_id)]
        return sorted(found)

    async def let_time_pass(self, hand: Hand, column: str) -> None:
        """Let a time of a session, its calls or its prepared requests be over, as time would.

        It is done in the transaction that the hand's side holds, if it holds one.
        """
        table, name = column.split(".")
        by = self.owner if column == PREPARED_END else hand.side.connection
        async with by.transaction():
            await by.execute(
                "SELECT set_config('placet.tenant', $1, true)", str(hand.who.tenant_id)
            )
            await by.execute(
                f"UPDATE placet.{table} SET {name} = clock_timestamp() WHERE session_id = $1",  # noqa: S608 -- the names are those above
                hand.session_id,
            )
            if column == GRANT_END:
                # The session is due with them, as time would have it.
                await by.execute(DUE_NOW, [hand.session_id])

    async def states(self, worker: Hand | Worker) -> tuple[bytes, list[tuple[str, bytes]]]:
        """Return a session's state as it is kept, and its events: each its type and its body."""
        state: bytes = await self.watch.fetchval(
            "SELECT state FROM placet.replay_session WHERE session_id = $1", worker.session_id
        )
        rows = await self.watch.fetch(
            "SELECT e.type, b.body FROM placet.event AS e JOIN placet.event_body AS b"
            " USING (tenant_id, stream_id, seq) WHERE e.stream_id = $1 ORDER BY e.seq",
            worker.session_id,
        )
        return state, [(row["type"], row["body"]) for row in rows]

    async def now(self) -> datetime:
        """Return the database's clock."""
        at: datetime = await self.watch.fetchval("SELECT clock_timestamp()")
        return at

    async def until(self, at: datetime) -> None:
        """Return when the database's clock has passed a time."""
        while await self.now() <= at:
            pass


@asynccontextmanager
async def opened(server: Server, database: str, ids: Ids, folder: Path) -> AsyncIterator[Stage]:
    """Open a stage on a database that nobody else uses."""
    url = server.url("placet_app", database)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(started(create_app(Settings(data_dir=folder), url)))
        db: Database = app.state[Database.__name__]
        keys: ServerKeys = app.state[ServerKeys.__name__]
        transport = Patient(app)
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://placet.test")
        )

        async def connected(role: str) -> "asyncpg.Connection[Any]":
            connection = await asyncpg.connect(server.url(role, database))
            stack.push_async_callback(connection.close)
            return connection

        sides = [Side(await connected("placet_app"), db) for _ in range(SIDES)]
        owner = await connected("placet_migrator")
        await owner.execute("SET ROLE placet_owner")
        desk = Desk(client, db, ids, await found(db, ids))
        await desk.approve(keys)
        place = Place(url, folder)
        yield Stage(sides, await connected("placet_backup"), owner, desk, keys, place)
