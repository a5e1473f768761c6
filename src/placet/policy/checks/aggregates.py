"""Findings about aggregates and envelopes: each has a bound that some call can keep.

Where nothing was called yet, a sum, the highest and the lowest are the present value, and a count
is 1. So a bound that no first value keeps is one that no call ever keeps.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

from msgspec import UNSET, UnsetType

from placet.policy.checks.bounds import RuleAt, by_path, conflict, excluding, implied
from placet.policy.checks.fits import Shapes
from placet.policy.checks.found import found
from placet.policy.checks.given import Given, Wanted
from placet.policy.checks.known import Known
from placet.policy.checks.spans import LOWER, UPPER
from placet.policy.finding import Finding
from placet.policy.model import Aggregate, AggregateOp, AggregateScope, Envelope, JsonType
from placet.policy.numbers import bound
from placet.policy.paths import Path, PathError, parse_path
from placet.policy.text.tree import Steps

_CALLS: Final = {AggregateOp.COUNT, AggregateOp.DISTINCT}
"""Those that count calls or values, and not what the values come to."""

_FROM_ZERO: Final = Given((), "gte", 0)
_NUMBER: Final = Given((), "type", JsonType.NUMBER)
_RATIO: Final = "within_ratio_of_first"

_About: TypeAlias = tuple[str, AggregateOp, str | None, AggregateScope, int | UnsetType]
"""What two aggregates must share to bound the same: tool, operation, path, scope and window."""


def check_aggregates(known: Known) -> Iterator[Finding]:
    """Yield what is wrong with aggregates and envelopes, but for names and paths."""
    groups: dict[_About, list[Given]] = {}
    for index, one in enumerate(known.contract.session.aggregates):
        steps = ("session", "aggregates", index)
        givens = _givens(steps, one)
        yield from _form(steps, one, givens)
        if one.tool in known.permitted and givens:
            path = _path(one.path if one.path is not UNSET else "")
            yield from _first_call(known, one, path, givens)
            text = None if path is None else path.text
            about = (one.tool, one.op, text, one.scope, one.window_seconds)
            groups.setdefault(about, []).extend(givens)
    for (tool, _, text, *_), alike in groups.items():
        yield from implied(text or tool, alike)
    yield from _envelopes(known)


def _givens(steps: Steps, one: Aggregate) -> list[Given]:
    bounds = ((name, getattr(one, name)) for name in (*LOWER, *UPPER))
    return [Given((*steps, name), name, it) for name, it in bounds if it is not UNSET]


def _form(steps: Steps, one: Aggregate, givens: list[Given]) -> Iterator[Finding]:
    is_count = one.op is AggregateOp.COUNT
    if is_count and one.path is not UNSET:
        message = "`count` counts calls, whatever they hold, and takes no path"
        hint = "take the path out, or write `op: distinct`"
        yield found("aggregate_path", (*steps, "path"), message, hint)
    if not is_count and one.path is UNSET:
        message = f"`{one.op}` needs the path of the value that it is over"
        yield found("aggregate_path", (*steps, "path"), message, "add `path`")
    if not givens:
        message = f"the aggregate `{one.name}` has no bound"
        yield found("aggregate_no_bound", steps, message, "add `lt`, `lte`, `gt` or `gte`")


def _first_call(
    known: Known, one: Aggregate, path: Path | None, givens: list[Given]
) -> Iterator[Finding]:
    """Yield that not even the first call can keep the bounds."""
    if one.op in _CALLS:
        for given in givens:
            if not Wanted([given]).takes(1):
                message = f"a `{one.op}` is 1 after the first call, so no call meets {given.words}"
                yield excluding(given, message)
    elif path is None:
        return
    elif Wanted(givens).is_empty():
        yield conflict(path.text, givens)
    elif one.op is AggregateOp.SUM and Wanted([_FROM_ZERO, *givens]).is_empty():
        below = next((it for it in givens if Wanted([_FROM_ZERO, it]).is_empty()), givens[0])
        yield excluding(below, f"a sum is never below 0, so no call meets {below.words}")
    else:
        base = _FROM_ZERO if one.op is AggregateOp.SUM else _NUMBER
        yield from _values(known, one.tool, path, base, givens)


def _values(
    known: Known, tool: str, path: Path, base: Given, givens: list[Given]
) -> Iterator[Finding]:
    """Yield that no value which the rules and the schema of a tool leave keeps the bounds."""
    rules = _rules(known, tool, path)
    schema = known.schemas.get(tool)
    if Wanted(rules).is_empty():
        return  # told where the rules stand
    if Wanted([*rules, *givens]).is_empty():
        yield conflict(path.text, [*rules, *givens])
    elif Wanted([*rules, base, *givens]).is_empty():
        message = f"the rules on `{path.text}` leave no value that can be added up or compared"
        yield excluding(givens[0], message)
    elif schema is not None:
        shapes = Shapes(schema, path)
        if shapes.fit(Wanted(rules)) and not shapes.fit(Wanted([*rules, base, *givens])):
            unfit = (one for one in givens if not shapes.fit(Wanted([base, one])))
            here = next(unfit, givens[0])
            message = f"no value that the schema allows at `{path.text}` meets {here.words}"
            yield excluding(here, message)


def _rules(known: Known, tool: str, path: Path) -> list[Given]:
    rules = known.tools[tool].arguments
    at: Steps = ("tools", known.indexes[tool], "arguments")
    groups = by_path([RuleAt((*at, index), rule) for index, rule in enumerate(rules)])
    return groups.get(path.text, (path, []))[1]


def _envelopes(known: Known) -> Iterator[Finding]:
    groups: dict[tuple[str, str], list[Given]] = {}
    for index, one in enumerate(known.contract.session.envelopes):
        steps = ("session", "envelopes", index)
        ratio = Given((*steps, _RATIO), _RATIO, one.within_ratio_of_first)
        if bound(one.within_ratio_of_first) <= 0:
            message = f"nothing can be within {ratio.words} of a first value, which is above 0"
            yield found("envelope_ratio", ratio.steps, message, "write a ratio above 0")
        path = _path(one.path)
        if path is not None and one.tool in known.permitted:
            yield from _first_value(known, one, path, (*steps, "path"))
            groups.setdefault((one.tool, path.text), []).append(ratio)
    for (_, text), ratios in groups.items():
        yield from implied(text, ratios)


def _first_value(known: Known, one: Envelope, path: Path, here: Steps) -> Iterator[Finding]:
    """Yield that no first value is above 0, so that each later one is denied."""
    rules = _rules(known, one.tool, path)
    above = Wanted([*rules, Given(here, "gt", 0)])
    schema = known.schemas.get(one.tool)
    shapes = None if schema is None else Shapes(schema, path)
    if Wanted(rules).is_empty() or (shapes is not None and not shapes.fit(Wanted(rules))):
        return  # told where the rules stand
    if above.is_empty() or (shapes is not None and not shapes.fit(above)):
        message = f"the rules and the schema leave no value of `{path.text}` that is above 0"
        yield excluding(Given(here, "path", one.path), message)


def _path(text: str) -> Path | None:
    try:
        return parse_path(text)
    except PathError:
        return None
