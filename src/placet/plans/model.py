"""The plan of one agent in one environment."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.authority.model import ServerKey
from placet.evidence.fields import HexDigest
from placet.kernel.ids import TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Conflict, Forbidden, NotFound
from placet.kernel.value import Input, Value


class PlanStatus(StrEnum):
    """How far the governance of an agent has come."""

    LEARNING = "LEARNING"
    READY = "READY"
    APPROVED = "APPROVED"
    ENFORCING = "ENFORCING"


class Enforcement(StrEnum):
    """What becomes of a call that the contract refuses: it is let through, or it is not."""

    REPORT = "report"
    BLOCK = "block"


class EndingKind(StrEnum):
    """How an approval ended: its time was over, or somebody took it back."""

    EXPIRED = "expired"
    REVOKED = "revoked"


class Unplanned(StrEnum):
    """What becomes of a call while nothing is approved: it is denied, or let through and noted."""

    DENY = "deny"
    CAPTURE = "capture"


class GovernancePlan(Value, frozen=True):
    """What holds for one agent in one environment. Hashes are hex.

    `activation_id` and what follows are of the last activation of what stands by. Before
    `activated_until` that is what the plan names; from then on it counts for nothing.
    """

    tenant_id: TenantId
    plan_id: UUID
    agent: str
    environment: Environment
    status: PlanStatus
    version: int
    artifact_id: UUID | None
    compiled_hash: HexDigest | None
    approval_id: UUID | None
    enforcement: Enforcement
    unplanned: Unplanned
    approved_at: datetime | None
    approval_expires_at: datetime | None
    updated_at: datetime
    activation_id: UUID | None = None
    activated_artifact_id: UUID | None = None
    activated_hash: HexDigest | None = None
    activated_approval_id: UUID | None = None
    activated_at: datetime | None = None
    activated_until: datetime | None = None


class OpenPlan(Value, frozen=True):
    """Begin a plan, with nothing approved."""

    agent: str
    environment: Environment
    enforcement: Enforcement
    unplanned: Unplanned


class ApprovePlan(Value, frozen=True):
    """Put an approved artifact in force for an agent in an environment."""

    agent: str
    environment: Environment
    artifact_id: UUID
    compiled_hash: HexDigest
    approval_id: UUID
    approved_at: datetime
    approval_expires_at: datetime | None


class ActivatePlan(Value, frozen=True):
    """Let a plan name what stands by until a moment, and then again what it named before."""

    agent: str
    environment: Environment
    activation_id: UUID
    artifact_id: UUID
    compiled_hash: HexDigest
    approval_id: UUID
    activated_at: datetime
    activated_until: datetime


WAIT_SECONDS_MAX: Final = 30


class PlanQuery(Input, frozen=True):
    """Whose plan is asked for.

    `wait` is for how many seconds the answer may be held back while the tag named in
    `If-None-Match` still stands.
    """

    agent: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    environment: Environment
    wait: Annotated[int, msgspec.Meta(ge=0, le=WAIT_SECONDS_MAX)] = 0


class PlanAnswer(Value, frozen=True):
    """The plan as it counts now, with the public keys that what it names is signed by.

    The artifact itself is fetched by `compiled_hash`. Without one, nothing is approved. While
    something that stands by is activated, `activation_id` names the activation, and
    `approval_expires_at` is its end.
    """

    plan_id: UUID
    agent: str
    environment: Environment
    status: PlanStatus
    version: int
    artifact_id: UUID | None
    compiled_hash: HexDigest | None
    approval_id: UUID | None
    enforcement: Enforcement
    unplanned: Unplanned
    approved_at: datetime | None
    approval_expires_at: datetime | None
    updated_at: datetime
    keys: list[ServerKey]
    activation_id: UUID | None = None


class PlanNotFound(NotFound):
    """There is no plan for this agent in this environment."""

    hint = "open a workspace for the agent and the environment, or check their spelling"


class KeyBoundElsewhere(Forbidden):
    """This runtime key is bound to another agent or environment."""

    hint = "ask for the agent and the environment that the key was issued for"


class PlanMovedOn(Conflict):
    """The plan was changed at the same moment."""

    hint = "send the same request again"


class PlanOpened(Value, frozen=True):
    """Event: an agent has a plan in an environment, with nothing approved."""

    plan_id: UUID
    agent: str
    environment: Environment
    enforcement: Enforcement
    unplanned: Unplanned


class PlanPostureChanged(Value, frozen=True):
    """Event: a workspace that follows an archived one brought another posture to its plan."""

    plan_id: UUID
    version: int
    enforcement: Enforcement
    unplanned: Unplanned


class PlanLearned(Value, frozen=True):
    """Event: enough was learned of an agent to make its plan ready. `confidence` is a decimal."""

    plan_id: UUID
    version: int
    calls: int
    confidence: str


class PlanApproved(Value, frozen=True):
    """Event: an approved artifact is in force for an agent in an environment."""

    plan_id: UUID
    version: int
    artifact_id: UUID
    compiled_hash: HexDigest
    approval_id: UUID


class PlanWithdrawn(Value, frozen=True):
    """Event: the approval that a plan pointed at ended, and the plan is `READY` without it."""

    plan_id: UUID
    version: int
    approval_id: UUID
    why: EndingKind


class PlanActivated(Value, frozen=True):
    """Event: a plan names what stands by, until this moment at the latest."""

    plan_id: UUID
    version: int
    activation_id: UUID
    artifact_id: UUID
    compiled_hash: HexDigest
    approval_id: UUID
    until: datetime


class PlanRestored(Value, frozen=True):
    """Event: an activation was ended before its time, and its plan names what it named before."""

    plan_id: UUID
    version: int
    activation_id: UUID


class PlanEnforcing(Value, frozen=True):
    """Event: the first agent attached where refused calls are blocked."""

    plan_id: UUID
    version: int
    artifact_id: UUID | None
    compiled_hash: HexDigest | None
