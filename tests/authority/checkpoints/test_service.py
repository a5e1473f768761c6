"""Checkpoints on a real database: what they say, and when another is made."""

import asyncio
import itertools
import json
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace
from tests.evidence.log.scribe import Scribe

from placet.authority.checkpoints import service, store
from placet.authority.checkpoints.model import Checkpoint
from placet.authority.server_keys import ServerKeys
from placet.events.model import SYSTEM_ACTOR, StreamId, StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence import merkle
from placet.evidence.checkpoint import CheckpointPayload, verify_checkpoint
from placet.evidence.dsse import parse_envelope
from placet.evidence.log import store as entries
from placet.evidence.log.model import ENTRIES_AT_ONCE
from placet.evidence.vote import CheckpointSeen
from placet.kernel.refusals import GovernanceUnavailable


def opened(checkpoint: Checkpoint, keys: ServerKeys) -> CheckpointPayload:
    return verify_checkpoint(parse_envelope(checkpoint.envelope), [keys.checkpoint.public])


async def made_by(scribe: Scribe, keys: ServerKeys) -> Checkpoint:
    return await service.make_checkpoint(scribe.db, scribe.who, keys, scribe.ids)


async def test_a_checkpoint_says_how_the_log_hashes_and_where(
    scribe: Scribe, keys: ServerKeys
) -> None:
    made = await made_by(scribe, keys)
    told = opened(made, keys)
    entries = await scribe.entries()
    async with scribe.db.reading(scribe.who) as tx:
        place = await store.read_epoch(tx)
        assert await service.latest(tx) == made
        assert await service.current_size(tx) == made.size
    assert (told.size, told.previous) == (len(entries), None)
    assert told.root == merkle.root_of(merkle.leaf_hash(entry.leaf) for entry in entries).hex()
    assert told.origin == f"placet/{scribe.who.tenant_id}"
    assert (told.epoch, told.timeline) == (place.epoch, place.here_timeline)
    assert told.system_identifier == place.here_system_identifier
    await scribe.check_sound()


async def test_each_checkpoint_names_the_one_before_and_is_proved_to_follow_it(
    scribe: Scribe, keys: ServerKeys
) -> None:
    made = [await made_by(scribe, keys)]
    for n in (1, 70, 300):
        await scribe.say(StreamId(scribe.ids.new()), n)
        made.append(await made_by(scribe, keys))
    async with scribe.db.reading(scribe.who) as tx:
        for before, after in itertools.pairwise(made):
            seen = opened(after, keys).previous
            assert seen is not None
            assert (seen.size, seen.root) == (before.size, before.root.hex())
            path = await service.consistency(tx, before.size, after.size)
            assert merkle.is_consistent(before.size, before.root, after.size, after.root, path)


async def test_a_checkpoint_covers_what_stood_when_it_was_asked_for(
    scribe: Scribe, keys: ServerKeys
) -> None:
    stream = StreamId(scribe.ids.new())
    await scribe.say(stream, 5)
    made = await made_by(scribe, keys)
    async with scribe.db.reading(scribe.who) as tx:
        last = await service.last_logged_seq(tx, stream, made.size)
        assert last is not None
        assert last[0] == 5
        proof = await service.inclusion(tx, stream, 5, made.size)
        assert proof.index == last[1]
        leaf = merkle.leaf_hash(proof.leaf)
        assert merkle.is_included(leaf, proof.index, made.size, proof.path, made.root)
        assert await service.last_logged_seq(tx, stream, proof.index) == (4, proof.index - 1)
        assert await service.last_logged_seq(tx, StreamId(scribe.ids.new()), made.size) is None


async def test_the_event_that_tells_of_a_checkpoint_asks_for_no_other(
    scribe: Scribe, keys: ServerKeys
) -> None:
    made = await made_by(scribe, keys)
    stream = tenant_stream(scribe.who.tenant_id, StreamKind.CHECKPOINTS)
    assert await made_by(scribe, keys) == made
    await scribe.check_whole()
    async with scribe.db.reading(scribe.who) as tx:
        (event,) = await list_events(tx, stream, after=0, limit=9)
    assert (event.type, event.actor_id) == ("CheckpointSigned", SYSTEM_ACTOR)
    body = json.loads(event.body or b"")
    assert body["envelope"].encode() == made.envelope
    assert (body["size"], body["root"]) == (made.size, made.root.hex())
    assert (await scribe.head()).size == made.size + 1


