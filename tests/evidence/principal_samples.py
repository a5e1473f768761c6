"""What an issuer and two people sign, in small."""

from datetime import UTC, datetime, timedelta
from typing import Final

from tests.evidence.samples import uuid_of

from placet.evidence.ed25519 import SigningKey
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
