"""Layer 5: what an earlier call must have shown."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from placet.kernel.foreign import Json
from placet.policy.cost import is_much
from placet.policy.decision import Code, Reason
from placet.policy.facts import CommittedCall, Facts
from placet.policy.loaded import LoadedRequirement, LoadedTool
from placet.policy.numbers import equal
from placet.policy.operators import FAULT_SAYS, Fault, Operator
from placet.policy.paths import MISSING, Path, Selected, find
from placet.policy.window import TICK, Window


def requires(tool: LoadedTool, facts: Facts, arguments: Json, window: Window) -> list[Reason]:
    """Layer 5: for each requirement, the latest committed call with the same values meets it."""
    reasons: list[Reason] = []
    for requirement in tool.requires:
        calls = facts.committed.get(requirement.tool, ())
        ours = [find(same.ours, arguments) for same in requirement.same]
        call = _latest(requirement, calls, ours)
        if call is None:
            reasons.append(_unmet(requirement, is_any=bool(calls)))
        else:
            reasons += _call_reasons(requirement, call, facts.now, window)
    return reasons


def _latest(
    requirement: LoadedRequirement, calls: Sequence[CommittedCall], ours: list[Selected]
) -> CommittedCall | None:
    for call in reversed(calls):
        if _is_same(requirement, call, ours):
            return call
    return None


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
    requirement: LoadedRequirement, calls: Sequence[CommittedCall]
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
    reasons = _output_reasons(requirement, call)
    if requirement.within is None:
        return reasons
    last = call.committed_at + requirement.within
    if now <= last:
        window.ends(last)
        return reasons
    window.starts(last + TICK)
    reasons.append(
        Reason(
            code=Code.PRECONDITION_NOT_MET,
            rule=f"{requirement.rule}.within_seconds",
            detail=f"the latest fitting call of `{requirement.tool}` is too long ago",
            needs=f"a call of `{requirement.tool}` committed in the last "
            f"{requirement.within.total_seconds():.0f} s",
        )
    )
    return reasons


def _output_reasons(requirement: LoadedRequirement, call: CommittedCall) -> list[Reason]:
    reasons = []
    for operator in requirement.output:
        wrong = _output_fault(operator, call)
        if wrong is not None:
            reasons.append(
                Reason(
                    code=Code.PRECONDITION_NOT_MET,
                    rule=operator.rule,
                    detail=f"the output of the latest fitting call of `{requirement.tool}`: "
                    f"{wrong}",
                    needs=f"in that output, {operator.needs}",
                )
            )
    return reasons


def _output_fault(operator: Operator, call: CommittedCall) -> str | None:
    if call.output is None:
        return FAULT_SAYS[Fault.MISSING]
    values = _kept_values(call.output, operator.path)
    if is_much(operator, values):
        return "it is too long to be checked in time"
    fault = operator.fault(values)
    return None if fault is None else FAULT_SAYS[fault]


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
