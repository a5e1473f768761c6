"""What this process remembers of sessions: a guess that the database function checks.

Kept per tenant, so that what is learned for one never answers another. Losing it costs one more
round trip and nothing else.
"""

import dataclasses
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec import field

from placet.kernel.principal import Attributes, Environment
from placet.kernel.value import Value
from placet.policy.facts import Facts, Status
from placet.policy.loaded import Policy
from placet.policy.numbers import number_of
from placet.replay.calls.left_behind import LeftBehind
from placet.replay.calls.model import ExecutionState, KeptKind
from placet.replay.calls.next_call import CountedCall, Left, NextCall
from placet.replay.sessions.model import SessionMode, SessionStatus
from placet.replay.sessions.rules import decode_state
from placet.replay.sessions.state import SessionState
from placet.replay.slices.model import Others
from placet.replay.standing.model import StandingFact
from placet.replay.tallies.model import ToldTally

SESSIONS_MAX: Final = 4_000
KEYS_MAX: Final = 10_000
OPEN_CALLS_MAX: Final = 256


class _Kept(Value, frozen=True):
    kind: KeptKind
    name: str
    call_id: UUID
    at: datetime
    value: str


class _Amount(Value, frozen=True):
    name: str
    value: str
    at: datetime | None


class _FactsRow(Value, frozen=True):
    """What `session_facts_v1` answers."""

    state: str
    state_version: int
    control_revision: int
    status: SessionStatus
    mode: SessionMode
    agent: str
    environment: Environment
    artifact_id: UUID
    tenant_id: UUID
    at: datetime
    created_at: datetime
    waiting_since: datetime | None
    waiting_until: datetime | None
    waited_us: int
    labels: dict[str, str]
    filtered: list[str]
    principal: Attributes
    killed_tools: list[str]
    control_epoch: int
    recovering: bool
    standing: list[StandingFact]
    kept: list[_Kept]
    amounts: list[_Amount]
    others: list[Others] = field(default_factory=list)
    tallies: list[ToldTally] = field(default_factory=list)


_FACTS: Final = msgspec.json.Decoder(_FactsRow)


@dataclasses.dataclass(slots=True)
class Known:
    """One session as this process last saw it.

    `left` is what rows hold beside the state. `open_calls` are calls that count and whose word has
    not come, `alive` how many calls of a step count; both may have forgotten some.
    """

    state: SessionState
    state_version: int
    mode: SessionMode
    agent: str
    environment: Environment
    artifact_id: UUID
    tenant_id: UUID
    at: datetime
    started_at: datetime
    waiting_since: datetime | None
    waiting_until: datetime | None
    waited: timedelta
    labels: dict[str, str]
    filtered: frozenset[str]
    principal: Attributes
    killed_tools: frozenset[str]
    is_recovering: bool
    tools_told: int | None
    standing: list[StandingFact]
    left: LeftBehind
    open_calls: "OrderedDict[UUID, CountedCall]"
    alive: "OrderedDict[int, int]"

    def facts(self, policy: Policy, now: datetime, taken: frozenset[bytes] = frozenset()) -> Facts:
        """Return the facts that the policy reads, at a guess of the database's time."""
        state = self.state
        since, until, waited = self.waiting_since, self.waiting_until, self.waited
        if since is not None and until is not None and until <= now:
            # The last ask ran out, and the sweeper has not come by yet.
            waited += until - since
            since = None
        return Facts(
            now=now,
            status=Status.ACTIVE if state.stopped is None else Status.KILLED,
            phase=state.phase,
            committed=self.left.committed,
            counted=state.counted,
            effect_keys_taken=taken,
            started_at=self.started_at,
            waited=waited,
            waiting_since=since,
            steps=state.steps,
            repeats=[bytes.fromhex(one) for one in state.repeats],
            slots=self.left.slots,
            aggregates=self.left.series(policy),
            envelopes=self.left.firsts,
            cost_micros=state.cost_micros,
            principal=self.principal,
            labels=self.labels,
            filtered=self.filtered | self.killed_tools,
            is_recovering=self.is_recovering,
        )

    def granted(self, policy: Policy, call: CountedCall, left: Left) -> None:
        """Note a call that counts from now on; the oldest is forgotten beyond a bound."""
        self.open_calls[call.call_id] = call
        if len(self.open_calls) > OPEN_CALLS_MAX:
            self.open_calls.popitem(last=False)
        self.alive[call.step] = self.alive.get(call.step, 0) + 1
        if len(self.alive) > OPEN_CALLS_MAX:
            self.alive.popitem(last=False)
        self.left.granted(policy, call, left)

    def told(self, call: CountedCall, *, counts: bool) -> None:
        """Note a call that a function told of, with how many count beside it."""
        self.alive[call.step] = call.others + int(counts)

    def find_open(self, call_id: UUID) -> CountedCall | None:
        """Return an open call with how many count beside it, or None where that was forgotten."""
        call = self.open_calls.get(call_id)
        alive = None if call is None else self.alive.get(call.step)
        if call is None or alive is None:
            return None
        return msgspec.structs.replace(call, others=alive - 1)

    def settled(self, policy: Policy, call: CountedCall, following: NextCall, at: datetime) -> None:
        """Note what became of a call, and what it cost."""
        now = call
        for cost in following.left.costs:
            now = msgspec.structs.replace(now, cost_micros=cost.micros)
        told = following.status is not None
        is_unknown = told and following.execution_state is ExecutionState.UNKNOWN
        if is_unknown:
            status = following.status or now.status
            now = msgspec.structs.replace(now, status=status, is_unknown=True)
        if following.settles:
            self.open_calls.pop(call.call_id, None)
        elif call.call_id in self.open_calls:
            self.open_calls[call.call_id] = now
        if not following.settles and not is_unknown:
            return
        if following.frees_effect_key and call.step in self.alive:
            self.alive[call.step] -= 1
        self.left.settled(policy, call, following, at)

    def ahead(self, following: NextCall, at: datetime) -> "Known":
        """Return the session as it will be once a settlement is written, for narrowing only."""
        left = self.left.copied()
        for one in following.left.kept:
            left.keep(one.kind, one.name, one.value, at)
        return dataclasses.replace(self, state=following.after, left=left)

    def moved(self, state: SessionState, version: int, at: datetime) -> None:
        """Note the state that a write of ours led to."""
        self.state, self.state_version = state, version
        self.at = max(self.at, at)


