"""What a tool's host signed about a call, held against the report that brings it along."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from placet.evidence import dsse
from placet.evidence.dsse import EnvelopeRefused
from placet.evidence.ed25519 import KEY_BYTES, PublicKey, PublicKeyError
from placet.evidence.fields import HexDigest
from placet.evidence.receipt import HostOutcome, HostReceipt, verify_receipt
from placet.kernel.principal import Environment
from placet.kernel.value import Input, Value
from placet.replay.calls.model import EvidenceLevel


class Attestation(Input, frozen=True):
    """A host's signed receipt: its envelope, and the raw key that it says it signed with.

    What it says of the call must be what the report says, or it is the report alone that counts.
    """

    envelope: msgspec.Raw
    public_key: Annotated[bytes, msgspec.Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]


class AttestationFate(StrEnum):
    """What became of an attestation: it was taken, or why the report counts without it."""

    TAKEN = "taken"
    MALFORMED = "malformed"
    TYPE = "type"
    SIGNATURE = "signature"
    PAYLOAD = "payload"
    KEY = "key"
    OTHER_CALL = "other_call"
    OTHER_WORD = "other_word"
    HOST = "host"


class HostWord(Value, frozen=True):
    """A host's signed receipt that says what a report says. Whether its key counts is still open.

    `envelope` is its canonical JSON. `never_begun` where the host says of a failure that the call
    was not even let in.
    """

    key_id: HexDigest
    envelope: bytes
    never_begun: bool = False


class Said(Value, frozen=True):
    """What a report says, in the words of a host's receipt."""

    session_id: str
    call_id: str
    arguments_hash: str
    outcome: str
    output_hash: str | None
    external_ref: str | None


class Place(Value, frozen=True):
    """Where a call is: whose it is, in which environment, and of which tool."""

    tenant_id: UUID
    environment: Environment
    server: str | None
    tool: str


def read_attestation(attestation: Attestation, said: Said) -> HostWord | AttestationFate:
    """Return the host's word where it is signed and says the same, or why it counts for nothing.

    Whether it is of the same `Place` is for the caller to hold against what it knows.
    """
    try:
        key = PublicKey(raw=attestation.public_key)
        envelope = dsse.parse_envelope(bytes(attestation.envelope))
        receipt = verify_receipt(envelope, [key])
    except PublicKeyError:
        return AttestationFate.KEY
    except EnvelopeRefused as fault:
        return AttestationFate(fault.flaw.value)
    if (str(receipt.session_id), str(receipt.call_id)) != (said.session_id, said.call_id):
        return AttestationFate.OTHER_CALL
    if _said_by(receipt) != said:
        return AttestationFate.OTHER_WORD
    return HostWord(
        key_id=key.key_id,
        envelope=dsse.encode_envelope(envelope),
        never_begun=receipt.outcome is HostOutcome.NEVER_BEGUN,
    )


def place_of(word: HostWord) -> Place:
    """Return where the call is of which this word tells; another place makes it another call."""
    receipt = dsse.open_payload(dsse.parse_envelope(word.envelope).payload, HostReceipt)
    return Place(
        tenant_id=receipt.tenant_id,
        environment=receipt.environment,
        server=receipt.server,
        tool=receipt.tool,
    )


def level_of(word: HostWord | AttestationFate | None) -> EvidenceLevel:
    """Return how good a report is: the caller's own word, or that of whoever ran the tool."""
    if isinstance(word, HostWord):
        return EvidenceLevel.EXECUTOR_ATTESTED
    return EvidenceLevel.CLIENT_REPORTED


def _said_by(receipt: HostReceipt) -> Said:
    has_succeeded = receipt.outcome is HostOutcome.SUCCEEDED
    outcome = HostOutcome.SUCCEEDED if has_succeeded else HostOutcome.FAILED
    return Said(
        session_id=str(receipt.session_id),
        call_id=str(receipt.call_id),
        arguments_hash=receipt.arguments_hash,
        outcome=outcome.value,
        output_hash=receipt.output_hash,
        external_ref=receipt.external_ref,
    )
