"""Other people's JSON: read strictly, and written in one byte form.

The form is RFC 8785 with one change: an integer token (no fraction, no exponent) of any size is
its digits, because arguments hold identifiers beyond 2^53 that a double would change. Every other
number is the double nearest to it, printed as the RFC says. `1.0` is therefore `1`, `1e21` is
`1e+21`, and -0 is `0`.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

import msgspec

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
"""What foreign JSON can hold. Integer tokens are `int`, all other numbers are `float`."""

DEPTH_MAX: Final = 64
DIGITS_MAX: Final = 4_000
"""Digits of an integer token: Python's own bound is a little higher, and without one the reading
of a number takes time that grows with the square of its length."""

_SORTED: Final = msgspec.json.Encoder(order="sorted")
_HIGH_LEADS: Final = bytes(range(0xEE, 0x100))
"""First bytes of characters whose order by code point is not that by UTF-16 unit."""

_LOW: Final = bytes(range(0xEE))
"""All other bytes."""

_WHOLE_MAX: Final = 2**63 - 1
_BOM: Final = b"\xef\xbb\xbf"
_STRINGS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_FIXED_DIGITS_MAX: Final = 21
_LEADING_ZEROS_MAX: Final = 6


class ForeignJsonError(ValueError):
    """Bytes that are no JSON of ours to take, or a value that has no foreign form.

    `pointer_or_offset` is a JSON pointer to the bad value, or the offset of the bad byte where
    the bytes could not be read at all.
    """

    def __init__(self, message: str, pointer_or_offset: str | int) -> None:
        """Say what is wrong, in plain words, and where."""
        kind = "byte" if isinstance(pointer_or_offset, int) else "pointer"
        super().__init__(f"{message} (at {kind} `{pointer_or_offset}`)")
        self.message = message
        self.pointer_or_offset = pointer_or_offset


class _Fault:
    """Stands in the decoded value for a part that was refused, so that its pointer can be told."""

    def __init__(self, message: str) -> None:
        self.message = message


def parse(data: bytes, depth_max: int = DEPTH_MAX) -> Json:
    """Return the value that `data`, one JSON text in UTF-8, stands for.

    Refuses with `ForeignJsonError`: bytes that are no UTF-8 or begin with a byte order mark,
    anything that RFC 8259 does not allow, more than `depth_max` open brackets, a key twice in one
    object, U+0000 or half a surrogate pair in a string, an integer token of more than 4,000
    digits, and a number beyond the range of a double.
    """
    if data.startswith(_BOM):
        message = "the text begins with a byte order mark"
        raise ForeignJsonError(message, 0)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        message = "the text is not UTF-8"
        raise ForeignJsonError(message, fault.start) from None
    _check_depth(data, depth_max)
    try:
        value: Json = _QUICK.decode(text)
    except (_FaultError, json.JSONDecodeError):
        value = _read_with_faults(text)
        _check_parts(value, "")
    if "\\u" in text:
        _check_parts(value, "")
    return value


def read(data: bytes) -> tuple[Json, bytes, bool]:
    """Return what `data` stands for, its foreign form, and whether all its numbers are integers.

    `parse` and `encode` in one, and several times as fast for the usual text: no escapes, and no
    numbers but integers of 64 bits. Refuses what `parse` refuses.
    """
    if b"\\" not in data:
        try:
            _check_depth(data, DEPTH_MAX)
            value: Json = msgspec.json.decode(data)
            form = _SORTED.encode(value)
        except (ValueError, OverflowError, RecursionError):
            form = b""  # told in full below
        # Without escapes, each text has two quotes. Fewer were read: some key stood twice.
        if (
            form
            and data.count(b'"') == _count_quotes(value)
            and (form.isascii() or not form.translate(None, _LOW))
        ):
            return value, form, True
    value = parse(data)
    return value, encode(value), False


def whole_form(value: Json) -> bytes:
    """Return the form of something that was taken out of a value which `read` called whole."""
    return _SORTED.encode(value)


def _count_quotes(value: Json) -> int:
    """Return how many quotes a value is written with, or -1 for a double or a large integer."""
    texts = 0
    ahead = [value]
    while ahead:
        one = ahead.pop()
        if isinstance(one, dict):
            texts += len(one)
            inner: Iterable[Json] = one.values()
        else:
            inner = one if isinstance(one, list) else (one,)
        for part in inner:
            kind = type(part)
            if kind is str:
                texts += 1
            elif kind is dict or kind is list:
                ahead.append(part)
            elif kind is float or not (
                part is None or -_WHOLE_MAX <= part <= _WHOLE_MAX  # type: ignore[operator]  # -- an integer
            ):
                return -1
    return 2 * texts


def encode(value: Json) -> bytes:
    """Return the foreign form of a value: the bytes that are hashed.

    Refuses with `ForeignJsonError` what `parse` cannot have returned: NaN and infinities, half a
    surrogate pair, keys that are no text, more than 64 levels, objects of other types.
    """
    if (quick := _quickly(value)) is not None:
        return quick
    out: list[bytes] = []
    _write(value, out, "", DEPTH_MAX)
    return b"".join(out)


def _quickly(value: Json) -> bytes | None:
    """Return the form of a plain value by msgspec, or None for one that it might write otherwise.

    Plain are texts, truth values, nulls and integers of 64 bits, in lists and in objects whose
    keys' order by code point is that by UTF-16 unit.
    """
    if not _is_plain(value):
        return None
    try:
        form = _SORTED.encode(value)
    except UnicodeEncodeError:
        return None  # half a surrogate pair, whose place is told by the slow way
    return form if form.translate(None, _HIGH_LEADS) == form else None


def _is_plain(value: Json) -> bool:
    level: list[Json] = [value]
    for _ in range(DEPTH_MAX):
        below: list[Json] = []
        for one in level:
            kind = type(one)
            if kind is str or kind is bool or one is None:
                continue
            if isinstance(one, int) and kind is int:
                if not -_WHOLE_MAX <= one <= _WHOLE_MAX:
                    return False
            elif isinstance(one, list | tuple):
                below += one
            elif isinstance(one, dict) and all(type(key) is str for key in one):
                below += one.values()
            else:
                return False
        if not below:
            return True
        level = below
    return False


def _check_depth(data: bytes, depth_max: int) -> None:
    """Count brackets outside strings, before a parser that recurses sees them."""
    if data.count(b"[") + data.count(b"{") <= depth_max:
        return
    brackets = _STRINGS.sub(b"", data).translate(None, _NO_BRACKETS)
    depth = 0
    for bracket in brackets:
        if bracket in b"[{":
            depth += 1
            if depth > depth_max:
                message = f"the text is nested more than {depth_max} levels deep"
                raise ForeignJsonError(message, "")
        else:
            depth -= 1


def _read_with_faults(text: str) -> Json:
    """Read again what was refused, with a `_Fault` in the place of each bad part."""
    try:
        value: Json = _decoder(_Fault).decode(text)
    except json.JSONDecodeError as fault:
        message = f"the text is not JSON: {_plain(fault.msg)}"
        raise ForeignJsonError(message, len(text[: fault.pos].encode())) from None
    return value


class _FaultError(Exception):
    """A part was refused; which one, a second reading tells."""


def _refuse(message: str) -> _Fault:
    raise _FaultError(message)


def _decoder(refuse: Callable[[str], _Fault]) -> json.JSONDecoder:
    """Return a decoder that hands what is wrong with a part to `refuse`."""

    def integer(token: str) -> int | _Fault:
        if len(token.lstrip("-")) > DIGITS_MAX:
            return refuse(f"an integer has more than {DIGITS_MAX:,} digits")
        return int(token)

    def double(token: str) -> float | _Fault:
        number = float(token)
        if math.isinf(number):
            return refuse("a number is beyond the range of a double")
        return number or 0.0

    def constant(token: str) -> _Fault:
        return refuse(f"`{token}` is no JSON number")

    def members(pairs: list[tuple[str, Json]]) -> dict[str, Json] | _Fault:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        return refuse(f"the key {json.dumps(twice[:100])} stands twice in one object")

    return json.JSONDecoder(
        parse_int=integer,
        parse_float=double,
        parse_constant=constant,
        object_pairs_hook=members,
    )


_QUICK: Final = _decoder(_refuse)
"""Made once, as making one takes longer than reading a small text."""


def _plain(message: str) -> str:
    return (message[:1].lower() + message[1:]).removesuffix(" at").removesuffix(" starting")


def _check_parts(value: object, pointer: str) -> None:
    """Raise for the first part that cannot be taken, with the pointer to it."""
    match value:
        case _Fault():
            raise ForeignJsonError(value.message, pointer)
        case str():
            _check_taken(value, pointer)
        case list():
            for index, inner in enumerate(value):
                _check_parts(inner, f"{pointer}/{index}")
        case dict():
            for key, inner in value.items():
                _check_taken(key, pointer)
                _check_parts(inner, f"{pointer}/{_token(key)}")


def _check_taken(text: str, pointer: str) -> None:
    if "\x00" in text:
        message = "a string holds the character U+0000"
        raise ForeignJsonError(message, pointer)
    _check_text(text, pointer)


def _check_text(text: str, pointer: str) -> None:
    if _LONE_SURROGATE.search(text):
        message = "a string holds half a surrogate pair"
        raise ForeignJsonError(message, pointer)


def _token(key: str) -> str:
    """Return a key as a reference token of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _write(value: object, out: list[bytes], pointer: str, levels: int) -> None:
    match value:
        case list() | tuple() | dict() if levels == 0:
            message = f"the value is nested more than {DEPTH_MAX} levels deep"
            raise ForeignJsonError(message, "")
        case list() | tuple():
            for index, inner in enumerate(value):
                out.append(b"," if index else b"[")
                _write(inner, out, f"{pointer}/{index}", levels - 1)
            out.append(b"]" if value else b"[]")
        case dict():
            for index, key in enumerate(_ordered(value, pointer)):
                out += (b"," if index else b"{", _text(key, pointer), b":")
                _write(value[key], out, f"{pointer}/{_token(key)}", levels - 1)
            out.append(b"}" if value else b"{}")
        case _:
            out.append(_scalar(value, pointer))


