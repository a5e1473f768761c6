"""What operators on one path want together, and whether that implies what another one wants."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Final, cast

import msgspec

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.model import JsonType, Rule
from placet.policy.numbers import Number, bound, json_type, normal
from placet.policy.operators import REF, Operator, Pattern, operators
from placet.policy.text.document import plain
from placet.policy.text.tree import Steps


@dataclasses.dataclass(frozen=True, slots=True)
class Atom:
    """One operator with its operand, and where it stands."""

    name: str
    operand: object
    steps: Steps

    @property
    def key(self) -> tuple[str, bytes]:
        """What the atom wants, the same for atoms that want the same."""
        return self.name, encoded(self.operand)


@dataclasses.dataclass(frozen=True, slots=True)
class End:
    """One end of an interval of numbers."""

    value: Number
    is_open: bool

    def is_within(self, other: "End", *, is_lower: bool) -> bool:
        """Say whether this end keeps everything out that the other keeps out."""
        if self.value == other.value:
            return self.is_open or not other.is_open
        return (self.value > other.value) is is_lower


_NUMBER: Final = frozenset({JsonType.NUMBER})
_TEXT: Final = frozenset({JsonType.STRING})
_MEASURED: Final = frozenset({JsonType.STRING, JsonType.ARRAY})
_ALL: Final = frozenset(JsonType) - {JsonType.INTEGER}
_LOWER: Final = {"gt": True, "gte": False}
_UPPER: Final = {"lt": True, "lte": False}
_CHOICES: Final = frozenset({"equals", "one_of"})
_EXCLUSIONS: Final = frozenset({"not_equals", "none_of"})
_STRICTER_REF: Final = {"gte_ref": "gt_ref", "lte_ref": "lt_ref"}


def encoded(value: object) -> bytes:
    """Return a key that equal values of a contract share."""
    return foreign.encode(normal(cast("Json", plain(value))))


class Meaning:
    """The values that several operators on one path let pass, as far as that can be told.

    What it says to hold does hold. What it does not say may hold all the same.
    """

    def __init__(self, atoms: Sequence[Atom]) -> None:
        """Take the atoms; all of them must hold for each value at the path."""
        self._keys = {atom.key for atom in atoms}
        self._is_absent = ("exists", b"false") in self._keys
        self._is_present = any(key != ("exists", b"false") for key in self._keys)
        self._tests = _tests(atoms)
        self._types = _types(atoms)
        self._is_whole = ("type", b'"integer"') in self._keys
        self._low = _end(atoms, _LOWER, is_lower=True)
        self._high = _end(atoms, _UPPER, is_lower=False)
        self._shortest = max(_lengths(atoms, "length_gte"), default=0)
        self._longest = min(_lengths(atoms, "length_lte"), default=None)
        self._values = self._named(atoms)
        self._is_empty = self._excludes_everything()

    def implies(self, atom: Atom) -> bool:
        """Say whether every value that passes here passes `atom` too."""
        if self._is_empty or atom.key in self._keys:
            return True
        if atom.name == "exists":
            return self._is_present if atom.operand is True else False
        if self._is_absent or not self._is_present:
            return False
        if atom.name.endswith(REF):
            return (_STRICTER_REF.get(atom.name, ""), atom.key[1]) in self._keys
        if self._values is not None and atom.name != "matches":
            return all(_passes(_tests([atom]), value) for value in self._values)
        return self._implies_by_kind(atom)

    def _implies_by_kind(self, atom: Atom) -> bool:
        match atom.name:
            case "gt" | "gte" | "lt" | "lte":
                return self._is_bounded_by(atom)
            case "length_gte" if isinstance(atom.operand, int):
                return self._types <= _MEASURED and self._shortest >= atom.operand
            case "length_lte" if isinstance(atom.operand, int):
                is_short = self._longest is not None and self._longest <= atom.operand
                return self._types <= _MEASURED and is_short
            case "type":
                return self._types <= _types([atom]) and (
                    atom.operand is not JsonType.INTEGER or self._is_whole
                )
            case "not_equals" | "none_of":
                return self._types <= _types([atom]) and not any(
                    _passes(self._tests, value) for value in _named(atom)
                )
        return False

    def _is_bounded_by(self, atom: Atom) -> bool:
        is_lower = atom.name in _LOWER
        mine = self._low if is_lower else self._high
        other = _end([atom], _LOWER if is_lower else _UPPER, is_lower=is_lower)
        return mine is not None and other is not None and mine.is_within(other, is_lower=is_lower)

    def _named(self, atoms: Sequence[Atom]) -> list[object] | None:
        """Return the few values that can pass, or None where they are not named."""
        naming = [atom for atom in atoms if atom.name in _CHOICES]
        if not naming:
            return None
        return [value for value in _named(naming[0]) if _passes(self._tests, value)]

    def _excludes_everything(self) -> bool:
        if self._is_absent:
            return self._is_present
        if not self._types or self._values == []:
            return True
        if self._longest is not None and self._longest < self._shortest:
            return True
        low, high = self._low, self._high
        if low is None or high is None:
            return False
        is_point_out = low.value == high.value and (low.is_open or high.is_open)
        return low.value > high.value or is_point_out


def needed(atoms: Sequence[Atom]) -> list[Atom]:
    """Return the atoms without those that the others imply, in their order."""
    kept = list(atoms)
    for atom in reversed(atoms):
        others = [one for one in kept if one is not atom]
        if others and Meaning(others).implies(atom):
            kept = others
    return kept


def _named(atom: Atom) -> Iterable[object]:
    is_many = atom.name in {"one_of", "none_of"} and isinstance(atom.operand, tuple)
    return cast("tuple[object, ...]", atom.operand) if is_many else (atom.operand,)


def _types(atoms: Sequence[Atom]) -> frozenset[JsonType]:
    """Return the types of the values that can pass; every number is a `number`."""
    types = _ALL
    for atom in atoms:
        types &= _types_of(atom)
    return types


def _types_of(atom: Atom) -> frozenset[JsonType]:
    match atom.name.removesuffix(REF):
        case "gt" | "gte" | "lt" | "lte":
            return _NUMBER
        case "matches":
            return _TEXT
        case "length_gte" | "length_lte":
            return _MEASURED
        case "contains":
            return _MEASURED if isinstance(atom.operand, str) else _MEASURED - _TEXT
        case "type":
            is_number = atom.operand in {JsonType.NUMBER, JsonType.INTEGER}
            return _NUMBER if is_number else frozenset({cast("JsonType", atom.operand)})
    if atom.name in _CHOICES | _EXCLUSIONS:
        return frozenset(json_type(value) for value in _named(atom))
    return _ALL


def _end(atoms: Sequence[Atom], side: dict[str, bool], *, is_lower: bool) -> End | None:
    """Return the strictest end of one side."""
    best: End | None = None
    for atom in atoms:
        if atom.name in side and isinstance(atom.operand, int | str):
            end = End(bound(atom.operand), side[atom.name])
            if best is None or end.is_within(best, is_lower=is_lower):
                best = end
    return best


def _lengths(atoms: Sequence[Atom], name: str) -> list[int]:
    return [atom.operand for atom in atoms if atom.name == name and isinstance(atom.operand, int)]


def _tests(atoms: Sequence[Atom]) -> list[Operator]:
    """Return atoms as tests on a bare value; patterns and slots are left out."""
    return [
        operator
        for atom in atoms
        if atom.name not in {"exists", "matches"} and not atom.name.endswith(REF)
        for operator in operators(
            msgspec.convert({"path": "$", atom.name: atom.operand}, Rule), "", _no_pattern
        )
    ]


def _no_pattern(_: str) -> Pattern:
    return Pattern(search=lambda _: True, ns_per_byte=0)


def _passes(tests: Sequence[Operator], value: object) -> bool:
    return all(test.fault([cast("Json", value)]) is None for test in tests)
