"""The keywords of a tool's input schema: all known, and no reference out of it."""

import difflib
from collections.abc import Iterator
from typing import Final

from placet.policy.text.tree import Steps

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ANNOTATIONS: Final = _words(
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
_KNOWN: Final = ANNOTATIONS | _ONE | _LISTS | _MAPS | _OTHERS


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
