"""Ending a key of ours: once for the service, and once told to each tenant."""

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
from placet.kernel.ids import Ids, TenantId
from placet.kernel.principal import Principal
from placet.storage.database import Database, Writing

ROUNDS_MAX: Final = 10_000
"""Rounds in which what waits enters the log before a tenant is told."""


async def end_key(tx: Writing, key_id: str, reason: str) -> tuple[ServerKey, ServerKeyEnd]:
    """End a key of ours, and return it with its end, which may have come before.

    Refuses `server_key_unknown` for a key that was never listed.
    """
    key = next((one for one in await authority.list_server_keys(tx) if one.key_id == key_id), None)
    if key is None:
        raise ServerKeyUnknown(detail=f"no key `{key_id[:80]}` of ours was ever listed")
    await store.keep_end(tx, ServerKeyEnd(key_id=key_id, reason=reason, ended_at=await tx.now()))
    ends = {end.key_id: end for end in await store.list_ends(tx)}
    return key, ends[key_id]


async def tell_tenant(
    db: Database, tenant_id: TenantId, key: ServerKey, end: ServerKeyEnd, ids: Ids
) -> bool:
    """Tell a tenant of the end of a key. Returns False where it was told before.

    What waits enters the log first, so that what the key signed until now stands below the place.
    """
    who = Principal(
        tenant_id=tenant_id,
        actor_id=SYSTEM_ACTOR,
        key_id="",
        secret_hash=b"",
        scopes=frozenset(),
    )
    for _ in range(ROUNDS_MAX):
        async with db.writing(who) as tx:
            done = await log.advance(tx, ids)
        if done is None or done.is_idle:
            break
    async with db.writing(who) as tx:
        # Held, so that the log has this length when the event is written.
        head = await logs.hold_head(tx)
        told = ServerKeyEndTold(
            tenant_id=tenant_id,
            key_id=key.key_id,
            log_size=0 if head is None else head.size,
            told_at=await tx.now(),
        )
        if not await store.keep_told(tx, told):
            return False
        said = ServerKeyRevoked(
            key_id=key.key_id, purpose=key.purpose, reason=end.reason, log_size=told.log_size
        )
        stream = tenant_stream(tenant_id, StreamKind.AUTHORITY)
        await controls.raise_epoch(tx, stream, StreamKind.AUTHORITY)
        await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
        return True
