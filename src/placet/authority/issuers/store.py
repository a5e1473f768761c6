"""Questions about issuers, and the rows that are added."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.authority.issuers.model import Issuer, IssuerRevocation
from placet.authority.issuers.tables import ISSUER, ISSUER_REVOCATION
from placet.kernel.refusals import NotFound
from placet.storage.database import Reading, Writing, fields_of

_WAITS: Final = sa.text("SELECT set_config('lock_timeout', '4s', true)")
_GATE_ALONE: Final = sa.text(
    "SELECT pg_advisory_xact_lock(placet.gate_lock_key_v1(:tenant))"
).bindparams(sa.bindparam("tenant", type_=sa.Uuid))


async def insert_issuer(tx: Writing, issuer: Issuer) -> bool:
    """Add a registration. Returns whether the key is new to the tenant."""
    added = postgresql.insert(ISSUER).values(fields_of(issuer)).on_conflict_do_nothing()
    return await tx.change(added) == 1


async def get_issuer(tx: Reading, issuer_id: UUID) -> Issuer:
    """Return a registration, revoked or not. Refuses `not_found`."""
    found = await tx.find(
        Issuer,
        sa.select(ISSUER).where(
            ISSUER.c.tenant_id == tx.tenant_id, ISSUER.c.issuer_id == issuer_id
        ),
    )
    if found is None:
        raise NotFound(detail="there is no such thing here")
    return found


async def find_issuer_by_key(tx: Reading, key_id: str) -> Issuer | None:
    """Return the registration that a key belongs to, revoked or not."""
    query = sa.select(ISSUER).where(ISSUER.c.tenant_id == tx.tenant_id, ISSUER.c.key_id == key_id)
    return await tx.find(Issuer, query)


async def list_issuers(tx: Reading, *, before: UUID | None, limit: int) -> list[Issuer]:
    """Return registrations, revoked ones too, the latest ids first, those before this id."""
    query = sa.select(ISSUER).where(ISSUER.c.tenant_id == tx.tenant_id)
    if before is not None:
        query = query.where(ISSUER.c.issuer_id < before)
    return await tx.list(Issuer, query.order_by(ISSUER.c.issuer_id.desc()).limit(limit))


async def hold_gate_alone(tx: Writing) -> None:
    """Wait for every opening and grant under way, and keep later ones out until the end.

    Comes last in a transaction.
    """
    await tx.rows(_WAITS)
    await tx.rows(_GATE_ALONE.bindparams(tenant=tx.tenant_id))


async def insert_revocation(tx: Writing, revocation: IssuerRevocation) -> bool:
    """End a registration. Returns False if it had ended before."""
    ended = postgresql.insert(ISSUER_REVOCATION).values(fields_of(revocation))
    return await tx.change(ended.on_conflict_do_nothing()) == 1


async def list_revocations(tx: Reading, issuer_ids: list[UUID]) -> dict[UUID, IssuerRevocation]:
    """Return the ends of these registrations, by registration; none for those that count."""
    found = await tx.list(
        IssuerRevocation,
        sa.select(ISSUER_REVOCATION).where(
            ISSUER_REVOCATION.c.tenant_id == tx.tenant_id,
            ISSUER_REVOCATION.c.issuer_id.in_(issuer_ids),
        ),
    )
    return {one.issuer_id: one for one in found}
