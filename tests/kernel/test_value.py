"""The bases of every Struct."""

import msgspec
import pytest

from placet.kernel.value import Input, Value


class Point(Value, frozen=True):
    """A stored value."""

    x: int
    y: int = 0


class Move(Input, frozen=True):
    """What a client sends."""

    x: int


def test_a_value_cannot_be_changed() -> None:
    point = Point(x=1)
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]  # the point is that it is frozen


def test_a_value_takes_no_positions() -> None:
    with pytest.raises(TypeError):
        Point(1)  # type: ignore[call-arg]  # the point is that fields are named


def test_a_value_ignores_unknown_fields_and_an_input_refuses_them() -> None:
    text = b'{"x":1,"later":2}'
    assert msgspec.json.decode(text, type=Point) == Point(x=1)
    with pytest.raises(msgspec.ValidationError, match="later"):
        msgspec.json.decode(text, type=Move)


def test_equal_values_hash_alike() -> None:
    assert len({Point(x=1), Point(x=1, y=0), Point(x=2)}) == 2
