"""Operators: a rule of the contract becomes tests on the values at its path."""

import dataclasses
import operator
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final, TypeAlias, cast

from msgspec import UNSET

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.decision import Code
from placet.policy.model import JsonType, Rule
from placet.policy.numbers import Number, bound, equal, exact, is_number, is_of_type, json_type
from placet.policy.paths import MISSING, Path, Selected, parse_path

SHOWN_MAX: Final = 200
REF: Final = "_ref"
SLOT_VALUES_MAX: Final = 256
"""Values that a slot can hold, counting those inside others; a larger one binds nothing."""

_COMPARE_NS: Final = 1_000
"""At most what it takes to compare one value of a document with one value of an operand."""

_FIND_BYTE_NS: Final = 2


class Fault(Enum):
    """Why an operator does not hold."""

    MISSING = Code.ARGUMENT_MISSING
    TYPE = Code.ARGUMENT_WRONG_TYPE
    BOUNDS = Code.ARGUMENT_OUT_OF_BOUNDS
    VALUE = Code.ARGUMENT_NOT_ALLOWED


FAULT_SAYS: Final = {
    Fault.MISSING: "there is no such value",
    Fault.TYPE: "the value is of another type",
    Fault.BOUNDS: "the value is out of bounds",
    Fault.VALUE: "the value is not the one wanted",
}

