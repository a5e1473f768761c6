"""Conditions over several values: CEL, by cel-expr-python, checked and bounded when written.

What a condition sees is `args`, `principal`, `labels`, `phase` (the empty text in a contract
without phases) and `slots`: no clock and no outputs. Whatever is not `true` is a denial: false, an
error such as a missing key, a division by zero or an integer beyond 64 bits, a spent budget, and
data that are more than the condition may see.

How CEL takes numbers, where it differs from the rest of the language:

- `1.0` is given as `1`, since both are one number in JSON: what has no fraction is an `int` (from
  2^63 on a `uint`, from 2^64 on an error), anything else a `double`, and from 1e21 on too.
- An `int` and a `double` compare as doubles: `args.n == 9007199254740992.0` is true of
  9007199254740993 too. Written with integers, and for values without a fraction, it is exact.
- A `double` is binary: `args.x + 0.2 == 0.3` is false of 0.1. For sums of money use integers.
- `+ - * / %` do not mix `int` and `double`, and overflow is an error; `double(args.n)` converts.
"""

import functools
import re
from collections.abc import Mapping
from typing import Final

from placet.kernel.foreign import Json
from placet.kernel.value import Value
from placet.policy.cel.cost import ConditionCostError, condition_ns, patterns
from placet.policy.cel.given import given, makes_nothing, reads
from placet.policy.cel.library import (
    ARENAS,
    LIBRARY,
    LIBRARY_VERSION,
    Checked,
    environment,
    library_version,
)
from placet.policy.cel.tree import Tree, read_tree
from placet.policy.model import CONDITION_MAX
from placet.policy.schemas.cost import Cost

CONDITION_NS_MAX: Final = 100_000_000
"""Nanoseconds that a condition may take at most, by its bound."""

SEEN_MAX: Final = (16_384, 12_288, 8_192, 6_144, 4_096)
"""Bytes that a condition may see: the most with which it stays within the bound."""

FAULTS_MAX: Final = 10
_MESSAGE_MAX: Final = 300
_KEPT: Final = 1_000
_PARSED_KEPT: Final = 8
_FAULT: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_CONTAINER: Final = " (in container '')"


class ConditionFault(Value, frozen=True):
    """What is wrong with a condition; `line` and `column` are counted from 1."""

    line: int
    column: int
    message: str


class ConditionError(ValueError):
    """A condition that cannot be used; `faults` say why."""

    def __init__(self, faults: tuple[ConditionFault, ...]) -> None:
        """Keep all faults; the text is the first one's."""
        super().__init__(faults[0].message)
        self.faults = faults


class Condition:
    """A compiled condition: immutable, and safe to share between threads.

    `cost` bounds what asking it takes, whatever it is asked; `seen_max` is how many bytes of data
    it may see, a value counting `VALUE_BYTES` beside its text.
    """

    __slots__ = ("_eval", "_is_light", "_reads", "cost", "seen_max", "text")

    def __init__(self, text: str, checked: Checked, tree: Tree) -> None:
        """Find out what it reads, and what it can take. Raises `ConditionCostError`."""
        self.text = text
        self.seen_max, nanoseconds = _affordable(tree)
        self.cost = Cost(fixed=nanoseconds)
        self._reads = reads(tree.root)
        self._eval = checked.eval
        self._is_light = makes_nothing(tree.root)

    def holds(
        self,
        args: Mapping[str, Json],
        principal: Mapping[str, Json],
        labels: Mapping[str, str],
        phase: str | None,
        slots: Mapping[str, Json],
    ) -> bool:
        """Say whether the condition is true. Never raises: whatever goes wrong is false."""
        values: dict[str, object] = {
            "args": args,
            "principal": principal,
            "labels": labels,
            "phase": phase or "",
            "slots": slots,
        }
        data = {}
        room = self.seen_max
        try:
            for read in self._reads:
                data[read.variable], room = given(read, values[read.variable], room)
            arena = ARENAS.next(self.seen_max - room) if self._is_light else None
            answer: object = self._eval(None, data, None, arena).value()
        except Exception:  # noqa: BLE001 -- whatever goes wrong here is a denial
            return False
        return answer is True


