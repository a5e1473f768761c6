"""What both keys sign when one server key takes over from another.

Whoever pinned the old key follows it to the new one: both signed the very same bytes.
"""

from typing import Final

from placet.evidence import dsse
from placet.evidence.bundle import KeyPurpose
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.fields import HexDigest, UtcTime, check_utc
from placet.kernel.canonical import canonical
from placet.kernel.value import Input

KEY_ROTATION_TYPE: Final = "placet.key_rotation.v1"
_OURS: Final = frozenset({KeyPurpose.GRANT, KeyPurpose.ARTIFACT, KeyPurpose.CHECKPOINT})


class KeyRotation(Input, frozen=True):
    """That a key of the service takes over what another signed before.

    Both are of `purpose`, one that the service has keys for. What the new one signs counts from
    `time` on; it begins to sign at `overlap_until`. The old one signs until then, and later where
    no service looked. Times are the service's own, and decide nothing.
    """

    purpose: KeyPurpose
    old_key_id: HexDigest
    new_key_id: HexDigest
    new_public_key: bytes
    time: UtcTime
    overlap_until: UtcTime

    def __post_init__(self) -> None:
        """Refuse a key that is not the one named, a person's, itself, and times out of order."""
        check_utc(self.time, self.overlap_until)
        if PublicKey(raw=self.new_public_key).key_id != self.new_key_id:
            message = "the key id is not that of the key"
            raise ValueError(message)
        if self.purpose not in _OURS:
            message = f"a key for a `{self.purpose}` is not the service's"
            raise ValueError(message)
        if self.old_key_id == self.new_key_id:
            message = "a key does not take over from itself"
            raise ValueError(message)
        if self.overlap_until < self.time:
            message = "the overlap ends before it begins"
            raise ValueError(message)


def sign_rotation(
    rotation: KeyRotation, old: SigningKey, new: SigningKey
) -> tuple[Envelope, Envelope]:
    """Return the rotation in the envelope of the old key, and in that of the new one."""
    payload = canonical(rotation)
    return dsse.sign(KEY_ROTATION_TYPE, payload, old), dsse.sign(KEY_ROTATION_TYPE, payload, new)


def verify_rotation(envelopes: tuple[Envelope, Envelope], old: PublicKey) -> KeyRotation:
    """Return the rotation if `old` and the key that it names signed the same bytes.

    Refuses `envelope_refused` otherwise.
    """
    by_old, by_new = envelopes
    rotation = dsse.read(by_old, KEY_ROTATION_TYPE, [old], KeyRotation)
    dsse.verify(by_new, KEY_ROTATION_TYPE, [PublicKey(raw=rotation.new_public_key)])
    if by_new.payload != by_old.payload:
        raise EnvelopeRefused(
            detail="the two keys signed different rotations", flaw=EnvelopeFlaw.PAYLOAD
        )
    if rotation.old_key_id != old.key_id:
        raise EnvelopeRefused(
            detail="the rotation names another key than the one that signed it",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    return rotation
