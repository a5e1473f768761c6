"""The shape of a tool's input schema: its keywords, its references, and the paths that it has."""

import difflib
from collections.abc import Iterator
from typing import Final, TypeAlias, cast

from placet.policy.paths import Every, Part
from placet.policy.tree import Steps

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema: TypeAlias = dict[str, object] | bool


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ANNOTATIONS: Final = _words(
    "title description default examples deprecated readOnly writeOnly $comment"
)
_ONE: Final = _words(
    "items contains additionalProperties unevaluatedProperties unevaluatedItems propertyNames "
    "not if then else contentSchema"
)
_LISTS: Final = _words("allOf anyOf oneOf prefixItems")
_MAPS: Final = _words("properties patternProperties dependentSchemas $defs")
_OTHERS: Final = _words(
    "$schema $id $ref type enum const multipleOf maximum exclusiveMaximum minimum "
    "exclusiveMinimum maxLength minLength pattern maxItems minItems uniqueItems maxContains "
    "minContains maxProperties minProperties required dependentRequired format "
    "contentEncoding contentMediaType"
)
_REFUSED: Final = _words("$anchor $dynamicRef $dynamicAnchor $vocabulary")
_KNOWN: Final = _ANNOTATIONS | _ONE | _LISTS | _MAPS | _OTHERS
_BRANCHES: Final = ("allOf", "anyOf", "oneOf")
_FOLLOWED_MAX: Final = 1_000


def shape_faults(schema: object, steps: Steps = ()) -> Iterator[tuple[Steps, str, str]]:
    """Yield the place, the fault and a hint for everything in a schema that is not taken."""
    if not isinstance(schema, dict):
        return
    for key, inner in schema.items():
        here = (*steps, key)
        if (fault := _keyword_fault(key, inner, is_root=not steps)) is not None:
            yield here, *fault
        elif key in _ONE:
            yield from shape_faults(inner, here)
        elif key in _LISTS and isinstance(inner, list):
            for index, one in enumerate(inner):
                yield from shape_faults(one, (*here, index))
        elif key in _MAPS and isinstance(inner, dict):
            for name, one in inner.items():
                yield from shape_faults(one, (*here, name))


def _keyword_fault(key: str, value: object, *, is_root: bool) -> tuple[str, str] | None:
    if key in _REFUSED or (key == "$id" and not is_root):
        return f"`{key}` is not taken", "refer by `$ref: '#/$defs/…'`"
    if key not in _KNOWN:
        near = difflib.get_close_matches(key, _KNOWN, n=1)
        hint = f"did you mean `{near[0]}`?" if near else "take it out"
        return f"`{key}` is no keyword of JSON Schema 2020-12", hint
    if key == "$schema" and value != DIALECT:
        return "the schema is of another dialect", f"write `{DIALECT}`, or leave `$schema` out"
    if key == "$ref" and not (isinstance(value, str) and (value == "#" or value[:2] == "#/")):
        return "`$ref` leads out of the schema", "refer by `#/$defs/…`"
    return None


def leaves(schema: Schema, parts: tuple[Part, ...]) -> list[Schema]:
    """Return every schema that a value at a path may have to fit; none means: no such path.

    Any branch that has the path is enough. An absent `additionalProperties` counts as false; an
    empty or true schema has every path.
    """
    here: list[Schema] = [schema]
    for part in parts:
        here = [
            inner
            for one in here
            for branch in _branches(schema, one)
            for inner in _step(branch, part)
        ][:_FOLLOWED_MAX]
    return [branch for one in here for branch in _branches(schema, one)]


def _branches(root: Schema, schema: Schema) -> list[Schema]:
    """Return a schema and everything that it points to or combines for the same value."""
    found: list[Schema] = []
    ahead: list[object] = [schema]
    seen: set[int] = set()
    while ahead:
        one = ahead.pop()
        if id(one) in seen or one is False:
            continue
        if one is True:
            found.append(True)
        elif isinstance(one, dict):
            seen.add(id(one))
            found.append(one)
            ahead += _combined(root, one)
    return found


def _combined(root: Schema, schema: dict[str, object]) -> Iterator[object]:
    for name in _BRANCHES:
        inner = schema.get(name)
        if isinstance(inner, list):
            yield from inner
    for name in ("then", "else"):
        if name in schema:
            yield schema[name]
    dependent = schema.get("dependentSchemas")
    if isinstance(dependent, dict):
        yield from dependent.values()
    if isinstance(reference := schema.get("$ref"), str):
        yield _resolve(root, reference)


def _resolve(root: Schema, reference: str) -> object:
    here: object = root
    for token in reference.removeprefix("#").split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and key in here:
            here = here[key]
        elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        else:
            return False
    return here


def _step(schema: Schema, part: Part) -> Iterator[Schema]:
    if schema is True or (isinstance(schema, dict) and not schema.keys() - _ANNOTATIONS):
        yield True
    elif isinstance(schema, dict):
        inners = _member(schema, part) if isinstance(part, str) else _element(schema, part)
        for inner in inners:
            if isinstance(inner, dict | bool) and inner is not False:
                yield cast("Schema", inner)


def _member(schema: dict[str, object], name: str) -> Iterator[object]:
    properties = schema.get("properties")
    if isinstance(properties, dict) and name in properties:
        yield properties[name]
        return
    patterns = schema.get("patternProperties")
    if isinstance(patterns, dict):
        yield from patterns.values()
    yield schema.get("additionalProperties", False)
    yield schema.get("unevaluatedProperties", False)


def _element(schema: dict[str, object], part: int | Every) -> Iterator[object]:
    prefix = schema.get("prefixItems")
    if isinstance(prefix, list):
        if isinstance(part, Every):
            yield from prefix
        elif part < len(prefix):
            yield prefix[part]
            return
    is_open = schema.get("type", "array") == "array" and (prefix is not None or "type" in schema)
    yield schema.get("items", is_open)