Test: TypeAlias = Callable[[Json], Fault | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern: whether it is found in a text, and what that can take."""

    search: Callable[[str], bool]
    ns_per_byte: int


PatternCompiler: TypeAlias = Callable[[str], Pattern]


@dataclasses.dataclass(frozen=True, slots=True)
class Operator:
    """One operator of one rule, ready to be asked.

    `needs` says in words what would have to be true. `exists` is the operand of `exists`, which
    alone may look at a missing value. `per_value` and `per_byte` are nanoseconds at most: for each
    value, and for each byte of a text. `is_simple` says that there is one value, and that its
    length makes no difference.
    """

    rule: str
    path: Path
    name: str
    needs: str
    test: Test
    exists: bool | None = None
    per_value: int = _COMPARE_NS
    per_byte: int = 0
    is_simple: bool = False

    def fault(self, values: list[Selected]) -> Fault | None:
        """Return the first fault among the selected values, or None when all of them hold."""
        for value in values:
            if (found := self.fault_of(value)) is not None:
                return found
        return None

    def fault_of(self, value: Selected) -> Fault | None:
        """Return what is wrong with one value, or None when it holds."""
        if self.exists is not None:
            if (value is MISSING) is not self.exists:
                return None
            return Fault.MISSING if self.exists else Fault.VALUE
        return Fault.MISSING if value is MISSING else self.test(value)


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """One operator that compares with a slot. An empty slot fails, and so does a missing value."""

    rule: str
    path: Path
    name: str
    slot: str
    needs: str

    @property
    def per_value(self) -> int:
        """Return nanoseconds at most for each value."""
        return _COMPARE_NS * (SLOT_VALUES_MAX if self.name in {"one_of", "none_of"} else 2)

    def fault(self, values: list[Selected], operand: Json) -> Fault | None:
        """Return the first fault among the selected values against the slot's value."""
        test = _referring(self.name, operand)
        if test is None:
            return Fault.TYPE
        for value in values:
            if value is MISSING:
                return Fault.MISSING
            if (found := test(value)) is not None:
                return found
        return None


def load_references(rule: Rule, place: str) -> Iterator[Reference]:
    """Yield the operators of a rule that compare with a slot. Raises `PathError`."""
    path = parse_path(rule.path)
    for name, slot in references(rule):
        plain = name.removesuffix(REF)
        subject = f"every `{path.text}`" if path.is_many else f"`{path.text}`"
        yield Reference(
            rule=f"{place}.{name}",
            path=path,
            name=plain,
            slot=slot,
            needs=f"{subject} {_SAYS[plain]} the slot `{slot}`",
        )


def _referring(name: str, operand: Json) -> Test | None:
    """Return the test against a slot's value, or None where the slot holds another kind."""
    match name:
        case "equals" | "not_equals":
            return _membership((operand,), is_wanted=name == "equals")
        case "one_of" | "none_of" if isinstance(operand, list):
            return _membership(tuple(operand), is_wanted=name == "one_of")
        case "gt" | "gte" | "lt" | "lte" if is_number(operand):
            return _bounded(_COMPARISONS[name], exact(cast("float", operand)))
    return None


def operators(
    rule: Rule, place: str, compile_pattern: PatternCompiler, *, is_secret: bool = False
) -> tuple[Operator, ...]:
    """Return the operators of a rule that stands at `place`, in the language's order.

    With `is_secret`, the path is redacted and no operand is spelt out. Raises `PathError` for a bad
    path and whatever `compile_pattern` raises for a bad pattern.
    """
    path = parse_path(rule.path)
    made = []
    for name, operand in operands(rule):
        is_pattern = name == "matches" and isinstance(operand, str)
        pattern = compile_pattern(str(operand)) if is_pattern else None
        found = _FIND_BYTE_NS if name == "contains" else 0
        made.append(
            Operator(
                rule=f"{place}.{name}",
                path=path,
                name=name,
                needs=says(path, name, operand, is_secret=is_secret),
                test=_make_test(name, operand) if pattern is None else _matching(pattern.search),
                exists=operand if name == "exists" and isinstance(operand, bool) else None,
                per_value=_COMPARE_NS * _size(operand),
                per_byte=found if pattern is None else pattern.ns_per_byte,
                is_simple=not path.is_many and not found and pattern is None,
            )
        )
    return tuple(made)


def _size(operand: object) -> int:
    """Return how many values an operand is made of."""
    match operand:
        case list() | tuple():
            return 1 + sum(map(_size, operand))
        case dict():
            return 1 + sum(map(_size, operand.values()))
    return 1


def operands(rule: Rule) -> Iterator[tuple[str, object]]:
    """Yield the operators that a rule has, with their operands, in the language's order.

    Those that compare with a slot are `references`.
    """
    for name in rule.__struct_fields__:
        operand = getattr(rule, name)
        if name != "path" and operand is not UNSET and not name.endswith(REF):
            yield name, operand


def references(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield the operators of a rule that compare with a slot, each with the slot's name."""
    for name in rule.__struct_fields__:
        slot = getattr(rule, name)
        if name.endswith(REF) and slot is not UNSET:
            yield name, slot


_SAYS: Final = {
    "equals": "equals",
    "not_equals": "does not equal",
    "one_of": "is one of",
    "none_of": "is none of",
    "type": "is of type",
    "contains": "contains",
    "matches": "matches",
    "gt": "is greater than",
    "gte": "is at least",
    "lt": "is less than",
    "lte": "is at most",
    "length_gte": "has a length of at least",
    "length_lte": "has a length of at most",
}


def says(
    path: Path, name: str, operand: object, *, is_secret: bool = False, is_whole: bool = False
) -> str:
    """Return in words what one operator wants.

    With `is_secret` the operand is not spelt out; with `is_whole` it is, as JSON, however long.
    """
    if name == "exists":
        return f"`{path.text}` {'is there' if operand else 'is not there'}"
    subject = f"every `{path.text}`" if path.is_many else f"`{path.text}`"
    if is_whole:
        return f"{subject} {_SAYS[name]} `{json_text(operand)}`"
    shown = "what the contract says" if is_secret else f"`{_shown(operand)}`"
    return f"{subject} {_SAYS[name]} {shown}"


def json_text(value: object) -> str:
    """Return a value of a contract as the text of its JSON."""
    return foreign.encode(cast("Json", value)).decode()


def _shown(operand: object) -> str:
    is_text = isinstance(operand, str)
    text = str(operand) if is_text else json_text(operand)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _make_test(name: str, operand: object) -> Test:
    match name, operand:
        case (("equals" | "not_equals"), _):
            return _membership((operand,), is_wanted=name == "equals")
        case (("one_of" | "none_of"), tuple()):
            return _membership(operand, is_wanted=name == "one_of")
        case "type", JsonType():
            return lambda value: None if is_of_type(value, operand) else Fault.TYPE
        case "contains", _:
            return lambda value: _contains(value, operand)
        case (("gt" | "gte" | "lt" | "lte"), (int() | str())):
            return _bounded(_COMPARISONS[name], bound(operand))
        case (("length_gte" | "length_lte"), int()):
            return _measured(operand, is_least=name == "length_gte")
        case "exists", bool():
            return lambda _: None
    message = f"`{name}` is no operator"
    raise ValueError(message)


def _membership(wanted: tuple[object, ...], *, is_wanted: bool) -> Test:
    """Test for one of, or none of. A type that no operand has fails both ways."""
    types = {json_type(operand) for operand in wanted}
    texts = frozenset(operand for operand in wanted if type(operand) is str)

    def test(value: Json) -> Fault | None:
        if type(value) is str and texts:
            return None if (value in texts) is is_wanted else Fault.VALUE
        if json_type(value) not in types:
            return Fault.TYPE
        is_found = any(equal(value, operand) for operand in wanted)
        return None if is_found is is_wanted else Fault.VALUE

    return test


def _contains(value: Json, operand: object) -> Fault | None:
    if isinstance(value, list):
        return None if any(equal(inner, operand) for inner in value) else Fault.VALUE
    if isinstance(value, str) and isinstance(operand, str):
        return None if operand in value else Fault.VALUE
    return Fault.TYPE


def _matching(matches: Callable[[str], bool]) -> Test:
    def test(value: Json) -> Fault | None:
        if not isinstance(value, str):
            return Fault.TYPE
        return None if matches(value) else Fault.VALUE

    return test


_COMPARISONS: Final[dict[str, Callable[[Number, Number], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _bounded(compare: Callable[[Number, Number], bool], limit: Number) -> Test:
    def test(value: Json) -> Fault | None:
        if type(value) is int:
            return None if compare(value, limit) else Fault.BOUNDS
        if not is_number(value):
            return Fault.TYPE
        return None if compare(exact(cast("float", value)), limit) else Fault.BOUNDS

    return test


def _measured(limit: int, *, is_least: bool) -> Test:
    def test(value: Json) -> Fault | None:
        if not isinstance(value, str | list):
            return Fault.TYPE
        holds = len(value) >= limit if is_least else len(value) <= limit
        return None if holds else Fault.BOUNDS

    return test
