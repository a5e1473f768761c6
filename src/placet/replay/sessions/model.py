"""A session, its lease, its state, what is said of it, and why it may refuse."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.events.model import StreamId
from placet.evidence.fields import Fence
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Attributes, Environment
from placet.kernel.value import Input, Value
from placet.policy.needs import Need

SUPPLIED: Final[frozenset[Need]] = frozenset(
    {
        Need.SLOTS,
        Need.AGGREGATES,
        Need.WIDER,
        Need.ENVELOPES,
        Need.STEPS,
        Need.COST,
        Need.TIME,
        Need.REPEATS,
        Need.OUTCOMES,
        Need.LABELS,
        Need.UNGUARDED,
        Need.PRINCIPAL,
    }
)
"""The facts, beside phase, counts and committed calls, that a session's state keeps."""


ASSERTION_MAX: Final = 8_192
"""Bytes of an issuer's signed word."""


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
    `stopped_by_call` is the call at which a limit stopped it. `principal` is whoever the agent acts
    for, as the key or an issuer said when the session was opened; it never changes. `next_seq`,
    `head` and `last_event_at` belong to its stream of events, whose id is the session's. Fence and
    epoch live as long as the session.
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
    principal: Attributes = msgspec.field(default_factory=dict)


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
    """Open a session for the agent and environment of the key. A stricter mode may be asked for.

    `assertion` is what an issuer signed about whoever the agent acts for: the envelope of a
    `placet.principal.v1` as JSON, in base64.
    """

    mode: SessionMode | None = None
    assertion: Annotated[bytes, msgspec.Meta(min_length=1, max_length=ASSERTION_MAX)] | None = None


class SessionView(Value, frozen=True):
    """A session as clients see it. `filtered_tools` were taken away from it."""

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
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    filtered_tools: list[str] = msgspec.field(default_factory=list)


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
    """Event: a session was opened on an artifact, in its first phase, on behalf of somebody.

    `assertion` is the issuer's signed word on that, as it came, where one did.
    """

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
    principal: Attributes = msgspec.field(default_factory=dict)
    assertion: str | None = None


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
