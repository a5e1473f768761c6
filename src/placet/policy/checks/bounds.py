"""Findings about rules on one path: those that nothing can meet, and those that add nothing."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from placet.policy.checks.fits import Shapes
from placet.policy.checks.found import found
from placet.policy.checks.given import Given, Key, Wanted, givens_of, key_of, kinds_of, values_of
from placet.policy.checks.spans import LOWER, UPPER, Limit, highest, lowest
from placet.policy.finding import Finding
from placet.policy.model import Rule
from placet.policy.numbers import bound
from placet.policy.paths import Path, PathError, parse_path
from placet.policy.schemas.paths import SchemaPaths
from placet.policy.text.tree import Steps

_SIDES: Final = (
    (LOWER, highest),
    (UPPER, lowest),
    ({"length_gte": False}, highest),
    ({"length_lte": False}, lowest),
    ({"within_ratio_of_first": False}, lowest),
)
PAIRS_MAX: Final = 50
"""Operators on one path among which the other one of a pair is looked for."""

_BOUNDS: Final = {name for side, _ in _SIDES for name in side}


@dataclasses.dataclass(frozen=True, slots=True)
class RuleAt:
    """A rule and the place where it stands."""

    steps: Steps
    rule: Rule


def by_path(rules: Sequence[RuleAt]) -> dict[str, tuple[Path, list[Given]]]:
    """Return the operators on each path, under its canonical text."""
    groups: dict[str, tuple[Path, list[Given]]] = {}
    for at in rules:
        try:
            path = parse_path(at.rule.path)
        except PathError:
            continue
        groups.setdefault(path.text, (path, []))[1].extend(givens_of(at.steps, at.rule))
    return groups


def check_bounds(rules: Sequence[RuleAt], schema: SchemaPaths | None) -> Iterator[Finding]:
    """Yield operators on one path that nothing can meet, or that others imply.

    `schema` is that of the document which the rules read, where it is known.
    """
    for path, givens in by_path(rules).values():
        yield from _repeated(path, givens)
        yield from implied(path.text, givens)
        yield from _subsets(path.text, givens)
        if Wanted(givens).is_empty():
            yield conflict(path.text, givens)
        elif schema is not None and givens:
            yield from misfit(path, givens, schema)


def conflict(path: str, givens: Sequence[Given]) -> Finding:
    """Return the finding on operators that no value meets: alone, two of them, or together."""
    count = _first(len(givens), lambda count: Wanted(givens[:count]).is_empty())
    later, alone = givens[count - 1], Wanted(givens[count - 1 : count])
    if alone.is_empty():
        return excluding(later, f"no value of `{path}` meets {later.words}")
    for earlier in givens[max(0, count - 1 - PAIRS_MAX) : count - 1]:
        if alone.also(earlier).is_empty():
            return excluding_both(path, earlier, later)
    return excluding(later, f"no value of `{path}` meets all of its rules")


def misfit(path: Path, givens: Sequence[Given], schema: SchemaPaths) -> Iterator[Finding]:
    """Yield that no value which the schema allows at a path meets these operators."""
    shapes = Shapes(schema, path)
    if shapes.fit(Wanted(givens)):
        return
    count = _first(len(givens), lambda count: not shapes.fit(Wanted(givens[:count])))
    later = givens[count - 1]
    words = "all of its rules" if shapes.fit(Wanted([later])) else later.words
    yield excluding(later, f"no value that the schema allows at `{path.text}` meets {words}")


def excluding_both(path: str, earlier: Given, later: Given) -> Finding:
    """Return the finding on two operators that no value meets."""
    message = f"no value of `{path}` meets both {earlier.words} and {later.words}"
    return excluding(later, message, earlier)


def excluding(here: Given, message: str, other: Given | None = None) -> Finding:
    """Return the finding that nothing meets an operator, or nothing two of them."""
    hint = "widen a bound, or take a rule out"
    related = None if other is None else other.steps
    return found("excludes_everything", here.steps, message, hint, related=related)


def implied(path: str, givens: Sequence[Given]) -> Iterator[Finding]:
    """Yield bounds that a stronger one on the same side implies."""
    for side, strongest in _SIDES:
        limits = [
            (one, Limit(bound(one.operand), side[one.name]))
            for one in givens
            if one.name in side and isinstance(one.operand, int | str)
        ]
        best = strongest(limit for _, limit in limits)
        kept = next((one for one, limit in limits if limit is best), None)
        for one, limit in limits:
            if limit is not best and kept is not None:
                yield _implied(path, one, kept, givens)


def _subsets(path: str, givens: Sequence[Given]) -> Iterator[Finding]:
    """Yield lists of values that a shorter list implies, or of excluded ones that a longer does."""
    for names in (("equals", "one_of"), ("not_equals", "none_of")):
        seen: list[tuple[Given, frozenset[Key]]] = []
        for later in (given for given in givens if given.name in names and values_of(given)):
            mine = frozenset(map(key_of, values_of(later)))
            for earlier, other in seen[-PAIRS_MAX:]:
                is_alike = names[0] == "equals" or kinds_of(earlier) == kinds_of(later)
                is_repeated = later.name == earlier.name and key_of(later.operand) == key_of(
                    earlier.operand
                )
                if is_alike and not is_repeated and (mine <= other or other <= mine):
                    kept, one = (later, earlier) if mine < other else (earlier, later)
                    if names[0] != "equals" and mine != other:
                        kept, one = one, kept
                    yield _implied(path, one, kept, givens)
                    break
            seen.append((later, mine))


def _implied(path: str, one: Given, kept: Given, givens: Sequence[Given]) -> Finding:
    later, earlier = (one, kept) if _stands(givens, one) > _stands(givens, kept) else (kept, one)
    message = f"{one.words} adds nothing on `{path}` beside {kept.words}"
    return found("rule_implied", later.steps, message, "keep one", related=earlier.steps)


def _stands(givens: Sequence[Given], one: Given) -> int:
    return next(index for index, given in enumerate(givens) if given is one)


def _repeated(path: Path, givens: Sequence[Given]) -> Iterator[Finding]:
    """Yield operators that stand twice with the same operand; equal bounds are told as implied."""
    seen: dict[tuple[str, Key], Given] = {}
    for one in givens:
        if one.name not in _BOUNDS:
            first = seen.setdefault((one.name, key_of(one.operand)), one)
            if first is not one:
                message = f"{one.words} stands twice on `{path.text}`"
                yield found("rule_implied", one.steps, message, "keep one", related=first.steps)


def _first(count: int, is_so: Callable[[int], bool]) -> int:
    """Return the smallest number from 1 to `count` for which it is so; for `count` it is."""
    low, high = 1, count
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_so(middle) else (middle + 1, high)
    return low
