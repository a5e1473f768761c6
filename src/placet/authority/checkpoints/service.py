"""Making a checkpoint, and proving against one."""

import asyncio
from datetime import UTC, datetime
from typing import Final

from placet.authority.checkpoints import store
from placet.authority.checkpoints.model import Checkpoint, CheckpointSigned, InclusionProof
from placet.authority.key_changes import store as key_changes
from placet.authority.model import KeyPurpose
from placet.authority.server_keys import ServerKeys
from placet.events.model import SYSTEM_ACTOR, StreamId, StreamKind, new_event, tenant_stream
from placet.events.store import append
from placet.evidence.checkpoint import CHECKPOINT_TYPE, CheckpointPayload, origin_of
from placet.evidence.dsse import encode_envelope, parse_envelope
from placet.evidence.log import service as log
from placet.evidence.log import store as entries
from placet.evidence.log.model import ENTRIES_AT_ONCE, NEWEST, Round
from placet.evidence.merkle import EMPTY_ROOT
from placet.evidence.vote import CheckpointSeen
from placet.kernel.canonical import canonical
from placet.kernel.ids import Ids, TenantId
from placet.kernel.principal import Principal
from placet.kernel.refusals import GovernanceUnavailable
from placet.kernel.value import Value
from placet.storage.database import Database, Reading, Writing
from placet.storage.epoch import EpochSeen

SEQUENCED_MAX: Final = 65_536
"""Entries that one call for a checkpoint puts into the log."""

ATTEMPTS: Final = 100
WAIT_SECONDS: Final = 0.05
"""How often, and after how long again, whoever finds the log taken tries."""


class LogSeen(Value, frozen=True):
    """How a log and its checkpoints stood at a moment, and on which server.

    `owed` is how many entries a checkpoint is owed for.
    """

    size: int
    root: bytes
    owed: int
    last: Checkpoint | None
    place: EpochSeen
    at: datetime


async def latest(tx: Reading) -> Checkpoint | None:
    """Return the newest checkpoint of the tenant, or None before there is one."""
    return await store.find_newest(tx)


async def to_be_seen(tx: Reading) -> CheckpointSeen | None:
    """Return the newest checkpoint as a vote names it, or None before there is one."""
    newest = await store.find_newest(tx)
    return None if newest is None else CheckpointSeen(size=newest.size, root=newest.root.hex())


async def is_ours(tx: Reading, seen: CheckpointSeen | None) -> bool:
    """Tell whether what a vote names is a checkpoint of the tenant; none is none of others'."""
    return seen is None or await store.is_signed(tx, seen.size, bytes.fromhex(seen.root))


async def make_checkpoint(
    db: Database, who: Principal, keys: ServerKeys, ids: Ids, *, entries_max: int = SEQUENCED_MAX
) -> Checkpoint:
    """Put what waits into the log, up to `entries_max` entries, and sign what it is then.

    Opens transactions of its own, so call it outside of any. Returns the newest checkpoint as it
    stands where nothing was added since that asks for another. Refuses `log_damaged`, and
    `governance_unavailable` where others never let go of the log.
    """
    async with db.reading(acting_for(who.tenant_id)) as tx:
        check_current(await look(tx))
    await sequence(db, who.tenant_id, ids, entries_max=entries_max)
    return await sign(db, who.tenant_id, keys, ids)


async def sequence(
    db: Database, tenant_id: TenantId, ids: Ids, *, entries_max: int = SEQUENCED_MAX
) -> int:
    """Do rounds until all that waits now is in, or so many entries are new. Returns how many.

    What is written meanwhile may wait for the next call. Refuses `governance_unavailable` where
    others never let go of the log.
    """
    done, busy = 0, 0
    part: int | None = NEWEST
    before: Round | None = None
    while done < entries_max:
        room = min(ENTRIES_AT_ONCE, entries_max - done)
        async with db.writing(acting_for(tenant_id)) as tx:
            round_ = await log.advance(tx, ids, room=room, part=part)
        if round_ is None:
            busy += 1
            if busy == ATTEMPTS:
                raise GovernanceUnavailable(
                    detail="others hold this log all the time", retry_after_seconds=1
                )
            await asyncio.sleep(WAIT_SECONDS)
        else:
            done, part = done + round_.entered, None
            if round_.ends(before):
                break
            before = round_
    return done


