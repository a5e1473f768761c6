"""A session, its lease, its state, what is said of it, and why it may refuse."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.events.model import StreamId
from placet.evidence.fields import Fence
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Action, Conflict, Gone, Invalid, Unavailable
from placet.kernel.value import Input, Value
from placet.policy.needs import Need

SUPPLIED: Final[frozenset[Need]] = frozenset(
    {
        Need.SLOTS,
        Need.AGGREGATES,
        Need.ENVELOPES,
        Need.STEPS,
        Need.COST,
        Need.TIME,
        Need.REPEATS,
        Need.OUTCOMES,
        Need.LABELS,
    }
)
"""The facts, beside phase, counts and committed calls, that a session's state keeps."""


class SessionStatus(StrEnum):
    """Whether a session takes calls."""

    ACTIVE = "active"
    CLOSING = "closing"
    COMPLETED = "completed"
    KILLED = "killed"
    COMPROMISED = "compromised"
    EXPIRED = "expired"


class SessionMode(StrEnum):
    """Whether decisions bind (`enforce`) or are only recorded (`shadow`)."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


class SessionTier(StrEnum):
    """The strength of the weakest write tool: cooperative, proxied, verified."""

    MONITOR = "monitor"
    PROTECT = "protect"
    GOVERN = "govern"


class ReplaySession(Value, frozen=True):
    """A governed session: one agent, one artifact, one writer at a time.

    `authority_until` is when the approval that it runs under expires, null for never. One that was
    opened while something that stands by was activated names that activation and ends with it; its
    `authority_until` is brought forward when the activation is ended before its time.
    `state` is the canonical form of `SessionState`. It waits for people since `waiting_since`, and
    waited for `waited_us` before. `labels` and `filtered` are what controls put on it;
    `stopped_by_call` is the call at which a limit stopped it. `next_seq`, `head` and
    `last_event_at` belong to its stream of events, whose id is the session's. Fence and epoch live
    as long as the session.
    """

    tenant_id: TenantId
    session_id: StreamId
    plan_id: UUID
    agent: str
    environment: Environment
    mode: SessionMode
    tier: SessionTier
    status: SessionStatus
    artifact_id: UUID
    compiled_session_hash: str
    contract_hash: str
    state_version: int
    control_revision: int
    current_phase: str | None
    total_tool_calls: int
    total_step_count: int
    state: bytes
    holder: str | None
    epoch: int
    fence: int
    lease_request_id: UUID | None
    lease_expires_at: datetime
    next_request_seq: int
    next_seq: int
    head: bytes
    last_event_at: datetime
    next_due_at: datetime
    opened_by: ActorId
    created_at: datetime
    ended_at: datetime | None
    ended_why: str | None
    authority_until: datetime | None
    activation_id: UUID | None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    filtered: list[str] = msgspec.field(default_factory=list)
    waiting_since: datetime | None = None
    waited_us: int = 0
    compromised_at: datetime | None = None
    stopped_by_call: UUID | None = None


class SessionEnding(Value, frozen=True):
    """What a session becomes when it ended by itself: its status if it is one of `was`.

    `barred` is why nothing is granted there, null where its own time ran out by `decided_version`.
    """

    session_id: StreamId
    barred: str | None
    was: tuple[SessionStatus, ...]
    status: SessionStatus
    why: str
    decided_version: int | None = None


class OpenSession(Input, frozen=True):
    """Open a session for the agent and environment of the key. A stricter mode may be asked for."""

    mode: SessionMode | None = None


class SessionView(Value, frozen=True):
    """A session as clients see it."""

    session_id: UUID
    agent: str
    environment: Environment
    mode: SessionMode
    tier: SessionTier
    status: SessionStatus
    artifact_id: UUID
    compiled_session_hash: str
    contract_hash: str
    state_version: int
    control_revision: int
    current_phase: str | None
    total_tool_calls: int
    total_step_count: int
    fence: Fence
    holder: str | None
    lease_expires_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    ended_why: str | None


class LeaseAction(StrEnum):
    """The four things that can be done with a lease."""

    GRANT = "grant"
    RENEW = "renew"
    RELEASE = "release"
    STEAL = "steal"


class ChangeLease(Input, frozen=True):
    """Ask for a lease, keep it, give it back, or (an operator, with a reason) take it away.

    `holder` is a random name of the process. `request_id` makes a repeated request the same one.
    """

    action: LeaseAction
    holder: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    request_id: UUID
    ttl_seconds: Annotated[int, msgspec.Meta(ge=1, le=60)] = 15
    reason: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class LeaseAnswer(Value, frozen=True):
    """The lease as it now stands. `binding` goes back in the header `Placet-Binding`."""

    outcome: str
    holder: str
    fence: Fence
    lease_expires_at: datetime
    ttl_seconds: int
    binding: str
    state_version: int
    control_revision: int
    replayed: bool = False


class KillSession(Input, frozen=True):
    """Stop a session for ever."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class KillAnswer(Value, frozen=True):
    """The kill is in force. `unconfirmed` lists the grants that were already out."""

    session_id: UUID
    status: SessionStatus
    control_revision: int
    unconfirmed: list[UUID]
    replayed: bool = False


