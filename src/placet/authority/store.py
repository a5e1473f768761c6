"""Questions about keys and artifacts, and the rows that are added."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.authority.model import (
    ArtifactNotFound,
    CompiledGovernanceArtifact,
    PersonKey,
    ServerKey,
)
from placet.authority.tables import ARTIFACT, PERSON_KEY, SERVER_KEY
from placet.kernel.ids import ActorId
from placet.storage.database import Reading, Writing, fields_of


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


async def get_artifact_by_hash(tx: Reading, compiled_hash: str) -> CompiledGovernanceArtifact:
    """Return the first artifact that was compiled to this hash: always the same one.

    A rollback or a promotion compiles to the same hash again; what it compiled to is the same.
    Refuses `artifact_not_found`.
    """
    found = await tx.list(
        CompiledGovernanceArtifact,
        sa.select(ARTIFACT)
        .where(ARTIFACT.c.tenant_id == tx.tenant_id, ARTIFACT.c.compiled_hash == compiled_hash)
        .order_by(ARTIFACT.c.created_at, ARTIFACT.c.artifact_id)
        .limit(1),
    )
    if not found:
        raise ArtifactNotFound(detail="there is no artifact with this hash")
    return found[0]
