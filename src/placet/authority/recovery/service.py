"""Telling of a raised epoch, putting outside controls in force again, and closing a lost range."""

from collections.abc import Sequence

from placet.authority.controls import store as controls
from placet.authority.controls.model import ControlSet
from placet.authority.recovery import store
from placet.authority.recovery.model import (
    AuthorityRecovery,
    CloseRecovery,
    NotRecovering,
    RecoveryClosed,
    RecoveryList,
    Restored,
)
from placet.authority.recovery.rules import view_of
from placet.events.model import SYSTEM_ACTOR, StreamKind, new_event, tenant_stream
from placet.events.store import append
from placet.kernel.ids import Ids, TenantId
from placet.kernel.principal import Principal
from placet.storage.database import Database, Reading, Writing
from placet.storage.epoch import EpochSeen


def acting_for(tenant_id: TenantId) -> Principal:
    """Return the service itself, at work on one tenant after a restore."""
    return Principal(
        tenant_id=tenant_id,
        actor_id=SYSTEM_ACTOR,
        key_id="",
        secret_hash=b"",
        scopes=frozenset(),
    )


async def tell_restored(
    db: Database, recovery: AuthorityRecovery, before: EpochSeen, now: EpochSeen, ids: Ids
) -> bool:
    """Tell in the tenant's `authority` stream that the epoch was raised, once; tells if it did.

    Passes the gate alone, so that whoever was granting in the earlier epoch has ended.
    """
    async with db.writing(acting_for(recovery.tenant_id)) as tx:
        stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
        await controls.raise_epoch(tx, stream, StreamKind.AUTHORITY)
        if await store.is_told(tx, stream, recovery.epoch):
            return False
        said = Restored(
            epoch=recovery.epoch,
            from_epoch=recovery.from_epoch,
            system_identifier=now.system_identifier,
            timeline=now.timeline,
            from_system_identifier=before.system_identifier,
            from_timeline=before.timeline,
            log_size=recovery.log_size,
            witnessed_size=recovery.witnessed_size,
        )
        await append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
        return True


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

    Refuses `not_recovering`.
    """
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    control_epoch = await controls.raise_epoch(tx, stream, StreamKind.AUTHORITY)
    # Race: what is open is read behind the gate, and what comes after it is not closed.
    epochs = [
        one.epoch
        for one in await store.list_recoveries(tx)
        if one.closed_at is None and one.epoch <= asked.epoch
    ]
    if not epochs:
        raise NotRecovering(detail="nothing that a restore left is open here up to that epoch")
    await store.close_recoveries(tx, epochs, asked.reason, control_epoch)
    said = RecoveryClosed(epochs=epochs, reason=asked.reason)
    await append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
    return await list_recoveries(tx)


async def list_recoveries(tx: Reading) -> RecoveryList:
    """Return every lost range of the tenant, the latest first."""
    return RecoveryList(items=[view_of(one) for one in await store.list_recoveries(tx)])
