"""A call that counts, and what becomes of it and of its session when word of it comes."""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import field

from placet.kernel.value import Value
from placet.policy.evaluate import read_calls
from placet.policy.facts import Call
from placet.policy.holding import Holding
from placet.policy.loaded import Policy
from placet.policy.response import holding_of
from placet.replay.calls.model import CallStatus, CommitState, ExecutionState, KeptKind, Stop
from placet.replay.sessions.model import SessionStatus
from placet.replay.sessions.state import SessionState
from placet.replay.slices.model import Wide
from placet.replay.tallies.model import Tallied


class CountedCall(Value, frozen=True):
    """A call that counts since `since`, or once did: what was proposed, in which phase and step.

    `others` are the calls of its response that count beside it; `is_begun` tells that its grant was
    redeemed or somebody reported on it, `is_unknown` that nobody can say what became of it.
    `holding` is kept where it is known already; it follows from the arguments.
    """

    call_id: UUID
    tool: str
    arguments: bytes
    phase: str | None
    step: int
    since: datetime
    status: CallStatus
    others: int = 0
    cost_micros: int | None = None
    is_settled: bool = False
    is_unknown: bool = False
    is_begun: bool = False
    holding: Holding | None = None

    def held(self, policy: Policy) -> Holding:
        """Return what its grant held."""
        if self.holding is not None:
            return self.holding
        (judged,) = read_calls(policy, (Call(tool=self.tool, arguments=self.arguments),))
        return holding_of(judged, self.phase)


class OpenedAmount(Value, frozen=True):
    """A call gives something to an aggregate from here on."""

    call_id: UUID
    name: str
    value: str
    is_committed: bool = False


class KeptValue(Value, frozen=True):
    """What a commit left, as JSON text."""

    kind: KeptKind
    name: str
    number: int
    call_id: UUID
    value: str


class CostOf(Value, frozen=True):
    """What a call cost, as it is known now."""

    call_id: UUID
    micros: int


class Left(Value, frozen=True, omit_defaults=True):
    """What `session_leave_v1` writes: amounts that open, commit or are released, and the rest.

    `wide` is what is taken from allowances wider than the session, `tallied` what is found and
    marked in tallies. `is_wide` says that what commits or is released counts there too.
    """

    opens: list[OpenedAmount] = field(default_factory=list)
    commits: list[UUID] = field(default_factory=list)
    releases: list[UUID] = field(default_factory=list)
    kept: list[KeptValue] = field(default_factory=list)
    costs: list[CostOf] = field(default_factory=list)
    wide: Wide | None = None
    tallied: Tallied | None = None
    is_wide: bool = False

    def plus(self, other: "Left") -> "Left":
        """Return both together."""
        return Left(
            opens=self.opens + other.opens,
            commits=self.commits + other.commits,
            releases=self.releases + other.releases,
            kept=self.kept + other.kept,
            costs=self.costs + other.costs,
            wide=self.wide or other.wide,
            tallied=self.tallied or other.tallied,
            is_wide=self.is_wide or other.is_wide,
        )


NOTHING_LEFT: Final = Left()


class NextCall(Value, frozen=True):
    """The next state of a call and of its session; `said` are the events that lead there.

    Without a `status` the call stays where it is, and only what it cost is told.
    """

    status: CallStatus | None
    execution_state: ExecutionState
    commit_state: CommitState
    frees_effect_key: bool
    session_status: SessionStatus | None
    after: SessionState
    said: tuple[Value, ...]
    settles: bool = False
    left: Left = NOTHING_LEFT
    stop: Stop | None = None

    @property
    def phase(self) -> str | None:
        """Return the session's phase after it."""
        return self.after.phase
