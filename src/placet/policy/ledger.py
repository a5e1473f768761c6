"""The facts of a session as a fold of what became of its calls.

    decided -> open -> succeeded (committed) | failed (released)

A grant is folded in when it is given, and a settlement when it comes; no call is read again. The
times are those at which the database, or a recording, says that it happened.

- A granted call is open until it is settled. One that times out or whose outcome is unknown stays
  open, and holds what it holds.
- A tool without a commit requirement commits at its grant; a failure told later takes its counts
  back, and leaves the phase and the slots as they are.
- A call is one error at most: at the first word that it failed or timed out.
- The circuit breaker and the limit on unguarded calls kill here; the kill acts from the next
  response on, since that is when the facts are read again.
- `Facts` made by a ledger look into it: they are for the decision at hand, and good until the
  next change.
"""

import copy
from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final

from msgspec import structs

from placet.kernel.foreign import Json
from placet.kernel.value import Mutable
from placet.policy.amounts import Amounts, LoadedAggregate
from placet.policy.decision import Deny
from placet.policy.facts import COMMITTED_MAX, COST_MICROS_MAX, CallId, CommittedCall, Facts, Status
from placet.policy.hashes import principal_digest
from placet.policy.holding import Holding, bound, fill
from placet.policy.loaded import Policy
from placet.policy.model import AggregateScope
from placet.policy.numbers import Number
from placet.policy.paths import MISSING, Selected
from placet.policy.remember import output_kept
from placet.policy.response import CallVerdict, ResponseDecision

CONSECUTIVE_BLOCKS: Final = "consecutive_blocks"
CONSECUTIVE_ERRORS: Final = "consecutive_errors"
UNGUARDED: Final = "max_unguarded_calls"


class Granted(Mutable):
    """A call that was granted. `step` is the response that it belongs to."""

    holding: Holding
    step: int
    granted_at: datetime
    principal: bytes
    is_settled: bool = False
    is_failed: bool = False
    is_error: bool = False
    cost_micros: int = 0


