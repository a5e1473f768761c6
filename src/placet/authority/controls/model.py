"""A control, and what is said when one is set."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Action, Gone
from placet.kernel.value import Input, Value

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
"""Why somebody did this, in their words."""


class ControlKind(StrEnum):
    """What a control reaches."""

    TENANT = "tenant"
    ARTIFACT = "artifact"
    AGENT = "agent"
    TOOL = "tool"


class ControlEffect(StrEnum):
    """What a control does there."""

    KILL = "kill"


class TenantKilled(Gone):
    """Every session of this tenant was killed."""

    hint = "an operator stopped the whole tenant; nothing is granted any more"


class AgentKilled(Gone):
    """Every session of this agent was killed."""

    hint = (
        "an operator stopped this agent everywhere; nothing is granted to it until that is lifted"
    )


class ToolKilled(Gone):
    """This tool was killed."""

    action = Action.NEW_PREFLIGHT
    hint = "an operator stopped this tool; it is neither granted nor started until that is lifted"


class ControlGate(Value, frozen=True):
    """How many controls a tenant has seen set or lifted."""

    tenant_id: TenantId
    control_epoch: int


class Control(Value, frozen=True):
    """A control in force from `set_epoch` on, until `lifted_epoch` when there is one.

    `target` is empty for a tenant, an agent's name, a tool's name, or an artifact's id.
    """

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
    """Put a control in force. `target` names the agent or the tool; a tenant has none to name.

    An artifact is stopped by revoking its approval, and not here.
    """

    kind: Literal["tenant", "agent", "tool"]
    effect: ControlEffect
    reason: Reason
    target: Annotated[str, msgspec.Meta(max_length=128)] = ""


class ControlView(Value, frozen=True):
    """A control as operators and auditors read it; `lifted_epoch` is null while it is in force."""

    control_id: UUID
    kind: ControlKind
    target: str
    effect: ControlEffect
    reason: str
    set_epoch: int
    lifted_epoch: int | None
    set_by: ActorId
    set_at: datetime


class ControlInForce(Value, frozen=True):
    """The answer: the control, and the epoch from which no grant passes it."""

    control_id: UUID
    kind: ControlKind
    target: str
    effect: ControlEffect
    control_epoch: int
    set_at: datetime