def known_from(facts: str, before: Known | None) -> Known:
    """Return the session as a database function has just told it (`session_facts_v1`)."""
    row = _FACTS.decode(facts)
    # Whatever makes a call count no more, or anew, changes the state.
    is_same = before is not None and before.state_version == row.state_version
    # What was told before of other sessions is a guess like all the rest, and checked as that is.
    others = {} if before is None else {**before.left.others}
    others.update((one.name, number_of(one.value)) for one in row.others)
    tallies = {} if before is None else {**before.left.tallies}
    tallies.update((one.name, one) for one in row.tallies)
    left = LeftBehind([(one.name, one.value, one.at) for one in row.amounts], others, tallies)
    for kept in row.kept:
        left.keep(kept.kind, kept.name, kept.value, kept.at)
    return Known(
        state=decode_state(row.state),
        state_version=row.state_version,
        mode=row.mode,
        agent=row.agent,
        environment=row.environment,
        artifact_id=row.artifact_id,
        tenant_id=row.tenant_id,
        at=row.at,
        started_at=row.created_at,
        waiting_since=row.waiting_since,
        waiting_until=row.waiting_until,
        waited=timedelta(microseconds=row.waited_us),
        labels=row.labels,
        filtered=frozenset(row.filtered),
        principal=row.principal,
        killed_tools=frozenset(row.killed_tools),
        is_recovering=row.recovering,
        tools_told=row.control_epoch if row.killed_tools or row.recovering else None,
        standing=row.standing,
        left=left,
        open_calls=OrderedDict() if before is None else before.open_calls,
        alive=before.alive if before is not None and is_same else OrderedDict(),
    )


class Memory:
    """The sessions that this process remembers, the longest unused forgotten first.

    What one key learned, other keys of its tenant decide on too; whose a key is was learned from an
    answer to it.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._tenants: OrderedDict[tuple[str, bytes], UUID] = OrderedDict()
        self._operators: dict[tuple[str, bytes], bool] = {}
        self._known: OrderedDict[tuple[UUID, UUID], Known] = OrderedDict()

    def find(self, key_id: str, secret_hash: bytes, session_id: UUID) -> Known | None:
        """Return what is remembered of a session for this key, if anything."""
        tenant_id = self._tenants.get((key_id, secret_hash))
        known = None if tenant_id is None else self._known.get((tenant_id, session_id))
        if known is not None:
            self._known.move_to_end((known.tenant_id, session_id))
        return known

    def keep(self, key_id: str, secret_hash: bytes, session_id: UUID, known: Known) -> None:
        """Remember a session, and whose this key is."""
        self._tenants[(key_id, secret_hash)] = known.tenant_id
        if len(self._tenants) > KEYS_MAX:
            key, _ = self._tenants.popitem(last=False)
            self._operators.pop(key, None)
        place = (known.tenant_id, session_id)
        self._known[place] = known
        self._known.move_to_end(place)
        if len(self._known) > SESSIONS_MAX:
            self._known.popitem(last=False)

    def is_operator(self, key_id: str, secret_hash: bytes) -> bool:
        """Say whether this key's word was last taken as an operator's."""
        return self._operators.get((key_id, secret_hash), False)

    def took_word(self, key_id: str, secret_hash: bytes, *, is_operator: bool) -> None:
        """Remember as whose word this key's was taken, where the key is remembered."""
        if (key_id, secret_hash) in self._tenants:
            self._operators[(key_id, secret_hash)] = is_operator
