"""An artifact, its link to an event, and what can be wrong with either."""

import dataclasses
from datetime import datetime
from typing import Final
from uuid import UUID

from placet.events.model import StreamId
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Conflict, TooLarge
from placet.kernel.value import Value

ARTIFACT_BYTES_MAX: Final = 8 * 1024 * 1024
NAME_MAX: Final = 200
"""Characters of a link's name, and of a media type."""


class EventArtifact(Value, frozen=True):
    """Bytes under their SHA-256."""

    tenant_id: TenantId
    digest: bytes
    size: int
    content: bytes
    kept_at: datetime


class EventArtifactLink(Value, frozen=True):
    """That an event has an artifact, under a name that no other artifact of the event has."""

    tenant_id: TenantId
    stream_id: StreamId
    seq: int
    name: str
    digest: bytes
    media_type: str
    actor_id: ActorId
    linked_at: datetime


class Subject(Value, frozen=True):
    """An event that artifacts belong to."""

    stream_id: StreamId
    seq: int


class ArtifactTooLarge(TooLarge):
    """The artifact is larger than is kept here."""

    hint = "an artifact may have 8 MiB; keep larger files elsewhere and name their hash in a body"


@dataclasses.dataclass(kw_only=True, eq=False)
class ArtifactNameTaken(Conflict):
    """The event has another artifact of this name."""

    hint = "choose another name"
    stream_id: UUID
    seq: int
    name: str


@dataclasses.dataclass(kw_only=True, eq=False)
class ArtifactDamaged(Conflict):
    """The bytes that are kept are not those of the artifact."""

    hint = "take the file from elsewhere, or from a backup; its hash tells which one is right"
    digest: str
