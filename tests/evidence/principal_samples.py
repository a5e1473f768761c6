"""What an issuer and two people sign, in small."""

from datetime import UTC, datetime, timedelta
from typing import Final

from tests.evidence.samples import PERSON, PERSON_KEY, uuid_of

from placet.evidence.ed25519 import SigningKey
from placet.evidence.lift_vote import LiftAct, LiftVote
from placet.evidence.principal import Assertion
from placet.kernel.principal import Environment

ISSUER_KEY: Final = SigningKey(b"\x06" * 32)
ISSUED: Final = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def sample_assertion() -> Assertion:
    """Return what an issuer says of whoever an agent acts for."""
    return Assertion(
        assertion_id=uuid_of("assertion"),
        issuer_id=uuid_of("issuer"),
        tenant_id=uuid_of("tenant"),
        agent="refund-desk",
        environment=Environment.PRODUCTION,
        subject={"id": "ann@example.com", "department": "support", "level": 3, "senior": True},
        issued_at=ISSUED,
        expires_at=ISSUED + timedelta(minutes=10),
        key_id=ISSUER_KEY.key_id,
    )


def sample_lift_vote(act: LiftAct = LiftAct.ASK) -> LiftVote:
    """Return what a person signs who asks for a kill to be lifted."""
    return LiftVote(
        tenant_id=uuid_of("tenant"),
        act=act,
        lift_id=uuid_of("lift"),
        control_id=uuid_of("control"),
        kind="tool",
        target="issue_refund",
        set_epoch=3,
        reason="the provider repaired it",
        voter_id=PERSON,
        key_id=PERSON_KEY.key_id,
    )