async def test_signers_at_once_leave_one_chain(scribe: Scribe, keys: ServerKeys) -> None:
    for _ in range(3):
        await scribe.say(StreamId(scribe.ids.new()), 2)
        await asyncio.gather(*(made_by(scribe, keys) for _ in range(3)))
    async with scribe.db.reading(scribe.who) as tx:
        found = await store.list_since(tx, (0, -1), 100)
    previous = None
    for each in found:
        told = opened(each, keys)
        assert (told.previous and (told.previous.size, told.previous.root)) == previous
        previous = (told.size, told.root)
    assert len(found) >= 3
    await scribe.advance_all()
    await scribe.check_whole()


async def test_a_call_for_a_checkpoint_takes_no_more_than_it_may(
    scribe: Scribe, keys: ServerKeys
) -> None:
    await scribe.say(StreamId(scribe.ids.new()), 50)
    made = await service.make_checkpoint(scribe.db, scribe.who, keys, scribe.ids, entries_max=10)
    assert made.size == 10


async def test_a_checkpoint_waits_for_nothing_that_is_written_after_it_was_asked_for(
    scribe: Scribe, keys: ServerKeys
) -> None:
    stream = StreamId(scribe.ids.new())
    await scribe.say(stream, 2)
    async with scribe.saying(1_200) as others:
        made = await made_by(scribe, keys)
        assert not any(task.done() for task in others)
    async with scribe.db.reading(scribe.who) as tx:
        assert await service.last_logged_seq(tx, stream, made.size) is not None


@pytest.mark.parametrize("count", [5, ENTRIES_AT_ONCE + 5])
async def test_a_checkpoint_covers_what_tells_of_a_stream_that_had_ended(
    scribe: Scribe, keys: ServerKeys, count: int
) -> None:
    stream = StreamId(scribe.ids.new())
    await scribe.say(stream, count)
    await scribe.end(stream)
    made = await made_by(scribe, keys)
    seals = tenant_stream(scribe.who.tenant_id, StreamKind.SEALS)
    async with scribe.db.reading(scribe.who) as tx:
        for told, seq in ((stream, count), (seals, 1)):
            last = await service.last_logged_seq(tx, told, made.size)
            assert last is not None
            assert last[0] == seq


async def test_on_a_restored_server_nothing_enters_and_nothing_is_signed(
    scribe: Scribe, keys: ServerKeys, admin: "asyncpg.Connection[Any]"
) -> None:
    made = await made_by(scribe, keys)
    await scribe.say(StreamId(scribe.ids.new()))
    await admin.execute("UPDATE placet.storage_epoch SET timeline = timeline + 1")
    try:
        with pytest.raises(GovernanceUnavailable):
            await made_by(scribe, keys)
        with pytest.raises(GovernanceUnavailable):
            await service.sign(scribe.db, scribe.who.tenant_id, keys, scribe.ids)
        async with scribe.db.reading(scribe.who) as tx:
            assert await service.current_size(tx) == made.size
    finally:
        await admin.execute("UPDATE placet.storage_epoch SET timeline = timeline - 1")
    assert (await made_by(scribe, keys)).size > made.size


async def test_a_log_that_others_never_let_go_of_gives_no_checkpoint(
    scribe: Scribe, keys: ServerKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made_by(scribe, keys)
    await scribe.say(StreamId(scribe.ids.new()))
    monkeypatch.setattr(service, "ATTEMPTS", 2)
    async with scribe.db.writing(scribe.who) as tx:
        await entries.hold_head(tx)
        with pytest.raises(GovernanceUnavailable) as refused:
            await made_by(scribe, keys)
    assert refused.value.retry_after_seconds
    await made_by(scribe, keys)


async def test_a_checkpoint_is_known_by_its_size_in_whatever_epoch(
    scribe: Scribe, keys: ServerKeys
) -> None:
    made = await made_by(scribe, keys)
    # A restore raises the epoch to seconds since 1970 at least.
    later = replace(made, epoch=1_800_000_000, size=made.size + 5)
    async with scribe.db.writing(scribe.who) as tx:
        await store.insert_checkpoint(tx, later)
    async with scribe.db.reading(scribe.who) as tx:
        for known in (made, later):
            seen = CheckpointSeen(size=known.size, root=known.root.hex())
            assert await service.is_ours(tx, seen)
            assert not await service.is_ours(tx, replace(seen, root="0" * 64))
            assert not await service.is_ours(tx, replace(seen, size=known.size + 1))
        assert await service.is_ours(tx, None)
