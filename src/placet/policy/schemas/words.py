"""Words of other dialects that tools publish, and what to write instead.

A word that is not checked is refused and never read past: whoever reads the contract takes it for
a rule.
"""

import difflib
import re
from typing import Final

FORMATS: Final = frozenset(
    (
        *("date-time", "date", "time", "duration", "email", "idn-email", "hostname"),
        *("idn-hostname", "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference", "uuid"),
        *("uri-template", "json-pointer", "relative-json-pointer", "regex"),
    )
)
"""The formats that are checked: those of JSON Schema 2020-12."""

TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
"""The types of JSON Schema."""

_INSTEAD: Final = {
    "additionalItems": "write the list as `prefixItems`, and `items` for what comes after it",
    "dependencies": "write `dependentRequired` or `dependentSchemas`",
    "discriminator": "take it out; `oneOf` and `anyOf` decide without it",
    "id": "take it out",
    "nullable": "write `type: [..., 'null']`",
}
_INTEGER: Final = re.compile(r"(?P<unsigned>u?)int(?P<bits>8|16|32|64)?")
_ESCAPED: Final = re.compile(r"\\.", re.DOTALL)
_CLASS: Final = re.compile(r"\[\^?\]?[^\]]*(?:\]|\Z)")
_LOOK: Final = re.compile(r"\(\?<?[=!]")


def older_fault(key: str, value: object) -> tuple[str, str] | None:
    """Return the fault and a hint for a keyword that means this only in other dialects."""
    if key in _INSTEAD:
        return f"`{key}` is no keyword of JSON Schema 2020-12", _INSTEAD[key]
    match key, value:
        case "items", list():
            return "a list of schemas is `prefixItems`, not `items`", _INSTEAD["additionalItems"]
        case "exclusiveMinimum" | "exclusiveMaximum", bool():
            return f"`{key}` is a number", f"write the bound itself as `{key}`"
        case "required", bool():
            hint = "write the names of properties as a list beside `properties`"
            return "`required` is a list", hint
    return None


def type_fault(value: str | list[object]) -> tuple[str, str] | None:
    """Return the fault and a hint for the first word that is no type of JSON."""
    words = [value] if isinstance(value, str) else value
    wrong = next((it for it in words if isinstance(it, str) and it not in TYPES), None)
    if wrong is None:
        return None
    near = difflib.get_close_matches(wrong[:100], TYPES, n=1)
    hint = f"did you mean `{near[0]}`?" if near else "name a type of JSON"
    return f"`{wrong[:100]}` is none of {', '.join(TYPES)}", hint


def format_fault(name: str) -> tuple[str, str] | None:
    """Return the fault and a hint for a format that is not checked."""
    if name in FORMATS:
        return None
    message = f"`{name[:100]}` is no format that is checked"
    if (integer := _INTEGER.fullmatch(name)) is not None:
        return message, _bounds(integer["bits"], is_signed=not integer["unsigned"])
    near = difflib.get_close_matches(name[:100], sorted(FORMATS), n=1)
    if near:
        return message, f"did you mean `{near[0]}`?"
    return message, "take it out, or say it by `pattern`, `minimum` or `maximum`"


def looks_around(pattern: str) -> bool:
    """Say whether a pattern looks ahead or behind, which no search in linear time can."""
    return _LOOK.search(_CLASS.sub("", _ESCAPED.sub("", pattern))) is not None


def _bounds(bits: str | None, *, is_signed: bool) -> str:
    """Return what to write instead of the format of an integer."""
    if bits is None:
        return "take it out" if is_signed else "write `minimum: 0`"
    lowest = -(2 ** (int(bits) - 1)) if is_signed else 0
    highest = 2 ** (int(bits) - is_signed) - 1
    return f"write `minimum: {lowest}` and `maximum: {highest}`"
