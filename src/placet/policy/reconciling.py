"""What a read tells of a call whose outcome is unknown: its arguments, and what its output says."""

import dataclasses
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from placet.kernel.foreign import Json
from placet.policy.cost import OUTPUT_NS_MAX, text_ns
from placet.policy.operators import Operator
from placet.policy.paths import MISSING, Path, find, select

_VALUES_NS: Final = 1_000


class Told(StrEnum):
    """What a read says became of the call."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedReconcile:
    """The rule of one tool. `arguments` are those of the read, by name, from the call's own."""

    rule: str
    tool: str
    arguments: tuple[tuple[str, Path], ...]
    succeeded_when: tuple[Operator, ...]
    failed_when: tuple[Operator, ...]


def read_arguments(rule: LoadedReconcile, arguments: Json) -> dict[str, Json] | None:
    """Return the arguments of the read, or None where the call lacks one that they are made of."""
    found: dict[str, Json] = {}
    for name, path in rule.arguments:
        value = find(path, arguments)
        if value is MISSING:
            return None
        found[name] = value
    return found


def told_by(rule: LoadedReconcile, output: Json) -> Told | None:
    """Return what the read's output says, or None where it does not tell yet.

    Where both groups of rules hold, failed loses: what may have happened is never freed. A group
    without rules never holds, and neither does one that could take too long to look at.
    """
    if _holds(rule.succeeded_when, output):
        return Told.SUCCEEDED
    return Told.FAILED if _holds(rule.failed_when, output) else None


def _holds(rules: Iterable[Operator], output: Json) -> bool:
    spent, is_any = 0, False
    for rule in rules:
        values = select(rule.path, output)
        count = sum(len(value) if isinstance(value, list) else 1 for value in values)
        spent += (_VALUES_NS + rule.per_value) * count + text_ns(rule, values)
        if spent > OUTPUT_NS_MAX or rule.fault(values) is not None:
            return False
        is_any = True
    return is_any
