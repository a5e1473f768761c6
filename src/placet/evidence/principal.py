"""What an issuer signs about whoever an agent acts for, in one session of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from placet.evidence import dsse
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.fields import HexDigest, Name, UtcTime, check_utc
from placet.kernel.canonical import canonical
from placet.kernel.principal import Attributes, Environment, check_attributes
from placet.kernel.value import Input

PRINCIPAL_TYPE: Final = "placet.principal.v1"
LIFE_MAX: Final = timedelta(minutes=10)
"""How long after it was signed an assertion opens a session at most."""


class Assertion(Input, frozen=True):
    """An issuer's word on whoever an agent acts for: good for one session, for ten minutes.

    `assertion_id` is random and never used again. `issuer_id` is what the registration of the
    issuer was answered with, `agent` and `environment` are those of that registration. `subject`
    are the attributes: texts, integers within ±(2^53-1), true or false, at most 32 and 1,024 bytes
    in canonical form. Times are the issuer's own, in UTC. `key_id` is the id of the key that signs.
    """

    assertion_id: UUID
    issuer_id: UUID
    tenant_id: UUID
    agent: Name
    environment: Environment
    subject: Attributes
    issued_at: UtcTime
    expires_at: UtcTime
    key_id: HexDigest

    def __post_init__(self) -> None:
        """Refuse times in other zones, a life that is too long, and too much said."""
        check_utc(self.issued_at, self.expires_at)
        check_attributes(self.subject)
        if not timedelta(0) < self.expires_at - self.issued_at <= LIFE_MAX:
            message = "an assertion ends after it began, and at most ten minutes later"
            raise ValueError(message)


def sign_assertion(assertion: Assertion, key: SigningKey) -> Envelope:
    """Return the assertion in its envelope."""
    return dsse.sign(PRINCIPAL_TYPE, canonical(assertion), key)


def verify_assertion(envelope: Envelope, keys: Sequence[PublicKey]) -> Assertion:
    """Return the assertion if one of `keys` signed it and it names that key.

    Refuses `envelope_refused` otherwise. Whether the key is an issuer's for this agent, the time is
    right and no session was opened on it is for the caller to check.
    """
    key = dsse.verified_by(envelope, PRINCIPAL_TYPE, keys)
    assertion = dsse.open_payload(envelope.payload, Assertion)
    if assertion.key_id != key.key_id:
        raise EnvelopeRefused(
            detail="the assertion names another key than the one that signed it",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    return assertion
