"""Layer 5: what an earlier call must have shown."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from placet.kernel.foreign import Json
from placet.policy.cost import is_much
from placet.policy.decision import Code, Reason
from placet.policy.facts import CommittedCall, Facts
from placet.policy.hashes import likeness
from placet.policy.loaded import LoadedRequirement, LoadedTool
from placet.policy.operators import FAULT_SAYS, Fault, Operator
from placet.policy.paths import MISSING, Path, Selected, find
from placet.policy.window import TICK, Window

TRIED_MAX: Final = 16
"""Earlier calls that are tried, at most, to find out whether a tool could be called at all."""

_TOO_LONG: Final = "it is too long to be checked in time"


def requires(tool: LoadedTool, facts: Facts, arguments: Json, window: Window) -> list[Reason]:
    """Layer 5: for each requirement, the latest committed call with the same values meets it."""
    reasons: list[Reason] = []
    for requirement in tool.requires:
        calls = facts.committed.get(requirement.tool, ())
        call = _latest(requirement, calls, arguments)
        if call is None:
            reasons.append(_unmet(requirement, is_any=bool(calls)))
        else:
            reasons += _call_reasons(requirement, call, facts.now, window)
    return reasons


def _latest(
    requirement: LoadedRequirement, calls: Sequence[CommittedCall], arguments: Json
) -> CommittedCall | None:
    wanted = []
    for same in requirement.same:
        value = find(same.ours, arguments)
        if value is MISSING:
            return None
        like = likeness(value, is_secret=same.theirs.is_secret)
        wanted.append((same.theirs.key, same.is_output, like))
    return latest(calls, wanted)


def latest(
    calls: Sequence[CommittedCall], wanted: Sequence[tuple[str, bool, str]]
) -> CommittedCall | None:
    """Return the latest call with these likenesses: of its output, where it says so, by key."""
    for call in reversed(calls):
        for key, is_output, like in wanted:
            kept = call.output if is_output else call.arguments
            if kept is None or kept.get(key) != like:
                break
        else:
            return call
    return None


def requires_possible(tool: LoadedTool, facts: Facts, window: Window) -> list[Reason]:
    """Layer 5 with the arguments still open: what no arguments at all could meet.

    Beyond `TRIED_MAX` calls that do not, it says of a requirement that some arguments might.
    """
    reasons: list[Reason] = []
    for requirement in tool.requires:
        calls = facts.committed.get(requirement.tool, ())
        first: list[Reason] | None = None
        for tried, call in enumerate(_latest_of_each(requirement, calls)):
            found = _call_reasons(requirement, call, facts.now, window)
            first = found if first is None else first
            if not found or tried == TRIED_MAX:
                first = []
                break
        reasons += [_unmet(requirement, is_any=bool(calls))] if first is None else first
    return reasons


def _latest_of_each(
    requirement: LoadedRequirement, calls: Sequence[CommittedCall]
) -> Iterator[CommittedCall]:
    """Yield, newest first, the latest call for each set of values that arguments can name."""
    seen: set[tuple[object, ...]] = set()
    for call in reversed(calls):
        theirs = tuple(_theirs(requirement, call))
        if None not in theirs and theirs not in seen:
            seen.add(theirs)
            yield call


def _theirs(requirement: LoadedRequirement, call: CommittedCall) -> list[object]:
    """Return the likenesses that an earlier call was kept by, null where it had no value."""
    output = call.output or {}
    return [
        (output if same.is_output else call.arguments).get(same.theirs.key)
        for same in requirement.same
    ]


def _kept(values: dict[str, object], path: Path) -> Selected:
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
    if f"!{operator.path.text}" in call.output:
        return _TOO_LONG
    values = _kept_values(call.output, operator.path)
    if is_much(operator, values):
        return _TOO_LONG
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
            f", its `{same.theirs.path.text}` the same as `{same.ours.text}`"
            for same in requirement.same
        ),
    )
