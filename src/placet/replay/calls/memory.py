"""What this process remembers of sessions: a guess that the database function checks.

Kept per key and session, so that what one key learned never answers another. Losing it costs one
more round trip and nothing else.
"""

import dataclasses
from collections import OrderedDict
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.policy.facts import CommittedCall, Facts, Status
from placet.replay.sessions.model import CommittedMemory, SessionMode, SessionState, SessionStatus
from placet.replay.sessions.rules import decode_state

SESSIONS_MAX: Final = 10_000
OPEN_CALLS_MAX: Final = 256


class OpenCall(Value, frozen=True):
    """A granted call whose word has not come: what was granted."""

    call_id: UUID
    tool: str
    arguments: bytes


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
    committed_at: dict[UUID, datetime]


_FACTS: Final = msgspec.json.Decoder(_FactsRow)


@dataclasses.dataclass(slots=True)
class Known:
    """One session as this process last saw it."""

    state: SessionState
    state_version: int
    mode: SessionMode
    agent: str
    environment: Environment
    artifact_id: UUID
    tenant_id: UUID
    at: datetime
    committed_at: dict[UUID, datetime]
    committed: dict[str, tuple[CommittedCall, ...]]
    open_calls: "OrderedDict[UUID, OpenCall]"

    def facts(self, now: datetime, taken: frozenset[bytes] = frozenset()) -> Facts:
        """Return the facts that the policy reads, at a guess of the database's time."""
        return Facts(
            now=now,
            status=Status.ACTIVE,
            phase=self.state.phase,
            committed=self.committed,
            counted=self.state.counted,
            effect_keys_taken=taken,
        )

    def opened(self, call: OpenCall) -> None:
        """Note a granted call; the oldest is forgotten beyond a bound."""
        self.open_calls[call.call_id] = call
        if len(self.open_calls) > OPEN_CALLS_MAX:
            self.open_calls.popitem(last=False)

    def moved(
        self, state: SessionState, version: int, committed: dict[UUID, datetime], at: datetime
    ) -> None:
        """Note the state that a write of ours led to."""
        self.committed_at |= committed
        self.state_version = version
        self.at = max(self.at, at)
        if state.committed != self.state.committed:
            self.committed = committed_calls(state, self.committed_at, self.committed)
            kept = {call.call_id for calls in self.committed.values() for call in calls}
            self.committed_at = {i: t for i, t in self.committed_at.items() if i in kept}
        self.state = state


def known_from(facts: str, before: Known | None) -> Known:
    """Return the session as a database function has just told it (`session_facts_v1`)."""
    row = _FACTS.decode(facts)
    state = decode_state(row.state)
    return Known(
        state=state,
        state_version=row.state_version,
        mode=row.mode,
        agent=row.agent,
        environment=row.environment,
        artifact_id=row.artifact_id,
        tenant_id=row.tenant_id,
        at=row.at,
        committed_at=row.committed_at,
        committed=committed_calls(state, row.committed_at, {}),
        open_calls=OrderedDict() if before is None else before.open_calls,
    )


def committed_calls(
    state: SessionState,
    committed_at: dict[UUID, datetime],
    before: dict[str, tuple[CommittedCall, ...]],
) -> dict[str, tuple[CommittedCall, ...]]:
    """Return the committed calls of a state with the times that the calls' rows hold.

    What `before` has already is not read again: a commit adds one call to many.
    """
    had = {call.call_id: call for calls in before.values() for call in calls}
    return {
        tool: tuple(
            had.get(memory.call_id) or _committed(memory, committed_at[memory.call_id])
            for memory in memories
        )
        for tool, memories in state.committed.items()
    }


def _committed(memory: CommittedMemory, at: datetime) -> CommittedCall:
    return CommittedCall(
        call_id=memory.call_id,
        committed_at=at,
        arguments=_values(memory.arguments),
        output=None if memory.output is None else _values(memory.output),
    )


def _values(texts: dict[str, str]) -> dict[str, object]:
    return {path: foreign.parse(text.encode()) for path, text in texts.items()}


class Memory:
    """The sessions that this process remembers, the longest unused forgotten first."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._known: OrderedDict[tuple[str, bytes, UUID], Known] = OrderedDict()

    def find(self, key_id: str, secret_hash: bytes, session_id: UUID) -> Known | None:
        """Return what is remembered of a session by this key, if anything."""
        place = (key_id, secret_hash, session_id)
        known = self._known.get(place)
        if known is not None:
            self._known.move_to_end(place)
        return known

    def keep(self, key_id: str, secret_hash: bytes, session_id: UUID, known: Known) -> None:
        """Remember a session."""
        self._known[(key_id, secret_hash, session_id)] = known
        self._known.move_to_end((key_id, secret_hash, session_id))
        if len(self._known) > SESSIONS_MAX:
            self._known.popitem(last=False)
