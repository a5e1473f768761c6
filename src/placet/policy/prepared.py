"""What a tool's rules come to for the usual call, worked out when the policy is loaded.

Usual are rules on one member of the arguments (`$.name`). Where a rule is of another kind, its
part is null and the layers are asked in full.
"""

import dataclasses
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from placet.kernel.foreign import Json
from placet.policy.cost import CHECK_NS_MAX, OUTPUT_NS_MAX
from placet.policy.operators import Operator, Reference, Test
from placet.policy.schemas.cost import Cost

FREE_BYTES: Final = (65_536, 16_384, 4_096, 1_024)
"""Lengths of arguments that are tried, the longest first."""

Compare: TypeAlias = Callable[[int, int], bool]
_COMPARISONS: Final[Mapping[str, Compare]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


@dataclasses.dataclass(frozen=True, slots=True)
class PreparedSame:
    """An equality of one member of the arguments with a likeness that was kept under `key`."""

    ours: str
    key: str
    is_secret: bool
    is_output: bool


@dataclasses.dataclass(frozen=True, slots=True)
class PreparedOutput:
    """A rule on one kept value. Under `crowded` stands that there was too much to keep."""

    key: str
    crowded: str
    test: Test


@dataclasses.dataclass(frozen=True, slots=True)
class PreparedReference:
    """A comparison of one member of the arguments, a whole number, with the one in a slot."""

    name: str
    slot: str
    compare: Compare


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """One tool's part. `free_bytes`: so long arguments can be checked in time, whatever they are.

    `tests` are asked about the members that stand beside them, which must be there; `outputs` and
    `sames` stand beside the requirements.
    """

    free_bytes: int
    tests: tuple[tuple[str, Test], ...] | None
    sames: tuple[tuple[PreparedSame, ...], ...] | None
    outputs: tuple[tuple[PreparedOutput, ...], ...] | None
    references: tuple[PreparedReference, ...] | None


NOTHING_PREPARED: Final = Prepared(0, None, None, None, None)


def free_bytes(cost: Cost, arguments: Sequence[Operator]) -> int:
    """Return a length of arguments up to which no check can take too long.

    A text has at most as many values as bytes, and the texts in it are no longer than it.
    """
    per_byte = sum(one.per_byte for one in arguments)
    for size in FREE_BYTES:
        if cost.of(size, size) + per_byte * size <= CHECK_NS_MAX:
            return size
    return 0


def prepared_tests(arguments: Sequence[Operator]) -> tuple[tuple[str, Test], ...] | None:
    """Return the rules on arguments, or null where one is of another kind."""
    tests: list[tuple[str, Test]] = []
    for one in arguments:
        if one.path.only is None or one.exists is False:
            return None
        if one.exists is None or one.path.only not in dict(tests):
            tests.append((one.path.only, _anything if one.exists else one.test))
    return tuple(tests)


def prepared_outputs(rules: Sequence[Operator]) -> tuple[PreparedOutput, ...] | None:
    """Return the rules on a kept output, or null where one is of another kind."""
    if not all(
        one.is_simple and one.exists is None and one.per_value <= OUTPUT_NS_MAX for one in rules
    ):
        return None
    return tuple(PreparedOutput(one.path.text, f"!{one.path.text}", one.test) for one in rules)


def prepared_references(references: Sequence[Reference]) -> tuple[PreparedReference, ...] | None:
    """Return the comparisons with slots, or null where one is of another kind."""
    prepared = []
    for one in references:
        if one.path.only is None or one.name not in _COMPARISONS:
            return None
        prepared.append(PreparedReference(one.path.only, one.slot, _COMPARISONS[one.name]))
    return tuple(prepared)


def _anything(_: Json) -> None:
    """Hold of any value that is there."""
