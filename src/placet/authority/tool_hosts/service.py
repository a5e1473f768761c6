"""Registering tool hosts, and ending their registration."""

from uuid import UUID

from placet.authority import store as authority
from placet.authority.controls import store as controls
from placet.authority.tool_hosts import store
from placet.authority.tool_hosts.model import (
    HostKeyFlaw,
    HostKeyRefused,
    RegisterToolHost,
    RevokeToolHost,
    Strength,
    ToolHost,
    ToolHostRegistered,
    ToolHostRevocation,
    ToolHostRevoked,
    ToolHostView,
)
from placet.authority.tool_hosts.rules import strengths_of, view_of
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence.ed25519 import PublicKey, PublicKeyError
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.storage.database import Reading, Writing


async def register_host(tx: Writing, asked: RegisterToolHost, ids: Ids) -> ToolHostView:
    """Register a host; what its key signs counts from the answer on. Refuses `host_key_refused`."""
    try:
        key = PublicKey(raw=asked.public_key)
    except PublicKeyError as fault:
        raise HostKeyRefused(detail=str(fault), reason=HostKeyFlaw.KEY_UNSAFE) from fault
    host = ToolHost(
        tenant_id=tx.tenant_id,
        host_id=ids.new(),
        name=asked.name,
        environment=asked.environment,
        strength=Strength(asked.strength),
        tools=sorted(set(asked.tools)),
        key_id=key.key_id,
        public_key=key.raw,
        registered_by=tx.actor_id,
        registered_at=await tx.now(),
    )
    if await authority.list_uses(tx, key.key_id) or not await store.insert_host(tx, host):
        detail = "this key signs something else, or for another registration"
        raise HostKeyRefused(detail=detail, reason=HostKeyFlaw.KEY_TAKEN)
    said = ToolHostRegistered(
        host_id=host.host_id,
        name=host.name,
        environment=host.environment,
        strength=host.strength,
        tools=host.tools,
        key_id=host.key_id,
        public_key=host.public_key,
    )
    await _tell(tx, said, ids)
    return view_of(host, None)


async def revoke_host(tx: Writing, host_id: UUID, asked: RevokeToolHost, ids: Ids) -> ToolHostView:
    """End a registration: nothing that its key signed counts from the answer on.

    Done twice is fine; the first reason stays. Refuses `not_found`.
    """
    host = await store.get_host(tx, host_id)
    revocation = ToolHostRevocation(
        tenant_id=tx.tenant_id,
        host_id=host_id,
        revoked_by=tx.actor_id,
        reason=asked.reason,
        revoked_at=await tx.now(),
    )
    if await store.insert_revocation(tx, revocation):
        said = ToolHostRevoked(host_id=host_id, key_id=host.key_id, reason=asked.reason)
        await _tell(tx, said, ids)
        return view_of(host, revocation)
    return view_of(host, (await store.list_revocations(tx, [host_id]))[host_id])


async def read_strengths(tx: Reading, environment: Environment) -> dict[str, Strength]:
    """Return how strongly tools are governed in an environment now; the others cooperatively."""
    return strengths_of(await store.list_live_hosts(tx, environment), environment)


async def _tell(tx: Writing, said: Value, ids: Ids) -> None:
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    # A word that counted names an older epoch than the end of its host does, and whoever signs
    # grants looks anew at which host a tool runs.
    await controls.raise_epoch(tx, stream, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
