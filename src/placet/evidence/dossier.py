"""A dossier: everything that proves one approval, or one artifact, in one small file.

One JSON document per line, each in canonical form, each line ending with a line feed. First the
header with the public keys, last the manifest. Between them stands, for an artifact, its signed
envelope. For an approval there follow the snapshot, the view that people saw, the approval itself
and its proof: the votes. What was hashed is kept as the very text that was hashed, so that whoever
checks it needs to know no more of its form than they read.

The same approval gives the same bytes whenever it is exported.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.bundle import NamedKey
from placet.evidence.dsse import Envelope
from placet.evidence.fields import HexDigest, Ordinal, UtcTime
from placet.kernel.canonical import canonical
from placet.kernel.hashing import plain_sha256
from placet.kernel.value import Input, Value

DOSSIER_KIND: Final = "placet.dossier.v1"
LINES_MAX: Final = 7


class DossierSubject(StrEnum):
    """What a dossier proves."""

    APPROVAL = "approval"
    ARTIFACT = "artifact"


class DossierHeader(Input, frozen=True, tag_field="kind", tag=DOSSIER_KIND):
    """The first line: whose it is, what it proves, and the keys that signed what follows."""

    tenant_id: UUID
    subject: DossierSubject
    keys: tuple[NamedKey, ...]


class ArtifactLine(Input, frozen=True, tag_field="kind", tag="artifact"):
    """The compiled artifact in its envelope."""

    envelope: Envelope


class SnapshotLine(Input, frozen=True, tag_field="kind", tag="snapshot"):
    """The snapshot: the text that its hash covers, and the contract as it was frozen."""

    content: str
    contract: str


class ViewLine(Input, frozen=True, tag_field="kind", tag="view"):
    """The view that the voters saw, as text."""

    view: str


class ApprovalLine(Input, frozen=True, tag_field="kind", tag="approval"):
    """The approval: who, of what, and for how long. Nobody signed the times."""

    approval_id: UUID
    approval_version: Ordinal
    request_id: UUID
    workspace_id: UUID
    snapshot_id: UUID
    artifact_id: UUID
    approved_by: tuple[UUID, ...]
    approved_at: UtcTime
    expires_at: UtcTime | None


class ProofLine(Input, frozen=True, tag_field="kind", tag="proof"):
    """The votes, the voters and the policy that they met, as the text that was kept."""

    proof: str


class DossierManifest(Input, frozen=True, tag_field="kind", tag="manifest"):
    """The last line: plain SHA-256 of each line before it, and of all of them together."""

    lines: Annotated[tuple[HexDigest, ...], msgspec.Meta(max_length=LINES_MAX)]
    sha256: HexDigest


DossierLine = ArtifactLine | SnapshotLine | ViewLine | ApprovalLine | ProofLine
"""What may stand between header and manifest, in this order."""


class ApprovalRecord(Value, frozen=True):
    """The lines of an approval's dossier, before they are written."""

    artifact: ArtifactLine
    snapshot: SnapshotLine
    view: ViewLine
    approval: ApprovalLine
    proof: ProofLine


def write_approval_dossier(
    tenant_id: UUID, keys: Iterable[NamedKey], record: ApprovalRecord
) -> bytes:
    """Return the dossier of an approval."""
    header = DossierHeader(
        tenant_id=tenant_id, subject=DossierSubject.APPROVAL, keys=_in_order(keys)
    )
    lines = (record.artifact, record.snapshot, record.view, record.approval, record.proof)
    return seal_dossier([header, *lines])


def write_artifact_dossier(tenant_id: UUID, keys: Iterable[NamedKey], envelope: Envelope) -> bytes:
    """Return the dossier of an artifact."""
    header = DossierHeader(
        tenant_id=tenant_id, subject=DossierSubject.ARTIFACT, keys=_in_order(keys)
    )
    return seal_dossier([header, ArtifactLine(envelope=envelope)])


def seal_dossier(documents: Iterable[DossierHeader | DossierLine]) -> bytes:
    """Return the lines of these documents with the manifest that counts them."""
    lines = [canonical(document) + b"\n" for document in documents]
    manifest = DossierManifest(
        lines=tuple(plain_sha256(line).hex() for line in lines),
        sha256=plain_sha256(b"".join(lines)).hex(),
    )
    return b"".join([*lines, canonical(manifest) + b"\n"])


def _in_order(keys: Iterable[NamedKey]) -> tuple[NamedKey, ...]:
    return tuple(sorted(keys, key=lambda key: (key.purpose, key.key_id)))