class SessionOpened(Value, frozen=True):
    """Event: a session was opened on an artifact, in its first phase."""

    session_id: UUID
    plan_id: UUID
    agent: str
    environment: Environment
    mode: SessionMode
    tier: SessionTier
    artifact_id: UUID
    compiled_session_hash: str
    contract_hash: str
    phase: str | None


class LeaseGranted(Value, frozen=True):
    """Event: a holder became the writer; the header carries the fence it got."""

    holder: str
    request_id: UUID
    ttl_seconds: int


class LeaseStolen(Value, frozen=True):
    """Event: an operator took the lease for another holder."""

    holder: str
    request_id: UUID
    ttl_seconds: int
    reason: str


class LeaseReleased(Value, frozen=True):
    """Event: the holder gave the lease back."""

    holder: str


class SessionStopped(Value, frozen=True):
    """Event: the session was stopped for ever; whatever waited for approval is cancelled.

    `limit` names the contract's limit that did it, and `call_id` the call that reached it.
    """

    reason: str
    limit: str | None = None
    call_id: UUID | None = None


class SessionFinished(Value, frozen=True):
    """Event: a closing session had nothing left open."""

    outcome: str


class SessionKilled(Gone):
    """The session was killed."""

    hint = "stop the agent; a killed session stays dead, open a new one if you may"


class SessionClosing(Gone):
    """The session is closing and takes no new calls."""

    hint = "report what is still out, then open a new session"


class SessionCompleted(Gone):
    """The session is completed."""


class SessionExpired(Gone):
    """The session has outlived its contract's time."""


class SessionCompromised(Gone):
    """The session was reported as bypassed."""


@dataclasses.dataclass(kw_only=True, eq=False)
class LeaseHeld(Conflict):
    """Another holder has the lease."""

    action = Action.WAIT
    hint = "wait until it expires, or have an operator steal it"
    holder: str
    lease_expires_at: datetime


class LeaseLost(Conflict):
    """The lease is no longer yours."""

    action = Action.STOP
    hint = "stop working on this session; ask for a new lease before anything else"


class AsksFull(Conflict):
    """A session has at most 256 calls that wait for people."""

    action = Action.WAIT
    hint = "wait until people have answered, then propose again; the prepared request stands"


class StaleState(Conflict):
    """The session's facts moved on while this was decided."""

    action = Action.RETRY_SAME


class StaleControl(Conflict):
    """A control was set since the preflight."""

    action = Action.NEW_PREFLIGHT


class StaleTime(Conflict):
    """The decision's time window closed before it could be written."""

    action = Action.RETRY_SAME


class NoAuthority(Conflict):
    """Nothing is approved for this agent in this environment."""

    action = Action.STOP
    hint = "have a contract approved in the workspace of this agent and environment"


class PreparedRequestConsumed(Conflict):
    """The prepared request was consumed already."""

    action = Action.NEW_PREFLIGHT


class PreparedRequestExpired(Conflict):
    """The prepared request has expired."""

    action = Action.NEW_PREFLIGHT


class RequestHashMismatch(Conflict):
    """The prepared request was made for another model request."""

    action = Action.NEW_PREFLIGHT


class EvidenceTooWeak(Conflict):
    """The cited receipt is not evidence enough for this outcome."""

    action = Action.STOP
    hint = "bring a receipt of a higher evidence level, or have an operator settle the call"


class OutcomeNotFinal(Invalid):
    """A settlement says what became of the call, for good."""


class TransitionNotAllowed(Conflict):
    """The call is not in a state for this."""

    hint = "read the session's pending calls and see where this one stands"


class ReasonMissing(Invalid):
    """This needs a reason."""

    hint = "say why in `reason`; it is kept in the evidence"


class ArtifactRevoked(Gone):
    """The approval that this session runs under was revoked."""

    hint = "report what is still out; the agent works again once something else is approved for it"


class AuthorityExpired(Gone):
    """The approval that this session runs under expired, or its break-glass is over."""

    hint = (
        "report what is still out, then open a new session; where an approval expired, have the"
        " contract approved again first"
    )


class ArtifactDoubtful(Unavailable):
    """The artifact that this session stands on does not verify."""

    action = Action.STOP
    hint = "tell an operator: the stored artifact is not what was signed"
