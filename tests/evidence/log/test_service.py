"""Rounds of a log on a real database, and what is proved from it."""

import asyncio
from uuid import UUID

import pytest
from tests.evidence.log.reading import entries_of, events_of, head_of

from placet.events.model import StreamId, StreamKind, new_event, tenant_stream
from placet.events.store import append
from placet.evidence import merkle
from placet.evidence.log import service, store
from placet.evidence.log.model import Round
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.refusals import NotFound
from placet.kernel.value import Value
from placet.storage.database import Database


class SomethingSaid(Value, frozen=True):
    """Event: for these tests."""

    number: int


async def say(db: Database, who: Principal, ids: Ids, stream: StreamId, n: int = 1) -> None:
    said = [new_event(ids, SomethingSaid(number=number)) for number in range(n)]
    async with db.writing(who) as tx:
        await append(tx, stream, StreamKind.WORKSPACE, said)


async def advance(db: Database, who: Principal, ids: Ids, room: int = 2_048) -> Round | None:
    async with db.writing(who) as tx:
        return await service.advance(tx, ids, room=room)


async def advance_all(db: Database, who: Principal, ids: Ids, room: int = 2_048) -> int:
    done = 0
    while (told := await advance(db, who, ids, room)) is not None and not told.is_idle:
        done += told.entered
    return done


async def test_every_event_enters_once_and_each_stream_in_its_order(
    db: Database, tenant: Principal, ids: Ids
) -> None:
    streams = [StreamId(ids.new()) for _ in range(5)]
    for n in range(1, 4):
        for stream in streams:
            await say(db, tenant, ids, stream, n)
    await advance_all(db, tenant, ids, room=7)
    entries = await entries_of(db, tenant)
    assert [entry.index for entry in entries] == list(range(len(entries)))
    logged: dict[UUID, list[int]] = {}
    for entry in entries:
        logged.setdefault(entry.stream_id, []).append(entry.seq)
    assert logged == await events_of(db, tenant)
    head = await head_of(db, tenant)
    assert head is not None
    assert head.size == len(entries)
    assert head.root == merkle.root_of(merkle.leaf_hash(entry.leaf) for entry in entries)
