"""What asking a condition takes at most, and what a condition may not do.

The bound is made of terms. Each is a number of nanoseconds for each byte of something, times how
often the loops around it run. A loop over what an outer one gives runs, over all of its turns
together, only as often as that has parts; and what a loop gives, all turns together, is no larger
than what it goes over. The library itself ends a condition after `TURNS_MAX` turns of all loops.

The times are upper bounds that were measured with the library on slow hardware and rounded up.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final

from placet.policy.cel.patterns import pattern_size
from placet.policy.cel.tree import Call, Kind, Literal, Loop, Made, Name, Node, Select

VARIABLES: Final = ("args", "principal", "labels", "phase", "slots")
VALUE_BYTES: Final = 8
"""What a value counts at least, beside the bytes of a text."""

TURNS_MAX: Final = 10_000
NESTED_MAX: Final = 2
_NODE_NS: Final = 150
_GIVEN_NS: Final = 200
_EQUAL_NS: Final = 15
_LISTED_NS: Final = 8
_TEXT_NS: Final = 2
_ANY_NS: Final = 20
_FOUND_NS: Final = 40
_JOINED_NS: Final = 20
_PATTERN_READ_NS: Final = 3_000
_PATTERN_PLACE_NS: Final = 30
_DATA: Final = -1

_TIMES: Final = (
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
)
_NS: Final = {
    **dict.fromkeys(("_&&_", "_||_", "!_", "@not_strictly_false", *_TIMES), 0),
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _TEXT_NS),
    **dict.fromkeys(("_+_", "_-_", "_*_", "_/_", "_%_", "-_"), _ANY_NS),
    **dict.fromkeys(("size", "startsWith", "endsWith", "type", "dyn"), _ANY_NS),
    **dict.fromkeys(("int", "uint", "double", "bool", "string", "bytes"), _ANY_NS),
    **dict.fromkeys(("timestamp", "duration"), _ANY_NS),
    "contains": _FOUND_NS,
}
"""What a function takes at most for each byte of its arguments."""

_ARGUMENTS_MAX: Final = dict.fromkeys(_TIMES, 1)
"""A time zone is read from the machine, and is not the same on each."""


class ConditionCostError(ValueError):
    """What a condition may not do; `number` is the part of the tree that does it."""

    def __init__(self, message: str, number: int) -> None:
        """Say what, and where."""
        super().__init__(message)
        self.number = number


@dataclasses.dataclass(frozen=True, slots=True)
class _Size:
    """Bytes of a value at most: so many, and so often what a loop gives or what is given."""

    own: int = VALUE_BYTES
    of: Mapping[int, int] = dataclasses.field(default_factory=dict)

    def plus(self, other: "_Size") -> "_Size":
        of = {**self.of}
        for root, times in other.of.items():
            of[root] = of.get(root, 0) + times
        return _Size(self.own + other.own, of)


_SMALL: Final = _Size()
_GIVEN: Final = _Size(of={_DATA: 1})


@dataclasses.dataclass(frozen=True, slots=True)
class _Running:
    """A loop: its turns at most, in one run and in all, and the bytes that it goes over in all."""

    turns_once: float
    turns: float
    size: float


def condition_ns(root: Node, given: int) -> tuple[int, int]:
    """Return nanoseconds for data of so many bytes, and the part of the tree that takes most.

    Raises `ConditionCostError` for what may not be done at all.
    """
    bound = _Bound(given)
    bound.size(root)
    bound.charge(root.number, _GIVEN, _GIVEN_NS)
    return round(sum(bound.spent.values())), max(bound.spent, key=bound.spent.__getitem__)


class _Bound:
    """The time that was found so far, for each part of the tree."""

    def __init__(self, given: int) -> None:
        self.given = given
        self.spent: dict[int, float] = {}
        self._running: list[_Running] = []
        self._names: dict[str, _Size] = dict.fromkeys(VARIABLES, _GIVEN)

    def charge(self, number: int, size: _Size, nanoseconds: float) -> None:
        """Charge for each byte of something in every turn."""
        self._spend(number, self._total(size) * nanoseconds)

    def _spend(self, number: int, nanoseconds: float) -> None:
        self.spent[number] = self.spent.get(number, 0) + nanoseconds

    def _turns(self) -> float:
        return self._running[-1].turns if self._running else 1

    def _total(self, size: _Size) -> float:
        """Return the bytes of something, all turns of the loops around it together."""
        total = size.own * self._turns()
        for root, times in size.of.items():
            if root == _DATA:
                total += times * self.given * self._turns()
                continue
            inner = 1.0
            for running in self._running[root + 1 :]:
                inner *= max(1, running.turns_once)
            total += times * self._running[root].size * inner
        return total

    def _least(self, number: int, one: _Size, two: _Size, nanoseconds: float) -> None:
        self._spend(number, min(self._total(one), self._total(two)) * nanoseconds)

    def size(self, node: Node) -> _Size:
        """Charge for a part and all in it; return its size."""
        self._spend(node.number, _NODE_NS * self._turns())
        match node:
            case Literal():
                return _Size(VALUE_BYTES + node.size)
            case Name():
                return self._names.get(node.name, _SMALL)
            case Select():
                return self.size(node.operand)
            case Made():
                return self._made(node)
            case Loop():
                return self._loop(node)
            case Call():
                found = self._call(node, [self.size(part) for part in node.arguments])
                return _SMALL if node.kind is Kind.FIXED else found

    def _made(self, node: Made) -> _Size:
        if node.message:
            message = f"`{node.message}` cannot be built in a condition"
            raise ConditionCostError(message, node.number)
        total = _SMALL
        for part in node.parts:
            total = total.plus(self.size(part))
        self.charge(node.number, total, _JOINED_NS)
        return total

    def _loop(self, node: Loop) -> _Size:
        if node.begin.kind is not Kind.FIXED:
            message = "`map` and `filter` build lists; use `all`, `exists` or `exists_one`"
            raise ConditionCostError(message, node.number)
        if len(self._running) == NESTED_MAX:
            message = f"more than {NESTED_MAX} macros stand in one another"
            raise ConditionCostError(message, node.number)
        if node.variable in VARIABLES:
            message = f"`{node.variable}` already stands for what is given; name it otherwise"
            raise ConditionCostError(message, node.number)
        over = self.size(node.over)
        once = over.own + sum(times * self.given for times in over.of.values())
        size = self._total(over)
        before = self._names.copy()
        self._names[node.variable] = _Size(VALUE_BYTES, {len(self._running): 1})
        self._names[node.folded] = _SMALL
        self.size(node.begin)
        self._running.append(
            _Running(min(TURNS_MAX, once / VALUE_BYTES), min(TURNS_MAX, size / VALUE_BYTES), size)
        )
        for step in node.steps:
            self.size(step)
        self._running.pop()
        self._names = before
        return _SMALL

    def _call(self, node: Call, sizes: list[_Size]) -> _Size:
        number, function = node.number, node.function
        match function, sizes:
            case (("_==_" | "_!=_"), [one, two]):
                is_any = all(part.kind is Kind.ANY for part in node.arguments)
                self._least(number, one, two, _EQUAL_NS if is_any else _TEXT_NS)
            case "_?_:_", [_, one, two]:
                return one.plus(two)
            case "_+_", [one, two] if node.kind is not Kind.FIXED:
                self.charge(number, one.plus(two), _JOINED_NS)
                return one.plus(two)
            case "@in", [one, two]:
                is_any = node.arguments[0].kind is Kind.ANY
                self.charge(number, one, _ANY_NS)
                self.charge(number, two, _EQUAL_NS if is_any else _LISTED_NS)
            case "_[_]", [one, two]:
                self.charge(number, two, _ANY_NS)
                return one
            case "matches", [one, _]:
                self._pattern(node, one)
            case _ if function in _NS and len(sizes) <= _ARGUMENTS_MAX.get(function, 2):
                total = _SMALL
                for one in sizes:
                    total = total.plus(one)
                self.charge(number, total, _NS[function])
                return total
            case _:
                message = f"`{function}` is not taken in a condition"
                if function in _TIMES:
                    message = f"`{function}` with a time zone is not taken in a condition"
                raise ConditionCostError(message, number)
        return _SMALL

    def _pattern(self, node: Call, text: _Size) -> None:
        pattern = node.arguments[1]
        if not isinstance(pattern, Literal) or pattern.text is None:
            message = "the pattern of `matches` must be written out"
            raise ConditionCostError(message, node.number)
        try:
            size = pattern_size(pattern.text)
        except ValueError as fault:
            raise ConditionCostError(str(fault), node.number) from fault
        self._spend(node.number, size.read * _PATTERN_READ_NS * self._turns())
        self.charge(node.number, text, size.places * _PATTERN_PLACE_NS)


def patterns(node: Node) -> Iterator[tuple[str, int]]:
    """Yield the patterns of a tree, each with its part's number."""
    if isinstance(node, Call) and node.function == "matches":
        pattern = node.arguments[-1]
        if isinstance(pattern, Literal) and pattern.text is not None:
            yield pattern.text, node.number
    for part in parts(node):
        yield from patterns(part)


def parts(node: Node) -> tuple[Node, ...]:
    """Return what a part of a tree is made of."""
    match node:
        case Select():
            return (node.operand,)
        case Call():
            return node.arguments
        case Made():
            return node.parts
        case Loop():
            return (node.over, node.begin, *node.steps)
    return ()
