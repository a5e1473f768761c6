"""Findings about aggregates and envelopes: each has a bound that some call can keep.

Where nothing was called yet, a sum, the highest and the lowest are the present value, and a count
is 1. So a bound that no first value keeps is one that no call ever keeps.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

from msgspec import UNSET, UnsetType

from placet.policy.checks.bounds import (
    PAIRS_MAX,
    RuleAt,
    by_path,
    conflict,
    excluding,
    excluding_both,
    implied,
)
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
    kept = _Kept()
    for index, one in enumerate(known.contract.session.aggregates):
        steps = ("session", "aggregates", index)
        givens = _givens(steps, one)
        yield from _form(steps, one, givens)
        if one.tool in known.permitted and givens:
            path = _path(one.path if one.path is not UNSET else "")
            yield from _first_call(known, kept, one, path, givens)
            text = None if path is None else path.text
            about = (one.tool, one.op, text, one.scope, one.window_seconds)
            groups.setdefault(about, []).extend(givens)
    for (tool, _, text, *_), alike in groups.items():
        yield from implied(text or tool, alike)
    yield from _envelopes(known, kept)


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
    known: Known, kept: "_Kept", one: Aggregate, path: Path | None, givens: list[Given]
) -> Iterator[Finding]:
    """Yield that not even the first call can keep the bounds."""
    if one.op in _CALLS:
        for given in givens:
            if not Wanted([given]).takes(1, 1):
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
        yield from _values(kept.of(known, one.tool, path), path, base, givens)


def _values(rules: "_Rules", path: Path, base: Given, givens: list[Given]) -> Iterator[Finding]:
    """Yield that no value which the rules and the schema of a tool leave keeps the bounds."""
    if rules.wanted.is_empty() or not rules.fit(rules.wanted):
        return  # told where the rules stand
    wanted = rules.wanted.also(*givens)
    if wanted.is_empty():
        yield rules.conflict(path.text, givens)
    elif wanted.also(base).is_empty():
        message = f"the rules on `{path.text}` leave no value that can be added up or compared"
        yield excluding(givens[0], message)
    elif not rules.fit(wanted.also(base)):
        here = next((one for one in givens if not rules.fit(Wanted([base, one]))), givens[0])
        message = f"no value that the schema allows at `{path.text}` meets {here.words}"
        yield excluding(here, message)


class _Rules:
    """The operators that a tool has on one path, and what they and its schema leave."""

    def __init__(self, known: Known, tool: str, path: Path) -> None:
        at: Steps = ("tools", known.indexes[tool], "arguments")
        rules = enumerate(known.tools[tool].arguments)
        groups = by_path([RuleAt((*at, index), rule) for index, rule in rules])
        self.givens = groups.get(path.text, (path, []))[1]
        self.wanted = Wanted(self.givens)
        schema = known.schemas.get(tool)
        self._shapes = None if schema is None else Shapes(schema, path)
        self._alone = [(one, Wanted([one])) for one in self.givens[:PAIRS_MAX]]

    def fit(self, wanted: Wanted) -> bool:
        """Say whether the schema allows some value that is wanted."""
        return self._shapes is None or self._shapes.fit(wanted)

    def conflict(self, path: str, givens: list[Given]) -> Finding:
        """Return the finding on the first of these operators that the rules leave no value for."""
        for later in givens:
            for earlier, alone in self._alone:
                if alone.also(later).is_empty():
                    return excluding_both(path, earlier, later)
        return excluding(givens[-1], f"no value of `{path}` meets all of its rules")


class _Kept(dict[tuple[str, str], _Rules]):
    """The rules of tools on paths, each made once."""

    def of(self, known: Known, tool: str, path: Path) -> _Rules:
        """Return the rules of a tool on a path."""
        if (tool, path.text) not in self:
            self[tool, path.text] = _Rules(known, tool, path)
        return self[tool, path.text]


def _envelopes(known: Known, kept: _Kept) -> Iterator[Finding]:
    groups: dict[tuple[str, str], list[Given]] = {}
    for index, one in enumerate(known.contract.session.envelopes):
        steps = ("session", "envelopes", index)
        ratio = Given((*steps, _RATIO), _RATIO, one.within_ratio_of_first)
        if bound(one.within_ratio_of_first) <= 0:
            message = f"nothing can be within {ratio.words} of a first value, which is above 0"
            yield found("envelope_ratio", ratio.steps, message, "write a ratio above 0")
        path = _path(one.path)
        if path is not None and one.tool in known.permitted:
            yield from _first_value(kept.of(known, one.tool, path), one, path, (*steps, "path"))
            groups.setdefault((one.tool, path.text), []).append(ratio)
    for (_, text), ratios in groups.items():
        yield from implied(text, ratios)


def _first_value(rules: _Rules, one: Envelope, path: Path, here: Steps) -> Iterator[Finding]:
    """Yield that no first value is above 0, so that each later one is denied."""
    if rules.wanted.is_empty() or not rules.fit(rules.wanted):
        return  # told where the rules stand
    above = rules.wanted.also(Given(here, "gt", 0))
    if above.is_empty() or not rules.fit(above):
        message = f"the rules and the schema leave no value of `{path.text}` that is above 0"
        yield excluding(Given(here, "path", one.path), message)


def _path(text: str) -> Path | None:
    try:
        return parse_path(text)
    except PathError:
        return None
