"""Putting in force again what stopped something, and was told outside of what was restored."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from placet.authority import service as people
from placet.authority.issuers import service as issuers
from placet.authority.issuers.model import IssuerRevoked, RevokeIssuer
from placet.authority.key_changes import service as key_changes
from placet.authority.key_changes import store as keys
from placet.authority.key_changes.model import ServerKeyRevoked, ServerKeyUnknown
from placet.authority.model import PersonKeyRevoked, RevokeKey
from placet.authority.recovery import service as recovery
from placet.authority.recovery.model import LostEnd
from placet.authority.server_keys import NOBODY
from placet.authority.store import list_server_keys
from placet.authority.tool_hosts import service as hosts
from placet.authority.tool_hosts.model import RevokeToolHost, ToolHostRevoked
from placet.kernel.ids import ActorId, Ids, TenantId
from placet.kernel.refusals import NotFound, RequestInProgress
from placet.replay.restores import store
from placet.replay.restores.outside import End, Outside, Told
from placet.replay.restores.service import stop_sessions
from placet.replay.sessions.policies import acting_for
from placet.replay.standing import service as standing
from placet.replay.standing import store as standings
from placet.replay.standing.model import StandingRevoked
from placet.storage.database import Database, Writing
from placet.tenancy import service as tenancy
from placet.tenancy.model import ActorDisabled, ApiKeyId, ApiKeyRevoked

ATTEMPTS: Final = 30
"""How often the end of a key of ours is tried that somebody signs with at the moment."""


async def _end_issuer(tx: Writing, target: str, why: str, ids: Ids) -> None:
    await issuers.revoke_issuer(tx, UUID(target), RevokeIssuer(reason=why), ids)


async def _end_host(tx: Writing, target: str, why: str, ids: Ids) -> None:
    await hosts.revoke_host(tx, UUID(target), RevokeToolHost(reason=why), ids)


async def _end_person_key(tx: Writing, target: str, why: str, ids: Ids) -> None:
    await people.revoke_key(tx, target, RevokeKey(reason=why), ids, is_admin=True)


async def _end_standing(tx: Writing, target: str, why: str, ids: Ids) -> None:
    who = acting_for(tx.tenant_id)
    if (await standings.get_grant(tx, who, UUID(target))).revoked_at is None:
        await standing.end_grant(tx, who, UUID(target), why, ids)


async def _disable(tx: Writing, target: str, why: str, ids: Ids) -> None:
    del why
    await tenancy.disable_actor(tx, ActorId(UUID(target)), ids)


async def _end_api_key(tx: Writing, target: str, why: str, ids: Ids) -> None:
    del why
    await tenancy.revoke_key(tx, ApiKeyId(target), ids)


_ACTS: Final[Mapping[str, Callable[[Writing, str, str, Ids], Awaitable[None]]]] = {
    IssuerRevoked.__name__: _end_issuer,
    PersonKeyRevoked.__name__: _end_person_key,
    ToolHostRevoked.__name__: _end_host,
    StandingRevoked.__name__: _end_standing,
    ActorDisabled.__name__: _disable,
    ApiKeyRevoked.__name__: _end_api_key,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Reapplied:
    """What was put in force again for one tenant, before anything could be granted there.

    `stopped` sessions were stopped, and `gone` of them are not here; `lost_ends` are for people.
    """

    controls: int
    stopped: int
    gone: int
    ends: dict[str, int]
    ends_gone: list[LostEnd]
    lost_ends: list[LostEnd]


async def reapply(db: Database, tenant_id: TenantId, outside: Outside, ids: Ids) -> Reapplied:
    """Put in force again what was kept outside of one tenant. Idempotent."""
    controls = list(outside.controls.values())
    new = await recovery.reapply_controls(db, tenant_id, controls, ids)
    ends, ends_gone = await end_again(db, tenant_id, outside.ends, ids)
    stopped, gone = await stop_sessions(db, tenant_id, outside.stopped, ids)
    lost = await list_lost(db, tenant_id, outside.by_people)
    return Reapplied(new, stopped, gone, dict(ends), ends_gone, lost)


async def end_again(
    db: Database, tenant_id: TenantId, ends: Mapping[End, Told], ids: Ids
) -> tuple[Counter[str], list[LostEnd]]:
    """End again what had ended, each in a transaction of its own and told of as its first end was.

    Returns how many are in force now, by type, and those whose target is not here. Idempotent: what
    has ended is left as it is. The service's own keys are passed over.
    """
    held: Counter[str] = Counter()
    gone = []
    for end, told in ends.items():
        if end.type not in _ACTS:
            continue
        try:
            async with db.writing(acting_for(tenant_id)) as tx:
                await _ACTS[end.type](tx, end.target, told.why, ids)
        except NotFound:
            gone.append(LostEnd(type=end.type, target=end.target, event_id=told.event_id))
        else:
            held[end.type] += 1
    return held, gone


async def list_lost(db: Database, tenant_id: TenantId, ends: Mapping[End, Told]) -> list[LostEnd]:
    """Return those of these ends whose event does not stand here."""
    async with db.reading(acting_for(tenant_id)) as tx:
        return [
            LostEnd(type=end.type, target=end.target, event_id=told.event_id)
            for end, told in ends.items()
            if told.event_id is None
            or told.place is None
            or not await store.is_here(tx, told.event_id, told.place)
        ]


async def end_server_keys(db: Database, outside: Mapping[TenantId, Outside]) -> tuple[int, int]:
    """End the service's own keys again that any tenant was told the end of.

    Returns how many have ended now, and how many are not listed here, and so count nowhere.
    """
    wanted = {
        end.target: told.why
        for held in outside.values()
        for end, told in held.ends.items()
        if end.type == ServerKeyRevoked.__name__
    }
    unknown = 0
    for key_id, why in wanted.items():
        try:
            await _end_server_key(db, key_id, why)
        except ServerKeyUnknown:
            unknown += 1
    return len(wanted) - unknown, unknown


async def _end_server_key(db: Database, key_id: str, why: str) -> None:
    for left in reversed(range(ATTEMPTS)):
        try:
            async with db.writing(NOBODY) as tx:
                await key_changes.end_key(tx, key_id, why)
                return
        except RequestInProgress:
            if not left:
                raise
            await asyncio.sleep(0)


async def tell_server_keys(db: Database, tenant_ids: Sequence[TenantId], ids: Ids) -> None:
    """Tell each tenant of every end of a key of ours that it was not told of.

    Comes after the raise: each tenant's log grows by it, and was held against the witness before.
    """
    async with db.reading(NOBODY) as tx:
        listed = {key.key_id: key for key in await list_server_keys(tx)}
        ends = await keys.list_ends(tx)
    for tenant_id in tenant_ids:
        async with db.reading(acting_for(tenant_id)) as tx:
            told = {one.key_id for one in await keys.list_told(tx)}
        for end in ends:
            if end.key_id not in told:
                await key_changes.tell_tenant(db, tenant_id, listed[end.key_id], end, ids)
