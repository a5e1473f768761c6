"""The whole of it: look, raise the epoch, tell each tenant, and bring its sessions along."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

from placet.authority import store as authority
from placet.authority.model import KeyPurpose
from placet.authority.recovery import rules, service
from placet.authority.recovery import store as recovery
from placet.authority.recovery.model import AuthorityRecovery, LostEnd
from placet.authority.recovery.store import Migrator
from placet.authority.recovery.witness import Witnessed, read_witness
from placet.authority.server_keys import NOBODY
from placet.evidence.ed25519 import PublicKey
from placet.kernel.ids import Ids, TenantId
from placet.kernel.refusals import Action, Conflict, GovernanceUnavailable
from placet.replay.restores import store
from placet.replay.restores.ends import (
    Reapplied,
    end_server_keys,
    reapply,
    tell_server_keys,
)
from placet.replay.restores.model import RestoreReport, TenantLooked, TenantRestored
from placet.replay.restores.outside import Outside
from placet.replay.restores.service import restore_sessions
from placet.replay.restores.verify import look_at
from placet.storage.database import Database
from placet.storage.epoch import EpochSeen


@dataclasses.dataclass(kw_only=True, eq=False)
class RestoreRefused(Conflict):
    """What was restored is not whole, so that the epoch was not raised."""

    action = Action.STOP
    hint = (
        "restore another backup, one from before the damage, or mend the witness's file where that"
        " is what does not fit; nothing was changed here"
    )
    tenants: list[TenantLooked]


@dataclasses.dataclass(kw_only=True, eq=False)
class NothingToRestore(Conflict):
    """The database is in use, so that the epoch was not raised."""

    action = Action.STOP
    hint = (
        "to void all authority once more, for an older copy of the data say, ask for it `--again`"
    )


async def restore(  # noqa: PLR0913 -- what it works on, what was kept outside, and one flag
    db: Database,
    migrator: Migrator,
    witness: Path | None,
    outside: Mapping[TenantId, Outside],
    ids: Ids,
    *,
    again: bool = False,
) -> RestoreReport:
    """Verify what was restored, raise the epoch, and void the authority of before.

    Run again after it broke off, it goes on. Refuses `restore_refused` where something does not
    fit, `nothing_to_restore` where the epoch was raised for this server, all of that is done and no
    witness knows of more, unless it is to be raised `again`, and `governance_unavailable` on a
    server that only follows.
    """
    before = await recovery.read_epoch(db)
    if before.here_timeline is None:
        raise GovernanceUnavailable(detail="this server only follows another; promote it first")
    witnessed = await _witnessed(db, witness)
    tenants = [TenantId(one) for one in await recovery.list_tenants(migrator)]
    looked = [await _look(db, one, witnessed.get(one), before.epoch) for one in tenants]
    if flawed := [one for one in looked if one.flaw is not None]:
        detail = f"tenant {flawed[0].tenant_id}: {flawed[0].flaw}"
        raise RestoreRefused(detail=detail, tenants=flawed)
    is_raised = await _is_to_be_raised(db, before, looked, witnessed, outside, again=again)
    # Before anything can be granted here again.
    keys_ended, keys_unknown = await end_server_keys(db, outside)
    done = {one: await reapply(db, one, outside.get(one, Outside()), ids) for one in tenants}
    if is_raised:
        await _raise(migrator, before, looked, witnessed, done)
    else:
        await _note(db, {tenant: one.lost_ends for tenant, one in done.items() if one.lost_ends})
    now = await recovery.read_epoch(db)
    await tell_server_keys(db, tenants, ids)
    brought = [await _bring(db, one, done[TenantId(one.tenant_id)], ids) for one in looked]
    return RestoreReport(
        epoch=now.epoch,
        from_epoch=before.epoch if is_raised else await _from_epoch(db, tenants, now.epoch),
        is_raised=is_raised,
        tenants=brought,
        lost_tenants=sorted(set(witnessed) - set(tenants)),
        keys_ended=keys_ended,
        keys_unknown=keys_unknown,
    )


async def _is_to_be_raised(  # noqa: PLR0913 -- what was found, what was kept outside, and one flag
    db: Database,
    before: EpochSeen,
    looked: Sequence[TenantLooked],
    witnessed: Mapping[TenantId, Witnessed],
    outside: Mapping[TenantId, Outside],
    *,
    again: bool,
) -> bool:
    """Tell whether the epoch is to be raised, or an earlier restore to be gone on with.

    Refuses `nothing_to_restore`.
    """
    if not _is_in_use(before, looked, witnessed):
        return True
    ranges = [one for tenant in looked for one in await _ranges(db, TenantId(tenant.tenant_id))]
    if any(one.told_seq is None for one in ranges) or await _is_behind(db, before, looked):
        return False
    if again:
        return True
    # What was kept outside may come late: as long as no operator has closed what is lost.
    if outside and any(one.closed_at is None for one in ranges):
        return False
    raise NothingToRestore(detail=f"epoch {before.epoch} was raised for this server, and done")


async def _raise(
    migrator: Migrator,
    before: EpochSeen,
    looked: Sequence[TenantLooked],
    witnessed: Mapping[TenantId, Witnessed],
    done: Mapping[TenantId, Reapplied],
) -> None:
    sizes = {one.tenant_id: one.witnessed_size or 0 for one in looked if one.witnessed_size}
    seconds = await recovery.read_seconds(migrator)
    epoch = rules.next_epoch(before.epoch, witnessed.values(), seconds)
    lost: dict[UUID, Sequence[LostEnd]] = {tenant: done[tenant].lost_ends for tenant in done}
    if not await recovery.raise_epoch(migrator, before, epoch, sizes, lost):
        raise GovernanceUnavailable(
            detail="the epoch was raised just now, or the migrator's address leads to another"
            " server than the service's; look at both, and run it again"
        )


async def _note(db: Database, lost: Mapping[TenantId, Sequence[LostEnd]]) -> None:
    """Note what people have to repeat with the latest lost range of theirs that is open."""
    for tenant, ends in lost.items():
        if epochs := [one.epoch for one in await _ranges(db, tenant) if one.closed_at is None]:
            await service.note_lost_ends(db, tenant, epochs[0], ends)


async def _from_epoch(db: Database, tenants: Sequence[TenantId], epoch: int) -> int:
    """Return the epoch that was before one that was raised earlier, as far as anybody knows."""
    for tenant in tenants:
        for one in await _ranges(db, tenant):
            if one.epoch == epoch:
                return one.from_epoch
    return epoch


async def _ranges(db: Database, tenant: TenantId) -> list[AuthorityRecovery]:
    """Return a tenant's lost ranges, the latest first."""
    async with db.reading(service.acting_for(tenant)) as tx:
        return await recovery.list_recoveries(tx)


