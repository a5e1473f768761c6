"""Denials that cannot be judged: what they rest on might have been otherwise.

A recording tells what happened under another contract, or under none. Here an earlier call may
have been refused, or may have no result, and a later one is denied for want of it. So each denial
that a commit could lift is judged once more for each earlier call that is not committed and is not
known to have failed, as though that one had been. The denial stands all the same.

What no commit can lift is not tried: a call that forbids the tool, an effect key that is taken, a
label, an envelope (its first value stays the first), a bound that more calls only pass further.

Of calls whose commits are alike to the denied one, the newest is tried for all. What one line may
take is bounded; where that is used up, the denial cannot be judged, and says so.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import structs

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.value import Value
from placet.policy import layers, requirements
from placet.policy.decision import Code, Decision, Deny
from placet.policy.evaluate import evaluate_response
from placet.policy.facts import Call, Facts
from placet.policy.judged import Held, Judged
from placet.policy.ledger import Ledger
from placet.policy.limits import limits, too_many
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.response import ResponseDecision
from placet.policy.simulation.candidates import Candidate, Candidates
from placet.policy.simulation.contribution import Sight, is_same_principal
from placet.policy.simulation.imagined import holding_of, imagined
from placet.policy.simulation.shortfall import Shortfall, lower_bounds
from placet.policy.window import Window

_PRINCIPALS: Final = 2
_ARGUMENTS: Final = 6
_AMOUNTS: Final = 9
_LIFTABLE: Final = frozenset({4, 5, 7, 8, 9})
_KEYS: Final = frozenset({Code.EFFECT_KEY_MISSING, Code.EFFECT_KEY_TAKEN})
_EFFORT_MAX: Final = 1_024
"""Looks at an earlier call, and calls judged again, for all denials of one line."""

_ENTRIES_OF_ONE: Final = 64
"""Entries of a series that are copied in the time of one look."""

_CUT: Final = "it may rest on an earlier call: there are more than were tried"


class Gaps(Value, frozen=True):
    """What a recording does not hold, in words: arguments of calls, and who the agent acts for.

    With gaps, a call whose arguments are an empty text has arguments that nobody knows.
    """

    arguments: str
    principal: str


@dataclasses.dataclass(frozen=True, slots=True)
class _Case:
    """A denied call, the response that it is in, and what both were judged by."""

    ledger: Ledger
    facts: Facts
    calls: Sequence[Call]
    index: int
    denial: Deny
    tool: LoadedTool
    given: dict[str, Json] | None
    sight: Sight


class Unjudged:
    """Looks at denials, and for the earlier calls that they may rest on."""

    def __init__(self, policy: Policy, candidates: Candidates, gaps: Gaps | None) -> None:
        """Look for them among `candidates`."""
        self._policy = policy
        self._candidates = candidates
        self._gaps = gaps
        self._left = 0

    def reasons(
        self, ledger: Ledger, facts: Facts, calls: Sequence[Call], response: ResponseDecision
    ) -> dict[int, str]:
        """Return why denials of a response cannot be judged, by the calls' places in it.

        `facts` are those that the response was judged by, fresh from `ledger`.
        """
        found = {}
        self._left = _EFFORT_MAX
        for index, verdict in enumerate(response.calls):
            denial = verdict.decision
            if not isinstance(denial, Deny):
                continue
            call = calls[index]
            tool = self._policy.tools.get(call.tool)
            text = self._gap(call, denial)
            if text is None and tool is not None:
                is_alone = self._policy.limits.calls is None
                seen = calls[: index + 1] if is_alone else calls
                sight = Sight(self._policy, seen)
                given = _given(call)
                text = self._lifted(_Case(ledger, facts, calls, index, denial, tool, given, sight))
            if text is not None:
                found[index] = text
        return found

    def _gap(self, call: Call, denial: Deny) -> str | None:
        if self._gaps is None:
            return None
        if denial.layer == _PRINCIPALS:
            return self._gaps.principal
        return self._gaps.arguments if denial.layer == _ARGUMENTS and not call.arguments else None

    def _lifted(self, case: _Case) -> str | None:
        if case.denial.layer in _LIFTABLE and self._is_denied_anyway(case):
            return None
        tried: set[tuple[object, ...]] = set()
        shortfall = Shortfall(case.tool)
        for candidate in self._worth_trying(case):
            which = f"call `{candidate.call_id}` of `{candidate.call.tool}` (step {candidate.step})"
            if candidate.is_unknown:
                return f"it may rest on {which}, whose arguments are not known"
            if case.denial.layer == _AMOUNTS and shortfall.is_hopeless(
                holding_of(self._policy, case.ledger, candidate)
            ):
                continue
            tool = self._policy.tools[candidate.call.tool]
            mark = case.sight.mark(tool, case.ledger, case.facts, candidate)
            if mark in tried:
                continue
            if self._left <= 0:
                return _CUT
            tried.add(mark)
            if self._would_lift(case, candidate, shortfall):
                return f"it would not be denied if {which} had been committed"
        return None

    def _would_lift(self, case: _Case, candidate: Candidate, shortfall: Shortfall) -> bool:
        """Say whether a call is not denied once another one is committed."""
        policy, ledger = self._policy, case.ledger
        self._left -= 1
        tool = policy.tools[candidate.call.tool]
        facts = imagined(policy, ledger, case.facts, candidate, is_whole=False)
        if not self._passes(case, facts):
            return False
        if case.sight.is_own(tool.name):
            facts = imagined(policy, ledger, case.facts, candidate)
            sizes = (len(facts.aggregates[one.name].series.lasts) for one in tool.aggregates)
            self._left -= sum(sizes) // _ENTRIES_OF_ONE
        decision = self._decision(facts, case.calls[: case.index + 1], case.index)
        if isinstance(decision, Deny):
            if case.denial.layer == _AMOUNTS and is_same_principal(tool, facts, candidate):
                shortfall.note(decision, holding_of(policy, ledger, candidate))
            return False
        # Calls that come later matter only to a limit on all of them together.
        return policy.limits.calls is None or not isinstance(
            self._decision(facts, case.calls, case.index), Deny
        )

    def _decision(self, facts: Facts, calls: Sequence[Call], index: int) -> Decision:
        self._left -= len(calls)
        return evaluate_response(self._policy, facts, calls).calls[index].decision

    def _is_denied_anyway(self, case: _Case) -> bool:
        """Say whether arguments or limits would deny the call, whatever else is committed."""
        call, facts = case.calls[case.index], case.facts
        if self._gaps is not None and not call.arguments:
            return False
        judged = Judged(call=call, tool=case.tool, decision=case.denial)
        return bool(
            case.given is None
            or limits(self._policy, facts, Held(), judged)
            or too_many(self._policy, facts, 1)
            or layers.arguments(case.tool, case.given, call.arguments)
        )

    def _worth_trying(self, case: _Case) -> Iterator[Candidate]:
        codes = {reason.code for reason in case.denial.reasons}
        match case.denial.layer:
            case 4 if codes == {Code.WRONG_PHASE}:
                yield from self._that_advance(case)
            case 5:
                yield from self._that_are_required(case)
            case 7:
                yield from self._that_show(case)
            case 8 if not codes & _KEYS:
                yield from self._that_bind(case)
            case 9 if all(one.rule in lower_bounds(case.tool) for one in case.denial.reasons):
                yield from self._candidates.of(case.tool.name)

    def _passes(self, case: _Case, facts: Facts) -> bool:
        """Say whether the layer that denied would pass, before everything is judged again."""
        given = case.given or {}
        match case.denial.layer:
            case 4:
                return not layers.phase(self._policy, case.tool, facts, {})
            case 5:
                return not requirements.requires(case.tool, facts, given, Window())
            case 7:
                return not layers.condition(case.tool, facts, given)
            case 8:
                return not layers.references(case.tool, facts, given)
        return True

    def _that_advance(self, case: _Case) -> Iterator[Candidate]:
        """Yield calls that lead to a phase in which the denied one is legal."""
        for name in self._candidates.tools:
            tool = self._policy.tools.get(name)
            if tool is None or tool.advances_to in {None, case.facts.phase}:
                continue
            there = structs.replace(case.facts, phase=tool.advances_to)
            if layers.phase(self._policy, case.tool, there, {}):
                continue
            yield from self._that_move(case, tool)

    def _that_move(self, case: _Case, tool: LoadedTool) -> Iterator[Candidate]:
        """Yield calls of a tool that would move the phase."""
        for candidate in self._candidates.of(tool.name):
            granted = case.ledger.calls.get(candidate.call_id)
            if granted is None or granted.holding.phase == case.facts.phase:
                yield candidate

    def _that_are_required(self, case: _Case) -> Iterator[Candidate]:
        """Yield calls that the failing requirements may be about; one call can be of one tool."""
        failing = [
            one
            for one in case.tool.requires
            if any(reason.rule.startswith(one.rule) for reason in case.denial.reasons)
        ]
        if not failing or len({one.tool for one in failing}) > 1:
            return
        if self._gaps is not None:
            yield from (one for one in self._candidates.of(failing[0].tool) if one.is_unknown)
        is_shown = any(one.output for one in failing)
        for candidate in self._candidates.matching(failing[0], case.given):
            if not is_shown or candidate.output is not None:
                yield candidate

    def _that_show(self, case: _Case) -> Iterator[Candidate]:
        """Yield calls after which a condition may find another phase, or other slots."""
        condition = "" if case.tool.condition is None else case.tool.condition.text
        for name in self._candidates.tools:
            tool = self._policy.tools.get(name)
            if tool is None:
                continue
            if "slots" in condition and tool.binds:
                yield from self._candidates.of(name)
            elif "phase" in condition and tool.advances_to not in {None, case.facts.phase}:
                yield from self._that_move(case, tool)

    def _that_bind(self, case: _Case) -> Iterator[Candidate]:
        slots = {one.slot for one in case.tool.references}
        for name in self._candidates.tools:
            tool = self._policy.tools.get(name)
            if tool is not None and any(bind.slot in slots for bind in tool.binds):
                yield from self._candidates.of(name)


def _given(call: Call) -> dict[str, Json] | None:
    try:
        given = foreign.parse(call.arguments)
    except ForeignJsonError:
        return None
    return given if isinstance(given, dict) else None
