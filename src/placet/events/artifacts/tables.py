"""How artifacts and their links are kept."""

import sqlalchemy as sa

from placet.events.artifacts.model import EventArtifact, EventArtifactLink
from placet.storage.columns import table, tenant_foreign_key

EVENT_ARTIFACT = table("event_artifact", EventArtifact, key=("digest",))
EVENT_ARTIFACT_LINK = table(
    "event_artifact_link",
    EventArtifactLink,
    tenant_foreign_key(("stream_id", "seq"), "event(stream_id, seq)"),
    tenant_foreign_key(("digest",), "event_artifact(digest)"),
    sa.Index(None, "tenant_id", "digest"),
    key=("stream_id", "seq", "name"),
)
