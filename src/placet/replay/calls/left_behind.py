"""What grants and commits of a session have left, kept up to date beside its state.

The rows `replay_kept` and `replay_amount`, in the form in which rules look at them.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.amounts import Amounts
from placet.policy.facts import COMMITTED_MAX, CommittedCall
from placet.policy.loaded import Policy
from placet.policy.model import AggregateOp
from placet.policy.numbers import Number, number_of
from placet.replay.calls.model import CommitState, KeptKind
from placet.replay.calls.next_call import CountedCall, Left, NextCall
from placet.replay.sessions.state import CommittedMemory
from placet.replay.tallies.model import ToldTally
from placet.replay.tallies.rules import beyond_of

_MEMORY: Final = msgspec.json.Decoder(CommittedMemory)


class LeftBehind:
    """Committed calls that rules require, values of slots, envelopes' firsts, and amounts."""

    def __init__(
        self,
        amounts: Sequence[tuple[str, str, datetime | None]],
        others: Mapping[str, Number] | None = None,
        tallies: Mapping[str, ToldTally] | None = None,
    ) -> None:
        """Begin with amounts as rows have them: aggregate, value, and when it was committed.

        `others` is what calls of other sessions were told to give to aggregates that are wider,
        `tallies` what to those of them that cannot be shared out.
        """
        self.others: Mapping[str, Number] = others or {}
        self.tallies: Mapping[str, ToldTally] = tallies or {}
        self.committed: dict[str, deque[CommittedCall]] = {}
        self.slots: dict[str, Json] = {}
        self.firsts: dict[str, Number] = {}
        self._told = amounts
        self._series: dict[str, Amounts] | None = None

    @property
    def has_others(self) -> bool:
        """Say whether calls of other sessions give to what is looked at here."""
        return bool(self.others or self.tallies)

    def copied(self) -> "LeftBehind":
        """Return a copy that may `keep` more; the amounts are shared."""
        made = LeftBehind(self._told, self.others, self.tallies)
        made.committed = {tool: line.copy() for tool, line in self.committed.items()}
        made.slots, made.firsts = self.slots.copy(), self.firsts.copy()
        made._series = self._series
        return made

    def series(self, policy: Policy) -> dict[str, Amounts]:
        """Return what the calls that count come to, by the aggregate's name."""
        if self._series is None:
            self._series = {one.name: Amounts(one.op, one.window) for one in policy.aggregates}
            for name, text, at in self._told:
                series = self._series[name]
                is_digest = series.op is AggregateOp.DISTINCT
                value = bytes.fromhex(text) if is_digest else number_of(text)
                series.open(value)
                if at is not None:
                    series.commit(value, at)
            for name, number in self.others.items():
                self._series[name].open(number)
            for name, told in self.tallies.items():
                series = self._series[name]
                series.beyond_sure = beyond_of(series.op, told.sure)
                series.beyond_full = beyond_of(series.op, told.full)
            self._told = ()
        return self._series

    def granted(self, policy: Policy, call: CountedCall, left: Left) -> None:
        """Take over what a call holds from its grant on, and what it left if it committed then."""
        holding = call.held(policy)
        for name, value in holding.amounts.items():
            self.series(policy)[name].open(value)
        if holding.is_committed:
            self._commit(policy, call, left, call.since)

    def settled(self, policy: Policy, call: CountedCall, following: NextCall, at: datetime) -> None:
        """Take over what a settlement released or left."""
        if following.frees_effect_key:
            holding = call.held(policy)
            for name, value in holding.amounts.items():
                if holding.is_committed:
                    self.series(policy)[name].revert(value, call.since)
                else:
                    self.series(policy)[name].release(value)
        elif following.commit_state is CommitState.COMMITTED:
            self._commit(policy, call, following.left, at)

    def keep(self, kind: KeptKind, name: str, text: str, at: datetime) -> None:
        """Take over what a commit left, as its row holds it."""
        match kind:
            case KeptKind.MEMORY:
                line = self.committed.setdefault(name, deque(maxlen=COMMITTED_MAX))
                line.append(_committed(_MEMORY.decode(text), at))
            case KeptKind.SLOT:
                self.slots[name] = foreign.parse(text.encode())
            case KeptKind.FIRST:
                self.firsts[name] = number_of(msgspec.json.decode(text))

    def _commit(self, policy: Policy, call: CountedCall, left: Left, at: datetime) -> None:
        for name, value in call.held(policy).amounts.items():
            self.series(policy)[name].commit(value, at)
        for one in left.kept:
            if one.call_id == call.call_id:
                self.keep(one.kind, one.name, one.value, at)


def _committed(memory: CommittedMemory, at: datetime) -> CommittedCall:
    return CommittedCall(
        call_id=memory.call_id,
        committed_at=at,
        arguments=_values(memory.arguments),
        output=None if memory.output is None else _values(memory.output),
    )


def _values(texts: dict[str, str]) -> dict[str, object]:
    return {path: foreign.parse(text.encode()) for path, text in texts.items()}