async def _witnessed(db: Database, folder: Path | None) -> dict[TenantId, Witnessed]:
    if folder is None:
        return {}
    async with db.reading(NOBODY) as tx:
        listed = await authority.list_server_keys(tx)
    keys = [PublicKey(raw=one.public_key) for one in listed if one.purpose is KeyPurpose.CHECKPOINT]
    return {one.tenant_id: one for one in read_witness(folder, keys)}


async def _look(
    db: Database, tenant: TenantId, witnessed: Witnessed | None, epoch: int
) -> TenantLooked:
    async with db.reading(service.acting_for(tenant)) as tx:
        return await look_at(tx, witnessed, epoch)


def _is_in_use(
    seen: EpochSeen, looked: Sequence[TenantLooked], witnessed: Mapping[TenantId, Witnessed]
) -> bool:
    """Tell whether the epoch was raised for this server, and no witness knows of more."""
    sizes = {TenantId(one.tenant_id): one.log_size for one in looked}
    return seen.is_current and all(
        rules.find_newer(seen.epoch, sizes.get(tenant, 0), held.newest) is None
        for tenant, held in witnessed.items()
    )


async def _is_behind(db: Database, seen: EpochSeen, looked: Sequence[TenantLooked]) -> bool:
    """Tell whether sessions are left that have not come into the epoch."""
    for tenant in [TenantId(one.tenant_id) for one in looked]:
        async with db.reading(service.acting_for(tenant)) as tx:
            if await store.list_left_behind(tx, seen.epoch, 1):
                return True
    return False


async def _bring(db: Database, looked: TenantLooked, done: Reapplied, ids: Ids) -> TenantRestored:
    """Tell a tenant of every raise that it was not told of, and bring its sessions along."""
    tenant = TenantId(looked.tenant_id)
    for one in reversed(await _ranges(db, tenant)):
        if one.told_seq is None:
            await service.tell_restored(db, one, ids)
    sessions, unknown = await restore_sessions(db, tenant, ids)
    return TenantRestored(
        looked=looked,
        sessions=sessions,
        calls_unknown=unknown,
        controls_set=done.controls,
        sessions_stopped=done.stopped,
        sessions_gone=done.gone,
        ends=done.ends,
        ends_gone=done.ends_gone,
        lost_ends=done.lost_ends,
    )
