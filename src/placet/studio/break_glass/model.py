"""An activation of what stands by, what it is judged by, and what is said about it."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.break_glass import REASON_MAX
from placet.evidence.fields import HexDigest
from placet.evidence.vote import CheckpointSeen
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Conflict, Forbidden, Invalid, NotFound
from placet.kernel.value import Input, Value
from placet.studio.approvals.model import ApprovalHead
from placet.studio.workspaces.model import GovernanceWorkspace, WorkspaceId

OPEN_FOR: Final = timedelta(minutes=15)
"""How long the second operator may take."""

PAIR_RESTS: Final = timedelta(hours=24)
"""How long the same two people activate nothing else in a workspace."""


class ActivationStatus(StrEnum):
    """How far an activation has come."""

    OPEN = "open"
    ACTIVE = "active"
    ENDED = "ended"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


class ActivationEnd(StrEnum):
    """Why an activation is over: its time was, somebody ended it, or its approval was revoked."""

    RAN_OUT = "ran_out"
    STOPPED = "stopped"
    REVOKED = "revoked"


class Activation(Value, frozen=True):
    """That an approval was, or is to be, put in force for a while.

    Envelopes are the JSON of what was signed. `ends_at` is set by the confirmation; an activation
    that was ended before its time is over at `ended_at`. `end_reason` is that of who ended it.
    """

    tenant_id: TenantId
    activation_id: UUID
    workspace_id: WorkspaceId
    approval_id: UUID
    artifact_id: UUID
    artifact_hash: HexDigest
    status: ActivationStatus
    minutes: int
    reason: str
    opened_by: ActorId
    opener_key_id: HexDigest
    opener_envelope: bytes
    opened_at: datetime
    lapses_at: datetime
    confirmed_by: ActorId | None = None
    confirmer_key_id: HexDigest | None = None
    confirmer_envelope: bytes | None = None
    confirmed_at: datetime | None = None
    ends_at: datetime | None = None
    end_why: ActivationEnd | None = None
    end_reason: str | None = None
    ended_by: ActorId | None = None
    ended_at: datetime | None = None


class SignActivation(Input, frozen=True):
    """Open or confirm an activation. `envelope` is the DSSE envelope of the vote as JSON."""

    envelope: msgspec.Raw


class EndActivation(Input, frozen=True):
    """End an activation before its time, and say why."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]


class ActivationFields(Value, frozen=True):
    """What both operators sign, but for who they are and the key that they sign with."""

    tenant_id: TenantId
    workspace_id: WorkspaceId
    environment: Environment
    activation_id: UUID
    approval_id: UUID
    artifact_hash: HexDigest
    minutes: int
    reason: str
    latest_checkpoint: CheckpointSeen | None


class ActivationAnswer(Value, frozen=True):
    """An activation as it counts now, with what the second operator is to sign.

    Sign the canonical JSON of `vote_fields` with `voter_id` and `key_id` added, under the type
    `vote_type`. `sessions_open` counts the sessions under it that have not ended.
    """

    activation_id: UUID
    workspace_id: WorkspaceId
    approval_id: UUID
    artifact_hash: HexDigest
    status: ActivationStatus
    minutes: int
    reason: str
    opened_by: ActorId
    opened_at: datetime
    lapses_at: datetime
    confirmed_by: ActorId | None
    confirmed_at: datetime | None
    ends_at: datetime | None
    end_why: ActivationEnd | None
    end_reason: str | None
    ended_by: ActorId | None
    ended_at: datetime | None
    sessions_open: int
    vote_type: str
    vote_fields: ActivationFields


class Operator(Value, frozen=True):
    """Somebody who signs, as they count now. `revoked` are the ids of their keys that ended."""

    actor_id: ActorId
    is_operator: bool
    revoked: frozenset[str]


class ActivationCase(Value, frozen=True):
    """Everything that an activation is judged by, while none of it can change.

    `revoked_at` is when the approval was revoked, `earlier` the activations of the workspace that
    were confirmed within the time that a pair rests, `in_effect` the one that the plan names now.
    """

    workspace: GovernanceWorkspace
    approval: ApprovalHead
    artifact_hash: HexDigest
    revoked_at: datetime | None
    earlier: Sequence[Activation]
    in_effect: UUID | None
    now: datetime


class ActivationFlaw(StrEnum):
    """Why an activation, or a vote for one, is refused."""

    ENVELOPE_MALFORMED = "envelope_malformed"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    SIGNATURE_INVALID = "signature_invalid"
    SIGNED_OTHERWISE = "signed_otherwise"
    NOT_AN_OPERATOR = "not_an_operator"
    NOT_OPEN = "not_open"
    SAME_PERSON = "same_person"
    OPENER_LEFT = "opener_left"
    PAIR_RESTS = "pair_rests"
    ACTIVE_ALREADY = "active_already"
    NOT_FOR_BREAK_GLASS = "not_for_break_glass"
    APPROVAL_REVOKED = "approval_revoked"
    APPROVAL_EXPIRED = "approval_expired"
    WORKSPACE_NOT_ACTIVE = "workspace_not_active"
    KILLED = "killed"


class ActivationReason(Value, frozen=True):
    """One thing that stands against it."""

    code: ActivationFlaw
    detail: str


@dataclasses.dataclass(kw_only=True, eq=False)
class BreakGlassRefused(Invalid):
    """The activation cannot go on."""

    hint = "every reason is listed; all of them must go"
    reasons: list[ActivationReason]


class ActivationNotFound(NotFound):
    """There is no such activation here."""


class ActivationExists(Conflict):
    """An activation with this id was opened before."""

    hint = "sign with a fresh activation id; each serves once"


class EndingNotAllowed(Forbidden):
    """An activation is ended by one of its operators or by an approver of its workspace."""

    hint = "ask one of the two operators, or an approver of the workspace"


class BreakGlassOpened(Value, frozen=True):
    """Event: an operator asked to put in force what stands by. `envelope` is base64."""

    activation_id: UUID
    workspace_id: WorkspaceId
    approval_id: UUID
    artifact_hash: HexDigest
    minutes: int
    reason: str
    opened_by: ActorId
    key_id: HexDigest
    envelope: bytes
    lapses_at: datetime


class BreakGlassConfirmed(Value, frozen=True):
    """Event: a second operator agreed, and what stood by is in force. `envelope` is base64."""

    activation_id: UUID
    workspace_id: WorkspaceId
    approval_id: UUID
    artifact_id: UUID
    artifact_hash: HexDigest
    reason: str
    opened_by: ActorId
    confirmed_by: ActorId
    key_id: HexDigest
    envelope: bytes
    ends_at: datetime


class BreakGlassEnded(Value, frozen=True):
    """Event: an activation is over: it ran out, was ended or revoked, lapsed or was withdrawn."""

    activation_id: UUID
    workspace_id: WorkspaceId
    approval_id: UUID
    status: ActivationStatus
    why: ActivationEnd | None
    reason: str | None
    ended_at: datetime
