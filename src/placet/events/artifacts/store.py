"""Keeping artifacts, and reading them back as what they were."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.events.artifacts.model import (
    ARTIFACT_BYTES_MAX,
    NAME_MAX,
    ArtifactDamaged,
    ArtifactNameTaken,
    ArtifactTooLarge,
    EventArtifact,
    EventArtifactLink,
    Subject,
)
from placet.events.artifacts.tables import EVENT_ARTIFACT, EVENT_ARTIFACT_LINK
from placet.events.store import find_leaf
from placet.kernel.hashing import Digest, plain_sha256
from placet.kernel.refusals import NotFound
from placet.storage.database import Reading, Writing, fields_of

_A: Final = EVENT_ARTIFACT.c
_L: Final = EVENT_ARTIFACT_LINK.c


async def keep_artifact(tx: Writing, content: bytes) -> Digest:
    """Keep bytes, if the tenant does not have them yet, and return their SHA-256.

    Refuses `artifact_too_large`.
    """
    if len(content) > ARTIFACT_BYTES_MAX:
        raise ArtifactTooLarge(detail=f"the artifact has {len(content):,} bytes")
    found = plain_sha256(content)
    artifact = EventArtifact(
        tenant_id=tx.tenant_id,
        digest=found,
        size=len(content),
        content=content,
        kept_at=await tx.now(),
    )
    added = postgresql.insert(EVENT_ARTIFACT).values(fields_of(artifact))
    await tx.change(added.on_conflict_do_nothing())
    return found


async def link_artifact(
    tx: Writing, digest: bytes, subject: Subject, *, name: str, media_type: str
) -> EventArtifactLink:
    """Link an artifact to an event, once under each name; the same again changes nothing.

    Refuses `not_found` without the event, its body or the artifact, `artifact_name_taken`. `name`
    and `media_type` have 1 to 200 characters, else `ValueError`.
    """
    if not (0 < len(name) <= NAME_MAX and 0 < len(media_type) <= NAME_MAX):
        message = f"a name and a media type have 1 to {NAME_MAX} characters"
        raise ValueError(message)
    if await find_leaf(tx, subject.stream_id, subject.seq) is None:
        raise NotFound(detail="there is no such event here")
    if not await _has(tx, digest):
        raise NotFound(detail="there is no such artifact here")
    link = EventArtifactLink(
        tenant_id=tx.tenant_id,
        stream_id=subject.stream_id,
        seq=subject.seq,
        name=name,
        digest=digest,
        media_type=media_type,
        actor_id=tx.actor_id,
        linked_at=await tx.now(),
    )
    added = postgresql.insert(EVENT_ARTIFACT_LINK).values(fields_of(link))
    await tx.change(added.on_conflict_do_nothing())
    kept = await tx.find(EventArtifactLink, _links(tx, subject).where(_L.name == name))
    if kept is None:
        raise NotFound(detail="what this event says was erased")
    if (kept.digest, kept.media_type) != (digest, media_type):
        raise ArtifactNameTaken(
            detail=f"`{name}` stands for another artifact",
            stream_id=subject.stream_id,
            seq=subject.seq,
            name=name,
        )
    return kept


async def list_links(tx: Reading, subject: Subject) -> list[EventArtifactLink]:
    """Return the artifacts that an event has, by name."""
    return await tx.list(EventArtifactLink, _links(tx, subject).order_by(_L.name))


async def read_artifact(tx: Reading, digest: bytes) -> bytes:
    """Return an artifact's bytes, hashed anew. Refuses `not_found`, `artifact_damaged`."""
    query = sa.select(EVENT_ARTIFACT).where(_A.tenant_id == tx.tenant_id, _A.digest == digest)
    found = await tx.find(EventArtifact, query)
    if found is None:
        raise NotFound(detail="there is no such artifact here")
    if plain_sha256(found.content) != digest:
        raise ArtifactDamaged(
            detail="what is kept under this hash has another", digest=digest.hex()
        )
    return found.content


async def _has(tx: Reading, digest: bytes) -> bool:
    query = sa.select(_A.size).where(_A.tenant_id == tx.tenant_id, _A.digest == digest)
    return bool(await tx.rows(query))


def _links(tx: Reading, subject: Subject) -> "sa.Select[tuple[object, ...]]":
    return sa.select(EVENT_ARTIFACT_LINK).where(
        _L.tenant_id == tx.tenant_id,
        _L.stream_id == subject.stream_id,
        _L.seq == subject.seq,
    )
