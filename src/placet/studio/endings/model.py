"""How an approval ends, what is said about it, and how approvals are shown."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Forbidden
from placet.kernel.value import Input, Value
from placet.plans.model import EndingKind
from placet.studio.approvals.model import ApprovalAnswer, ApprovalHead
from placet.studio.workspaces.model import WorkspaceId

REASON_MAX: Final = 1_000
WARNING_DAYS: Final = (14, 3, 1)
"""How many days before its end an approval is warned about, the first warning first."""


class ApprovalStatus(StrEnum):
    """What an approval counts for now. The last two are for ever."""

    STANDBY = "standby"
    IN_FORCE = "in_force"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ApprovalEnding(Value, frozen=True):
    """That an approval ended. It may expire and still be revoked later.

    `reason` and `control_id` are those of a revocation: why, and the control that keeps what was
    approved from being used.
    """

    tenant_id: TenantId
    approval_id: UUID
    kind: EndingKind
    workspace_id: WorkspaceId
    artifact_id: UUID
    reason: str | None
    control_id: UUID | None
    ended_by: ActorId
    ended_at: datetime


class EndedApproval(Value, frozen=True):
    """An approval that was revoked, with the reason, or that ran out."""

    approval_id: UUID
    workspace_id: WorkspaceId
    kind: EndingKind
    reason: str | None
    ended_at: datetime


class EndingWarning(Value, frozen=True):
    """That somebody was told how long an approval still lasts."""

    tenant_id: TenantId
    approval_id: UUID
    days_before: int
    warned_at: datetime


class RevokeApproval(Input, frozen=True):
    """Revoke an approval, and say why."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]


class EndingShown(Value, frozen=True):
    """How an approval ended, as others see it."""

    kind: EndingKind
    reason: str | None
    ended_by: ActorId
    ended_at: datetime


class ApprovalSummary(ApprovalHead, frozen=True):
    """An approval in a list: what it counts for now, without its proof.

    `ending` tells how it ended. `sessions_open` counts the sessions under it that have not ended.
    """

    status: ApprovalStatus
    ending: EndingShown | None
    sessions_open: int


class ApprovalShown(ApprovalAnswer, frozen=True):
    """An approval with everything that proves it, and what it counts for now."""

    status: ApprovalStatus
    ending: EndingShown | None
    sessions_open: int


class RevocationAnswer(Value, frozen=True):
    """The revocation is in force: nothing is granted or started under the approval from here on.

    `control_id` is its row in the tenant's controls. `sessions_open` counts the sessions under it
    that nobody has written to yet; they too are granted nothing. Revoked twice is revoked once:
    the second answer tells of the first revocation.
    """

    approval_id: UUID
    status: ApprovalStatus
    reason: str
    control_id: UUID
    revoked_by: ActorId
    revoked_at: datetime
    sessions_open: int


class RevocationNotAllowed(Forbidden):
    """An approval is revoked by an approver of its workspace or by an operator."""

    hint = "ask an approver of the workspace, or an operator of the tenant"


class ApprovalRevoked(Value, frozen=True):
    """Event: an approval was revoked; nothing is granted or started under it any more."""

    approval_id: UUID
    workspace_id: WorkspaceId
    artifact_id: UUID
    control_id: UUID
    reason: str


class ApprovalExpired(Value, frozen=True):
    """Event: an approval had run out at `expires_at`; since then nothing was granted under it."""

    approval_id: UUID
    workspace_id: WorkspaceId
    artifact_id: UUID
    expires_at: datetime


class ApprovalExpiring(Value, frozen=True):
    """Event: the approval in force, or one that stands by, runs out within this many days."""

    approval_id: UUID
    workspace_id: WorkspaceId
    days_before: int
    expires_at: datetime
