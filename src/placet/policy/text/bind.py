"""Nodes to Structs: every fault of a document in one pass, each where it stands."""

import difflib
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import inspect as shapes

from placet.policy.finding import Finding
from placet.policy.model import Contract, Requirement, Rule, Same, SessionRules, ToolContract
from placet.policy.text.tree import FINDINGS_MAX, Node, Steps, error, plain

T = TypeVar("T")

_NOUNS: Final[dict[type, str]] = {
    Contract: "a contract",
    SessionRules: "`session`",
    ToolContract: "a tool",
    Rule: "a rule",
    Requirement: "a requirement",
    Same: "`same`",
}


def bind(node: Node, wanted: type[T], steps: Steps = ()) -> T | list[Finding]:
    """Return the Struct that a node stands for, or everything that is wrong with its form.

    `steps` lead to the node from the top of the document.
    """
    findings = list(islice(_faults(node, shapes.type_info(wanted), steps), FINDINGS_MAX))
    if findings:
        return findings
    try:
        return msgspec.convert(plain(node), wanted)
    except msgspec.ValidationError as fault:
        return [error("bad_value", steps, node.place, str(fault))]


def _faults(node: Node, shape: shapes.Type, steps: Steps) -> Iterator[Finding]:
    match shape:
        case shapes.StructType():
            yield from _struct(node, shape, steps)
        case shapes.VarTupleType():
            yield from _sequence(node, shape, steps)
        case shapes.DictType():
            yield from _mapping(node, shape, steps)
        case shapes.UnionType():
            yield from _union(node, shape, steps)
        case _:
            if (message := _scalar_fault(node.value, shape)) is not None:
                yield _wrong(node, steps, message)


def _wrong(node: Node, steps: Steps, message: str) -> Finding:
    code = "wrong_type" if message.endswith("is wanted") else "bad_value"
    return error(code, steps, node.place, message)


def _struct(node: Node, shape: shapes.StructType, steps: Steps) -> Iterator[Finding]:
    if not isinstance(node.value, dict):
        yield _wrong(node, steps, f"this is {_kind(node.value)}; a mapping is wanted")
        return
    known = {field.encode_name: field for field in shape.fields}
    for key, inner in node.value.items():
        if key in known:
            yield from _faults(inner, known[key].type, (*steps, key))
        else:
            yield _unknown(node, key, shape.cls, steps, list(known))
    for name, field in known.items():
        if field.required and name not in node.value:
            message = f"{_NOUNS.get(shape.cls, 'this')} needs the key `{name}`"
            yield error("missing_key", (*steps, name), node.place, message)


def _unknown(node: Node, key: str, cls: type, steps: Steps, known: list[str]) -> Finding:
    place = node.keys.get(key)
    noun = _NOUNS.get(cls, "this mapping")
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"the keys are {', '.join(known)}"
    message = f"`{key[:100]}` is no key of {noun}"
    return error("unknown_key", (*steps, key), place, message, hint)


def _sequence(node: Node, shape: shapes.VarTupleType, steps: Steps) -> Iterator[Finding]:
    if not isinstance(node.value, list):
        yield _wrong(node, steps, f"this is {_kind(node.value)}; a list is wanted")
        return
    for index, inner in enumerate(node.value):
        yield from _faults(inner, shape.item_type, (*steps, index))
    if shape.min_length is not None and len(node.value) < shape.min_length:
        yield _wrong(node, steps, f"the list needs at least {shape.min_length}")
    if shape.max_length is not None and len(node.value) > shape.max_length:
        yield _wrong(node, steps, f"the list takes at most {shape.max_length}")


def _mapping(node: Node, shape: shapes.DictType, steps: Steps) -> Iterator[Finding]:
    if not isinstance(node.value, dict):
        yield _wrong(node, steps, f"this is {_kind(node.value)}; a mapping is wanted")
        return
    if shape.max_length is not None and len(node.value) > shape.max_length:
        yield _wrong(node, steps, f"the mapping takes at most {shape.max_length}")
    for key, inner in node.value.items():
        if (message := _scalar_fault(key, shape.key_type)) is not None:
            yield error("bad_value", (*steps, key), node.keys.get(key), message)
        yield from _faults(inner, shape.value_type, (*steps, key))


def _union(node: Node, shape: shapes.UnionType, steps: Steps) -> Iterator[Finding]:
    """Report what the first shape that has this kind of value says; else that none has it."""
    for inner in shape.types:
        if _fits_kind(node.value, inner):
            yield from _faults(node, inner, steps)
            return
    wanted = " or ".join(_shape_kind(inner) for inner in shape.types)
    yield _wrong(node, steps, f"this is {_kind(node.value)}; {wanted} is wanted")


def _fits_kind(value: object, shape: shapes.Type) -> bool:
    match shape:
        case shapes.StructType() | shapes.DictType():
            return isinstance(value, dict)
        case shapes.VarTupleType():
            return isinstance(value, list)
        case shapes.StrType() | shapes.EnumType() | shapes.LiteralType():
            return isinstance(value, str)
        case shapes.BoolType():
            return isinstance(value, bool)
        case shapes.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case shapes.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case shapes.NoneType():
            return value is None
    return True


def _scalar_fault(value: object, shape: shapes.Type) -> str | None:
    if not _fits_kind(value, shape):
        return f"this is {_kind(value)}; {_shape_kind(shape)} is wanted"
    match shape, value:
        case shapes.EnumType(), str():
            return _choice_fault(value, [str(member) for member in shape.cls])
        case shapes.LiteralType(), str():
            return _choice_fault(value, [str(choice) for choice in shape.values])
        case shapes.StrType() | shapes.IntType(), _:
            try:
                msgspec.convert(value, _annotated(shape))
            except msgspec.ValidationError as fault:
                return _bound_fault(value, shape, str(fault))
    return None


def _bound_fault(value: object, shape: shapes.StrType | shapes.IntType, message: str) -> str:
    if isinstance(shape, shapes.StrType) and shape.pattern is not None:
        wanted = 'decimal, such as "0.5"' if shape.max_length else "name: letters, digits, `_.:-`"
        return f"`{str(value)[:100]}` is no {wanted}"
    return f"{message[:1].lower()}{message[1:]}"


def _annotated(shape: shapes.StrType | shapes.IntType) -> object:
    """Return a type that has the bounds of a shape."""
    if isinstance(shape, shapes.IntType):
        return Annotated[int, msgspec.Meta(ge=shape.ge, le=shape.le)]
    return Annotated[
        str,
        msgspec.Meta(
            min_length=shape.min_length, max_length=shape.max_length, pattern=shape.pattern
        ),
    ]


def _choice_fault(value: str, choices: list[str]) -> str | None:
    if value in choices:
        return None
    return f"`{value[:100]}` is none of {', '.join(choices)}"


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int():
            return "a whole number"
        case float():
            return "a number with a fraction or an exponent"
        case str():
            return "a string"
        case list():
            return "a list"
    return "a mapping"


def _shape_kind(shape: shapes.Type) -> str:
    match shape:
        case shapes.StructType() | shapes.DictType():
            return "a mapping"
        case shapes.VarTupleType():
            return "a list"
        case shapes.BoolType():
            return "true or false"
        case shapes.IntType():
            return "a whole number"
        case shapes.FloatType():
            return "a number"
        case shapes.NoneType():
            return "null"
        case shapes.StrType() if shape.pattern is not None and shape.max_length is not None:
            return 'a decimal as text ("0.5")'
    return "a string"
