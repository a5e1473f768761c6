"""The whole of it: look, raise the epoch, tell each tenant, and bring its sessions along."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from placet.authority import store as authority
from placet.authority.model import KeyPurpose
from placet.authority.recovery import rules, service
from placet.authority.recovery import store as recovery
from placet.authority.recovery.store import Migrator
from placet.authority.recovery.witness import Witnessed, read_witness
from placet.authority.server_keys import NOBODY
from placet.events.model import StreamKind, tenant_stream
from placet.evidence.ed25519 import PublicKey
from placet.kernel.ids import Ids, TenantId
from placet.kernel.refusals import Action, Conflict, GovernanceUnavailable
from placet.kernel.value import Value
from placet.replay.restores import store
from placet.replay.restores.model import TenantLooked
from placet.replay.restores.outside import Outside
from placet.replay.restores.service import restore_sessions, stop_sessions
from placet.replay.restores.verify import look_at
from placet.storage.database import Database
from placet.storage.epoch import EpochSeen


class TenantRestored(Value, frozen=True):
    """What was found of a tenant, and what became of it.

    `sessions_gone` are those that were stopped, by what was kept outside, and are not here;
    `passed_over` counts events kept outside that took authority away and are for people to repeat.
    """

    looked: TenantLooked
    sessions: int
    calls_unknown: int
    controls_set: int
    sessions_stopped: int = 0
    sessions_gone: int = 0
    passed_over: dict[str, int] = msgspec.field(default_factory=dict)


class RestoreReport(Value, frozen=True):
    """What a restore came to. `is_raised` is false where an earlier one was gone on with.

    `lost_tenants` are those of which the witness knows and the database does not.
    """

    epoch: int
    from_epoch: int
    is_raised: bool
    tenants: list[TenantRestored]
    lost_tenants: list[TenantId]


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
    looked = [await _look(db, one, witnessed.get(one)) for one in tenants]
    if flawed := [one for one in looked if one.flaw is not None]:
        detail = f"tenant {flawed[0].tenant_id}: {flawed[0].flaw}"
        raise RestoreRefused(detail=detail, tenants=flawed)
    is_raised = not await _is_left(db, before, looked, witnessed)
    if is_raised and not again and _is_in_use(before, looked, witnessed):
        raise NothingToRestore(detail=f"epoch {before.epoch} was raised for this server, and done")
    # Before anything can be granted here again.
    controls_set = {
        tenant: await service.reapply_controls(
            db, tenant, list(outside[tenant].controls.values()) if tenant in outside else [], ids
        )
        for tenant in tenants
    }
    if is_raised:
        sizes = {one.tenant_id: one.witnessed_size or 0 for one in looked if one.witnessed_size}
        seconds = await recovery.read_seconds(migrator)
        epoch = rules.next_epoch(before.epoch, witnessed.values(), seconds)
        if not await recovery.raise_epoch(migrator, before, epoch, sizes):
            raise GovernanceUnavailable(
                detail="the epoch was raised just now, or the migrator's address leads to another"
                " server than the service's; look at both, and run it again"
            )
    return await _brought(
        db,
        before,
        looked,
        ids,
        controls_set=controls_set,
        outside=outside,
        is_raised=is_raised,
        lost=sorted(set(witnessed) - set(tenants)),
    )


async def _brought(  # noqa: PLR0913 -- what was found, and what is to be said of it
    db: Database,
    before: EpochSeen,
    looked: Sequence[TenantLooked],
    ids: Ids,
    *,
    controls_set: Mapping[TenantId, int],
    outside: Mapping[TenantId, Outside],
    is_raised: bool,
    lost: list[TenantId],
) -> RestoreReport:
    """Bring every tenant into the epoch as it is now, and tell what came of it."""
    now = await recovery.read_epoch(db)
    done = [
        msgspec.structs.replace(
            await _bring(
                db, one, (before, now), outside.get(TenantId(one.tenant_id), Outside()), ids
            ),
            controls_set=controls_set[TenantId(one.tenant_id)],
        )
        for one in looked
    ]
    return RestoreReport(
        epoch=now.epoch,
        from_epoch=before.epoch,
        is_raised=is_raised,
        tenants=done,
        lost_tenants=lost,
    )


async def _witnessed(db: Database, folder: Path | None) -> dict[TenantId, Witnessed]:
    if folder is None:
        return {}
    async with db.reading(NOBODY) as tx:
        listed = await authority.list_server_keys(tx)
    keys = [PublicKey(raw=one.public_key) for one in listed if one.purpose is KeyPurpose.CHECKPOINT]
    return {one.tenant_id: one for one in read_witness(folder, keys)}


async def _look(db: Database, tenant: TenantId, witnessed: Witnessed | None) -> TenantLooked:
    async with db.reading(service.acting_for(tenant)) as tx:
        return await look_at(tx, witnessed)


def _is_in_use(
    seen: EpochSeen, looked: Sequence[TenantLooked], witnessed: Mapping[TenantId, Witnessed]
) -> bool:
    """Tell whether the epoch was raised for this server, and no witness knows of more."""
    sizes = {TenantId(one.tenant_id): one.log_size for one in looked}
    return seen.is_current and all(
        rules.find_newer(seen.epoch, sizes.get(tenant, 0), held.newest) is None
        for tenant, held in witnessed.items()
    )


async def _is_left(
    db: Database,
    seen: EpochSeen,
    looked: Sequence[TenantLooked],
    witnessed: Mapping[TenantId, Witnessed],
) -> bool:
    """Tell whether the epoch was raised for this server, and something of that was left undone."""
    if not _is_in_use(seen, looked, witnessed):
        return False
    for tenant in [TenantId(one.tenant_id) for one in looked]:
        async with db.reading(service.acting_for(tenant)) as tx:
            if await store.list_left_behind(tx, seen.epoch, 1):
                return True
            ranges = await recovery.list_recoveries(tx)
            stream = tenant_stream(tenant, StreamKind.AUTHORITY)
            is_here = any(one.epoch == seen.epoch for one in ranges)
            if is_here and not await recovery.is_told(tx, stream, seen.epoch):
                return True
    return False


async def _bring(
    db: Database,
    looked: TenantLooked,
    epochs: tuple[EpochSeen, EpochSeen],
    outside: Outside,
    ids: Ids,
) -> TenantRestored:
    tenant = TenantId(looked.tenant_id)
    before, now = epochs
    async with db.reading(service.acting_for(tenant)) as tx:
        ranges = await recovery.list_recoveries(tx)
    for one in ranges:
        if one.epoch == now.epoch:
            await service.tell_restored(db, one, before, now, ids)
    # Before they may be leased again.
    stopped, gone = await stop_sessions(db, tenant, outside.stopped, ids)
    sessions, unknown = await restore_sessions(db, tenant, ids)
    return TenantRestored(
        looked=looked,
        sessions=sessions,
        calls_unknown=unknown,
        controls_set=0,
        sessions_stopped=stopped,
        sessions_gone=gone,
        passed_over=dict(outside.passed_over),
    )
