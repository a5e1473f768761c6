"""What the service signs of a tenant's log: how long it is, and the root of its tree.

Whoever keeps a checkpoint outside can tell later whether the log only grew since. `epoch`,
`system_identifier` and `timeline` say which life of the database it was: a restore begins another.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from placet.evidence import dsse
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.fields import Count, HexDigest, Name, Ordinal, UtcTime, check_utc
from placet.evidence.vote import CheckpointSeen
from placet.kernel.canonical import canonical
from placet.kernel.value import Input

CHECKPOINT_TYPE: Final = "placet.checkpoint.v1"


class CheckpointPayload(Input, frozen=True):
    """The head of one tenant's log at one moment.

    `origin` is `placet/<tenant_id>`, `root` that of the tree over the first `size` entries (of
    none, SHA-256 of nothing), `epoch` the restore epoch, `time` the database's. `previous` is the
    checkpoint before, or null. `key_id` is the id of the key that signs.
    """

    tenant_id: UUID
    origin: Name
    size: Count
    root: HexDigest
    epoch: Ordinal
    system_identifier: Name
    timeline: Ordinal
    time: UtcTime
    previous: CheckpointSeen | None
    key_id: HexDigest

    def __post_init__(self) -> None:
        """Refuse a time in another zone, and a log that is shorter than it was."""
        check_utc(self.time)
        if self.previous is not None and self.previous.size > self.size:
            message = "a log never grows shorter"
            raise ValueError(message)


def origin_of(tenant_id: UUID) -> str:
    """Return the name of a tenant's log."""
    return f"placet/{tenant_id}"


def sign_checkpoint(checkpoint: CheckpointPayload, key: SigningKey) -> Envelope:
    """Return the checkpoint in its envelope."""
    return dsse.sign(CHECKPOINT_TYPE, canonical(checkpoint), key)


def verify_checkpoint(envelope: Envelope, keys: Sequence[PublicKey]) -> CheckpointPayload:
    """Return the checkpoint if one of `keys` signed it and it names that key and its own tenant.

    Refuses `envelope_refused` otherwise.
    """
    key = dsse.verified_by(envelope, CHECKPOINT_TYPE, keys)
    checkpoint = dsse.open_payload(envelope.payload, CheckpointPayload)
    if checkpoint.key_id != key.key_id:
        raise EnvelopeRefused(
            detail="the checkpoint names another key than the one that signed it",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    if checkpoint.origin != origin_of(checkpoint.tenant_id):
        raise EnvelopeRefused(
            detail="the checkpoint names another log than that of its tenant",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    return checkpoint
