"""A host of one tool, its clock, and grants for it."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.fields import ControlSeen, Fence
from placet.evidence.grant import Grant, sign_grant
from placet.kernel import foreign
from placet.kernel.hashing import digest
from placet.kernel.principal import Environment
from placet.sdk.host.check import ToolHost
from placet.sdk.host.keys import GivenKeys
from placet.sdk.host.memory import HostMemory, ProcessMemory
from placet.sdk.host.model import HostedTool, SentCall, hosted

KEY: Final = SigningKey.generate()
OTHER_KEY: Final = SigningKey.generate()
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT: Final = UUID(int=1)
SCHEMA: Final[foreign.Json] = {"type": "object", "required": ["order_id"]}
PAY: Final[HostedTool] = hosted("pay", "orders", SCHEMA)
ARGUMENTS: Final = b'{"order_id":"ord_1","amount_cents":700}'
GRANT: Final = Grant(
    tenant_id=TENANT,
    environment=Environment.PRODUCTION,
    agent="refund-desk",
    session_id=UUID(int=2),
    step=1,
    call_id=UUID(int=3),
    server="orders",
    tool="pay",
    tool_schema_hash=digest("tool_schema", foreign.encode(SCHEMA)).hex(),
    arguments_hash=digest("arguments", foreign.encode(foreign.parse(ARGUMENTS))).hex(),
    fence=Fence(epoch=1, n=4),
    artifact_hash="cd" * 32,
    control=ControlSeen(epoch=0, revision=0),
    key_list_version=1,
    not_before=NOON,
    expires_at=NOON + timedelta(seconds=60),
    audience=None,
)


class SetClock:
    """A clock that stands where it was set."""

    def __init__(self, at: datetime = NOON) -> None:
        """Stand at a time."""
        self.at = at

    def now(self) -> datetime:
        """Return it."""
        return self.at

    def monotonic(self) -> float:
        """Return it in seconds."""
        return self.at.timestamp()


def changed(**fields: Any) -> Grant:  # noqa: ANN401 -- any field of a grant
    return msgspec.structs.replace(GRANT, **fields)


def text_of(grant: Grant = GRANT, key: SigningKey = KEY) -> str:
    """Return the grant as it travels in its header."""
    envelope = encode_envelope(sign_grant(grant, key))
    return base64.urlsafe_b64encode(envelope).rstrip(b"=").decode()


def sent(grant: Grant = GRANT, key: SigningKey = KEY, **changes: Any) -> SentCall:  # noqa: ANN401 -- any field of a call
    fence = f"{grant.fence.epoch}.{grant.fence.n}"
    call = SentCall(tool=PAY, arguments=ARGUMENTS, grant=text_of(grant, key), fence=fence)
    return msgspec.structs.replace(call, **changes)


def host(
    memory: HostMemory | None = None,
    **options: Any,  # noqa: ANN401 -- a host's own options
) -> ToolHost:
    given: dict[str, Any] = {
        "tenant_id": TENANT,
        "environment": Environment.PRODUCTION,
        "keys": GivenKeys(KEY.public, as_of=NOON),
        "memory": memory or ProcessMemory(),
        "clock": SetClock(),
    }
    return ToolHost(**(given | options))
