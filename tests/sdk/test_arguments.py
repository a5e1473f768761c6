"""Arguments in their one form, hashed from the bytes that they are read from."""

import enum
import math

import pytest

from placet.kernel.foreign import ForeignJsonError
from placet.sdk.arguments import Arguments, arguments_in, arguments_of


class Currency(enum.StrEnum):
    """A text of another class."""

    EURO = "eur"


class Ratio(float):
    """A number that prints itself in a way of its own, as those of numeric libraries do."""

    def __abs__(self) -> "Ratio":
        """Stay of this class."""
        return Ratio(super().__abs__())

    def __repr__(self) -> str:
        """Print more than digits."""
        return f"ratio({super().__repr__()})"


def test_the_order_of_arguments_does_not_change_their_hash() -> None:
    assert arguments_of({"a": 1, "b": [True, None]}) == arguments_of({"b": (True, None), "a": 1})


def test_a_models_text_and_the_same_values_have_one_hash() -> None:
    written = arguments_in('{ "order_id": "ord_1", "amount_cents": 12.0e2 }')
    assert written.hash == arguments_of({"amount_cents": 1200, "order_id": "ord_1"}).hash


def test_any_other_value_has_another_hash() -> None:
    hashes = {arguments_of({"a": value}).hash for value in (1, 2, "1", True, None, [1], {"a": 1})}
    assert len(hashes) == 7


def test_what_is_read_is_what_was_hashed_and_cannot_be_changed_by_the_reader() -> None:
    arguments = arguments_of({"items": [1]})
    first = arguments.read()
    assert first == {"items": [1]}
    first["items"] = "changed"
    assert arguments.read() == {"items": [1]}


def test_the_form_survives_being_read_and_written_again() -> None:
    values: dict[str, object] = {
        "a": 1.5,
        "b": 1e21,
        "c": 2**70,
        "d": -0.0,
        "e": 1e-7,
        "f": "é\u2028",
    }
    once = arguments_of(values)
    assert arguments_in(once.text.decode()) == once
    assert arguments_of(dict(once.read())) == once


def test_numbers_and_texts_of_other_classes_are_taken_for_what_they_are() -> None:
    assert arguments_of({"n": Ratio(7.5), "c": Currency.EURO}).text == b'{"c":"eur","n":7.5}'


@pytest.mark.parametrize(
    "value", [object(), b"bytes", {1, 2}, math.nan, math.inf, {1: "a"}, "\x00"]
)
def test_what_json_does_not_have_is_refused_before_anything_is_asked(value: object) -> None:
    with pytest.raises(ForeignJsonError):
        arguments_of({"a": value})


def test_a_refused_value_is_named_by_its_place() -> None:
    with pytest.raises(ForeignJsonError, match="/order/lines~1/1"):
        arguments_of({"order": {"lines/": [1, object()]}})


@pytest.mark.parametrize("text", ["[]", "1", "", "{", '{"a":1,"a":2}', "null"])
def test_a_models_text_that_is_no_plain_object_is_refused(text: str) -> None:
    with pytest.raises(ForeignJsonError):
        arguments_in(text)


def test_arguments_show_no_value() -> None:
    assert "4111" not in repr(Arguments(text=b'{"card":"4111"}'))
