"""The layers of a decision, one function each: what fails there, in full."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from placet.kernel.foreign import Json
from placet.policy.hashes import effect_digest
from placet.policy.loaded import LoadedRequirement, LoadedTool, Policy
from placet.policy.model import Code, CommittedCall, Facts, Reason, Status
from placet.policy.numbers import equal, normal
from placet.policy.operators import Fault
from placet.policy.paths import MISSING, Path, Selected, find, select

UNMATCHED_RULE: Final = "session.unmatched_tools"
_TICK: Final = timedelta(microseconds=1)
_STATUS_CODES: Final = {
    Status.KILLED: Code.SESSION_KILLED,
    Status.COMPROMISED: Code.SESSION_COMPROMISED,
    Status.CLOSING: Code.SESSION_CLOSED,
    Status.COMPLETED: Code.SESSION_CLOSED,
    Status.EXPIRED: Code.SESSION_EXPIRED,
}


@dataclasses.dataclass(slots=True)
class Window:
    """The closed interval in which no time rule that was looked at flips."""

    holds_from: datetime | None = None
    holds_until: datetime | None = None

    def starts(self, at: datetime) -> None:
        """Let the interval begin no earlier than `at`."""
        if self.holds_from is None or at > self.holds_from:
            self.holds_from = at

    def ends(self, at: datetime) -> None:
        """Let the interval end no later than `at`."""
        if self.holds_until is None or at < self.holds_until:
            self.holds_until = at


def control(policy: Policy, facts: Facts) -> list[Reason]:
    """Layer 1: the session may still be acted in."""
    if facts.status is not Status.ACTIVE:
        detail = f"the session is `{facts.status}`"
        return [Reason(code=_STATUS_CODES[facts.status], rule="session.status", detail=detail)]
    if facts.phase is not None and facts.phase in policy.terminal_phases:
        detail = f"the session reached its terminal phase `{facts.phase}`"
        return [Reason(code=Code.SESSION_CLOSED, rule="session.phases", detail=detail)]
    return []


def denied(tool: LoadedTool | None) -> Reason:
    """Layer 3: say why a tool, or one without a contract, is denied whatever the arguments."""
    if tool is None:
        detail = "this tool has no contract"
        return Reason(code=Code.NO_CONTRACT, rule=UNMATCHED_RULE, detail=detail)
    return Reason(
        code=Code.DENIED,
        rule=tool.ruling_rule,
        detail=f"`{tool.name}` is denied",
        needs="a contract that rules `allow` or `ask`",
    )


def phase(policy: Policy, tool: LoadedTool, facts: Facts, held: dict[str, int]) -> list[Reason]:
    """Layer 4: the phase fits, and nothing that forbids the tool has counted.

    `held` are counts of this response's earlier calls, beside those of the facts.
    """
    reasons = list(_phase_reasons(policy, tool, facts))
    for index, other in enumerate(tool.forbidden_after):
        if facts.counted.get(other, 0) + held.get(other, 0) > 0:
            reasons.append(
                Reason(
                    code=Code.FORBIDDEN_IN_STATE,
                    rule=f"tools.{tool.name}.forbidden_after[{index}]",
                    detail=f"`{other}` was called in this session",
                    needs=f"no call of `{other}` that is granted, unknown or committed",
                )
            )
    return reasons


def _phase_reasons(policy: Policy, tool: LoadedTool, facts: Facts) -> Iterator[Reason]:
    if tool.valid_in is None:
        return
    now = facts.phase
    if now is None or now not in tool.valid_in:
        wanted = " or ".join(f"`{name}`" for name in tool.valid_in)
        yield Reason(
            code=Code.WRONG_PHASE,
            rule=f"tools.{tool.name}.phases.valid_in",
            detail=f"the session is in `{now}`",
            needs=f"the session is in {wanted}",
        )
        return
    target = tool.advances_to
    if target not in {None, now} and target not in policy.transitions.get(now, frozenset()):
        yield Reason(
            code=Code.WRONG_PHASE,
            rule=f"tools.{tool.name}.phases.advances_to",
            detail=f"there is no transition from `{now}` to `{target}`",
            needs=f"the session is in a phase that leads to `{target}`",
        )


def requires(tool: LoadedTool, facts: Facts, arguments: Json, window: Window) -> list[Reason]:
    """Layer 5: for each requirement, the latest committed call with the same values meets it."""
    reasons: list[Reason] = []
    for requirement in tool.requires:
        calls = facts.committed.get(requirement.tool, ())
        ours = [find(same.ours, arguments) for same in requirement.same]
        call = next((call for call in reversed(calls) if _is_same(requirement, call, ours)), None)
        if call is None:
            reasons.append(_unmet(requirement, is_any=bool(calls)))
        else:
            reasons += _call_reasons(requirement, call, facts.now, window)
    return reasons


def requires_possible(tool: LoadedTool, facts: Facts, window: Window) -> list[Reason]:
    """Layer 5 with the arguments still open: what no arguments at all could meet."""
    reasons: list[Reason] = []
    for requirement in tool.requires:
        calls = facts.committed.get(requirement.tool, ())
        failed = [
            _call_reasons(requirement, call, facts.now, window)
            for call in _latest_of_each(requirement, calls)
        ]
        if not failed:
            reasons.append(_unmet(requirement, is_any=bool(calls)))
        elif all(failed):
            reasons += failed[0]
    return reasons


def _latest_of_each(
    requirement: LoadedRequirement, calls: tuple[CommittedCall, ...]
) -> Iterator[CommittedCall]:
    """Yield, newest first, the latest call for each set of values that arguments can name."""
    seen: list[list[Selected]] = []
    for call in reversed(calls):
        theirs = _theirs(requirement, call)
        if MISSING not in theirs and not any(_all_equal(theirs, other) for other in seen):
            seen.append(theirs)
            yield call


def _theirs(requirement: LoadedRequirement, call: CommittedCall) -> list[Selected]:
    return [
        _kept(call.output if same.is_output else call.arguments, same.theirs)
        for same in requirement.same
    ]


def _is_same(requirement: LoadedRequirement, call: CommittedCall, ours: list[Selected]) -> bool:
    for same, our in zip(requirement.same, ours, strict=True):
        kept = _kept(call.output if same.is_output else call.arguments, same.theirs)
        if kept is MISSING or our is MISSING or not equal(kept, our):
            return False
    return True


def _all_equal(left: list[Selected], right: list[Selected]) -> bool:
    return all(
        one is not MISSING and two is not MISSING and equal(one, two)
        for one, two in zip(left, right, strict=True)
    )


def _kept(values: dict[str, object] | None, path: Path) -> Selected:
    if values is None:
        return MISSING
    return values.get(path.text, MISSING)  # type: ignore[return-value]  # -- kept values are JSON


def _call_reasons(
    requirement: LoadedRequirement, call: CommittedCall, now: datetime, window: Window
) -> list[Reason]:
    reasons = list(_output_reasons(requirement, call))
    if requirement.within_seconds is None:
        return reasons
    last = call.committed_at + timedelta(seconds=requirement.within_seconds)
    if now <= last:
        window.ends(last)
        return reasons
    window.starts(last + _TICK)
    reasons.append(
        Reason(
            code=Code.PRECONDITION_NOT_MET,
            rule=f"{requirement.rule}.within_seconds",
            detail=f"the latest fitting call of `{requirement.tool}` is too long ago",
            needs=f"a call of `{requirement.tool}` committed in the last "
            f"{requirement.within_seconds} s",
        )
    )
    return reasons


def _output_reasons(requirement: LoadedRequirement, call: CommittedCall) -> Iterator[Reason]:
    for operator in requirement.output:
        fault: Fault | None = Fault.MISSING
        if call.output is not None:
            fault = operator.fault(_kept_values(call.output, operator.path))
        if fault is not None:
            yield Reason(
                code=Code.PRECONDITION_NOT_MET,
                rule=operator.rule,
                detail=f"the output of the latest fitting call of `{requirement.tool}`: "
                f"{_FAULT_SAYS[fault]}",
                needs=f"in that output, {operator.needs}",
            )


def _kept_values(values: dict[str, object], path: Path) -> list[Selected]:
    """Return remembered values as `paths.select` gave them."""
    kept = _kept(values, path)
    if not path.is_many or not isinstance(kept, list):
        return [kept]
    return [place[0] if isinstance(place, list) and place else MISSING for place in kept]


def _unmet(requirement: LoadedRequirement, *, is_any: bool) -> Reason:
    which = "with the same values " if is_any else ""
    return Reason(
        code=Code.PRECONDITION_NOT_MET,
        rule=requirement.rule,
        detail=f"no call of `{requirement.tool}` {which}is committed",
        needs=f"a committed call of `{requirement.tool}`"
        + "".join(
            f", its `{same.theirs.text}` the same as `{same.ours.text}`"
            for same in requirement.same
        ),
    )


_FAULT_SAYS: Final = {
    Fault.MISSING: "there is no such value",
    Fault.TYPE: "the value is of another type",
    Fault.BOUNDS: "the value is out of bounds",
    Fault.VALUE: "the value is not the one wanted",
}


def arguments(tool: LoadedTool, given: Json) -> list[Reason]:
    """Layer 6: the schema and the rules on arguments, both."""
    reasons = tool.schema_check(given) if tool.schema_check is not None else []
    for operator in tool.arguments:
        fault = operator.fault(select(operator.path, given))
        if fault is not None:
            reasons.append(
                Reason(
                    code=fault.value,
                    rule=operator.rule,
                    detail=f"`{operator.path.text}`: {_FAULT_SAYS[fault]}",
                    needs=operator.needs,
                )
            )
    return reasons


def effect_key(tool: LoadedTool, given: Json) -> bytes | None:
    """Return the hash of a call's effect key, or None where a value of it is missing."""
    values: list[Json] = []
    for path in tool.effect_key:
        found = select(path, given)
        if MISSING in found:
            return None
        kept = [normal(value) for value in found if value is not MISSING]
        values.append(kept if path.is_many else kept[0])
    return effect_digest(tool.name, values)


def effect(tool: LoadedTool, facts: Facts, held: set[bytes], key: bytes | None) -> list[Reason]:
    """Layer 8: the effect key has its values, and nobody holds it."""
    if not tool.effect_key:
        return []
    rule = f"tools.{tool.name}.effect_key"
    if key is None:
        names = ", ".join(f"`{path.text}`" for path in tool.effect_key)
        return [
            Reason(
                code=Code.EFFECT_KEY_MISSING,
                rule=rule,
                detail="a value of the effect key is missing",
                needs=f"{names} are there",
            )
        ]
    if key in facts.effect_keys_taken or key in held:
        return [
            Reason(
                code=Code.EFFECT_KEY_TAKEN,
                rule=rule,
                detail="another call with the same effect is granted, unknown or committed",
                needs="no other call of this tool with the same effect key",
            )
        ]
    return []
