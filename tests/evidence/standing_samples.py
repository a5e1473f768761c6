"""A standing grant to be signed and verified."""

from datetime import UTC, datetime
from typing import Final

from tests.evidence.samples import PERSON, PERSON_KEY, TENANT, call_body, uuid_of

from placet.evidence.standing import Standing
from placet.kernel.principal import Environment
from placet.policy.model import Rule

STANDING: Final = Standing(
    standing_id=uuid_of("standing"),
    tenant_id=TENANT,
    workspace_id=uuid_of("workspace"),
    agent="refund-desk",
    environment=Environment.PRODUCTION,
    tool=str(call_body()["tool"]),
    arguments=(Rule(path="$.amount_cents", lte=500),),
    schema_hash=None,
    checkpoint_hash="22" * 32,
    uses=2,
    expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    reason="small amounts",
    granted_by=PERSON,
    key_id=PERSON_KEY.key_id,
)
