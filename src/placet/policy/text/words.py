"""What a fault of form is told with: names of things, of kinds of values, and what would do."""

import difflib
from collections.abc import Iterable
from typing import Final

from msgspec import inspect as shapes

_NOUNS: Final = {
    "Contract": "a contract",
    "SessionFile": "`session.yaml`",
    "SessionRules": "`session`",
    "ToolContract": "a tool",
    "Rule": "a rule",
    "Requirement": "a requirement",
    "Same": "`same`",
    "ToolPhases": "`phases` of a tool",
    "Timeouts": "`timeouts`",
    "Approvers": "`all_of`",
    "Checkpoint": "a checkpoint",
    "Bind": "`binds`",
    "Retries": "`retries`",
    "Reconcile": "`reconcile`",
    "Phase": "a phase",
    "Loop": "`loop`",
    "CircuitBreaker": "`circuit_breaker`",
    "Limits": "`limits`",
    "PrincipalRule": "a rule on principals",
    "Binding": "`bindings`",
    "Aggregate": "an aggregate",
    "Envelope": "an envelope",
    "LabelRule": "a rule on labels",
}
NAME: Final = "name: at most 128 letters, digits and `_.:-`, none of `.:-` first"
DECIMAL: Final = 'decimal, such as "0.5"'
_SHOWN_MAX: Final = 100


def noun(cls: type) -> str:
    """Return what the author calls the thing that a Struct holds."""
    return _NOUNS.get(cls.__name__, "this mapping")


def shown(text: str) -> str:
    """Return the author's own words, or the beginning of long ones."""
    return f"`{text[:_SHOWN_MAX]}…`" if len(text) > _SHOWN_MAX else f"`{text}`"


def near(text: str, known: Iterable[str]) -> str:
    """Return the hint that names the nearest known word, or nothing."""
    found = difflib.get_close_matches(text[:_SHOWN_MAX], known, n=1)
    return f"did you mean `{found[0]}`?" if found else ""


def kind(value: object) -> str:
    """Return what sort of value it is."""
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


def shape_kind(shape: shapes.Type) -> str:
    """Return what sort of value a shape wants."""
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
        case shapes.UnionType():
            return " or ".join(shape_kind(inner) for inner in shape.types)
    return "a decimal as text" if is_decimal(shape) else "a string"


def is_decimal(shape: shapes.Type) -> bool:
    """Say whether a shape is a decimal as text."""
    return isinstance(shape, shapes.StrType) and None not in {shape.pattern, shape.max_length}


def instead(value: object, shape: shapes.Type) -> str:
    """Return the hint that says what to write in the place of a value of another kind."""
    inner = shape.types if isinstance(shape, shapes.UnionType) else (shape,)
    match value:
        case bool() if shapes.BoolType() in inner:
            return ""
        case None:
            return "leave the key out"
        case float() if any(map(is_decimal, inner)):
            return f'write a whole number, or the decimal as text: "{_decimal(value)}"'
        case float() if any(isinstance(one, shapes.IntType) for one in inner):
            return "write it without a fraction and without an exponent"
        case bool() | int() | float() if any(map(_is_text, inner)):
            return f'put it in quotes: "{_token(value)}"'
        case str() if any(isinstance(one, shapes.IntType) for one in inner):
            return "write a number, without quotes"
        case str() if any(isinstance(one, shapes.BoolType) for one in inner):
            return "write true or false, without quotes"
        case str() | int() | float() if any(isinstance(one, shapes.VarTupleType) for one in inner):
            return f"write a list: [{_token(value)[:_SHOWN_MAX]}]"
    return ""


def needed(shape: shapes.Type) -> str:
    """Return the hint that says what the value of a missing key can be."""
    match shape:
        case shapes.EnumType():
            return f"it is one of {', '.join(str(member.value) for member in shape.cls)}"
        case shapes.LiteralType():
            return f'write "{shape.values[0]}"'
    return ""


def _is_text(shape: shapes.Type) -> bool:
    is_text = isinstance(shape, shapes.StrType | shapes.EnumType | shapes.LiteralType)
    return is_text and not is_decimal(shape)


def _token(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _decimal(value: float) -> str:
    """Return a double as a decimal without an exponent."""
    text = f"{value:.20f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value!r}"
    return "0.5" if "e" in text or len(text) > len("0.") + 20 else text
