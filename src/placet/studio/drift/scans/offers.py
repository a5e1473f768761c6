"""Two schemas compared as an offer to a model: what is named is what is offered."""

from collections.abc import Iterator
from typing import Final

from placet.kernel import foreign
from placet.kernel.foreign import Json

_NAMED: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})
_VALUES: Final = frozenset({"enum", "const", "default", "examples", "required"})
_MIXED: Final = frozenset(
    {"allOf", "anyOf", "oneOf", "if", "not", "$ref", "patternProperties", "unevaluatedProperties"}
)
"""Keywords beside which members may be named in another place."""


def closed(schema: Json) -> Json:
    """Return a schema that takes no member but those that it names, as far as that can be told."""
    if not isinstance(schema, dict):
        return schema
    members = schema.get("properties")
    out = dict(schema)
    if isinstance(members, dict):
        out["properties"] = {name: closed(inner) for name, inner in members.items()}
    if "items" in schema:
        out["items"] = closed(schema["items"])
    is_object = isinstance(members, dict) or schema.get("type") == "object"
    is_open = schema.get("additionalProperties", True) is True
    if is_object and is_open and _MIXED.isdisjoint(schema):
        out["additionalProperties"] = False
    return out


def shut_count(schema: Json) -> int:
    """Return how many objects within a schema say themselves what other members they take."""
    found = (part.get("additionalProperties", True) is not True for _, part in _parts(schema, ""))
    return sum(found)


def defaults(schema: Json) -> dict[str, bytes]:
    """Return, by place, what a schema says that is taken where nothing is given."""
    return {
        place: foreign.encode(part["default"])
        for place, part in _parts(schema, "")
        if "default" in part
    }


def _parts(schema: Json, place: str) -> Iterator[tuple[str, dict[str, Json]]]:
    if isinstance(schema, list):
        for index, one in enumerate(schema):
            yield from _parts(one, f"{place}/{index}")
    if not isinstance(schema, dict):
        return
    yield place, schema
    for key, inner in schema.items():
        if key in _NAMED and isinstance(inner, dict):
            for name, one in inner.items():
                yield from _parts(one, f"{place}/{key}/{name}")
        elif key not in _VALUES:
            yield from _parts(inner, f"{place}/{key}")
