"""What was compiled from an approved snapshot, as it is served: signed, and by its hash."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from placet.evidence import dsse
from placet.evidence.dsse import Envelope
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.fields import HexDigest, Name
from placet.kernel.canonical import canonical
from placet.kernel.value import Input

ARTIFACT_TYPE: Final = "placet.artifact.v1"


class ArtifactPayload(Input, frozen=True):
    """A compiled artifact with the three projections of it, each as its JSON text.

    `review` is for people, `runtime` decides, `compat` is for other engines. They are text, not
    nested documents, because a tool's schema may hold any JSON number.
    """

    compiled_hash: HexDigest
    compiler_version: Name
    snapshot_id: UUID
    snapshot_hash: HexDigest
    approval_id: UUID
    review: str
    runtime: str
    compat: str


def sign_artifact(artifact: ArtifactPayload, key: SigningKey) -> Envelope:
    """Return the artifact in its envelope."""
    return dsse.sign(ARTIFACT_TYPE, canonical(artifact), key)


def verify_artifact(envelope: Envelope, keys: Sequence[PublicKey]) -> ArtifactPayload:
    """Return the artifact if one of `keys` signed it. Refuses `envelope_refused` otherwise."""
    return dsse.read(envelope, ARTIFACT_TYPE, keys, ArtifactPayload)
