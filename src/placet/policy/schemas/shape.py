"""The keywords of a tool's input schema: all known, each with one meaning, no reference out of it.

Tools publish draft-07 as often as 2020-12, and every schema is read as 2020-12. So a draft-07
schema is taken where both say the same of it, and where they do not, that is a fault.
"""

import difflib
from collections.abc import Iterator
from typing import Final

from placet.policy.schemas.cost import SchemaCostError, resolved
from placet.policy.schemas.words import format_fault, looks_around, older_fault, type_fault
from placet.policy.text.tree import Steps

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DRAFT_07: Final = frozenset(
    f"{scheme}://json-schema.org/draft-07/schema{end}"
    for scheme in ("http", "https")
    for end in ("", "#")
)


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
_MAPS: Final = _words("properties patternProperties dependentSchemas $defs definitions")
_OTHERS: Final = _words(
    "$schema $id $ref type enum const multipleOf maximum exclusiveMaximum minimum "
    "exclusiveMinimum maxLength minLength pattern maxItems minItems uniqueItems maxContains "
    "minContains maxProperties minProperties required dependentRequired format "
    "contentEncoding contentMediaType"
)
_REFUSED: Final = _words("$anchor $dynamicRef $dynamicAnchor $vocabulary")
_KNOWN: Final = ANNOTATIONS | _ONE | _LISTS | _MAPS | _OTHERS
_NOT_IN_DRAFT_07: Final = _words(
    "prefixItems minContains maxContains dependentRequired dependentSchemas "
    "unevaluatedProperties unevaluatedItems"
)
_BESIDE_REF: Final = ANNOTATIONS | _words("$schema $id $ref $defs definitions")

_Fault = tuple[str, str]


def shape_faults(schema: object) -> Iterator[tuple[Steps, str, str]]:
    """Yield the place, the fault and a hint for everything in a schema that is not taken."""
    yield from _faults(schema, schema, ())


def _faults(schema: object, root: object, steps: Steps) -> Iterator[tuple[Steps, str, str]]:
    if not isinstance(schema, dict):
        return
    for key, inner in schema.items():
        here = (*steps, key)
        fault = _fault(key, schema, root)
        if fault is not None:
            yield here, *fault
        elif key in _ONE:
            yield from _faults(inner, root, here)
        elif key in _LISTS and isinstance(inner, list):
            for index, one in enumerate(inner):
                yield from _faults(one, root, (*here, index))
        elif key in _MAPS and isinstance(inner, dict):
            for name, one in inner.items():
                yield from _faults(one, root, (*here, name))


def _fault(key: str, schema: dict[str, object], root: object) -> _Fault | None:
    """Return what is wrong with one keyword of a part of a schema."""
    dialect = root.get("$schema", DIALECT) if isinstance(root, dict) else DIALECT
    fault = _keyword_fault(key, schema[key], dialect, is_root=schema is root)
    if fault is None and dialect in DRAFT_07:
        fault = _draft_07_fault(key, schema)
    if fault is None and key == "$ref":
        fault = _reference_fault(schema[key], root)
    return fault


def _keyword_fault(key: str, value: object, dialect: object, *, is_root: bool) -> _Fault | None:
    if key in _REFUSED or (key == "$id" and not is_root):
        return f"`{key}` is not taken", "refer by `$ref: '#/$defs/…'`"
    if (fault := older_fault(key, value)) is not None:
        return fault
    if key not in _KNOWN:
        near = difflib.get_close_matches(key, _KNOWN, n=1)
        hint = f"did you mean `{near[0]}`?" if near else "take it out"
        return f"`{key}` is no keyword of JSON Schema 2020-12", hint
    match key, value:
        case "$schema", _ if value != dialect or (value != DIALECT and value not in DRAFT_07):
            return "the schema is of another dialect", f"write `{DIALECT}`, or leave `$schema` out"
        case "$ref", _ if not (isinstance(value, str) and (value == "#" or value[:2] == "#/")):
            return "`$ref` leads out of the schema", "refer by `#/$defs/…`"
        case "type", str() | list():
            return type_fault(value)
        case "format", str():
            return format_fault(value)
        case "pattern", str() if looks_around(value):
            message = "the pattern looks ahead or behind"
            return message, "write it without `(?=`, `(?!`, `(?<=`, `(?<!`, or take it out"
    return None


def _reference_fault(reference: object, root: object) -> _Fault | None:
    try:
        resolved(str(reference), root)
    except SchemaCostError as fault:
        return str(fault), "mend the reference, or add what it leads to"
    return None


def _draft_07_fault(key: str, schema: dict[str, object]) -> _Fault | None:
    """Return why a keyword means another thing in draft-07 than in 2020-12."""
    if key in _NOT_IN_DRAFT_07:
        return f"`{key}` is no keyword of draft-07", "leave `$schema` out"
    if "$ref" in schema and key not in _BESIDE_REF:
        message = f"draft-07 does not read `{key}` beside `$ref`"
        return message, "put both into `allOf`, or leave `$schema` out"
    return None
