"""What a tool's host signs about a call that it ran: the one word that is not the caller's own."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence import dsse
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.fields import HexDigest, Name, UtcTime, check_utc
from placet.evidence.grant import Grant
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment
from placet.kernel.value import Input

RECEIPT_TYPE: Final = "placet.receipt.v1"
EXTERNAL_REF_MAX: Final = 2_000

ExternalRef = Annotated[str, msgspec.Meta(max_length=EXTERNAL_REF_MAX)]
"""How others call what happened: the bank's number of a transfer."""


class HostOutcome(StrEnum):
    """What a host says for certain. Of what it does not know, it signs nothing.

    `never_begun`: it was not let in, and will not be, whoever comes with its grant.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NEVER_BEGUN = "never_begun"


class HostReceipt(Input, frozen=True):
    """A host's word on one call: that it happened, or that it did not and will not.

    Session, call, server, tool and arguments are those of the grant that the host checked.
    `output_hash` is the `output` hash of what the tool returned, null for a failure and for a tool
    that returns nothing. Times are the host's own, in UTC. `key_id` is the id of the key that
    signs.
    """

    tenant_id: UUID
    environment: Environment
    session_id: UUID
    call_id: UUID
    server: Name | None
    tool: Name
    arguments_hash: HexDigest
    outcome: HostOutcome
    output_hash: HexDigest | None
    external_ref: ExternalRef | None
    started_at: UtcTime
    completed_at: UtcTime
    key_id: HexDigest

    def __post_init__(self) -> None:
        """Refuse times in other zones, an end before its beginning, and a failure with output."""
        check_utc(self.started_at, self.completed_at)
        if self.completed_at < self.started_at:
            message = "a call ends after it began"
            raise ValueError(message)
        if self.outcome is not HostOutcome.SUCCEEDED and self.output_hash is not None:
            message = "what did not happen has no output"
            raise ValueError(message)


class HostSays(Input, frozen=True):
    """What a host found: the part of its receipt that no grant holds."""

    outcome: HostOutcome
    output_hash: HexDigest | None
    external_ref: ExternalRef | None
    started_at: UtcTime
    completed_at: UtcTime


def receipt_for(grant: Grant, says: HostSays, key: SigningKey) -> Envelope:
    """Return a host's signed receipt for the call that this grant let in.

    Raises `ValueError` for what no receipt says.
    """
    receipt = HostReceipt(
        tenant_id=grant.tenant_id,
        environment=grant.environment,
        session_id=grant.session_id,
        call_id=grant.call_id,
        server=grant.server,
        tool=grant.tool,
        arguments_hash=grant.arguments_hash,
        key_id=key.key_id,
        **msgspec.structs.asdict(says),
    )
    return sign_receipt(receipt, key)


def sign_receipt(receipt: HostReceipt, key: SigningKey) -> Envelope:
    """Return the receipt in its envelope."""
    return dsse.sign(RECEIPT_TYPE, canonical(receipt), key)


def verify_receipt(envelope: Envelope, keys: Sequence[PublicKey]) -> HostReceipt:
    """Return the receipt if one of `keys` signed it and it names that key.

    Refuses `envelope_refused` otherwise. Whether the key is a host's that runs this tool, and the
    call is one that was granted, is for the caller to check.
    """
    key = dsse.verified_by(envelope, RECEIPT_TYPE, keys)
    receipt = dsse.open_payload(envelope.payload, HostReceipt)
    if receipt.key_id != key.key_id:
        raise EnvelopeRefused(
            detail="the receipt names another key than the one that signed it",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    return receipt