async def sign(db: Database, tenant_id: TenantId, keys: ServerKeys, ids: Ids) -> Checkpoint:
    """Sign how the log hashes now, unless its newest checkpoint says that already.

    Refuses `governance_unavailable`.
    """
    who = acting_for(tenant_id)
    for _ in range(ATTEMPTS):
        async with db.reading(who) as tx:
            seen = await look(tx)
        check_current(seen)
        last = seen.last
        if last is not None and last.epoch == seen.place.epoch and last.size >= seen.owed:
            return last
        made = await _signed(keys, tenant_id, seen)
        async with db.writing(who) as tx:
            held = await entries.take_head(tx)
            # Race: the key may have ended; then nothing by it may stand above that place.
            is_ended = await key_changes.is_ended(tx, _signer_of(made))
            # Race: another may have signed since, and the next one has to name theirs.
            if held is not None and not is_ended and await store.find_newest(tx) == last:
                await store.insert_checkpoint(tx, made)
                await _tell(tx, made, ids)
                return made
        if is_ended:
            await keys.drop_ended(db)
        else:
            await asyncio.sleep(WAIT_SECONDS)
    raise GovernanceUnavailable(
        detail="others make checkpoints of this log all the time", retry_after_seconds=1
    )


async def look(tx: Reading) -> LogSeen:
    """Return how a log and its checkpoints stand."""
    head = await entries.find_head(tx)
    return LogSeen(
        size=head.size if head else 0,
        root=head.root if head else EMPTY_ROOT,
        owed=head.owed if head else 0,
        last=await store.find_newest(tx),
        place=await store.read_epoch(tx),
        at=await tx.now(),
    )


def check_current(seen: LogSeen) -> None:
    """Refuse `governance_unavailable` on a server that is not the one of the restore epoch."""
    if not seen.place.is_current:
        raise GovernanceUnavailable(
            detail="this is not the server that the restore epoch names; no log goes on here"
            " until `placet restore --verify` has raised the epoch",
            retry_after_seconds=60,
        )


async def current_size(tx: Reading) -> int:
    """Return how many entries the tenant's log has."""
    head = await entries.find_head(tx)
    return head.size if head else 0


async def last_logged_seq(
    tx: Reading, stream: StreamId, before_index: int
) -> tuple[int, int] | None:
    """Return sequence and index of a stream's last event among the first `before_index` entries.

    None where the stream has none there.
    """
    entry = await entries.find_last_entry(tx, stream, before_index)
    return None if entry is None else (entry.seq, entry.index)


async def inclusion(tx: Reading, stream: StreamId, seq: int, size: int) -> InclusionProof:
    """Prove that an event is among the first `size` entries.

    Refuses `not_found` if it is not, and `log_damaged`.
    """
    found = await log.inclusion(tx, stream, seq, size)
    return InclusionProof(index=found.index, size=found.size, leaf=found.leaf, path=found.path)


async def consistency(tx: Reading, from_size: int, to_size: int) -> list[bytes]:
    """Prove that the first `from_size` entries of the log are the first of its `to_size`.

    Refuses `not_found` for sizes that the log never had or in the wrong order, and `log_damaged`.
    """
    return await log.consistency(tx, from_size, to_size)


def acting_for(tenant_id: TenantId) -> Principal:
    """Return the service itself, at work on one tenant's log."""
    return Principal(
        tenant_id=tenant_id,
        actor_id=SYSTEM_ACTOR,
        key_id="",
        secret_hash=b"",
        scopes=frozenset(),
    )


async def _signed(keys: ServerKeys, tenant_id: TenantId, seen: LogSeen) -> Checkpoint:
    last = seen.last
    payload = CheckpointPayload(
        tenant_id=tenant_id,
        origin=origin_of(tenant_id),
        size=seen.size,
        root=seen.root.hex(),
        epoch=seen.place.epoch,
        system_identifier=seen.place.here_system_identifier,
        timeline=seen.place.timeline,
        time=seen.at.astimezone(UTC),
        previous=None if last is None else CheckpointSeen(size=last.size, root=last.root.hex()),
        key_id=keys.of(KeyPurpose.CHECKPOINT).key_id,
    )
    envelope = await keys.sign(KeyPurpose.CHECKPOINT, CHECKPOINT_TYPE, canonical(payload))
    # Race: the key may have been rotated in between, and a checkpoint names the key that signed it.
    if envelope.signatures[0].keyid != payload.key_id:
        return await _signed(keys, tenant_id, seen)
    return Checkpoint(
        tenant_id=tenant_id,
        epoch=seen.place.epoch,
        size=seen.size,
        root=seen.root,
        at=seen.at,
        envelope=encode_envelope(envelope),
    )


def _signer_of(made: Checkpoint) -> str:
    return parse_envelope(made.envelope).signatures[0].keyid


async def _tell(tx: Writing, made: Checkpoint, ids: Ids) -> None:
    said = CheckpointSigned(
        size=made.size,
        root=made.root.hex(),
        epoch=made.epoch,
        key_id=_signer_of(made),
        envelope=made.envelope.decode(),
    )
    stream = tenant_stream(tx.tenant_id, StreamKind.CHECKPOINTS)
    await append(tx, stream, StreamKind.CHECKPOINTS, [new_event(ids, said)])
