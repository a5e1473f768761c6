"""Foreign JSON: what is refused, what is exact, and the one byte form."""

import json
import math
import re
import sys
from collections.abc import Callable

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.kernel import foreign
from placet.kernel.foreign import DIGITS_MAX, ForeignJsonError, Json

MIB = 1024 * 1024
EXACT = 2**53 - 1

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-EXACT, EXACT)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
)
KEYS = st.text(st.sampled_from("aZ\u00e9\u20ac\ue000\ufb33\uffff\U00010000\U0001f600\U0010ffff"))
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12
)


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS)
def test_the_form_is_that_of_rfc_8785_where_integers_are_small(document: Json) -> None:
    assert foreign.encode(document) == rfc8785.dumps(document)


@settings(max_examples=400, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_prints_as_rfc_8785_says_and_reads_back(number: float) -> None:
    form = foreign.encode(number)
    assert form == rfc8785.dumps(number)
    read = foreign.parse(form)
    assert isinstance(read, int | float)
    assert float(read) == number


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS | st.lists(st.integers(-(2**70), 2**70)))
def test_the_quick_way_writes_what_the_slow_way_writes(document: Json) -> None:
    slow: list[bytes] = []
    foreign._write(document, slow, "", foreign.DEPTH_MAX)  # noqa: SLF001 -- one of two ways
    assert foreign.encode(document) == b"".join(slow)


PIECES = st.sampled_from(
    [
        *('{"a":', '{"b" :', '{"c"\t:', ',"a":', ',"b":', "[", "]", "}", ",", ":", '"'),
        *(
            "0",
            "-0",
            "7",
            "1.5",
            "1e5",
            "1" * 17,
            "1" * 19,
            "1" * 30,
            "1" * 4_100,
            "true",
            "null",
            "NaN",
        ),
        *('"x"', '"\\u0041"', '"\\u0000"', '"\ue000"', '"\U00010000"', '"a":', '":', " ", "\x00"),
    ]
)


def told(work: Callable[[], object]) -> object:
    try:
        return work()
    except ForeignJsonError as fault:
        return str(fault)


def has_double(value: object) -> bool:
    match value:
        case list():
            return any(map(has_double, value))
        case dict():
            return any(map(has_double, value.values()))
    return isinstance(value, float)


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join) | DOCUMENTS.map(json.dumps))
def test_reading_gives_what_parsing_and_encoding_give(text: str) -> None:
    data = text.encode()
    value = told(lambda: foreign.parse(data))
    read = told(lambda: foreign.read(data))
    if isinstance(read, tuple):
        assert repr(read[0]) == repr(value)
        assert read[1] == foreign.encode(foreign.parse(data))
        assert not (read[2] and has_double(value))
    else:
        assert read == value


@pytest.mark.parametrize(
    "text", ['{"a" :1,"b":2,"b":3}', '{"b":2,"b":3}', '[{"b":2},{"b":3,"c":{"d":1,"d":2}}]']
)
def test_a_key_twice_is_refused_by_reading_too(text: str) -> None:
    with pytest.raises(ForeignJsonError):
        foreign.read(text.encode())


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS)
def test_the_form_of_a_form_is_itself(document: Json) -> None:
    form = foreign.encode(document)
    assert foreign.encode(foreign.parse(form)) == form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (b"1.0", b"1"),
        (b"1e21", b"1e+21"),
        (b"1e20", b"100000000000000000000"),
        (b"1e-7", b"1e-7"),
        (b"1e-6", b"0.000001"),
        (b"123456789012345680000.0", b"123456789012345680000"),
        (b"-1.5e300", b"-1.5e+300"),
        (b"9007199254740993", b"9007199254740993"),
        (b"9007199254740993.0", b"9007199254740992"),
        (b"1" + b"0" * 400, b"1" + b"0" * 400),
        (b"-0", b"0"),
        (b"-0.0", b"0"),
        (b"-0e9", b"0"),
        (b"1e-400", b"0"),
    ],
)
def test_a_number_has_exactly_this_form(text: bytes, form: bytes) -> None:
    assert foreign.encode(foreign.parse(text)) == form


def test_an_integer_token_stays_an_integer_and_any_other_number_is_a_double() -> None:
    assert [type(one) for one in _list(b"[1, 1.0, 1e0, -0]")] == [int, float, float, int]


def test_minus_zero_loses_its_sign() -> None:
    (zero,) = _list(b"[-0.0]")
    assert isinstance(zero, float)
    assert math.copysign(1, zero) == 1


