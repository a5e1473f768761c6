"""An ask as people see it, a vote on it, and what may stand against one."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.events.model import StreamId
from placet.evidence.ask_vote import AskDecision, AskReason
from placet.evidence.fields import HexDigest
from placet.evidence.vote import CheckpointSeen
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Invalid
from placet.kernel.value import Input, Value
from placet.policy.model import Checkpoint
from placet.replay.asks.model import AskStatus, ReplayAsk, ReplayAskVote
from placet.replay.calls.model import CallStatus, ReplayPendingCall
from placet.replay.sessions.model import ReplaySession
from placet.studio.workspaces.model import GroupMember, KeyStanding, WorkspaceId, WorkspaceKey

ARGUMENTS_MAX: Final = 1_000
"""Characters of a call's arguments that a list shows."""

EDIT_MAX: Final = 262_144
"""Characters of arguments that somebody may propose."""


class RoleTally(Value, frozen=True):
    """How many distinct people of a role said yes, and how many it takes."""

    role: str
    approvals: int
    count: int


class AskVoteShown(Value, frozen=True):
    """A vote as others see it."""

    voter_id: ActorId
    decision: AskDecision
    reason: AskReason | None
    voted_at: datetime


class AskVoteFields(Value, frozen=True):
    """What a vote on this ask alone signs, beside its decision and reason, the voter and the key.

    For several calls of a step, `calls` are joined and sorted by their ids. `latest_checkpoint` is
    the newest one of the tenant's log, or null before there is one.
    """

    tenant_id: TenantId
    workspace_id: WorkspaceId
    environment: Environment
    session_id: StreamId
    calls: list[dict[str, str]]
    latest_checkpoint: CheckpointSeen | None


class AskShown(Value, frozen=True):
    """An ask: the view to look at as its exact bytes, and where the answer stands.

    `view` is JSON text (`AskView`); its `view_hash` is the hash of these bytes. A call whose
    `call_status` is not `awaiting_approval` waits for nobody any more.
    """

    session_id: StreamId
    call_id: UUID
    step: int
    agent: str
    environment: Environment
    tool: str
    status: AskStatus
    call_status: CallStatus
    proposed_at: datetime
    deadline: datetime
    tally: list[RoleTally]
    reason_required: bool
    votes: list[AskVoteShown]
    view: str
    view_hash: HexDigest
    vote_type: str
    vote_fields: AskVoteFields


class AskListed(Value, frozen=True):
    """An ask in a list: enough to choose one. What a voter looks at and signs is `AskShown`.

    `arguments` is the JSON text that would run, without redacted values, and at most
    `ARGUMENTS_MAX` characters of it: `arguments_cut` tells that there are more.
    """

    session_id: StreamId
    call_id: UUID
    step: int
    agent: str
    environment: Environment
    tool: str
    status: AskStatus
    call_status: CallStatus
    proposed_at: datetime
    deadline: datetime
    tally: list[RoleTally]
    reason_required: bool
    votes: list[AskVoteShown]
    arguments: str
    arguments_cut: bool


class CastAskVote(Input, frozen=True):
    """Hand in a signed vote on calls of one step. `envelope` is the DSSE envelope as JSON."""

    envelope: msgspec.Raw


class AskAnswered(Value, frozen=True):
    """What a vote made of one call."""

    call_id: UUID
    status: AskStatus
    tally: list[RoleTally]


class EditAsk(Input, frozen=True):
    """Propose other arguments for a call that waits, as JSON text, and say why.

    `"[redacted]"` where the view has it keeps the value that nobody is shown.
    """

    arguments: Annotated[str, msgspec.Meta(max_length=EDIT_MAX)]
    reason: AskReason


class AskEdited(Value, frozen=True):
    """The call that waits no more, and what is asked about the one in its place."""

    superseded: UUID
    ask: AskShown


class EditFlaw(StrEnum):
    """Why an edit is refused."""

    NOT_AN_APPROVER = "not_an_approver"
    ROLE_MISSING = "role_missing"
    ARGUMENTS_REFUSED = "arguments_refused"
    TOO_MANY = "too_many"


class EditObjection(Value, frozen=True):
    """One thing that stands against an edit."""

    code: EditFlaw
    detail: str


@dataclasses.dataclass(kw_only=True, eq=False)
class EditRefused(Invalid):
    """The call cannot be edited like this."""

    hint = "every reason is listed; all of them must go"
    reasons: list[EditObjection]


class AskVoteAnswer(Value, frozen=True):
    """A vote that was counted, and what it came to for each of its calls."""

    vote_id: UUID
    session_id: StreamId
    decision: AskDecision
    calls: list[AskAnswered]


class AskPanel(Value, frozen=True):
    """Who may answer the asks of a session: the keys and groups of its workspace as they count.

    `latest` is the checkpoint of the tenant's log that voters are shown.
    """

    session: ReplaySession
    workspace_id: WorkspaceId
    keys: Mapping[str, tuple[WorkspaceKey, KeyStanding]]
    members: list[GroupMember]
    now: datetime
    latest: CheckpointSeen | None


class AskCase(Value, frozen=True):
    """One call that waits, what a voter is shown of it, and what was said so far."""

    call: ReplayPendingCall
    checkpoint: Checkpoint
    view: bytes
    view_hash: HexDigest
    ask: ReplayAsk | None
    votes: list[ReplayAskVote]

    @property
    def status(self) -> AskStatus:
        """Return what people have said so far."""
        return AskStatus.OPEN if self.ask is None else self.ask.status


class AskFlaw(StrEnum):
    """Why a vote on an ask is refused."""

    ENVELOPE_MALFORMED = "envelope_malformed"
    KEY_UNKNOWN = "key_unknown"
    KEY_OF_ANOTHER = "key_of_another"
    KEY_NOT_CONFIRMED = "key_not_confirmed"
    KEY_NOT_YET = "key_not_yet"
    KEY_REVOKED = "key_revoked"
    VOTER_DISABLED = "voter_disabled"
    SIGNATURE_INVALID = "signature_invalid"
    SIGNED_OTHERWISE = "signed_otherwise"
    SEVERAL_STEPS = "several_steps"
    NOT_AN_APPROVER = "not_an_approver"
    ROLE_MISSING = "role_missing"
    REASON_MISSING = "reason_missing"
    VOTED_ALREADY = "voted_already"


class AskObjection(Value, frozen=True):
    """One thing that stands against a vote."""

    code: AskFlaw
    detail: str


@dataclasses.dataclass(kw_only=True, eq=False)
class AskRefused(Invalid):
    """The vote on the ask does not count."""

    hint = "every reason is listed; all of them must go"
    reasons: list[AskObjection]


class AskVoteCast(Value, frozen=True):
    """Event: somebody signed a vote on calls that wait. `envelope` is base64."""

    vote_id: UUID
    workspace_id: WorkspaceId
    session_id: StreamId
    calls: list[UUID]
    voter_id: ActorId
    key_id: HexDigest
    decision: AskDecision
    reason: AskReason | None
    envelope: bytes
