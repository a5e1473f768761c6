"""An input schema in a form in which what means the same is mostly written the same."""

from collections.abc import Iterator
from typing import Final, TypeAlias, cast

import jsonschema_rs

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError, Json
from placet.policy.numbers import normal
from placet.policy.schemas.shape import ANNOTATIONS

Schema: TypeAlias = dict[str, object] | bool
PARTS_MAX: Final = 5_000
"""Schemas within one that are looked at; references are followed, and can make many of few."""
DEPTH_MAX: Final = 64
"""Schemas inside each other, references followed."""

_IGNORED: Final = ANNOTATIONS | {"$schema", "$id", "$defs", "definitions"}
_UNEVALUATED: Final = frozenset({"unevaluatedItems", "unevaluatedProperties"})
_ONE: Final = _UNEVALUATED | frozenset(
    "items contains additionalProperties propertyNames not if then else".split()  # noqa: SIM905 -- a list of words
)
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})
_TRIVIAL: Final[dict[str, bytes]] = {
    "additionalProperties": b"true",
    "items": b"true",
    "minItems": b"0",
    "minLength": b"0",
    "minProperties": b"0",
    "properties": b"{}",
    "propertyNames": b"true",
    "required": b"[]",
    "uniqueItems": b"false",
}
"""Values that let everything pass, so that a schema means the same without them."""
_EVALUATING: Final = frozenset({"additionalProperties", "items"})
"""Of these, those that say of all members or elements that they are evaluated."""


class OpaqueError(ValueError):
    """A schema that cannot be taken apart: it refers to itself, is too large, or is none."""


def key_of(schema: object) -> bytes:
    """Return the canonical bytes of a schema or of a part of one."""
    return foreign.encode(cast("Json", schema))


def normal_form(schema: Schema) -> Schema:
    """Return an equal schema without references and annotations. Raises `OpaqueError`."""
    formed = _Former(schema).form(schema, ())
    if not _is_schema(formed):
        raise OpaqueError
    return formed


def _is_schema(formed: Schema) -> bool:
    """Say whether every keyword has a value of its kind: whoever compares relies on that."""
    try:
        key_of(formed)
        return jsonschema_rs.meta.is_valid(formed)
    except (ForeignJsonError, ValueError):
        return False


class _Former:
    """Takes one schema apart, and counts the parts."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = PARTS_MAX
        self._depth = 0
        kept = _EVALUATING if _looks_at_evaluated(root) else frozenset[str]()
        self._trivial = {key: it for key, it in _TRIVIAL.items() if key not in kept}

    def form(self, schema: object, followed: tuple[str, ...]) -> Schema:
        self._left -= 1
        if self._left < 0 or self._depth >= DEPTH_MAX or not isinstance(schema, dict | bool):
            raise OpaqueError
        if isinstance(schema, bool):
            return schema
        self._depth += 1
        formed = self._object(schema, followed)
        self._depth -= 1
        return formed

    def _object(self, schema: dict[str, object], followed: tuple[str, ...]) -> Schema:
        formed = {
            key: self._inner(key, inner, followed)
            for key, inner in schema.items()
            if key not in _IGNORED and key != "$ref"
        }
        formed = _listed(
            {key: it for key, it in formed.items() if self._trivial.get(key) != key_of(it)}
        )
        if "$ref" not in schema:
            return formed or True
        reference = str(schema["$ref"])
        if reference in followed or "%" in reference:
            raise OpaqueError
        target = self.form(_resolved(self._root, reference), (*followed, reference))
        if not formed:
            return target
        others = cast("list[Schema]", formed.get("allOf", []))
        return {**formed, "allOf": [*others, target]}

    def _inner(self, key: str, inner: object, followed: tuple[str, ...]) -> object:
        if key in _ONE:
            return self.form(inner, followed)
        if key in _LISTS and isinstance(inner, list):
            return [self.form(one, followed) for one in inner]
        if key in _MAPS and isinstance(inner, dict):
            return {name: self.form(one, followed) for name, one in inner.items()}
        return _plain(key, normal(cast("Json", inner)))


def _looks_at_evaluated(root: object) -> bool:
    """Say whether a schema asks anywhere what other keywords have evaluated."""
    left = [root]
    while left:
        match left.pop():
            case dict() as here:
                if not _UNEVALUATED.isdisjoint(here):
                    return True
                left.extend(here.values())
            case list() as here:
                left.extend(here)
    return False


def _resolved(root: Schema, reference: str) -> object:
    here: object = root
    for token in reference.removeprefix("#").split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and key in here:
            here = here[key]
        elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        else:
            raise OpaqueError
    return here


def _listed(formed: dict[str, object]) -> dict[str, object]:
    """Say a `const` as the list of that one value."""
    if "const" not in formed:
        return formed
    const = formed.pop("const")
    listed = formed.get("enum", [const])
    is_listed = isinstance(listed, list) and key_of(const) in map(key_of, listed)
    return {**formed, "enum": [const] if is_listed else []}


def _plain(key: str, value: Json) -> Json:
    match key, value:
        case "type", str():
            return [value]
        case "type", list() if "number" in value:
            return [*sorted({str(one) for one in value} - {"integer"})]
        case (("type" | "required"), list()):
            return [*sorted({str(one) for one in value})]
        case "enum", list():
            return [foreign.parse(one) for one in sorted({key_of(one) for one in value})]
    return value


def parts_of(schema: Schema) -> Iterator[dict[str, object]]:
    """Yield what must hold all at once: the schema without its `allOf`, and what stands in it."""
    if schema is False:
        yield {"enum": []}
    if isinstance(schema, dict):
        yield {key: inner for key, inner in schema.items() if key != "allOf"}
        for one in cast("list[Schema]", schema.get("allOf", [])):
            yield from parts_of(one)
