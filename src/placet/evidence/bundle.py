"""The export that a verifier reads: one JSON document per line, each in canonical form.

First the header: the tenant, its streams with their heads, the public keys. Then the seals of the
sessions that have ended. Then the events, each stream in its order. Then, if wanted, grants and
other envelopes. Last the manifest, with SHA-256 of all bytes before it. Every line ends with a line
feed, the last one too.

The second form says for what it was asked, speaks to people, and brings dossiers, checkpoints and
proofs that its streams stand in the tenant's log.
"""

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.dsse import Envelope
from placet.evidence.ed25519 import PublicKey
from placet.evidence.fields import Count, HexDigest, Name, Ordinal, UtcTime
from placet.evidence.leaf import TYPE_BYTES_MAX
from placet.kernel.value import Input

LINE_MAX: Final = 16 * 1024 * 1024
"""Bytes of one line: a verifier holds one line at a time, and no more."""

EventType = Annotated[str, msgspec.Meta(min_length=1, max_length=TYPE_BYTES_MAX)]


class KeyPurpose(StrEnum):
    """What a key signs. One key has one purpose."""

    GRANT = "grant"
    ARTIFACT = "artifact"
    CHECKPOINT = "checkpoint"
    PERSON = "person"
    TOOL_HOST = "tool_host"


class NamedKey(Input, frozen=True):
    """A public key, what it is for, and, for a person's key, whose it is."""

    key_id: HexDigest
    public_key: bytes
    purpose: KeyPurpose
    actor_id: UUID | None = None

    def __post_init__(self) -> None:
        """Refuse a bad key, and an id that is not the key's own."""
        if self.key_id != self.checked().key_id:
            message = "the key id is not that of the key"
            raise ValueError(message)

    def checked(self) -> PublicKey:
        """Return the key, ready to verify with."""
        return PublicKey(raw=self.public_key)


class KeyList(Input, frozen=True, tag_field="kind", tag="placet.keys.v1"):
    """The keys that an auditor trusts, kept apart from what is audited."""

    version: Count
    keys: tuple[NamedKey, ...]


class StreamHead(Input, frozen=True):
    """Where a stream stood when it was exported; an empty one has 0 and 32 zero bytes."""

    stream_id: UUID
    kind: Name
    head_seq: Count
    head_leaf: HexDigest


class BundleHeader(Input, frozen=True, tag_field="kind", tag="placet.bundle.v1"):
    """The first line."""

    tenant_id: UUID
    exported_at: UtcTime
    streams: tuple[StreamHead, ...]
    keys: tuple[NamedKey, ...]


class SealLine(Input, frozen=True, tag_field="kind", tag="seal"):
    """What the stream of a session was when the session ended: its last event then."""

    stream_id: UUID
    status: Name
    last_seq: Ordinal
    last_leaf: HexDigest


class EventLine(Input, frozen=True, tag_field="kind", tag="event"):
    """One event. `time` counts microseconds since 2000-01-01 UTC; erased bodies are null.

    Ids and hashes are left as text, because a verifier reads millions and compares most of them
    with text that it has.
    """

    tenant_id: str
    stream_id: str
    event_id: str
    actor_id: str
    epoch: Count
    fence: Count
    control_epoch: Count
    control_revision: Count
    time: Count
    seq: Ordinal
    prev: str
    body_hash: str
    type: EventType
    leaf: str
    salt: bytes | None
    body: bytes | None


class GrantLine(Input, frozen=True, tag_field="kind", tag="grant"):
    """One grant that was given."""

    envelope: Envelope


class EnvelopeLine(Input, frozen=True, tag_field="kind", tag="envelope"):
    """Another signed document: a vote, a proof of possession, an artifact."""

    envelope: Envelope


class Manifest(Input, frozen=True, tag_field="kind", tag="manifest"):
    """The last line: how many events, and plain SHA-256 of every byte before this line."""

    events: Count
    sha256: HexDigest


class ScopeKind(StrEnum):
    """What a bundle was asked for."""

    SESSION = "session"
    APPROVAL = "approval"
    INCIDENT = "incident"
    TENANT = "tenant"


class BundleScope(Input, frozen=True, rename={"since": "from", "until": "to"}):
    """What a bundle was asked for, as it was asked; what was not asked for is null.

    `since` and `until` are written as `from` and `to`.
    """

    kind: ScopeKind
    session_id: UUID | None = None
    approval_id: UUID | None = None
    since: UtcTime | None = None
    until: UtcTime | None = None
    agent: Name | None = None
    tool: Name | None = None


class BundleHeaderV2(Input, frozen=True, tag_field="kind", tag="placet.bundle.v2"):
    """The first line of the second form."""

    tenant_id: UUID
    exported_at: UtcTime
    scope: BundleScope
    streams: tuple[StreamHead, ...]
    keys: tuple[NamedKey, ...]


class ReadmeLine(Input, frozen=True, tag_field="kind", tag="readme"):
    """What the file is and how to check it, in plain words."""

    text: str


class DossierTextLine(Input, frozen=True, tag_field="kind", tag="dossier"):
    """The whole text of a dossier."""

    text: str


class CheckpointLine(Input, frozen=True, tag_field="kind", tag="checkpoint"):
    """A signed checkpoint of the tenant's log."""

    envelope: Envelope


class InclusionLine(Input, frozen=True, tag_field="kind", tag="inclusion"):
    """That event `seq` of a stream is entry `index` of the log when it had `size` entries.

    `path` are the hashes beside the way from the leaf to the root (RFC 6962).
    """

    stream_id: UUID
    seq: Ordinal
    index: Count
    size: Ordinal
    path: tuple[HexDigest, ...]


class ConsistencyLine(Input, frozen=True, tag_field="kind", tag="consistency"):
    """That the log of `to_size` entries begins with the one of `from_size` (RFC 6962)."""

    from_size: Count
    to_size: Count
    path: tuple[HexDigest, ...]


class SectionHashes(Input, frozen=True):
    """Plain SHA-256 of the lines of each section together; of none, that of nothing.

    Whatever nothing else covers is named by them when it was changed. `envelopes` are the grants
    and the other envelopes, `proofs` the checkpoints, inclusions and consistencies.
    """

    header: HexDigest
    readme: HexDigest
    seals: HexDigest
    envelopes: HexDigest
    dossiers: HexDigest
    proofs: HexDigest


class ManifestV2(Input, frozen=True, tag_field="kind", tag="manifest"):
    """The last line of the second form."""

    events: Count
    lines: SectionHashes
    sha256: HexDigest


Line = SealLine | EventLine | GrantLine | EnvelopeLine | Manifest
"""What may follow the header of the first form."""

LineV2 = (
    ReadmeLine
    | SealLine
    | EventLine
    | GrantLine
    | EnvelopeLine
    | DossierTextLine
    | CheckpointLine
    | InclusionLine
    | ConsistencyLine
    | ManifestV2
)
"""What may follow the header of the second form."""