class Ledger:
    """One session's facts, kept up to date call by call."""

    def __init__(self, policy: Policy, started_at: datetime) -> None:
        """Begin a session in the contract's initial phase."""
        self.policy = policy
        self.started_at = started_at
        self.status = Status.ACTIVE
        self.killed_by: str | None = None
        self.phase = policy.initial_phase
        self.phase_conflicts = 0
        self.calls: dict[CallId, Granted] = {}
        self.counted: dict[str, int] = {}
        self.effect_keys: set[bytes] = set()
        self.committed: dict[str, deque[CommittedCall]] = {}
        self.slots: dict[str, Json] = {}
        self.firsts: dict[str, Number] = {}
        self.repeats: list[bytes] = []
        self.steps: dict[int, int] = {}
        self.cost_micros = 0
        self.waited = timedelta(0)
        self.waiting_since: datetime | None = None
        self.asks: dict[CallId, datetime] = {}
        self._blocks = 0
        self._errors = 0
        self._unguarded = 0
        self._personal = [one for one in policy.aggregates if _is_personal(one)]
        self._common = {
            one.name: Amounts(one.op, one.window)
            for one in policy.aggregates
            if not _is_personal(one)
        }
        self._amounts: dict[bytes, dict[str, Amounts]] = {}
        self._last: tuple[Json, bytes] = (None, b"")

    def facts(
        self,
        now: datetime,
        *,
        principal: Mapping[str, Json],
        labels: Mapping[str, str],
        approved: AbstractSet[CallId] = frozenset(),
        step: int | None = None,
    ) -> Facts:
        """Return the facts for a decision. `step` is the response that is decided further."""
        return Facts(
            now=now,
            status=self.status,
            phase=self.phase,
            committed=self.committed,
            counted=self.counted,
            effect_keys_taken=self.effect_keys,
            approved=approved,
            started_at=self.started_at,
            waited=self.waited,
            waiting_since=self.waiting_since,
            steps=len(self.steps),
            is_step_counted=step in self.steps,
            repeats=self.repeats,
            slots=self.slots,
            aggregates=self._amounts_of(self._whose(principal)),
            envelopes=self.firsts,
            cost_micros=self.cost_micros,
            principal=principal,
            labels=labels,
        )

    def decided(  # noqa: PLR0913 -- a response, when it was decided, and for whom
        self,
        step: int,
        call_ids: Sequence[CallId],
        decision: ResponseDecision,
        now: datetime,
        *,
        principal: Mapping[str, Json],
        is_claim: bool = False,
    ) -> None:
        """Fold in what was decided of a response, or of a part of it that was claimed later."""
        whose = self._whose(principal)
        is_granted = False
        for call_id, verdict in zip(call_ids, decision.calls, strict=True):
            if verdict.granted and verdict.holding is not None:
                is_granted = True
                self._grant(call_id, Granted(verdict.holding, step, now, whose))
        if is_granted:
            self._blocks = 0
        elif not is_claim and _is_denied(decision.calls):
            self._blocks += 1
            self._break(CONSECUTIVE_BLOCKS, self._blocks, self.policy.limits.blocks)

    def granted(
        self,
        step: int,
        call_id: CallId,
        verdict: CallVerdict,
        now: datetime,
        *,
        principal: Mapping[str, Json],
    ) -> None:
        """Fold in what `decided` does where a response has one call, and it was granted."""
        if verdict.holding is not None:
            self._blocks = 0
            self._grant(call_id, Granted(verdict.holding, step, now, self._whose(principal)))

    def is_granted(self, call_id: CallId) -> bool:
        """Say whether a call was ever granted."""
        return call_id in self.calls

    def is_settled(self, call_id: CallId) -> bool:
        """Say whether it is known what became of a granted call."""
        return call_id in self.calls and self.calls[call_id].is_settled

    def is_committed(self, call_id: CallId) -> bool:
        """Say whether a call took effect."""
        call = self.calls.get(call_id)
        return (
            call is not None
            and not call.is_failed
            and (call.is_settled or call.holding.is_committed)
        )

    def succeeded(self, call_id: CallId, output: Selected, at: datetime) -> None:
        """Settle an open call that took effect. `output` may be `MISSING`."""
        call = self.calls[call_id]
        if call.is_settled:
            return
        call.is_settled = True
        self._errors = 0
        if not call.holding.is_committed:
            self._commit(call_id, call, output, at)

    def failed(self, call_id: CallId) -> None:
        """Settle an open call that had no effect: it gives back what it held."""
        call = self.calls[call_id]
        if call.is_settled:
            return
        call.is_settled = call.is_failed = True
        self._release(call)
        self._count_error(call)

    def timed_out(self, call_id: CallId) -> None:
        """Note that nobody can say what became of an open call; it goes on holding all."""
        call = self.calls[call_id]
        if not call.is_settled:
            self._count_error(call)

    def unguarded(self) -> None:
        """Note a call that was run without a grant."""
        self._unguarded += 1
        self._break(UNGUARDED, self._unguarded, self.policy.limits.unguarded)

    def spent(self, call_id: CallId, micros: int) -> None:
        """Note what a call cost; a later word replaces an earlier one."""
        call = self.calls[call_id]
        # What has reached the most is no sum any more, so that no correction can be taken from it.
        if self.cost_micros != COST_MICROS_MAX:
            cost = self.cost_micros + micros - call.cost_micros
            self.cost_micros = min(cost, COST_MICROS_MAX)
        call.cost_micros = micros

    def asked(self, call_id: CallId, at: datetime, deadline: datetime) -> None:
        """Note that a call waits for people; while any does, the session's time stands still."""
        if not self.asks:
            self.waiting_since = at
        self.asks[call_id] = deadline

    def answered(self, call_id: CallId, at: datetime) -> None:
        """Note that a call waits no longer."""
        if self.asks.pop(call_id, None) is not None and not self.asks:
            self._wait_ends(at)

    def expire(self, now: datetime) -> list[CallId]:
        """Return the asks whose deadline is over, and wait for them no longer."""
        over = [call_id for call_id, deadline in self.asks.items() if deadline < now]
        over.sort(key=self.asks.__getitem__)
        for call_id in over:
            self.answered(call_id, self.asks[call_id])
        return over

    def copy(self) -> "Ledger":
        """Return a ledger that can be led elsewhere."""
        other = copy.copy(self)
        other.calls = {call_id: structs.replace(one) for call_id, one in self.calls.items()}
        other.counted = dict(self.counted)
        other.effect_keys = set(self.effect_keys)
        other.committed = {
            tool: deque(kept, COMMITTED_MAX) for tool, kept in self.committed.items()
        }
        other.slots = dict(self.slots)
        other._common = {name: one.copy() for name, one in self._common.items()}  # noqa: SLF001 -- of its own kind
        other._amounts = {  # noqa: SLF001 -- the same
            whose: {
                name: other._common.get(name) or one.copy()  # noqa: SLF001 -- the same
                for name, one in amounts.items()
            }
            for whose, amounts in self._amounts.items()
        }
        other.firsts = dict(self.firsts)
        other.repeats = list(self.repeats)
        other.steps = dict(self.steps)
        other.asks = dict(self.asks)
        return other

    def grant(self, call_id: CallId, holding: Holding, at: datetime, step: int) -> None:
        """Fold in one grant, whoever decided on it."""
        self._grant(call_id, Granted(holding, step, at, b""))

    def _grant(self, call_id: CallId, call: Granted) -> None:
        holding = call.holding
        self.calls[call_id] = call
        self.counted[holding.tool] = self.counted.get(holding.tool, 0) + 1
        self.steps[call.step] = self.steps.get(call.step, 0) + 1
        if holding.effect_key is not None:
            self.effect_keys.add(holding.effect_key)
        if holding.repeat is not None:
            self.repeats.append(holding.repeat)
            del self.repeats[: -self.policy.limits.loop_window]
        for name, amount in holding.amounts.items():
            self._amounts_of(call.principal)[name].open(amount)
        if holding.is_committed:
            self._commit(call_id, call, MISSING, call.granted_at)

    def _commit(self, call_id: CallId, call: Granted, output: Selected, at: datetime) -> None:
        holding = call.holding
        self._advance(holding)
        for name, amount in holding.amounts.items():
            self._amounts_of(call.principal)[name].commit(amount, at)
        for name, first in holding.firsts.items():
            self.firsts.setdefault(name, first)
        tool = self.policy.tools.get(holding.tool)
        if tool is None:
            return
        values = holding.slots
        if output is not MISSING and tool.binds:
            values = {**values, **bound(tool, output, is_output=True)}
        fill(tool, values, self.slots)
        if tool.is_required:
            kept = None if output is MISSING else output_kept(tool, output)
            line = self.committed.setdefault(holding.tool, deque(maxlen=COMMITTED_MAX))
            line.append(
                CommittedCall(
                    call_id=call_id, committed_at=at, arguments=holding.arguments, output=kept
                )
            )

    def _advance(self, holding: Holding) -> None:
        target = holding.advances_to
        if target is None or target == self.phase:
            return
        if self.phase == holding.phase:
            self.phase = target
        else:
            self.phase_conflicts += 1

    def _release(self, call: Granted) -> None:
        holding = call.holding
        self._less(self.counted, holding.tool)
        self._less(self.steps, call.step)
        if holding.effect_key is not None:
            self.effect_keys.discard(holding.effect_key)
        for name, amount in holding.amounts.items():
            amounts = self._amounts_of(call.principal)[name]
            if holding.is_committed:
                amounts.revert(amount, call.granted_at)
            else:
                amounts.release(amount)

    @staticmethod
    def _less(counts: dict[str, int] | dict[int, int], key: str | int) -> None:
        known: dict[str | int, int] = counts  # type: ignore[assignment]  # -- one or the other
        known[key] -= 1
        if not known[key]:
            del known[key]

    def _whose(self, principal: Mapping[str, Json]) -> bytes:
        """Return what tells principals apart, where some aggregate does."""
        if not self._personal:
            return b""
        who = principal.get("id")
        if type(who) is not str:
            return principal_digest(principal)
        if who != self._last[0]:
            self._last = (who, principal_digest(principal))
        return self._last[1]

    def _amounts_of(self, whose: bytes) -> dict[str, Amounts]:
        """Return the series that a principal's calls are judged by, and counted in."""
        if whose not in self._amounts:
            personal = {one.name: Amounts(one.op, one.window) for one in self._personal}
            self._amounts[whose] = {**self._common, **personal}
        return self._amounts[whose]

    def _count_error(self, call: Granted) -> None:
        """Count a call that went wrong, once, however often that is told."""
        if call.is_error:
            return
        call.is_error = True
        self._errors += 1
        self._break(CONSECUTIVE_ERRORS, self._errors, self.policy.limits.errors)

    def _break(self, name: str, reached: int, most: int | None) -> None:
        if most is not None and reached >= most and self.status is Status.ACTIVE:
            self.status = Status.KILLED
            self.killed_by = name

    def _wait_ends(self, at: datetime) -> None:
        if self.waiting_since is not None:
            self.waited += at - self.waiting_since
        self.waiting_since = None


def _is_personal(aggregate: LoadedAggregate) -> bool:
    return aggregate.scope is AggregateScope.PRINCIPAL


def _is_denied(verdicts: Sequence[CallVerdict]) -> bool:
    return any(isinstance(verdict.decision, Deny) for verdict in verdicts)
