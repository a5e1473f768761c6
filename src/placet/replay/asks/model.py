"""An ask, its votes, a claim, and why they are refused."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from placet.events.model import StreamId
from placet.evidence.ask_vote import AskDecision, AskReason
from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Action, Conflict
from placet.kernel.value import Value
from placet.policy.model import Approvers, SideEffect
from placet.replay.calls.model import CallStatus, ReasonView, Verdict


class AskStatus(StrEnum):
    """What people have said of a call so far."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


class ReplayAsk(Value, frozen=True):
    """A call that people have voted on. `view` is what they were shown, `votes` how many voted.

    Whether the call still waits is said by its own row.
    """

    tenant_id: TenantId
    session_id: StreamId
    call_id: UUID
    status: AskStatus
    view: bytes
    view_hash: bytes
    votes: int
    opened_at: datetime
    decided_at: datetime | None


class ReplayAskVote(Value, frozen=True):
    """One person's signed word on one call. One envelope may speak of several calls."""

    tenant_id: TenantId
    session_id: StreamId
    call_id: UUID
    voter_id: ActorId
    vote_id: UUID
    decision: AskDecision
    key_id: HexDigest
    envelope: bytes
    reason: AskReason | None
    voted_at: datetime


class ReplayAskEdit(Value, frozen=True):
    """Somebody put other arguments in the place of a call: `new_call_id` is asked about instead."""

    tenant_id: TenantId
    session_id: StreamId
    call_id: UUID
    new_call_id: UUID
    editor_id: ActorId
    reason: AskReason
    edited_at: datetime


class EditedCall(Value, frozen=True):
    """The arguments of a call that came by an edit, in foreign form, and what follows from them."""

    arguments: bytes
    arguments_hash: bytes
    effect_key: bytes | None


class ReplayClaim(Value, frozen=True):
    """A claim that was decided, and what was answered, so that it can be answered again."""

    tenant_id: TenantId
    session_id: StreamId
    claim_id: UUID
    call_id: UUID
    prepared_request_id: UUID
    answer: bytes
    holder: str
    epoch: int
    fence: int
    control_epoch: int
    control_revision: int
    claimed_at: datetime


class RedactedValue(Value, frozen=True):
    """A value that nobody is shown: where it stands, and its salted hash in hex."""

    pointer: str
    hash: HexDigest


class CallBeside(Value, frozen=True):
    """Another call of the same step."""

    call_id: UUID
    tool: str
    verdict: Verdict
    arguments_hash: HexDigest


class EditedFrom(Value, frozen=True):
    """The call in whose place somebody put one with other arguments, and why."""

    call_id: UUID
    arguments_hash: HexDigest
    editor_id: ActorId
    reason: AskReason
    edited_at: datetime


class AskView(Value, frozen=True):
    """What somebody who is asked is shown, and signs the hash of.

    `arguments` is the JSON text that would run, each redacted value replaced by `"[redacted]"`.
    It holds nothing that changes while the call waits. `edited` is null for what the agent itself
    proposed.
    """

    kind: str
    tenant_id: TenantId
    session_id: StreamId
    agent: str
    environment: Environment
    artifact_hash: HexDigest
    step: int
    call_id: UUID
    tool_call_id: str
    tool: str
    server: str | None
    side_effect: SideEffect | None
    arguments: str
    arguments_hash: HexDigest
    redacted: list[RedactedValue]
    reasons: list[ReasonView]
    beside: list[CallBeside]
    all_of: list[Approvers]
    reason_required: bool
    proposed_at: datetime
    deadline: datetime
    edited: EditedFrom | None = None


class AskVoted(Value, frozen=True):
    """Event: somebody voted on a call that waits; `outcome` is what the ask is from here on.

    Rejected, the call is denied; where the contract's gate is `reject_all`, whatever else of its
    step waits ends with it. The vote itself is told in the tenant's `authority` stream.
    """

    vote_id: UUID
    call_id: UUID
    tool: str
    voter_id: ActorId
    decision: AskDecision
    reason: AskReason | None
    view_hash: HexDigest
    outcome: AskStatus


class CallEdited(Value, frozen=True):
    """Event: somebody put a call with other arguments in the place of one that waits.

    `call_id` is superseded; `new_call_id` waits in the same step until the same deadline, and must
    be said yes to anew. Of the arguments here is the hash.
    """

    call_id: UUID
    new_call_id: UUID
    prepared_request_id: UUID
    ordinal: int
    tool_call_id: str
    tool: str
    arguments_hash: HexDigest
    effect_key: HexDigest | None
    editor_id: ActorId
    reason: AskReason


@dataclasses.dataclass(kw_only=True, eq=False)
class AskClosed(Conflict):
    """The call waits for nobody any more."""

    action = Action.RELOAD
    hint = "look at the call: it was answered, cancelled, or its time was up"
    call_status: CallStatus | None = None


class AskOpen(Conflict):
    """The call still waits for people."""

    action = Action.WAIT
    hint = "wait until the call is approved, then claim it"
