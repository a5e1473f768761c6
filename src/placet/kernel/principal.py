"""Who is asking: what the key says, never what a body says."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.kernel.canonical import INTEGER_MAX, canonical
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.value import Value

ATTRIBUTES_MAX: Final = 32
ATTRIBUTES_BYTES: Final = 1_024
"""All attributes of one principal in canonical form."""

_NO_CONTROLS: Final = r"^[^\x00-\x1f]*(?!\n)$"

AttributeName = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=_NO_CONTROLS)]
AttributeValue = (
    Annotated[str, msgspec.Meta(max_length=256, pattern=_NO_CONTROLS)]
    | Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    | bool
)
Attributes = Annotated[dict[AttributeName, AttributeValue], msgspec.Meta(max_length=ATTRIBUTES_MAX)]
"""What is known of whoever an agent acts for: a department, an id, whether they are senior."""


class Scope(StrEnum):
    """What a key may be used for. A route names the one that it needs."""

    RUNTIME = "runtime"
    READ = "read"
    AUTHOR = "author"
    APPROVE = "approve"
    OPERATE = "operate"
    AUDIT = "audit"
    ADMIN = "admin"


class Environment(StrEnum):
    """Where an agent runs. The three differ in what happens when nothing was approved."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class Principal(Value, frozen=True):
    """The caller of one request, as its API key was issued.

    `agent` and `environment` are set for runtime keys, which are bound to both. `key_id` and
    `secret_hash` are what the hot database functions verify again inside their transaction.
    """

    tenant_id: TenantId
    actor_id: ActorId
    key_id: str
    secret_hash: bytes
    scopes: frozenset[Scope]
    agent: str | None = None
    environment: Environment | None = None
    api_key_id: UUID | None = None


def check_attributes(attributes: Mapping[str, str | int | bool]) -> None:
    """Raise `ValueError` where all attributes of a principal together are too many or too long."""
    is_long = len(canonical(dict(attributes))) > ATTRIBUTES_BYTES
    if is_long or len(attributes) > ATTRIBUTES_MAX:
        message = (
            f"all attributes together are at most {ATTRIBUTES_MAX}, and {ATTRIBUTES_BYTES} bytes"
        )
        raise ValueError(message)
