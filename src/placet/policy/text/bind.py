"""Nodes to Structs: every fault of a document in one pass, each where it stands."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import TypeVar

import msgspec
from msgspec import inspect as shapes

from placet.policy.finding import Finding
from placet.policy.text.tree import FINDINGS_MAX, Node, Steps, error
from placet.policy.text.values import plain
from placet.policy.text.words import (
    DECIMAL,
    NAME,
    instead,
    is_decimal,
    kind,
    near,
    needed,
    noun,
    shape_kind,
    shown,
)

T = TypeVar("T", bound=msgspec.Struct)


def bind(node: Node, wanted: type[T], steps: Steps = ()) -> T | list[Finding]:
    """Return the Struct that a node stands for, or everything that is wrong with its form.

    `steps` lead to the node from the top of the document.
    """
    findings = list(islice(_faults(node, shape_of(wanted), steps), FINDINGS_MAX))
    if findings:
        return findings
    try:
        return msgspec.convert(plain(node), wanted)
    except msgspec.ValidationError as fault:
        return [error("bad_value", steps, node.place, str(fault))]


@cache
def shape_of(wanted: type) -> shapes.Type:
    """Return the shape of a type, worked out once."""
    return shapes.type_info(wanted)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def _faults(node: Node, shape: shapes.Type, steps: Steps) -> Iterator[Finding]:
    if not _fits_kind(node.value, shape):
        message = f"this is {kind(node.value)}; {shape_kind(shape)} is wanted"
        hint = instead(node.value, shape)
        yield error("wrong_type", steps, node.place, message, hint)
        return
    match shape:
        case shapes.StructType():
            yield from _struct(node, shape, steps)
        case shapes.VarTupleType():
            yield from _sequence(node, shape, steps)
        case shapes.DictType():
            yield from _mapping(node, shape, steps)
        case shapes.UnionType():
            fitting = (inner for inner in shape.types if _fits_kind(node.value, inner))
            yield from _faults(node, next(fitting), steps)
        case _ if (fault := _value_fault(node.value, shape)) is not None:
            yield error("bad_value", steps, node.place, *fault)


def _struct(node: Node, shape: shapes.StructType, steps: Steps) -> Iterator[Finding]:
    assert isinstance(node.value, dict)  # noqa: S101 -- its kind has been looked at
    known = {field.encode_name: field for field in shape.fields}
    for at, (key, inner) in enumerate(node.value.items()):
        if key in known:
            yield from _faults(inner, known[key].type, (*steps, key))
        else:
            message = f"{shown(key)} is no key of {noun(shape.cls)}"
            hint = near(key, known) or f"the keys are {', '.join(known)}"
            yield error("unknown_key", (*steps, key), node.place_of_key(at), message, hint)
    for name, field in known.items():
        if field.required and name not in node.value:
            message = f"{noun(shape.cls)} needs the key `{name}`"
            yield error("missing_key", (*steps, name), node.place, message, needed(field.type))


def _sequence(node: Node, shape: shapes.VarTupleType, steps: Steps) -> Iterator[Finding]:
    assert isinstance(node.value, list)  # noqa: S101 -- its kind has been looked at
    for index, inner in enumerate(node.value):
        yield from _faults(inner, shape.item_type, (*steps, index))
    yield from _size(node, shape, steps, "the list")


def _mapping(node: Node, shape: shapes.DictType, steps: Steps) -> Iterator[Finding]:
    assert isinstance(node.value, dict)  # noqa: S101 -- its kind has been looked at
    yield from _size(node, shape, steps, "the mapping")
    for at, (key, inner) in enumerate(node.value.items()):
        if (fault := _value_fault(key, shape.key_type)) is not None:
            yield error("bad_value", (*steps, key), node.place_of_key(at), *fault)
        yield from _faults(inner, shape.value_type, (*steps, key))


def _size(
    node: Node, shape: shapes.VarTupleType | shapes.DictType, steps: Steps, what: str
) -> Iterator[Finding]:
    assert isinstance(node.value, list | dict)  # noqa: S101 -- its kind has been looked at
    size = len(node.value)
    if shape.min_length is not None and size < shape.min_length:
        yield error("bad_value", steps, node.place, f"{what} needs at least {shape.min_length}")
    if shape.max_length is not None and size > shape.max_length:
        message = f"{what} takes at most {shape.max_length:,}, and has {size:,}"
        yield error("bad_value", steps, node.place, message)


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
        case shapes.UnionType():
            return any(_fits_kind(value, inner) for inner in shape.types)
    return True


def _value_fault(value: object, shape: shapes.Type) -> tuple[str, str] | None:
    """Return what is wrong with a value of the right kind, and a hint."""
    match shape, value:
        case shapes.EnumType(), str():
            return _choice_fault(value, [str(member.value) for member in shape.cls])
        case shapes.LiteralType(), str():
            return _choice_fault(value, [str(choice) for choice in shape.values])
        case shapes.StrType(), str():
            return _text_fault(value, shape)
        case shapes.IntType(), int():
            return _number_fault(value, shape)
    return None


def _choice_fault(value: str, choices: list[str]) -> tuple[str, str] | None:
    if value in choices:
        return None
    return f"{shown(value)} is none of {', '.join(choices)}", near(value, choices)


def _text_fault(value: str, shape: shapes.StrType) -> tuple[str, str] | None:
    if shape.pattern is not None and _pattern(shape.pattern).search(value) is None:
        return f"{shown(value)} is no {DECIMAL if is_decimal(shape) else NAME}", ""
    if shape.min_length is not None and len(value) < shape.min_length:
        return "the string is empty", ""
    if shape.max_length is not None and len(value) > shape.max_length:
        return f"the string has more than {shape.max_length:,} characters", ""
    return None


def _number_fault(value: int, shape: shapes.IntType) -> tuple[str, str] | None:
    if shape.ge is not None and value < shape.ge:
        return f"{value} is too small: at least {shape.ge} is wanted", ""
    if shape.le is not None and value > shape.le:
        return f"{value} is too large: at most {shape.le} is taken", ""
    return None
