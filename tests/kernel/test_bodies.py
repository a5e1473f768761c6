"""Bodies are read strictly, with a pointer to what is wrong."""

from typing import Annotated

import msgspec
import pytest

from placet.kernel import bodies
from placet.kernel.refusals import MalformedBody
from placet.kernel.value import Input


class Line(Input, frozen=True):
    """A part of an order."""

    amount: Annotated[int, msgspec.Meta(ge=0)]


class Order(Input, frozen=True):
    """What the tests decode."""

    name: str
    lines: list[Line] = msgspec.field(default_factory=list)
    by_key: dict[str, Line] = msgspec.field(default_factory=dict)


DECODER = msgspec.json.Decoder(Order)


def refused(raw: bytes) -> dict[str, str]:
    with pytest.raises(MalformedBody) as caught:
        bodies.decode(DECODER, raw)
    (error,) = caught.value.errors
    return error


def test_a_good_body_becomes_its_struct() -> None:
    order = bodies.decode(DECODER, b'{"name": "a", "lines": [{"amount": 1}]}')
    assert order == Order(name="a", lines=[Line(amount=1)])


@pytest.mark.parametrize(
    ("raw", "pointer", "words"),
    [
        (b"", "", "byte 0"),
        (b"{", "", "not JSON"),
        (b'{"name": "a"} x', "", "byte 14"),
        (b'{"name": 1}', "/name", "expected `str`, got `int`"),
        (b"[]", "", "expected `object`, got `array`"),
        (b"{}", "", "missing required field `name`"),
        (b'{"name": "a", "nam": 1}', "", "unknown field `nam`"),
        (b'{"name": "a", "lines": [{"amount": 1}, {"amount": -1}]}', "/lines/1/amount", ">= 0"),
        (b'{"name": "a", "lines": [{}]}', "/lines/0", "missing required field `amount`"),
        (b'{"name": "a", "by_key": {"x": {"amount": "1"}}}', "/by_key/*/amount", "got `str`"),
        (b'{"name": "a", "name": "b"}', "", "stands twice"),
        (b'{"name": "a", "lines": [{"amount": 1, "amount": 2}]}', "/lines/0", "stands twice"),
        (b'{"name": "\\u0000"}', "/name", "U+0000"),
        (b'{"name": "\\ud800"}', "/name", "surrogate"),
        (b'{"name": "\xff"}', "", "not UTF-8 (byte 10)"),
        (b'{"name": "a", "lines": [{"amount": 99999999999999999999}]}', "/lines/0/amount", "2^53"),
        (
            b'{"name": "a", "by_key": {"x/": {"amount": -9007199254740992}}}',
            "/by_key/x~1/amount",
            "2^53",
        ),
        (b'{"name": "a", "lines": [{"amount": 1.5}]}', "/lines/0/amount", "got `float`"),
        (b"[" * 65 + b"]" * 65, "", "64 levels deep"),
    ],
)
def test_a_bad_body_is_refused_with_a_pointer_and_a_reason(
    raw: bytes, pointer: str, words: str
) -> None:
    error = refused(raw)
    assert error["pointer"] == pointer
    assert words in error["detail"]


def test_the_largest_integer_of_ours_is_taken() -> None:
    order = bodies.decode(DECODER, b'{"name": "a", "lines": [{"amount": 9007199254740991}]}')
    assert order.lines[0].amount == 2**53 - 1


def test_digits_in_a_string_are_no_integer() -> None:
    assert bodies.decode(DECODER, b'{"name": "99999999999999999999"}').name == "9" * 20


def test_a_reason_never_grows_with_the_body() -> None:
    error = refused(b'{"name": "a", "%s": 1}' % (b"x" * 100_000))
    assert len(error["detail"]) <= bodies.DETAIL_MAX + 1


def test_a_name_with_a_slash_is_escaped_in_the_pointer() -> None:
    assert bodies.pointer_of("Expected `int`, got `str` - at `$.a/b~c[3].d`") == "/a~1b~0c/3/d"


def test_a_message_without_a_place_points_at_the_root() -> None:
    assert bodies.pointer_of("JSON is malformed") == ""


def test_a_fingerprint_tells_routes_and_bodies_apart() -> None:
    prints = {
        bodies.fingerprint("POST /a", b"{}"),
        bodies.fingerprint("POST /a", b"{} "),
        bodies.fingerprint("POST /a{", b"}"),
        bodies.fingerprint("POST /b", b"{}"),
    }
    assert len(prints) == 4
    assert bodies.fingerprint("POST /a", b"{}") in prints