def test_keys_are_ordered_by_utf_16_units_and_not_by_code_points() -> None:
    assert foreign.encode({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize(
    ("text", "where", "word"),
    [
        (b"\xef\xbb\xbf{}", 0, "byte order mark"),
        (b'["a\xff"]', 3, "UTF-8"),
        (b'["\xed\xa0\x80"]', 2, "UTF-8"),
        (b"\xff\xfe[\x00]\x00", 0, "UTF-8"),
        (b'{"x":[{"a":1,"b":2,"a":3}]}', "/x/0", "twice"),
        (b'{"a":{"a":1,"\\u0061":1}}', "/a", "twice"),
        (b'{"a":1,"a":1}', "", "twice"),
        (b'{"a/b~":["\\u0000"]}', "/a~1b~0/0", "U+0000"),
        (b'{"\\u0000":1}', "", "U+0000"),
        (b'["\\ud800"]', "/0", "surrogate"),
        (b'["\\udc00\\ud800"]', "/0", "surrogate"),
        (b"[1,NaN]", "/1", "NaN"),
        (b"[-Infinity]", "/0", "Infinity"),
        (b"[1e309]", "/0", "range"),
        (b"-1e999", "", "range"),
        (b"[" + b"9" * 4_001 + b"]", "/0", "4,000 digits"),
        (b'["\xe2\x82\xac",}', 7, "not JSON"),
        (b"", 0, "not JSON"),
        (b"{} {}", 3, "not JSON"),
        (b'["\x00"]', 2, "not JSON"),
        (b"[01]", 2, "not JSON"),
        (b"'a'", 0, "not JSON"),
        (b"nul", 0, "not JSON"),
    ],
)
def test_bad_text_is_refused_with_its_place(text: bytes, where: str | int, word: str) -> None:
    with pytest.raises(ForeignJsonError, match=re.escape(word)) as refused:
        foreign.parse(text)
    assert refused.value.pointer_or_offset == where


def test_depth_is_counted_outside_strings_and_the_bound_is_inclusive() -> None:
    assert foreign.parse(b"[" * 64 + b'"[[[\\"[[[\\\\"' + b"]" * 64)
    with pytest.raises(ForeignJsonError, match="64 levels"):
        foreign.parse(b"[" * 32 + b'{"a":' * 33)
    assert foreign.parse(b"[[]]", depth_max=2) == [[]]
    with pytest.raises(ForeignJsonError, match="1 levels"):
        foreign.parse(b"[[]]", depth_max=1)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * MIB,
        b'{"a":' * (MIB // 5),
        b'"' + b'\\"' * (MIB // 2),
        b'"\\' * (MIB // 2),
        b"1" * MIB,
        b"1" * MIB + b".5",
        b"1e" + b"9" * MIB,
        b"-" * MIB,
        b"[" + b",".join([b"9" * 4_001] * 200),
    ],
)
def test_a_mebibyte_meant_to_hurt_is_refused_and_no_other_error_comes(text: bytes) -> None:
    with pytest.raises(ForeignJsonError):
        foreign.parse(text)


def test_a_mebibyte_of_the_longest_integers_is_read_and_written_exactly() -> None:
    text = b"[" + b",".join([b"9" * DIGITS_MAX] * 260) + b"]"
    assert foreign.encode(foreign.parse(text)) == text


def test_the_bound_on_digits_does_not_depend_on_the_interpreters_own() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        with pytest.raises(ForeignJsonError, match="digits"):
            foreign.parse(b"9" * (DIGITS_MAX + 1))
        with pytest.raises(ForeignJsonError, match="digits"):
            foreign.encode(10**DIGITS_MAX)
    finally:
        sys.set_int_max_str_digits(before)


def test_an_integer_of_a_million_bits_is_refused_before_it_is_printed() -> None:
    with pytest.raises(ForeignJsonError, match="digits"):
        foreign.encode(1 << 1_000_000)


def test_what_json_cannot_hold_has_no_form() -> None:
    nested: Json = []
    for _ in range(64):
        nested = [nested]
    bad: list[tuple[object, str | int]] = [
        (math.nan, ""),
        ([math.inf], "/0"),
        ({"a": "\ud800"}, "/a"),
        ({1: 2}, ""),
        ({"a": b"x"}, "/a"),
        (nested, ""),
    ]
    for value, where in bad:
        with pytest.raises(ForeignJsonError) as refused:
            foreign.encode(value)  # type: ignore[arg-type]  # the point is that it is no Json
        assert refused.value.pointer_or_offset == where


def _list(text: bytes) -> list[Json]:
    value = foreign.parse(text)
    assert isinstance(value, list)
    return value


def test_the_form_itself_does_not_depend_on_what_reading_refuses() -> None:
    """A document of ours with U+0000 has one form, whichever way it is encoded."""
    assert foreign.encode("\x00") == rfc8785.dumps("\x00") == b'"\\u0000"'
