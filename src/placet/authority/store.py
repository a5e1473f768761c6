"""Questions about keys and artifacts, and the rows that are added."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.authority.model import (
    ArtifactNotFound,
    CompiledGovernanceArtifact,
    KeyRevocation,
    KeyUse,
    PersonKey,
    ServerKey,
)
from placet.authority.tables import ARTIFACT, KEY_REVOCATION, PERSON_KEY, SERVER_KEY
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import NotFound
from placet.storage.database import Reading, Writing, fields_of

_SAME_MAX: Final = 200
_HOLD = sa.text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:name, 0))")
_HOLD_ALONE = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


_HOLD_KEY = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_USES = sa.text(
    """
    SELECT 'server' AS use FROM placet.authority_server_key WHERE key_id = :key_id
    UNION SELECT 'person' FROM placet.authority_person_key
    WHERE tenant_id = :tenant AND key_id = :key_id
    UNION SELECT 'tool_host' FROM placet.authority_tool_host
    WHERE tenant_id = :tenant AND key_id = :key_id
    UNION SELECT 'issuer' FROM placet.authority_issuer
    WHERE tenant_id = :tenant AND key_id = :key_id
    """
).bindparams(sa.bindparam("tenant", type_=sa.Uuid))


async def list_uses(tx: Writing, key_id: str) -> set[KeyUse]:
    """Return whose a public key is or was in the tenant; nobody gives it another use meanwhile.

    It asks the tables of tool hosts and issuers too: both stand on these keys, and not the other
    way round.
    """
    # Race: no constraint spans the four tables; of two who want one key, the second waits here.
    await tx.rows(_HOLD_KEY.bindparams(name=f"placet.key:{tx.tenant_id}:{key_id}"))
    found = await tx.rows(_USES.bindparams(tenant=tx.tenant_id, key_id=key_id))
    return {KeyUse(row.use) for row in found}


async def keep_server_key(tx: Writing, key: ServerKey) -> None:
    """List a key of ours, unless it is listed already."""
    await tx.change(postgresql.insert(SERVER_KEY).values(fields_of(key)).on_conflict_do_nothing())


async def list_server_keys(tx: Reading) -> list[ServerKey]:
    """Return the public half of every key that ever signed for us, the oldest first."""
    return await tx.list(
        ServerKey, sa.select(SERVER_KEY).order_by(SERVER_KEY.c.created_at, SERVER_KEY.c.key_id)
    )


async def insert_person_key(tx: Writing, key: PersonKey) -> bool:
    """Add a person's key. Returns whether it is new to the tenant."""
    return (
        await tx.change(
            postgresql.insert(PERSON_KEY).values(fields_of(key)).on_conflict_do_nothing()
        )
        == 1
    )


async def find_person_key(tx: Reading, key_id: str) -> PersonKey | None:
    """Return a key by its id."""
    return await tx.find(
        PersonKey,
        sa.select(PERSON_KEY).where(
            PERSON_KEY.c.tenant_id == tx.tenant_id, PERSON_KEY.c.key_id == key_id
        ),
    )


async def list_person_keys(tx: Reading, actors: Sequence[ActorId] | None = None) -> list[PersonKey]:
    """Return the keys of these people, or of everybody in the tenant, the oldest first."""
    query = (
        sa.select(PERSON_KEY)
        .where(PERSON_KEY.c.tenant_id == tx.tenant_id)
        .order_by(PERSON_KEY.c.enrolled_at, PERSON_KEY.c.key_id)
    )
    if actors is not None:
        query = query.where(PERSON_KEY.c.actor_id.in_(actors))
    return await tx.list(PersonKey, query)


async def get_person_key(tx: Reading, key_id: str) -> PersonKey:
    """Return a key by its id. Refuses `not_found`."""
    found = await find_person_key(tx, key_id)
    if found is None:
        raise NotFound(detail="there is no person's key with this id")
    return found


def hold_statement(tenant: TenantId) -> sa.TextClause:
    """Return what waits for every end of a key or of an approver under way, and keeps others out.

    Race: a vote reads which keys count and is appended later; a key that ended in between would
    come before the vote in the `authority` stream and would have been counted. So whoever counts
    holds this shared to the end of its transaction, and whoever ends a key or an approver holds it
    alone; the reads that follow, each on a snapshot of its own, see every end that has committed.
    It is a lock of its own and not the gate of `gate_v1.sql`: granting an approval compiles a
    contract, and no kill must wait for that. Nor is it the row of the stream, which is taken last
    everywhere and would make all votes of a tenant wait for each other.
    """
    return _HOLD.bindparams(name=_name(tenant))


def hold_alone_statement(tenant: TenantId) -> sa.TextClause:
    """Return what waits for everybody who counts or ends keys, and keeps all of them out."""
    return _HOLD_ALONE.bindparams(name=_name(tenant))


async def hold_keys(tx: Writing) -> None:
    """Let no key and no approver of the tenant end before this transaction does."""
    await tx.rows(hold_statement(tx.tenant_id))


async def hold_keys_alone(tx: Writing) -> None:
    """Let nobody count keys of the tenant before this transaction is over."""
    await tx.rows(hold_alone_statement(tx.tenant_id))


async def insert_revocation(tx: Writing, revocation: KeyRevocation) -> bool:
    """End a key. Returns False if it had ended before."""
    ended = postgresql.insert(KEY_REVOCATION).values(fields_of(revocation))
    return await tx.change(ended.on_conflict_do_nothing()) == 1


async def list_revocations(
    tx: Reading, key_ids: Sequence[str] | None = None
) -> list[KeyRevocation]:
    """Return which of these keys ended, or of all keys of the tenant, in the order of their end."""
    query = (
        sa.select(KEY_REVOCATION)
        .where(KEY_REVOCATION.c.tenant_id == tx.tenant_id)
        .order_by(KEY_REVOCATION.c.revoked_at, KEY_REVOCATION.c.key_id)
    )
    if key_ids is not None:
        query = query.where(KEY_REVOCATION.c.key_id.in_(key_ids))
    return await tx.list(KeyRevocation, query)


async def insert_artifact(tx: Writing, artifact: CompiledGovernanceArtifact) -> None:
    """Add an artifact. There is at most one for an approval."""
    await tx.insert(ARTIFACT, artifact)


async def get_artifact(tx: Reading, artifact_id: UUID) -> CompiledGovernanceArtifact:
    """Return an artifact by its id. Refuses `artifact_not_found`."""
    found = await tx.find(
        CompiledGovernanceArtifact,
        sa.select(ARTIFACT).where(
            ARTIFACT.c.tenant_id == tx.tenant_id, ARTIFACT.c.artifact_id == artifact_id
        ),
    )
    if found is None:
        raise ArtifactNotFound(detail="there is no artifact with this id")
    return found


async def list_artifacts_of(
    tx: Reading, compiled_hash: str, approval_id: UUID | None = None
) -> list[UUID]:
    """Return the artifacts that were compiled to this hash, the newest first, or an approval's.

    A rollback or a promotion compiles to the same hash again. At most the newest 200.
    """
    query = sa.select(ARTIFACT.c.artifact_id).where(
        ARTIFACT.c.tenant_id == tx.tenant_id, ARTIFACT.c.compiled_hash == compiled_hash
    )
    if approval_id is not None:
        query = query.where(ARTIFACT.c.approval_id == approval_id)
    newest = query.order_by(ARTIFACT.c.created_at.desc(), ARTIFACT.c.artifact_id.desc())
    return [row.artifact_id for row in await tx.rows(newest.limit(_SAME_MAX))]


def _name(tenant: TenantId) -> str:
    return f"placet.people:{tenant}"
