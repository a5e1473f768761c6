"""Registering issuers, and ending their registration."""

from uuid import UUID

from placet.authority import store as authority
from placet.authority.issuers import store
from placet.authority.issuers.model import (
    Issuer,
    IssuerKeyFlaw,
    IssuerKeyRefused,
    IssuerRegistered,
    IssuerRevocation,
    IssuerRevoked,
    IssuerView,
    RegisterIssuer,
    RevokeIssuer,
)
from placet.authority.issuers.rules import view_of
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence.ed25519 import PublicKey, PublicKeyError
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.storage.database import Writing


async def register_issuer(tx: Writing, asked: RegisterIssuer, ids: Ids) -> IssuerView:
    """Register an issuer; what its key signs counts from the answer on.

    Refuses `issuer_key_refused`.
    """
    try:
        key = PublicKey(raw=asked.public_key)
    except PublicKeyError as fault:
        raise IssuerKeyRefused(detail=str(fault), reason=IssuerKeyFlaw.KEY_UNSAFE) from fault
    issuer = Issuer(
        tenant_id=tx.tenant_id,
        issuer_id=ids.new(),
        name=asked.name,
        agent=asked.agent,
        environment=asked.environment,
        key_id=key.key_id,
        public_key=key.raw,
        registered_by=tx.actor_id,
        registered_at=await tx.now(),
    )
    if await authority.list_uses(tx, key.key_id) or not await store.insert_issuer(tx, issuer):
        detail = "this key signs something else, or for another registration"
        raise IssuerKeyRefused(detail=detail, reason=IssuerKeyFlaw.KEY_TAKEN)
    said = IssuerRegistered(
        issuer_id=issuer.issuer_id,
        name=issuer.name,
        agent=issuer.agent,
        environment=issuer.environment,
        key_id=issuer.key_id,
        public_key=issuer.public_key,
    )
    await _tell(tx, said, ids)
    return view_of(issuer, None)


async def revoke_issuer(tx: Writing, issuer_id: UUID, asked: RevokeIssuer, ids: Ids) -> IssuerView:
    """End a registration: no session is opened on what its key signed from the answer on.

    Done twice is fine; the first reason stays. Refuses `not_found`.
    """
    issuer = await store.get_issuer(tx, issuer_id)
    revocation = IssuerRevocation(
        tenant_id=tx.tenant_id,
        issuer_id=issuer_id,
        revoked_by=tx.actor_id,
        reason=asked.reason,
        revoked_at=await tx.now(),
    )
    if not await store.insert_revocation(tx, revocation):
        return view_of(issuer, (await store.list_revocations(tx, [issuer_id]))[issuer_id])
    said = IssuerRevoked(issuer_id=issuer_id, key_id=issuer.key_id, reason=asked.reason)
    await _tell(tx, said, ids)
    # Race: a session that is being opened has looked already, and is there when the gate is free.
    await store.hold_gate_alone(tx)
    return view_of(issuer, revocation)


async def _tell(tx: Writing, said: Value, ids: Ids) -> None:
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