def _scalar(value: object, pointer: str) -> bytes:
    match value:
        case None:
            return b"null"
        case bool():
            return b"true" if value else b"false"
        case int():
            return _integer(value, pointer)
        case float():
            return _double(value, pointer)
        case str():
            return _text(value, pointer)
    message = f"a {type(value).__name__} has no place in JSON"
    raise ForeignJsonError(message, pointer)


def _ordered(value: dict[object, object], pointer: str) -> list[str]:
    """Return the keys in the order of their UTF-16 units."""
    keys = [key for key in value if isinstance(key, str)]
    if len(keys) != len(value):
        message = "a key is no text"
        raise ForeignJsonError(message, pointer)
    return sorted(keys, key=lambda key: key.encode("utf-16-be", "surrogatepass"))


def _text(text: str, pointer: str) -> bytes:
    _check_text(text, pointer)
    return msgspec.json.encode(text)


def _integer(number: int, pointer: str) -> bytes:
    if number.bit_length() * 3 > DIGITS_MAX * 10 or len(digits := str(abs(number))) > DIGITS_MAX:
        message = f"an integer has more than {DIGITS_MAX:,} digits"
        raise ForeignJsonError(message, pointer)
    return (b"-" if number < 0 else b"") + digits.encode()


def _double(number: float, pointer: str) -> bytes:
    """Print a double as ECMAScript's Number::toString does (RFC 8785, 3.2.2.3)."""
    if not math.isfinite(number):
        message = "NaN and infinities have no place in JSON"
        raise ForeignJsonError(message, pointer)
    if number == 0:
        return b"0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = f"{abs(number)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    padded = whole + fraction
    digits = padded.lstrip("0")
    point -= len(padded) - len(digits)
    return (sign + _positional(digits.rstrip("0"), point)).encode()


def _positional(digits: str, point: int) -> str:
    """Set the decimal point after `point` of the digits, or use an exponent if it is far off."""
    if len(digits) <= point <= _FIXED_DIGITS_MAX:
        return digits + "0" * (point - len(digits))
    if 0 < point <= _FIXED_DIGITS_MAX:
        return f"{digits[:point]}.{digits[point:]}"
    if -_LEADING_ZEROS_MAX < point <= 0:
        return f"0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{tail}e{point - 1:+d}"
