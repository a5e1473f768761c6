"""A smaller example of the same difference, by leaving out one thing after the other."""

from collections.abc import Callable, Iterator
from typing import Final

from tests.policy.reference.generate import Example
from tests.policy.reference.operators import Doc

TRIES_MAX: Final = 3_000


def shrunk(example: Example, is_bad: Callable[[Example], bool]) -> Example:
    """Return what is left of a bad example when nothing more can go, or after many tries."""
    tries = 0
    left: Iterator[Example] = _smaller(example)
    while tries < TRIES_MAX and (less := next(left, None)) is not None:
        tries += 1
        if _is_file(less[1]) and is_bad(less):
            example, left = less, _smaller(less)
    return example


def _smaller(example: Example) -> Iterator[Example]:
    contract, lines = example
    for fewer in _without_one(lines):
        if isinstance(fewer, list):
            yield contract, fewer
    for less in _without_one(contract):
        if isinstance(less, dict):
            yield less, lines


def _without_one(value: object) -> Iterator[object]:
    """Yield copies of a document without one of its parts, the outer parts first."""
    if isinstance(value, dict):
        for key in value:
            yield {other: one for other, one in value.items() if other != key}
        for key, inner in value.items():
            for less in _without_one(inner):
                yield value | {key: less}
    elif isinstance(value, list):
        for at in range(len(value)):
            yield value[:at] + value[at + 1 :]
        for at, inner in enumerate(value):
            for less in _without_one(inner):
                yield [*value[:at], less, *value[at + 1 :]]


def _is_file(lines: list[Doc]) -> bool:
    """Tell whether the lines are still whole, and name only calls that are there."""
    if not all({"at", "tool_calls"} <= line.keys() for line in lines):
        return False
    calls = [call for line in lines for call in line["tool_calls"]]
    if not all({"id", "function"} <= call.keys() for call in calls):
        return False
    seen: set[str] = set()
    for line in lines:
        seen |= {call["id"] for call in line["tool_calls"]}
        named = [line.get(key, ()) for key in ("outputs", "failed", "approved", "cost_micros")]
        if not seen.issuperset(*named):
            return False
    functions = [call["function"] for call in calls]
    return all({"name", "arguments"} <= function.keys() for function in functions)
