"""Somebody who writes events into a tenant's streams, does rounds of its log and reads both."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from uuid import UUID

import sqlalchemy as sa

from placet.events.model import SealPending, StreamId, StreamKind, new_event, tenant_stream
from placet.events.store import append, list_events
from placet.events.tables import SEAL_PENDING
from placet.evidence import merkle
from placet.evidence.log import service, store
from placet.evidence.log.model import LogEntry, LogHead, Round
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.storage.database import Database

WRITERS = 4

_EVENTS = sa.text(
    "SELECT stream_id, seq, leaf FROM placet.event WHERE tenant_id = placet.tenant()"
    " ORDER BY stream_id, seq"
)

_WAITS = sa.text(
    "SELECT EXISTS (SELECT FROM placet.event_log_pending WHERE tenant_id = placet.tenant())"
    " OR EXISTS (SELECT FROM placet.event_seal_pending WHERE tenant_id = placet.tenant())"
)


class SomethingSaid(Value, frozen=True):
    """Event: for these tests."""

    number: int


class Scribe:
    """One tenant's writer."""

    def __init__(self, db: Database, who: Principal, ids: Ids) -> None:
        """Write for this tenant."""
        self.db = db
        self.who = who
        self.ids = ids

    async def end(self, stream: StreamId, last_seq: int = 2) -> None:
        """Note that a stream ended there, for the log to tell of."""
        async with self.db.writing(self.who) as tx:
            seal = SealPending(
                tenant_id=self.who.tenant_id,
                stream_id=stream,
                kind=StreamKind.SESSION,
                last_seq=last_seq,
                last_leaf=b"\x07" * 32,
                status="completed",
                at=await tx.now(),
            )
            await tx.insert(SEAL_PENDING, seal)

    async def say(self, stream: StreamId, n: int = 1) -> None:
        """Append so many events to a stream, in one transaction."""
        said = [new_event(self.ids, SomethingSaid(number=number)) for number in range(n)]
        async with self.db.writing(self.who) as tx:
            await append(tx, stream, StreamKind.WORKSPACE, said)

    @contextlib.asynccontextmanager
    async def saying(self, n: int) -> "AsyncIterator[list[asyncio.Task[None]]]":
        """Have somebody say one thing after the other beside the block, up to `n` of them."""

        async def say_on() -> None:
            stream = StreamId(self.ids.new())
            for _ in range(n // WRITERS):
                await self.say(stream)

        tasks = [asyncio.create_task(say_on()) for _ in range(WRITERS)]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def advance(self, room: int = 2_048) -> Round | None:
        """Do one round."""
        async with self.db.writing(self.who) as tx:
            return await service.advance(tx, self.ids, room=room)

    async def advance_all(self, room: int = 2_048) -> int:
        """Do rounds until nothing waits. Returns how many events entered."""
        done = 0
        while (told := await self.advance(room)) is not None and not told.is_idle:
            done += told.entered
        return done

    async def entries(self) -> list[LogEntry]:
        """Return the whole log."""
        async with self.db.reading(self.who) as tx:
            return await store.list_entries(tx, start=0, limit=1_000_000)

    async def head(self) -> LogHead:
        """Return the head of the log."""
        async with self.db.reading(self.who) as tx:
            head = await store.find_head(tx)
        assert head is not None
        return head

    async def said(self, stream: StreamId) -> list[bytes]:
        """Return the bodies of a stream."""
        async with self.db.reading(self.who) as tx:
            events = await list_events(tx, stream, after=0, limit=1_000)
        return [event.body or b"" for event in events]

    async def ends_told(self) -> list[str]:
        """Return the streams whose end is told, as often as it is."""
        stream = tenant_stream(self.who.tenant_id, StreamKind.SEALS)
        return [json.loads(body)["stream_id"] for body in await self.said(stream)]

    async def waits(self) -> bool:
        """Tell whether anything has yet to enter."""
        async with self.db.reading(self.who) as tx:
            return bool((await tx.rows(_WAITS))[0][0])

    async def check_whole(self) -> None:
        """Hold the log against the events: all of them, each once, in order, and the right root."""
        entries = await self.check_sound()
        async with self.db.reading(self.who) as tx:
            events = {(row.stream_id, row.seq): row.leaf for row in await tx.rows(_EVENTS)}
        assert {(each.stream_id, each.seq): each.leaf for each in entries} == events

    async def check_sound(self) -> list[LogEntry]:
        """Hold the log against itself: no gap, no event twice, streams in order, the right root."""
        entries, head = await self.entries(), await self.head()
        assert [entry.index for entry in entries] == list(range(head.size))
        reached: dict[UUID, int] = {}
        for entry in entries:
            assert entry.seq == reached.get(entry.stream_id, 0) + 1
            reached[entry.stream_id] = entry.seq
        assert head.root == merkle.root_of(merkle.leaf_hash(entry.leaf) for entry in entries)
        return entries
