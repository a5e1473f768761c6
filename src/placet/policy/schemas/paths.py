"""The paths that a tool's input schema has, and what it says of the values there."""

from collections.abc import Iterator
from typing import Final, TypeAlias, cast

from placet.policy.paths import Every, Part
from placet.policy.schemas.shape import ANNOTATIONS

BRANCHES_MAX: Final = 200
"""Branches that are followed at one place; a schema with more counts as having every path."""

Schema: TypeAlias = dict[str, object] | bool

_COMBINING: Final = ("allOf", "anyOf", "oneOf")


class SchemaPaths:
    """One schema, asked for many paths; what was found once is kept."""

    def __init__(self, schema: Schema, *, is_open: bool = False) -> None:
        """Keep the schema. Nothing is read but what a path leads to.

        Where it `is_open`, an object without `additionalProperties` has every property.
        """
        self._root = schema
        self._is_open = is_open
        self._opened: SchemaPaths | None = None
        self._start = self._branches([schema])
        self._next: dict[tuple[tuple[int, ...], Part], list[Schema]] = {}

    def leaves(self, parts: tuple[Part, ...]) -> list[Schema]:
        """Return every schema that a value at a path may have to fit; none means: no such path.

        Any branch that has the path is enough. An absent `additionalProperties` counts as false;
        an empty or true schema has every path.
        """
        here = self._start
        for part in parts:
            step = (tuple(map(id, here)), part)
            if step not in self._next:
                inners = [
                    inner for branch in here for inner in _step(branch, part, is_open=self._is_open)
                ]
                self._next[step] = self._branches(inners)
            here = self._next[step]
        return here

    def may_have(self, parts: tuple[Part, ...]) -> bool:
        """Say whether a document that fits the schema may have a value at a path.

        An absent `additionalProperties` counts as true, as it does for a call.
        """
        if self._opened is None:
            self._opened = SchemaPaths(self._root, is_open=True)
        return bool(self._opened.leaves(parts))

    def _branches(self, schemas: list[Schema]) -> list[Schema]:
        """Return schemas, each once, and what they point to or combine for the same value."""
        found: list[Schema] = []
        ahead: list[object] = list(schemas)
        seen: set[int] = set()
        while ahead:
            one = ahead.pop()
            if one is False or id(one) in seen:
                continue
            seen.add(id(one))
            if isinstance(one, dict | bool):
                found.append(cast("Schema", one))
            if isinstance(one, dict):
                ahead += _combined(self._root, one)
            if len(seen) > BRANCHES_MAX:
                return [True]
        return found


def _combined(root: Schema, schema: dict[str, object]) -> Iterator[object]:
    for name in _COMBINING:
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


def _step(schema: Schema, part: Part, *, is_open: bool) -> Iterator[Schema]:
    if schema is True or (isinstance(schema, dict) and not schema.keys() - ANNOTATIONS):
        yield True
    elif isinstance(schema, dict):
        is_open = is_open and _is_object(schema)
        inners = (
            _member(schema, part, is_open=is_open)
            if isinstance(part, str)
            else _element(schema, part)
        )
        for inner in inners:
            if isinstance(inner, dict | bool) and inner is not False:
                yield cast("Schema", inner)


def _is_object(schema: dict[str, object]) -> bool:
    kinds = schema.get("type", "object" if "properties" in schema else "")
    return kinds == "object" or (isinstance(kinds, list) and "object" in kinds)


def _member(schema: dict[str, object], name: str, *, is_open: bool) -> Iterator[object]:
    properties = schema.get("properties")
    if isinstance(properties, dict) and name in properties:
        yield properties[name]
        return
    patterns = schema.get("patternProperties")
    if isinstance(patterns, dict):
        yield from patterns.values()
    is_open = is_open and "unevaluatedProperties" not in schema
    yield schema.get("additionalProperties", is_open)
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
