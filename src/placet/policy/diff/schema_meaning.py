"""Whether every document that one schema takes is taken by another one, as far as can be told."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final, TypeAlias, cast

from placet.kernel.foreign import Json
from placet.policy.diff.meaning import End
from placet.policy.diff.schema_form import Schema, key_of, parts_of
from placet.policy.model import JsonType
from placet.policy.numbers import exact, is_number, json_type

Part: TypeAlias = dict[str, object]
STEPS_MAX: Final = 20_000
"""Comparisons for one pair of schemas; what is left after them is not proven."""
DEPTH_MAX: Final = 64
"""Comparisons inside each other; what lies deeper is not proven."""

_NUMBERS: Final = frozenset({JsonType.NUMBER})
_TEXTS: Final = frozenset({JsonType.STRING})
_LISTS: Final = frozenset({JsonType.ARRAY})
_OBJECTS: Final = frozenset({JsonType.OBJECT})
_ALL: Final = frozenset(JsonType) - {JsonType.INTEGER}

KEYWORDS: Final[dict[str, tuple[tuple[str, ...], frozenset[JsonType]]]] = {
    "type": (("type",), _ALL),
    "enum": (("enum",), _ALL),
    "lower": (("minimum", "exclusiveMinimum"), _NUMBERS),
    "upper": (("maximum", "exclusiveMaximum"), _NUMBERS),
    "multipleOf": (("multipleOf",), _NUMBERS),
    "minLength": (("minLength",), _TEXTS),
    "maxLength": (("maxLength",), _TEXTS),
    "pattern": (("pattern",), _TEXTS),
    "format": (("format",), _TEXTS),
    "content": (("contentEncoding", "contentMediaType", "contentSchema"), _TEXTS),
    "minItems": (("minItems",), _LISTS),
    "maxItems": (("maxItems",), _LISTS),
    "uniqueItems": (("uniqueItems",), _LISTS),
    "elements": (("prefixItems", "items"), _LISTS),
    "contains": (("contains", "minContains", "maxContains"), _LISTS),
    "minProperties": (("minProperties",), _OBJECTS),
    "maxProperties": (("maxProperties",), _OBJECTS),
    "required": (("required",), _OBJECTS),
    "members": (("properties", "patternProperties", "additionalProperties"), _OBJECTS),
    "propertyNames": (("propertyNames",), _OBJECTS),
    "dependent": (("dependentRequired", "dependentSchemas"), _OBJECTS),
    "anyOf": (("anyOf",), _ALL),
    "oneOf": (("oneOf",), _ALL),
    "not": (("not",), _ALL),
    "if": (("if", "then", "else"), _ALL),
}
"""Keywords that make sense together only, and the types that they say anything about."""

KNOWN: Final = frozenset(name for names, _ in KEYWORDS.values() for name in names)
_AT_LEAST: Final = frozenset({"minLength", "minItems", "minProperties"})
_AT_MOST: Final = frozenset({"maxLength", "maxItems", "maxProperties"})


class Prover:
    """Proves that one schema implies another, with so many steps and no more."""

    def __init__(self) -> None:
        """Begin with all steps left."""
        self._left = STEPS_MAX
        self._depth = 0
        self._keys: dict[int, tuple[object, bytes]] = {}

    def implies(self, schema: Schema, other: Schema) -> bool:
        """Say whether what `schema` takes is known to be taken by `other`."""
        self._left -= 1
        if other is True or schema is False or self._key(schema) == self._key(other):
            return True
        parts = list(parts_of(schema))
        return self._left > 0 and all(
            self.implies_group(parts, wanted, group)
            for wanted in parts_of(other)
            for group in groups_of(wanted)
        )

    def implies_group(self, parts: Sequence[Part], wanted: Part, group: str) -> bool:
        """Say whether all of `parts` together imply what one group of keywords wants."""
        self._left -= len(parts)
        if group not in KEYWORDS or self._left <= 0:
            return False
        names = KEYWORDS[group][0]
        if any(self._is_same(part, wanted, names) for part in parts):
            return True
        if not types_of(parts) & KEYWORDS[group][1]:
            return True
        if self._depth >= DEPTH_MAX:
            return False
        self._depth += 1
        is_implied = (
            any(self._covers(part, wanted, group) for part in parts)
            or (group == "anyOf" and self._is_in_a_branch(parts, wanted))
            or any(self._by_branches(part, parts, wanted, group) for part in parts)
        )
        self._depth -= 1
        return is_implied

    def _is_same(self, one: Part, other: Part, names: tuple[str, ...]) -> bool:
        return all(self._key(one.get(name)) == self._key(other.get(name)) for name in names)

    def _key(self, schema: object) -> bytes:
        """Return the canonical bytes of a schema or of a keyword's value, written once."""
        known = self._keys.get(id(schema))
        if known is None or known[0] is not schema:
            known = self._keys[id(schema)] = (schema, key_of(schema))
        return known[1]

    def _by_branches(self, part: Part, parts: Sequence[Part], wanted: Part, group: str) -> bool:
        """Say whether each branch of an alternative implies it, the other parts beside it."""
        for name in ("anyOf", "oneOf"):
            branches = cast("list[Schema]", part.get(name, []))
            if branches and all(
                self.implies_group(
                    [
                        *(one for one in parts if one is not part),
                        {key: it for key, it in part.items() if key != name},
                        *parts_of(branch),
                    ],
                    wanted,
                    group,
                )
                for branch in branches
            ):
                return True
        return False

    def _is_in_a_branch(self, parts: Sequence[Part], wanted: Part) -> bool:
        return any(
            branch is True
            or all(
                self.implies_group(parts, inner, group)
                for inner in parts_of(branch)
                for group in groups_of(inner)
            )
            for branch in cast("list[Schema]", wanted["anyOf"])
        )

    def _covers(self, part: Part, wanted: Part, group: str) -> bool:
        """Say whether one part alone implies what a group of keywords wants."""
        match group:
            case "type":
                return _is_typed(part, cast("list[str]", wanted["type"]))
            case "enum":
                return _is_listed(part, wanted)
            case "lower" | "upper":
                mine, other = (end_of(one, is_lower=group == "lower") for one in (part, wanted))
                if mine is None or other is None:
                    return False
                return mine.is_within(other, is_lower=group == "lower")
            case "members":
                return self._covers_members(part, wanted)
            case "elements":
                return self._covers_elements(part, wanted)
            case "propertyNames":
                mine_names = cast("Schema", part.get(group, True))
                return self.implies(mine_names, cast("Schema", wanted[group]))
            case "not" if "not" in part:
                return self.implies(cast("Schema", wanted["not"]), cast("Schema", part["not"]))
        return _covers_plainly(part.get(group), wanted.get(group), group)

    def _covers_members(self, part: Part, wanted: Part) -> bool:
        names = member_names(part, wanted)
        return names is not None and all(
            self.implies(member_of(part, name), member_of(wanted, name)) for name in (*names, None)
        )

    def _covers_elements(self, part: Part, wanted: Part) -> bool:
        length = max(len(prefix_of(part)), len(prefix_of(wanted)))
        return all(
            self.implies(element_of(part, index), element_of(wanted, index))
            for index in range(length + 1)
        )


