"""Ending a key of ours: once for the service, and once told to each tenant."""

import asyncio
from typing import Final

from placet.authority import store as authority
from placet.authority.controls import store as controls
from placet.authority.key_changes import store
from placet.authority.key_changes.model import ServerKeyEndTold, ServerKeyRevoked, ServerKeyUnknown
from placet.authority.model import ServerKey, ServerKeyEnd
from placet.events import store as events
from placet.events.model import SYSTEM_ACTOR, StreamKind, new_event, tenant_stream
from placet.evidence.log import service as log
from placet.evidence.log import store as logs
from placet.evidence.log.model import NEWEST, LogDamaged, Round
from placet.kernel.ids import Ids, TenantId
from placet.kernel.principal import Principal
from placet.kernel.refusals import GovernanceUnavailable
from placet.storage.database import Database, Writing
from placet.storage.epoch import READ, seen

ATTEMPTS: Final = 100
WAIT_SECONDS: Final = 0.05
"""How often, and after how long again, whoever finds the log taken tries."""
TURNS_MAX: Final = 2_500
"""Transactions in which what waits enters the log before a tenant is told."""
ROUNDS_AT_ONCE: Final = 4
"""Rounds of the log in one transaction."""


async def end_key(tx: Writing, key_id: str, reason: str) -> tuple[ServerKey, ServerKeyEnd]:
    """End a key of ours, and return it with its end, which may have come before.

    Refuses `server_key_unknown` for a key that was never listed.
    """
    key = next((one for one in await authority.list_server_keys(tx) if one.key_id == key_id), None)
    if key is None:
        raise ServerKeyUnknown(detail=f"no key `{key_id[:80]}` of ours was ever listed")
    # Race: whoever approves has the artifact signed, and in its stream, before the key ends.
    await store.hold_ends_alone(tx)
    await store.keep_end(tx, ServerKeyEnd(key_id=key_id, reason=reason, ended_at=await tx.now()))
    ends = {end.key_id: end for end in await store.list_ends(tx)}
    return key, ends[key_id]


async def tell_tenant(
    db: Database, tenant_id: TenantId, key: ServerKey, end: ServerKeyEnd, ids: Ids
) -> bool:
    """Tell a tenant of the end of a key. Returns False where it was told before.

    Everything that waits now enters the log before or in the transaction that tells, so that what
    the key signed until now stands below the place. A log that is damaged takes nothing in: there
    the place is where it ends. Refuses `governance_unavailable` where others never let go of the
    log, and on a server that is not the one of the restore epoch.
    """
    who = Principal(
        tenant_id=tenant_id,
        actor_id=SYSTEM_ACTOR,
        key_id="",
        secret_hash=b"",
        scopes=frozenset(),
    )
    # A log that goes on in another order than the one that was witnessed never leads to it again.
    if not seen(await db.hot.call(READ, reserved=True)).is_current:
        raise GovernanceUnavailable(
            detail="this is not the server that the restore epoch names; run"
            " `placet restore --verify` first",
            retry_after_seconds=60,
        )
    busy = 0
    for _ in range(TURNS_MAX):
        try:
            async with db.writing(who) as tx:
                entered = await _enter(tx, ids)
                if entered:
                    return await _tell(tx, key, end, ids)
        except LogDamaged:
            async with db.writing(who) as tx:
                await logs.hold_head(tx)
                return await _tell(tx, key, end, ids)
        if entered is None:
            busy += 1
            await asyncio.sleep(WAIT_SECONDS)
        if busy == ATTEMPTS:
            break
    raise GovernanceUnavailable(
        detail="others are at the log of this tenant all the time", retry_after_seconds=1
    )


async def _enter(tx: Writing, ids: Ids) -> bool | None:
    """Do rounds, and tell whether all that waited is in; None if somebody else is at it."""
    before: Round | None = None
    for _ in range(ROUNDS_AT_ONCE):
        done = await log.advance(tx, ids, part=NEWEST if before is None else None)
        if done is None or done.ends(before):
            return None if done is None else True
        before = done
    return False


async def _tell(tx: Writing, key: ServerKey, end: ServerKeyEnd, ids: Ids) -> bool:
    """Write where the log ends, whose head is held, and tell of it unless that was done before."""
    head = await logs.find_head(tx)
    told = ServerKeyEndTold(
        tenant_id=tx.tenant_id,
        key_id=key.key_id,
        log_size=0 if head is None else head.size,
        told_at=await tx.now(),
    )
    if not await store.keep_told(tx, told):
        return False
    said = ServerKeyRevoked(
        key_id=key.key_id, purpose=key.purpose, reason=end.reason, log_size=told.log_size
    )
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await controls.raise_epoch(tx, stream, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
    return True
