"""Where in a tenant's log a key ends, and that nothing by it stands above."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.evidence.log.scribe import Scribe

from placet.authority.checkpoints import service as checkpoints
from placet.authority.key_changes import service
from placet.authority.key_changes import store as changes
from placet.authority.key_changes.model import ServerKeyEndTold
from placet.authority.model import KeyPurpose
from placet.authority.server_keys import NOBODY, ServerKeys
from placet.authority.signers import Signer
from placet.events.model import StreamId
from placet.evidence.dsse import parse_envelope
from placet.evidence.log import store as logs
from placet.kernel.refusals import GovernanceUnavailable, RequestInProgress


@pytest.fixture
async def keys(scribe: Scribe) -> ServerKeys:
    made = ServerKeys.generate()
    await made.register(scribe.db)
    return made


async def told_of_end(scribe: Scribe, key: Signer) -> bool:
    async with scribe.db.writing(NOBODY) as tx:
        listed, end = await service.end_key(tx, key.key_id, "it was copied")
    return await service.tell_tenant(scribe.db, scribe.who.tenant_id, listed, end, scribe.ids)


async def place_of_end(scribe: Scribe) -> ServerKeyEndTold:
    async with scribe.db.reading(scribe.who) as tx:
        (place,) = await changes.list_told(tx)
    return place


async def test_what_waits_while_another_holds_the_log_stands_below_the_place_of_the_end(
    scribe: Scribe, keys: ServerKeys
) -> None:
    stream = StreamId(scribe.ids.new())
    await scribe.advance_all()
    await scribe.say(stream, 3)
    async with scribe.db.writing(scribe.who) as tx:
        await logs.take_head(tx)
        telling = asyncio.create_task(told_of_end(scribe, keys.artifact))
        await asyncio.wait([telling], timeout=0.3)
        assert not telling.done()
    assert await telling
    await scribe.advance_all()
    async with scribe.db.reading(scribe.who) as tx:
        entry = await logs.find_entry(tx, stream, 3)
    assert entry is not None
    assert entry.index < (await place_of_end(scribe)).log_size


async def test_a_tenant_that_never_stops_writing_is_told_all_the_same(
    scribe: Scribe, keys: ServerKeys
) -> None:
    stream = StreamId(scribe.ids.new())
    await scribe.advance_all()
    await scribe.say(stream)
    async with scribe.saying(1_200) as others:
        assert await told_of_end(scribe, keys.artifact)
        assert not any(task.done() for task in others)
    async with scribe.db.reading(scribe.who) as tx:
        entry = await logs.find_entry(tx, stream, 1)
    assert entry is not None
    assert entry.index < (await place_of_end(scribe)).log_size


async def test_of_a_damaged_log_the_tenant_is_told_where_it_ends(
    scribe: Scribe, keys: ServerKeys, admin: "asyncpg.Connection[Any]"
) -> None:
    await scribe.advance_all()
    await scribe.say(StreamId(scribe.ids.new()))
    head = await scribe.head()
    change = "UPDATE placet.evidence_log SET root = $1 WHERE tenant_id = $2"
    await admin.execute(change, b"x" * 32, scribe.who.tenant_id)
    try:
        assert await told_of_end(scribe, keys.artifact)
        assert (await place_of_end(scribe)).log_size == head.size
    finally:
        await admin.execute(change, head.root, scribe.who.tenant_id)
    await scribe.advance_all()
    await scribe.check_whole()


async def test_on_a_restored_server_no_log_goes_on_for_the_end_of_a_key(
    scribe: Scribe, keys: ServerKeys, admin: "asyncpg.Connection[Any]"
) -> None:
    await scribe.advance_all()
    await scribe.say(StreamId(scribe.ids.new()))
    head = await scribe.head()
    await admin.execute("UPDATE placet.storage_epoch SET timeline = timeline + 1")
    try:
        with pytest.raises(GovernanceUnavailable, match="restore --verify"):
            await told_of_end(scribe, keys.artifact)
    finally:
        await admin.execute("UPDATE placet.storage_epoch SET timeline = timeline - 1")
    assert await scribe.head() == head
    assert await told_of_end(scribe, keys.artifact)


async def test_a_process_that_has_yet_to_learn_of_an_end_keeps_no_checkpoint_by_that_key(
    scribe: Scribe, keys: ServerKeys
) -> None:
    await scribe.say(StreamId(scribe.ids.new()))
    await told_of_end(scribe, keys.checkpoint)
    with pytest.raises(GovernanceUnavailable):
        await checkpoints.make_checkpoint(scribe.db, scribe.who, keys, scribe.ids)
    async with scribe.db.reading(scribe.who) as tx:
        assert await checkpoints.latest(tx) is None


async def test_a_process_that_learns_of_an_end_signs_with_another_key_at_once(
    scribe: Scribe, tmp_path: Path
) -> None:
    keys = await ServerKeys.load(tmp_path, scribe.db)
    old = keys.checkpoint
    await told_of_end(scribe, old)
    made = await checkpoints.make_checkpoint(scribe.db, scribe.who, keys, scribe.ids)
    (signature,) = parse_envelope(made.envelope).signatures
    assert signature.keyid == keys.signing(KeyPurpose.CHECKPOINT).key_id != old.key_id


async def test_no_key_ends_while_somebody_signs_who_holds_the_ends(
    scribe: Scribe, keys: ServerKeys
) -> None:
    async with scribe.db.writing(scribe.who) as tx:
        await changes.hold_ends(tx)
        with pytest.raises(RequestInProgress):
            await told_of_end(scribe, keys.artifact)
        assert not await changes.is_ended(tx, keys.artifact.key_id)
    assert await told_of_end(scribe, keys.artifact)