def groups_of(part: Part) -> Iterable[str]:
    """Return the groups of keywords that a part has, with `?` for what is not known."""
    found = [group for group, (names, _) in KEYWORDS.items() if any(name in part for name in names)]
    return found if part.keys() <= KNOWN else [*found, "?"]


def member_names(one: Part, other: Part) -> list[str] | None:
    """Return the members that either part names, or None where patterns name others."""
    mine = cast("dict[str, object]", one.get("properties", {}))
    others = cast("dict[str, object]", other.get("properties", {}))
    if "patternProperties" in one or "patternProperties" in other:
        patterns = (key_of(part.get("patternProperties")) for part in (one, other))
        if len(set(patterns)) > 1 or mine.keys() != others.keys():
            return None
    return list(dict.fromkeys((*others, *mine)))


def member_of(part: Part, name: str | None) -> Schema:
    """Return the schema of a member, or with None that of every member without a name."""
    members = cast("dict[str, Schema]", part.get("properties", {}))
    others = cast("Schema", part.get("additionalProperties", True))
    return others if name is None else members.get(name, others)


def prefix_of(part: Part) -> list[Schema]:
    """Return the schemas of the first elements."""
    return cast("list[Schema]", part.get("prefixItems", []))


def element_of(part: Part, index: int) -> Schema:
    """Return the schema of one element."""
    prefix = prefix_of(part)
    return prefix[index] if index < len(prefix) else cast("Schema", part.get("items", True))


def types_of(parts: Iterable[Part]) -> frozenset[JsonType]:
    """Return the types that all parts let pass; every number is a `number`."""
    types = _ALL
    for part in parts:
        if "type" in part:
            names = cast("list[str]", part["type"])
            types &= {JsonType("number" if name == "integer" else name) for name in names}
        if (listed := _listed(part)) is not None:
            types &= {json_type(value) for value in listed}
    return types


def end_of(part: Part, *, is_lower: bool) -> End | None:
    """Return the strictest end on one side of a part's numbers."""
    names = ("minimum", "exclusiveMinimum") if is_lower else ("maximum", "exclusiveMaximum")
    ends = [
        End(exact(cast("float", part[name])), name.startswith("exclusive"))
        for name in names
        if is_number(part.get(name))
    ]
    if len(ends) > 1 and ends[1].is_within(ends[0], is_lower=is_lower):
        return ends[1]
    return ends[0] if ends else None


def _listed(part: Part) -> list[Json] | None:
    """Return the few values that a part takes, or None where it does not list them."""
    return cast("list[Json] | None", part.get("enum"))


def _is_listed(part: Part, wanted: Part) -> bool:
    mine, others = _listed(part), _listed(wanted)
    if mine is None or others is None:
        return False
    keys = {key_of(value) for value in others}
    return all(key_of(value) in keys for value in mine)


def _is_typed(part: Part, wanted: list[str]) -> bool:
    taken = set(wanted) | ({"integer"} if "number" in wanted else set())
    if "type" in part:
        return set(cast("list[str]", part["type"])) <= taken
    listed = _listed(part)
    return listed is not None and all(str(json_type(value)) in taken for value in listed)


def _covers_plainly(mine: object, wanted: object, group: str) -> bool:
    """Compare keywords whose value is a number or a set of names."""
    match mine, wanted:
        case list(), list() if group == "required":
            return set(wanted) <= set(mine)
        case ((int() | float()), (int() | float())) if group in _AT_LEAST:
            return mine >= wanted
        case ((int() | float()), (int() | float())) if group in _AT_MOST:
            return mine <= wanted
        case ((int() | float()), (int() | float())) if group == "multipleOf":
            return wanted != 0 and (_fraction(mine) / _fraction(wanted)).denominator == 1
    return False


def _fraction(value: float) -> Fraction:
    return Fraction(exact(value))
