"""Whose log has its turn, over all tenants: on a database of its own, where nobody else waits."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import Server, found
from tests.evidence.log.scribe import Scribe

from placet.authority.checkpoints import service, store
from placet.authority.checkpoints.turns import REST_SECONDS, Turns
from placet.authority.server_keys import ServerKeys
from placet.events.model import StreamId
from placet.evidence import merkle
from placet.evidence.log import service as log
from placet.evidence.log.model import ENTRIES_AT_ONCE
from placet.kernel.ids import Ids, TenantId
from placet.storage.database import Database

NOBODY = TenantId(UUID(int=0))


@pytest.fixture
async def own(fresh_database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(fresh_database_url)
    yield database
    await database.close()


@pytest.fixture
async def watch(
    server: Server, fresh_database_url: str
) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(urlsplit(fresh_database_url).path[1:]))
    yield connection
    await connection.close()


async def tenant_of(own: Database, ids: Ids) -> Scribe:
    return Scribe(own, (await found(own, ids)).founder, ids)


async def size_of(scribe: Scribe) -> int:
    async with scribe.db.reading(scribe.who) as tx:
        return await service.current_size(tx)


async def at_rest(own: Database, ids: Ids, keys: ServerKeys) -> int:
    """Give turns until nobody has anything to do. Returns how often."""
    going, looks = Turns(own, ids, keys), 0
    while (await going.go_round(0.0)).went_on:
        looks += 1
    return looks


async def test_a_busy_tenant_keeps_no_other_waiting(
    own: Database, ids: Ids, keys: ServerKeys
) -> None:
    busy, quiet = await tenant_of(own, ids), await tenant_of(own, ids)
    await busy.say(StreamId(ids.new()), ENTRIES_AT_ONCE + 100)
    done = await Turns(own, ids, keys).go_round(0.0)
    assert done.has_more
    assert await size_of(busy) == ENTRIES_AT_ONCE
    assert await size_of(quiet) > 0
    await quiet.check_sound()


async def test_turns_come_to_rest_with_everything_in_and_signed(
    own: Database, ids: Ids, keys: ServerKeys
) -> None:
    scribes = [await tenant_of(own, ids) for _ in range(3)]
    for scribe in scribes:
        await scribe.say(StreamId(ids.new()), 30)
    assert 0 < await at_rest(own, ids, keys) < 10
    assert await store.take_turns(own, NOBODY, limit=10) == []
    for scribe in scribes:
        await scribe.check_whole()
        async with own.reading(scribe.who) as tx:
            (made,) = await store.list_since(tx, (0, 0), 10)
            seen = await service.look(tx)
        # The event that tells of the checkpoint came in behind it, and asked for no other.
        assert (seen.owed, seen.size) == (made.size, made.size + 1)
    newest = {each.tenant_id: each.size for each in await store.list_newest(own)}
    assert newest == {scribe.who.tenant_id: seen.size - 1 for scribe in scribes}


async def test_new_entries_wait_a_minute_for_their_checkpoint_unless_they_are_many(
    own: Database, ids: Ids, keys: ServerKeys, watch: "asyncpg.Connection[Any]"
) -> None:
    scribe = await tenant_of(own, ids)
    await at_rest(own, ids, keys)

    async def checkpoints() -> int:
        await at_rest(own, ids, keys)
        async with own.reading(scribe.who) as tx:
            return len(await store.list_since(tx, (0, 0), 100))

    await scribe.say(StreamId(ids.new()), 3)
    assert await checkpoints() == 1
    await watch.execute("ALTER TABLE placet.authority_checkpoint DISABLE TRIGGER append_only")
    await watch.execute("UPDATE placet.authority_checkpoint SET at = at - interval '60 seconds'")
    assert await checkpoints() == 2
    await scribe.say(StreamId(ids.new()), 1_000)
    assert await checkpoints() == 3


async def test_a_log_that_somebody_else_works_on_is_left_alone(
    own: Database, ids: Ids, keys: ServerKeys
) -> None:
    scribe = await tenant_of(own, ids)
    async with own.writing(scribe.who) as tx:
        assert await log.advance(tx, ids) is not None
        assert not (await Turns(own, ids, keys).go_round(0.0)).went_on
    assert await size_of(scribe) > 0


async def test_the_next_look_begins_behind_whose_turn_it_was(own: Database, ids: Ids) -> None:
    who = sorted([(await tenant_of(own, ids)).who.tenant_id for _ in range(3)])
    assert await store.take_turns(own, NOBODY, limit=2) == who[:2]
    assert await store.take_turns(own, who[1], limit=2) == [who[2], who[0]]


async def test_a_log_that_is_damaged_rests_and_keeps_no_other_waiting(
    own: Database, ids: Ids, keys: ServerKeys, watch: "asyncpg.Connection[Any]"
) -> None:
    damaged, sound = await tenant_of(own, ids), await tenant_of(own, ids)
    await at_rest(own, ids, keys)
    going = Turns(own, ids, keys)
    damage = "UPDATE placet.evidence_log SET root = sha256(root) WHERE tenant_id = $1"
    await watch.execute(damage, damaged.who.tenant_id)
    for scribe in (damaged, sound):
        await scribe.say(StreamId(ids.new()))
    before = await size_of(sound)
    assert (await going.go_round(0.0)).went_on
    assert await size_of(sound) == before + 1
    mend = "UPDATE placet.evidence_log SET root = $2 WHERE tenant_id = $1"
    root = merkle.root_of(merkle.leaf_hash(each.leaf) for each in await damaged.entries())
    await watch.execute(mend, damaged.who.tenant_id, root)
    assert not (await going.go_round(REST_SECONDS - 1.0)).went_on
    assert (await going.go_round(float(REST_SECONDS))).went_on
    await damaged.check_whole()
