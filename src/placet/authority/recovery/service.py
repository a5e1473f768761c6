"""Telling of a raised epoch, putting outside controls in force again, and closing a lost range."""

from collections.abc import Sequence

from placet.authority.controls import store as controls
from placet.authority.controls.model import ControlSet
from placet.authority.recovery import store
from placet.authority.recovery.model import (
    AuthorityRecovery,
    CloseRecovery,
    LostEnd,
    NotRecovering,
    RecoveryClosed,
    RecoveryList,
    Restored,
)
from placet.authority.recovery.rules import unfinished, view_of
from placet.events.model import SYSTEM_ACTOR, StreamKind, new_event, tenant_stream
from placet.events.store import append
from placet.kernel.ids import Ids, TenantId
from placet.kernel.principal import Principal
from placet.storage.database import Database, Reading, Writing


def acting_for(tenant_id: TenantId) -> Principal:
    """Return the service itself, at work on one tenant after a restore."""
    return Principal(
        tenant_id=tenant_id,
        actor_id=SYSTEM_ACTOR,
        key_id="",
        secret_hash=b"",
        scopes=frozenset(),
    )


async def tell_restored(db: Database, recovery: AuthorityRecovery, ids: Ids) -> bool:
    """Tell in the tenant's `authority` stream that the epoch was raised, once; tells if it did.

    Passes the gate alone, so that whoever was granting in the earlier epoch has ended.
    """
    async with db.writing(acting_for(recovery.tenant_id)) as tx:
        stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
        await controls.raise_epoch(tx, stream, StreamKind.AUTHORITY)
        if (await store.get_recovery(tx, recovery.epoch)).told_seq is not None:
            return False
        said = Restored(
            epoch=recovery.epoch,
            from_epoch=recovery.from_epoch,
            system_identifier=recovery.system_identifier,
            timeline=recovery.timeline,
            from_system_identifier=recovery.from_system_identifier,
            from_timeline=recovery.from_timeline,
            log_size=recovery.log_size,
            witnessed_size=recovery.witnessed_size,
        )
        seq, _ = await append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
        await store.note_told(tx, recovery.epoch, seq)
        return True


async def note_lost_ends(
    db: Database, tenant_id: TenantId, epoch: int, ends: Sequence[LostEnd]
) -> None:
    """Note what people have to repeat before the lost range of an epoch is closed, once each."""
    async with db.writing(acting_for(tenant_id)) as tx:
        # Race: a closing holds the gate alone, too.
        await controls.raise_epoch(
            tx, tenant_stream(tx.tenant_id, StreamKind.AUTHORITY), StreamKind.AUTHORITY
        )
        noted = (await store.get_recovery(tx, epoch)).lost_ends
        if new := [end for end in ends if end not in noted]:
            await store.note_lost_ends(tx, epoch, [*noted, *new])


async def reapply_controls(
    db: Database, tenant_id: TenantId, outside: Sequence[ControlSet], ids: Ids
) -> int:
    """Put controls in force that were set outside of what was restored. Returns how many are new.

    Each keeps its id, so that one which stands already, lifted or not, is not set again.
    """
    new = 0
    for said in outside:
        async with db.writing(acting_for(tenant_id)) as tx:
            if await controls.is_known(tx, said.control_id):
                continue
            await controls.add_control(tx, said, new_event(ids, said))
            new += 1
    return new


async def close_recovery(tx: Writing, asked: CloseRecovery, ids: Ids) -> RecoveryList:
    """Close what restores left open up to an epoch; with the last one grants are as wide as before.

    Refuses `not_recovering`, and `recovery_unfinished` where a restore broke off or people have
    ends to repeat.
    """
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    control_epoch = await controls.raise_epoch(tx, stream, StreamKind.AUTHORITY)
    # Race: what is open is read behind the gate, and what comes after it is not closed.
    ranges = [
        one
        for one in await store.list_recoveries(tx)
        if one.closed_at is None and one.epoch <= asked.epoch
    ]
    if not ranges:
        raise NotRecovering(detail="nothing that a restore left is open here up to that epoch")
    epochs = [one.epoch for one in ranges]
    if await store.close_recoveries(tx, asked, epochs, control_epoch) != len(epochs):
        raise unfinished(ranges, asked)
    repeated = [end for one in ranges for end in one.lost_ends]
    said = RecoveryClosed(epochs=epochs, reason=asked.reason, repeated=repeated)
    await append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
    return await list_recoveries(tx)


async def list_recoveries(tx: Reading) -> RecoveryList:
    """Return every lost range of the tenant, the latest first."""
    return RecoveryList(items=[view_of(one) for one in await store.list_recoveries(tx)])
