"""The JSON Schema of the language, made from the Structs, so that editors complete a contract.

It says what the reader takes: keys, types, names and sizes. What a well-formed contract says
wrongly is for the checks alone.
"""

import inspect
from enum import StrEnum
from typing import Final

from msgspec import inspect as shapes

from placet.kernel.foreign import Json
from placet.policy.model import Contract
from placet.policy.text.bind import shape_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_Schema = dict[str, Json]


def language_schema() -> _Schema:
    """Return the JSON Schema (2020-12) of a contract as one document."""
    shape = shape_of(Contract)
    assert isinstance(shape, shapes.StructType)  # noqa: S101 -- a contract is a Struct
    named: _Schema = {}
    root = _struct(shape, named)
    head: _Schema = {"$schema": DIALECT, "title": "A contract of Placet"}
    return {**head, **root, "$defs": dict(sorted(named.items()))}


def _of(shape: shapes.Type, named: _Schema) -> _Schema:
    """Return the schema of a shape; each Struct and each enum is put under its name once."""
    match shape:
        case shapes.StructType():
            if shape.cls.__name__ not in named:
                named[shape.cls.__name__] = _struct(shape, named)
            return _reference(shape.cls)
        case shapes.EnumType():
            named[shape.cls.__name__] = _enum(shape)
            return _reference(shape.cls)
        case shapes.LiteralType():
            return {"enum": [str(value) for value in shape.values]}
        case shapes.UnionType():
            return _union(shape, named)
        case shapes.VarTupleType():
            items = _of(shape.item_type, named)
            return {"type": "array", "items": items, **_sizes(shape, "Items")}
        case shapes.DictType():
            keys = _of(shape.key_type, named)
            inner: _Schema = {"additionalProperties": _of(shape.value_type, named)}
            inner |= {} if keys == {"type": "string"} else {"propertyNames": keys}
            return {"type": "object", **inner, **_sizes(shape, "Properties")}
    return _scalar(shape)


def _reference(cls: type) -> _Schema:
    return {"$ref": f"#/$defs/{cls.__name__}"}


def _struct(shape: shapes.StructType, named: _Schema) -> _Schema:
    keys: _Schema = {}
    for field in shape.fields:
        keys[field.encode_name] = _of(field.type, named) | _default(field)
    required: list[Json] = [field.encode_name for field in shape.fields if field.required]
    return {
        "description": _described(shape.cls),
        "type": "object",
        "additionalProperties": False,
        **({"required": required} if required else {}),
        "properties": keys,
    }


def _default(field: shapes.Field) -> _Schema:
    """Return the default that a key has, where it is one word or number."""
    match field.default:
        case StrEnum():
            return {"default": field.default.value}
        case str() | int():
            return {"default": field.default}
    return {}


def _enum(shape: shapes.EnumType) -> _Schema:
    words: list[Json] = [member.value for member in shape.cls]
    return {"description": _described(shape.cls), "enum": words}


def _union(shape: shapes.UnionType, named: _Schema) -> _Schema:
    inner: list[Json] = [_of(one, named) for one in shape.types]
    return {"anyOf": inner}


def _scalar(shape: shapes.Type) -> _Schema:
    match shape:
        case shapes.StrType():
            pattern: _Schema = {} if shape.pattern is None else {"pattern": shape.pattern}
            return {"type": "string", **pattern, **_sizes(shape, "Length")}
        case shapes.IntType():
            ends = {"minimum": shape.ge, "maximum": shape.le}
            return {"type": "integer", **{key: it for key, it in ends.items() if it is not None}}
        case shapes.BoolType():
            return {"type": "boolean"}
    return {}  # any JSON


def _sizes(shape: shapes.VarTupleType | shapes.DictType | shapes.StrType, what: str) -> _Schema:
    sizes = {f"min{what}": shape.min_length, f"max{what}": shape.max_length}
    return {key: size for key, size in sizes.items() if size is not None}


def _described(cls: type) -> str:
    """Return what a class says of itself, each paragraph on one line."""
    text = inspect.cleandoc(cls.__doc__ or "")
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
