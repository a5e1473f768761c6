"""Envelopes: DSSE version 1, with our own types and one signature each.

The signature covers the type and the payload, so a document of one type never passes for another.
The signature is checked before the payload is parsed, and the bytes that were checked are the
bytes that are parsed.
"""

import dataclasses
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final, TypeVar

import msgspec

from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.refusals import Invalid
from placet.kernel.value import Input

TYPE_MAX: Final = 200
KEY_ID_MAX: Final = 200
_DEPTH_MAX: Final = 4
_ZERO: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The one way to write U+0000 in canonical form; behind an even number of backslashes."""

T = TypeVar("T", bound=Input)


class EnvelopeFlaw(StrEnum):
    """What is wrong with an envelope."""

    MALFORMED = "malformed"
    TYPE = "type"
    SIGNATURE = "signature"
    PAYLOAD = "payload"


@dataclasses.dataclass(kw_only=True, eq=False)
class EnvelopeRefused(Invalid):
    """The signed envelope cannot be trusted."""

    hint = "sign the exact bytes that were shown, with an enrolled key and the type of the document"
    flaw: EnvelopeFlaw


class Signature(Input, frozen=True):
    """One signature; `keyid` only says which key to try first."""

    keyid: Annotated[str, msgspec.Meta(max_length=KEY_ID_MAX)]
    sig: bytes


class Envelope(Input, frozen=True, rename={"payload_type": "payloadType"}):
    """A payload, its type, and the signature over both."""

    payload: bytes
    payload_type: Annotated[str, msgspec.Meta(min_length=1, max_length=TYPE_MAX)]
    signatures: Annotated[tuple[Signature, ...], msgspec.Meta(min_length=1, max_length=1)]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, key: SigningKey) -> Envelope:
    """Return the envelope of a payload, signed."""
    return sealed(payload_type, payload, key.key_id, key.sign(pae(payload_type, payload)))


def sealed(payload_type: str, payload: bytes, key_id: str, signature: bytes) -> Envelope:
    """Return the envelope of a payload with a signature over its `pae` that was made elsewhere."""
    by = Signature(keyid=key_id, sig=signature)
    return Envelope(payload=payload, payload_type=payload_type, signatures=(by,))


def verify(envelope: Envelope, expected_type: str, keys: Sequence[PublicKey]) -> bytes:
    """Return the payload if one of `keys` signed it under `expected_type`.

    Refuses `envelope_refused` otherwise.
    """
    verified_by(envelope, expected_type, keys)
    return envelope.payload


def verified_by(envelope: Envelope, expected_type: str, keys: Sequence[PublicKey]) -> PublicKey:
    """Return the one of `keys` that signed the envelope under `expected_type`.

    Refuses `envelope_refused` if the type is another or none of the keys signed it.
    """
    if envelope.payload_type != expected_type:
        raise EnvelopeRefused(
            detail=f"the envelope holds a `{envelope.payload_type[:80]}`, not a `{expected_type}`",
            flaw=EnvelopeFlaw.TYPE,
        )
    (signature,) = envelope.signatures
    signed = pae(envelope.payload_type, envelope.payload)
    for key in sorted(keys, key=lambda key: key.key_id != signature.keyid):
        if key.verifies(signed, signature.sig):
            return key
    raise EnvelopeRefused(
        detail="the signature is of none of the keys that count here", flaw=EnvelopeFlaw.SIGNATURE
    )


def read(envelope: Envelope, expected_type: str, keys: Sequence[PublicKey], into: type[T]) -> T:
    """Verify, and then parse the same bytes into the document that they are."""
    return open_payload(verify(envelope, expected_type, keys), into)


def open_payload(payload: bytes, into: type[T]) -> T:
    """Return the document in a payload whose signature was checked.

    Refuses `envelope_refused` unless the payload is the canonical form of exactly such a document:
    no unknown, missing or second field, nothing before or after it, no other way to write it, and
    no text with U+0000, which no database takes.
    """
    try:
        document = msgspec.json.decode(payload, type=into)
        plain = canonical(document)
    except (ValueError, TypeError, RecursionError) as fault:
        raise EnvelopeRefused(
            detail=f"the payload is no such document: {fault}", flaw=EnvelopeFlaw.PAYLOAD
        ) from fault
    if plain != payload:
        raise EnvelopeRefused(
            detail="the payload is not in canonical form", flaw=EnvelopeFlaw.PAYLOAD
        )
    if _ZERO.search(payload):
        raise EnvelopeRefused(
            detail="a string holds the character U+0000", flaw=EnvelopeFlaw.PAYLOAD
        )
    return document


def encode_envelope(envelope: Envelope) -> bytes:
    """Return the envelope as canonical JSON."""
    return canonical(envelope)


def parse_envelope(data: bytes) -> Envelope:
    """Return the envelope that JSON from outside holds; its signature is still to be checked.

    Refuses `envelope_refused` for unknown, missing or second fields, for base64 that is not the
    padded standard form, and for more or fewer signatures than one.
    """
    try:
        plain = foreign.parse(data, depth_max=_DEPTH_MAX)
        envelope = msgspec.convert(plain, Envelope)
    except ValueError as fault:
        raise EnvelopeRefused(
            detail=f"this is no envelope: {fault}", flaw=EnvelopeFlaw.MALFORMED
        ) from fault
    if msgspec.json.decode(canonical(envelope)) != plain:
        raise EnvelopeRefused(
            detail="the envelope's base64 is not the standard form", flaw=EnvelopeFlaw.MALFORMED
        )
    return envelope
