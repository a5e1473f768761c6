"""Numbers and equality of JSON, exactly.

An integer token counts as it is written; any other number as the decimal that RFC 8785 prints for
the double, so that 0.1 is one tenth and 1e23 is ten to the power of 23.
"""

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Final, TypeAlias

from placet.kernel.foreign import Json
from placet.policy.model import JsonType

Number: TypeAlias = int | Decimal

EXACT: Final = Context(prec=10_000, traps=[Inexact, InvalidOperation, Overflow])
"""Arithmetic that raises where it would have to round."""


def exact(value: float) -> Number:
    """Return a JSON number as the exact number that it stands for. `value` is no bool."""
    return value if isinstance(value, int) else Decimal(repr(value))


def bound(text: int | str) -> Number:
    """Return a bound of a contract as a number."""
    return text if isinstance(text, int) else Decimal(text)


def times(left: Number, right: Number) -> Number:
    """Return the exact product."""
    if isinstance(left, int) and isinstance(right, int):
        return left * right
    return EXACT.multiply(Decimal(left), Decimal(right))


def plus(left: Number, right: Number) -> Number:
    """Return the exact sum."""
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    return EXACT.add(Decimal(left), Decimal(right))


def minus(left: Number, right: Number) -> Number:
    """Return the exact difference."""
    if isinstance(left, int) and isinstance(right, int):
        return left - right
    return EXACT.subtract(Decimal(left), Decimal(right))


def number_of(text: object) -> Number:
    """Return the number that `str` was made of."""
    written = str(text)
    return int(written) if written.lstrip("-").isdecimal() else Decimal(written)


def is_number(value: object) -> bool:
    """Say whether a JSON value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def json_type(value: object) -> JsonType:
    """Return the type of a JSON value, every number being `number`."""
    match value:
        case None:
            return JsonType.NULL
        case bool():
            return JsonType.BOOLEAN
        case int() | float():
            return JsonType.NUMBER
        case str():
            return JsonType.STRING
        case list() | tuple():
            return JsonType.ARRAY
        case dict():
            return JsonType.OBJECT
    message = f"a {type(value).__name__} is no JSON"
    raise TypeError(message)


def is_of_type(value: object, wanted: JsonType) -> bool:
    """Say whether a value has a type as JSON Schema means it: 1.0 is an integer."""
    found = json_type(value)
    if wanted is JsonType.INTEGER:
        return found is JsonType.NUMBER and _is_whole(value)
    return found is wanted


def _is_whole(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def equal(left: object, right: object) -> bool:
    """Say whether two JSON values are equal.

    True is not 1, "1" is not 1, 1 is 1.0; objects are compared without regard to order and
    strings by code point.
    """
    if type(left) is str and type(right) is str:
        return left == right
    match left, right:
        case (bool(), _) | (_, bool()):
            return left is right
        case ((int() | float()), (int() | float())):
            return exact(left) == exact(right)
        case ((list() | tuple()), (list() | tuple())):
            return len(left) == len(right) and all(map(equal, left, right))
        case dict(), dict():
            return left.keys() == right.keys() and all(
                equal(inner, right[key]) for key, inner in left.items()
            )
        case None, None:
            return True
    return False


def normal(value: Json) -> Json:
    """Return an equal value in which numbers that are equal are also written alike."""
    if type(value) is str or type(value) is int:
        return value
    match value:
        case float():
            number = Decimal(repr(value))
            return int(number) if number == number.to_integral_value() else value
        case list():
            return [normal(inner) for inner in value]
        case dict():
            return {key: normal(inner) for key, inner in value.items()}
    return value
