"""A control, and what is said when one is set."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Gone
from placet.kernel.value import Input, Value


class ControlKind(StrEnum):
    """What a control reaches."""

    TENANT = "tenant"
    ARTIFACT = "artifact"


class ControlEffect(StrEnum):
    """What a control does there."""

    KILL = "kill"


class TenantKilled(Gone):
    """Every session of this tenant was killed."""

    hint = "an operator stopped the whole tenant; nothing is granted any more"


class ControlGate(Value, frozen=True):
    """How many controls a tenant has seen set or lifted."""

    tenant_id: TenantId
    control_epoch: int


class Control(Value, frozen=True):
    """A control in force from `set_epoch` on, until `lifted_epoch` when there is one."""

    tenant_id: TenantId
    control_id: UUID
    kind: ControlKind
    target: str
    effect: ControlEffect
    reason: str
    set_epoch: int
    lifted_epoch: int | None
    set_by: ActorId
    set_at: datetime


class ControlSet(Value, frozen=True):
    """Event: a control was put in force."""

    control_id: UUID
    kind: ControlKind
    target: str
    effect: ControlEffect
    reason: str


class SetControl(Input, frozen=True):
    """Put a control in force. For a tenant-wide kill there is no target to name.

    An artifact is stopped by revoking its approval, and not here.
    """

    kind: Literal["tenant"]
    effect: ControlEffect
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class ControlInForce(Value, frozen=True):
    """The answer: the control, and the epoch from which no grant passes it."""

    control_id: UUID
    kind: ControlKind
    effect: ControlEffect
    control_epoch: int
    set_at: datetime
