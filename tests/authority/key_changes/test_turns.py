"""Keys that lie ready, take over, and end, in a folder and a database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import Server

from placet.authority import key_files, store
from placet.authority.key_changes import service
from placet.authority.key_changes import store as changes
from placet.authority.key_changes.model import ServerKeyUnknown
from placet.authority.key_changes.rules import GRANT_KEY_LIFE, LEAD
from placet.authority.key_slots import current_file, ready_file
from placet.authority.model import KeyPurpose, ServerKey, ServerKeyRotation
from placet.authority.server_keys import NOBODY, ServerKeys
from placet.authority.signers import Signer
from placet.events.model import StreamId, StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence import dsse
from placet.evidence.ed25519 import SigningKey
from placet.evidence.key_rotation import verify_rotation
from placet.evidence.log import store as logs
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.refusals import GovernanceUnavailable
from placet.storage.database import Database, Writing

GRANT, ARTIFACT = KeyPurpose.GRANT, KeyPurpose.ARTIFACT
MINUTE = timedelta(minutes=1)


async def listed_since(db: Database, file: Path, purpose: KeyPurpose, age: timedelta) -> SigningKey:
    """Make a key that has been listed for so long."""
    key = key_files.key_in(file)
    async with db.writing(NOBODY) as tx:
        await store.keep_server_key(
            tx,
            ServerKey(
                key_id=key.key_id,
                purpose=purpose,
                public_key=key.public.raw,
                created_at=await tx.now() - age,
            ),
        )
    return key


async def rotations(db: Database, old: Signer) -> list[ServerKeyRotation]:
    async with db.reading(NOBODY) as tx:
        return [one for one in await changes.list_rotations(tx) if one.old_key_id == old.key_id]


async def end(db: Database, key: Signer) -> None:
    async with db.writing(NOBODY) as tx:
        await service.end_key(tx, key.key_id, "it was copied")


async def test_near_the_end_of_its_day_a_grant_key_vouches_for_the_next(
    db: Database, tmp_path: Path
) -> None:
    old = await listed_since(db, current_file(tmp_path, GRANT), GRANT, GRANT_KEY_LIFE - LEAD)
    keys = await ServerKeys.load(tmp_path, db)
    assert keys.grant.key_id == old.key_id
    (rotation,) = await rotations(db, old)
    envelopes = (dsse.parse_envelope(rotation.by_old), dsse.parse_envelope(rotation.by_new))
    told = verify_rotation(envelopes, old.public)
    assert told.new_key_id == rotation.new_key_id != old.key_id
    async with db.reading(NOBODY) as tx:
        assert rotation.new_key_id in {key.key_id for key in await store.list_server_keys(tx)}
    await keys.turn(db)
    assert keys.grant.key_id == old.key_id, "it is not listed for an hour yet"
    assert len(await rotations(db, old)) == 1


async def test_a_key_that_was_listed_for_an_hour_signs_in_every_process_and_the_old_one_is_gone(
    db: Database, tmp_path: Path
) -> None:
    old = await listed_since(db, current_file(tmp_path, ARTIFACT), ARTIFACT, 30 * MINUTE)
    mine, other = await ServerKeys.load(tmp_path, db), await ServerKeys.load(tmp_path, db)
    assert mine.artifact.key_id == other.artifact.key_id == old.key_id
    new = await listed_since(db, ready_file(tmp_path, ARTIFACT), ARTIFACT, LEAD)
    await mine.turn(db)
    assert mine.artifact.key_id == new.key_id
    assert not ready_file(tmp_path, ARTIFACT).exists()
    assert key_files.key_in(current_file(tmp_path, ARTIFACT)).key_id == new.key_id
    await other.turn(db)
    assert other.artifact.key_id == new.key_id


async def test_whoever_looks_at_once_makes_one_key_and_one_rotation(
    db: Database, tmp_path: Path
) -> None:
    old = await listed_since(db, current_file(tmp_path, GRANT), GRANT, GRANT_KEY_LIFE)
    loaded = await asyncio.gather(*(ServerKeys.load(tmp_path, db) for _ in range(8)))
    await asyncio.gather(*(keys.turn(db) for keys in loaded))
    assert len(await rotations(db, old)) == 1


async def test_a_key_that_ended_signs_nothing_more_and_vouches_for_nobody(
    db: Database, tmp_path: Path
) -> None:
    keys = await ServerKeys.load(tmp_path, db)
    old = keys.checkpoint
    await end(db, old)
    await keys.turn(db)
    assert keys.checkpoint.key_id != old.key_id
    assert await rotations(db, old) == []
    async with db.reading(NOBODY) as tx:
        counting = {key.key_id for key in await changes.list_counting(tx)}
    assert keys.checkpoint.key_id in counting
    assert old.key_id not in counting
    again = await ServerKeys.load(tmp_path, db)
    assert again.checkpoint.key_id == keys.checkpoint.key_id


@pytest.mark.parametrize("purpose", KeyPurpose)
async def test_while_no_other_key_can_be_made_one_that_ended_still_signs_nothing(
    db: Database, tmp_path: Path, purpose: KeyPurpose
) -> None:
    keys = await ServerKeys.load(tmp_path, db)
    await end(db, keys.of(purpose))
    ready_file(tmp_path, purpose).mkdir()
    with pytest.raises(key_files.KeyFileUnusable):
        await keys.turn(db)
    with pytest.raises(GovernanceUnavailable):
        await keys.sign(purpose, "placet.artifact.v1", b"{}")
    with pytest.raises(GovernanceUnavailable):
        getattr(keys, purpose.value)


@pytest.mark.parametrize("bad", KeyPurpose)
async def test_a_file_that_cannot_be_used_holds_up_its_own_purpose_alone(
    db: Database, tmp_path: Path, bad: KeyPurpose
) -> None:
    keys = await ServerKeys.load(tmp_path, db)
    old = {purpose: keys.of(purpose) for purpose in KeyPurpose if purpose is not bad}
    for key in old.values():
        await end(db, key)
    ready_file(tmp_path, bad).mkdir()
    with pytest.raises(key_files.KeyFileUnusable):
        await keys.turn(db)
    for purpose, key in old.items():
        assert keys.signing(purpose).key_id != key.key_id


async def test_a_key_that_ended_while_it_lay_ready_never_takes_over(
    db: Database, tmp_path: Path
) -> None:
    keys = await ServerKeys.load(tmp_path, db)
    ready = await listed_since(db, ready_file(tmp_path, ARTIFACT), ARTIFACT, LEAD)
    await end(db, ready)
    await keys.turn(db)
    assert keys.artifact.key_id != ready.key_id
    assert not ready_file(tmp_path, ARTIFACT).exists()


async def test_a_key_that_an_operator_makes_ready_is_listed_at_once(
    db: Database, tmp_path: Path
) -> None:
    keys = await ServerKeys.load(tmp_path, db)
    listed = await keys.make_ready(db, ARTIFACT)
    assert listed.key_id != keys.artifact.key_id
    assert (await keys.make_ready(db, ARTIFACT)).key_id == listed.key_id
    assert [one.new_key_id for one in await rotations(db, keys.artifact)] == [listed.key_id]


async def test_what_was_kept_before_a_keys_end_counts_and_nothing_after_it(
    db: Database, tmp_path: Path
) -> None:
    keys = await ServerKeys.load(tmp_path, db)
    before = await _now(db)
    await end(db, keys.artifact)
    after = await _now(db)
    async with db.reading(NOBODY) as tx:
        for at, counts in ((before, True), (after, False), (None, False)):
            found = {key.key_id for key in await changes.list_counting(tx, at)}
            assert (keys.artifact.key_id in found) is counts


async def test_a_tenant_is_told_once_of_an_end_after_what_waited_has_entered_the_log(
    db: Database, tenant: Principal, ids: Ids, tmp_path: Path
) -> None:
    keys = await ServerKeys.load(tmp_path, db)
    async with db.writing(NOBODY) as tx:
        key, ending = await service.end_key(tx, keys.grant.key_id, "it was copied")
    told = await asyncio.gather(
        *(service.tell_tenant(db, tenant.tenant_id, key, ending, ids) for _ in range(4))
    )
    assert sorted(told) == [False, False, False, True]
    stream = tenant_stream(tenant.tenant_id, StreamKind.AUTHORITY)
    said = [body for kind, body in await _events(db, tenant, stream) if kind == "ServerKeyRevoked"]
    async with db.reading(tenant) as tx:
        (place,) = await changes.list_told(tx)
        head = await logs.find_head(tx)
        founding = tenant_stream(tenant.tenant_id, StreamKind.TENANCY)
        last = (await list_events(tx, founding, after=0, limit=100))[-1].seq
        entry = await logs.find_entry(tx, founding, last)
    assert len(said) == 1
    assert head is not None
    assert entry is not None
    assert entry.index < place.log_size <= head.size


class Undone(Exception):  # noqa: N818 -- ends a transaction that must leave nothing
    """Nothing of this is to stay."""


@contextlib.asynccontextmanager
async def undone(db: Database) -> AsyncIterator[Writing]:
    """Write what nobody else is to see."""
    with contextlib.suppress(Undone):
        async with db.writing(NOBODY) as tx:
            yield tx
            raise Undone


async def test_of_many_changes_the_newest_of_each_purpose_are_listed(db: Database) -> None:
    made = {purpose: [SigningKey.generate().key_id for _ in range(5)] for purpose in KeyPurpose}
    async with undone(db) as tx:
        since = await tx.now() + timedelta(days=1)
        for purpose, key_ids in made.items():
            for number, key_id in enumerate(key_ids):
                told = ServerKeyRotation(
                    new_key_id=key_id,
                    old_key_id="00" * 32,
                    purpose=purpose,
                    by_old=b"",
                    by_new=b"",
                    rotated_at=since + number * MINUTE,
                )
                await changes.keep_rotation(tx, told)
        found = await changes.list_newest_rotations(tx, 3)
        for purpose, key_ids in made.items():
            shown = [one.new_key_id for one in found if one.purpose is purpose]
            assert shown == key_ids[-3:]


async def test_a_key_that_was_never_listed_cannot_end(db: Database) -> None:
    async with db.writing(NOBODY) as tx:
        with pytest.raises(ServerKeyUnknown):
            await service.end_key(tx, "00" * 32, "it was copied")


async def _now(db: Database) -> datetime:
    async with db.reading(NOBODY) as tx:
        return await tx.now()


async def _events(db: Database, who: Principal, stream: UUID) -> list[tuple[str, bytes | None]]:
    async with db.reading(who) as tx:
        found = await list_events(tx, StreamId(stream), after=0, limit=200)
    return [(event.type, event.body) for event in found]


async def test_a_key_that_was_seen_to_have_ended_counts_no_more_whatever_an_older_look_says(
    db: Database, tmp_path: Path, server: Server, database_name: str
) -> None:
    keys = await ServerKeys.load(tmp_path, db)
    old = keys.artifact
    await end(db, old)
    await keys.look(db)
    admin = await asyncpg.connect(server.admin(database_name))
    # What a look saw that began before and is over only now.
    table = "placet.authority_server_key_end"
    await admin.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
    gone = f"DELETE FROM {table} WHERE key_id = $1"  # noqa: S608 -- our own name
    assert await admin.execute(gone, old.key_id) == "DELETE 1"
    await admin.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
    await admin.close()
    await keys.look(db)
    with pytest.raises(GovernanceUnavailable):
        keys.signing(ARTIFACT)
