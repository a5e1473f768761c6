"""Whether a value could fit a tool's schema and rules at once, by the simplest keywords."""

from typing import Final, cast

from placet.policy.checks.given import EVERY_KIND, Key, Kinds, Wanted, key_of
from placet.policy.checks.spans import Limit, Span, whole
from placet.policy.model import JsonType
from placet.policy.numbers import exact, is_number
from placet.policy.paths import Path
from placet.policy.schemas.paths import Schema, SchemaPaths
from placet.policy.schemas.shape import ANNOTATIONS

_LEADING: Final = {"$ref", "allOf", "anyOf", "oneOf"}
"""Keywords that only lead to other schemas, which are asked themselves."""


NAMED_MAX: Final = 500
"""Values that are tried against the schemas of one path; with more it is in doubt."""


class Shapes:
    """The schemas that a value at one path may have to fit. One that it fits is enough."""

    def __init__(self, schema: SchemaPaths, path: Path) -> None:
        """Look the path up."""
        shapes = [leaf for leaf in schema.leaves(path.parts) if not _is_leading(leaf)]
        is_much = sum(len(_choices(shape) or ()) for shape in shapes) > NAMED_MAX
        self._shapes = [] if is_much else [(shape, _named(shape)) for shape in shapes]
        self._must_exist = _is_required(schema, path)

    def fit(self, wanted: Wanted) -> bool:
        """Say whether some value could fit one of the schemas and be what is wanted.

        True in doubt: where the path is unknown, and where other keywords decide.
        """
        if wanted.is_absent:
            return not self._must_exist
        if len(wanted.named or ()) * len(self._shapes) > NAMED_MAX:
            return True
        return not self._shapes or any(_fits(it, named, wanted) for it, named in self._shapes)


def _is_required(schema: SchemaPaths, path: Path) -> bool:
    """Say whether every document that fits the schema has a value at the path."""
    root = next(iter(schema.leaves(())), None)
    names = root.get("required") if isinstance(root, dict) else None
    return len(path.parts) == 1 and isinstance(names, list) and path.parts[0] in names


def _is_leading(schema: Schema) -> bool:
    if not isinstance(schema, dict):
        return False
    keys = schema.keys() - ANNOTATIONS
    return bool(keys) and keys <= _LEADING


def _fits(shape: Schema, named: dict[Key, object] | None, wanted: Wanted) -> bool:
    """Say whether a schema, with the values that it names, has a value that is wanted."""
    if not isinstance(shape, dict):
        return True
    kinds, is_whole = _kinds(shape)
    kinds &= wanted.kinds
    if wanted.named is None and named is None:
        return any(_has(shape, kind, wanted, is_whole=is_whole) for kind in kinds)
    values = wanted.named if wanted.named is not None else named or {}
    return any(
        (named is None or key in named) and wanted.takes(key, value) and _takes(shape, kinds, value)
        for key, value in values.items()
    )


def _kinds(shape: dict[str, object]) -> tuple[Kinds, bool]:
    """Return the kinds of values that a schema takes, and whether its numbers are whole."""
    types = shape.get("type")
    names = {types} if isinstance(types, str) else set(cast("list[str]", types or ()))
    if not names:
        return EVERY_KIND, False
    is_whole = "integer" in names and "number" not in names
    kinds = {JsonType.NUMBER if name == "integer" else name for name in names}
    return frozenset(kind for kind in EVERY_KIND if kind in kinds), is_whole


def _choices(shape: Schema) -> list[object] | None:
    """Return the values that a schema names, if it does."""
    if not isinstance(shape, dict):
        return None
    if "const" in shape:
        return [shape["const"]]
    choices = shape.get("enum")
    return choices if isinstance(choices, list) else None


def _named(shape: Schema) -> dict[Key, object] | None:
    choices = _choices(shape)
    return None if choices is None else {key_of(value): value for value in choices}


def _has(shape: dict[str, object], kind: JsonType, wanted: Wanted, *, is_whole: bool) -> bool:
    match kind:
        case JsonType.NUMBER:
            span = wanted.span.within(_numbers(shape))
            if span.low is None or span.high is None or not (is_whole or wanted.is_whole):
                return not span.is_empty()
            first, last = whole(span.low, span.high)
            return first <= last
        case JsonType.STRING | JsonType.ARRAY:
            return not wanted.length.within(_lengths(shape, kind)).is_empty()
    return True


def _takes(shape: dict[str, object], kinds: Kinds, value: object) -> bool:
    """Say whether a schema that takes these kinds takes a value, by its bounds."""
    match value:
        case bool():
            return JsonType.BOOLEAN in kinds
        case int() | float():
            is_broken = _kinds(shape)[1] and exact(value) != int(value)
            return (
                JsonType.NUMBER in kinds and not is_broken and _numbers(shape).holds(exact(value))
            )
        case str():
            is_fit = _lengths(shape, JsonType.STRING).holds(len(value))
            return JsonType.STRING in kinds and is_fit
        case list():
            is_fit = _lengths(shape, JsonType.ARRAY).holds(len(value))
            return JsonType.ARRAY in kinds and is_fit
        case dict():
            return JsonType.OBJECT in kinds
    return JsonType.NULL in kinds


def _numbers(shape: dict[str, object]) -> Span:
    plain = Span(_limit(shape, "minimum"), _limit(shape, "maximum"))
    low = _limit(shape, "exclusiveMinimum", is_strict=True)
    high = _limit(shape, "exclusiveMaximum", is_strict=True)
    return plain.within(Span(low, high))


def _lengths(shape: dict[str, object], kind: JsonType) -> Span:
    least, most = (
        ("minLength", "maxLength") if kind is JsonType.STRING else ("minItems", "maxItems")
    )
    return Span(_limit(shape, least), _limit(shape, most))


def _limit(shape: dict[str, object], name: str, *, is_strict: bool = False) -> Limit | None:
    value = shape.get(name)
    return Limit(exact(cast("float", value)), is_strict) if is_number(value) else None
