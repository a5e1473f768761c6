"""What is said of controls on sessions."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.authority.controls.model import Reason
from placet.kernel.refusals import Action, Conflict, Invalid
from placet.kernel.value import Input, Value
from placet.policy.model import Attribute
from placet.replay.calls.model import CallStatus, ExecutionState
from placet.replay.sessions.model import SessionStatus

CONTROLS_MAX: Final = 256
"""Labels of one session, and tools taken away from one."""

LabelValue = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
FilteredTool = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class ControlAction(StrEnum):
    """What is done to one session without its lease."""

    LABEL = "label"
    CLEAR_LABELS = "clear_labels"
    FILTER = "filter"
    BYPASS = "bypass"


class LabelTaken(Conflict):
    """This label has another value already."""

    action = Action.STOP
    hint = "an agent adds labels; only an operator changes or clears one"


class ControlsFull(Invalid):
    """The session has as many labels, or as many tools taken away, as it may."""

    hint = f"a session has {CONTROLS_MAX} of each at most"


class LabelSession(Input, frozen=True):
    """Put labels on a session, or, as an operator, clear some by name. One of the two."""

    add: Annotated[dict[Attribute, LabelValue], msgspec.Meta(max_length=CONTROLS_MAX)] = (
        msgspec.field(default_factory=dict)
    )
    clear: Annotated[tuple[Attribute, ...], msgspec.Meta(max_length=CONTROLS_MAX)] = ()


class FilterTools(Input, frozen=True):
    """Take tools away from a session. Nobody gives them back."""

    tools: Annotated[tuple[FilteredTool, ...], msgspec.Meta(min_length=1, max_length=CONTROLS_MAX)]
    reason: Reason


class ReportBypass(Input, frozen=True):
    """Report that an agent acted around its grants."""

    reason: Reason


class ControlAnswer(Value, frozen=True):
    """The session as controls left it. `replayed`: it stood so before, and nothing was written."""

    session_id: UUID
    status: SessionStatus
    labels: dict[str, str]
    filtered_tools: list[str]
    state_version: int
    control_revision: int
    replayed: bool = False


class SessionLabelled(Value, frozen=True):
    """Event: labels were put on the session."""

    labels: dict[str, str]


class LabelsCleared(Value, frozen=True):
    """Event: an operator cleared labels of the session."""

    names: list[str]


class ToolsFiltered(Value, frozen=True):
    """Event: an operator took tools away from the session, for good."""

    tools: list[str]
    reason: str


class SessionBypassed(Value, frozen=True):
    """Event: somebody saw the agent act around its grants; the session goes no further."""

    reason: str


class UnconfirmedCall(Value, frozen=True):
    """A call that was granted before a kill of its scope and of which nothing is settled.

    Its tool may run yet, or have run. `started_at` is null where the grant was not redeemed.
    """

    session_id: UUID
    call_id: UUID
    agent: str
    tool: str
    status: CallStatus
    execution_state: ExecutionState
    granted_at: datetime
    grant_expires_at: datetime
    started_at: datetime | None