def check_condition(text: str) -> list[ConditionFault]:
    """Return what is wrong with a condition, first things first; nothing is wrong if empty."""
    try:
        compile_condition(text)
    except ConditionError as fault:
        return list(fault.faults)
    return []


@functools.lru_cache(_KEPT)
def compile_condition(text: str) -> Condition:
    """Return a condition ready to be asked. Raises `ConditionError`."""
    checked, tree = _parsed(text)
    try:
        condition = Condition(text, checked, tree)
        _check_patterns(tree)
    except ConditionCostError as fault:
        raise ConditionError((_at(text, tree, fault.number, str(fault)),)) from fault
    return condition


def condition_tree(text: str) -> Tree:
    """Return the parts of a condition. Raises `ConditionError`."""
    return _parsed(text)[1]


@functools.lru_cache(_PARSED_KEPT)
def _parsed(text: str) -> tuple[Checked, Tree]:
    check_library()
    checked = _checked(text)
    return checked, read_tree(checked.serialize())


def check_library() -> None:
    """Raise `ConditionError` where another version of the library is installed than is needed."""
    if not library_version().startswith(f"{LIBRARY_VERSION}."):
        message = f"{LIBRARY} {LIBRARY_VERSION} is needed; {library_version()} is installed"
        raise ConditionError((ConditionFault(line=1, column=1, message=message),))


def _checked(text: str) -> Checked:
    if len(text) > CONDITION_MAX:
        message = f"a condition has at most {CONDITION_MAX:,} characters"
        raise ConditionError((ConditionFault(line=1, column=1, message=message),))
    try:
        checked = environment().compile(text)
    except RuntimeError as fault:
        raise ConditionError(_faults(str(fault))) from fault
    except (TypeError, UnicodeError) as fault:
        message = "the text is not Unicode"
        raise ConditionError((ConditionFault(line=1, column=1, message=message),)) from fault
    kind = checked.return_type().name()
    if kind != "BOOL":
        what = "may be of any type" if kind == "DYN" else f"is of type {kind.lower()}"
        message = f"the condition {what}, not true or false; compare it: `… == true`"
        raise ConditionError((ConditionFault(line=1, column=1, message=message),))
    return checked


def _faults(text: str) -> tuple[ConditionFault, ...]:
    """Read the library's own words; a fault without a place stands at the beginning."""
    found = [
        ConditionFault(
            line=max(1, int(line)),
            column=max(1, int(column)),
            message=_lowered(message.replace(_CONTAINER, ""))[:_MESSAGE_MAX],
        )
        for line, column, message in _FAULT.findall(text)[:FAULTS_MAX]
    ]
    if found:
        return tuple(found)
    message = _lowered(text.partition(": ")[2].partition("\n")[0] or text)
    return (ConditionFault(line=1, column=1, message=message[:_MESSAGE_MAX]),)


def _lowered(message: str) -> str:
    words = message.removesuffix(" [INVALID_ARGUMENT]").removesuffix(" [CANCELLED]")
    return words[:1].lower() + words[1:]


def _affordable(tree: Tree) -> tuple[int, int]:
    """Return how much a condition may see, and what it then takes at most, in nanoseconds."""
    number = 0
    for seen in SEEN_MAX:
        nanoseconds, number = condition_ns(tree.root, seen)
        if nanoseconds <= CONDITION_NS_MAX:
            return seen, nanoseconds
    message = f"it could take too long on {SEEN_MAX[-1]:,} bytes of data, for the most part here"
    raise ConditionCostError(message, number)


def _check_patterns(tree: Tree) -> None:
    """Ask for a match with each pattern, as the library reads a pattern only when it is asked."""
    found = list(patterns(tree.root))
    if not found:
        return
    ask = environment().compile("''.matches(args.pattern)")
    for pattern, number in found:
        answer = ask.eval(None, {"args": {"pattern": pattern}})
        if not isinstance(answer.value(), bool):
            message = f"`{pattern[:100]}` is no pattern: look-around and back-references are none"
            raise ConditionCostError(message, number)


def _at(text: str, tree: Tree, number: int, message: str) -> ConditionFault:
    """Return a fault at the place of a part of the tree."""
    before = text[: tree.offset(number)]
    return ConditionFault(
        line=before.count("\n") + 1,
        column=len(before) - (before.rfind("\n") + 1) + 1,
        message=message,
    )
