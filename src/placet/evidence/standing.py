"""What a person signs who says yes to calls that are yet to come."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence import dsse
from placet.evidence.ask_vote import AskReason
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.fields import HexDigest, Name, UtcTime, check_utc
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment
from placet.kernel.value import Input
from placet.policy.model import Rule
from placet.policy.operators import references

STANDING_TYPE: Final = "placet.standing.v1"
RULES_MAX: Final = 32
USES_MAX: Final = 1_000
"""Calls that one standing grant may answer for."""


class Standing(Input, frozen=True):
    """One person's yes to so many calls of one tool, with such arguments, until then.

    `arguments` are rules of the contract language, all of which must hold; none compares with a
    slot. `schema_hash` is the tool's, null where it has none, and `checkpoint_hash` that of the
    people whom the contract asks: under a contract that says otherwise it answers nothing. Once
    `uses` calls were granted by it, or at `expires_at`, it is over. `key_id` is the id of the key
    that signs.
    """

    standing_id: UUID
    tenant_id: UUID
    workspace_id: UUID
    agent: Name
    environment: Environment
    tool: Name
    arguments: Annotated[tuple[Rule, ...], msgspec.Meta(min_length=1, max_length=RULES_MAX)]
    schema_hash: HexDigest | None
    checkpoint_hash: HexDigest
    uses: Annotated[int, msgspec.Meta(ge=1, le=USES_MAX)]
    expires_at: UtcTime
    reason: AskReason
    granted_by: UUID
    key_id: HexDigest

    def __post_init__(self) -> None:
        """Refuse a time in another zone, a rule that says nothing, and one on a slot."""
        check_utc(self.expires_at)
        for rule in self.arguments:
            if any(True for _ in references(rule)):
                message = "a standing grant compares with no slot"
                raise ValueError(message)
            if len(msgspec.to_builtins(rule)) == 1:
                message = "a rule has a path and an operator"
                raise ValueError(message)


def sign_standing(standing: Standing, key: SigningKey) -> Envelope:
    """Return the standing grant in its envelope."""
    return dsse.sign(STANDING_TYPE, canonical(standing), key)


def verify_standing(envelope: Envelope, keys: Sequence[PublicKey]) -> Standing:
    """Return the standing grant if one of `keys` signed it and it names that key.

    Refuses `envelope_refused` otherwise. Whether that person may say so is for the caller to check.
    """
    key = dsse.verified_by(envelope, STANDING_TYPE, keys)
    standing = dsse.open_payload(envelope.payload, Standing)
    if standing.key_id != key.key_id:
        raise EnvelopeRefused(
            detail="the standing grant names another key than the one that signed it",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    return standing
