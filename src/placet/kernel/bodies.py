"""Request bodies: read strictly into a typed value, and told apart by a fingerprint.

A body is looked at twice. `foreign.parse` refuses what JSON parsers disagree about: depth,
duplicate keys, U+0000, half surrogate pairs, bytes that are no UTF-8. Then the decoder, which is
fast and would take the last of two equal keys, gives it its type. Integers stay within ±(2^53-1),
as in every document of ours; a larger one travels as text.
"""

import re
from typing import Final, TypeVar

import msgspec

from placet.kernel.canonical import INTEGER_MAX
from placet.kernel.foreign import ForeignJsonError, Json, parse
from placet.kernel.hashing import Digest, digest
from placet.kernel.refusals import MalformedBody

T = TypeVar("T")

DETAIL_MAX: Final = 300
"""Characters of an error's text: a name that the client made up may be as long as the body."""

_WHERE: Final = re.compile(r" - at `(?:key in )?\$(.*)`\Z", re.DOTALL)
_MANY_DIGITS: Final = re.compile(rb"\d{16}")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


def decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    """Return the value that `raw`, one JSON text, stands for, in the decoder's type.

    Refuses `malformed_body` with one error: a JSON pointer to the value (the parent, where a field
    is unknown or missing) and what is wrong with it.
    """
    try:
        value = parse(raw)
        if _MANY_DIGITS.search(raw):
            _check_integers(value, "")
        return decoder.decode(raw)
    except ForeignJsonError as fault:
        where = fault.pointer_or_offset
        pointer = where if isinstance(where, str) else ""
        text = fault.message if isinstance(where, str) else f"{fault.message} (byte {where})"
        raise _malformed(pointer, text) from fault
    except msgspec.MsgspecError as fault:
        raise _malformed(*_told(str(fault))) from fault


def fingerprint(route: str, raw: bytes) -> Digest:
    """Return 32 bytes that tell this request to this route from every other.

    `route` is the method and the path as it was asked for, ids included.
    """
    return digest("request", len(route).to_bytes(4, "big"), route.encode(), raw)


def pointer_of(message: str) -> str:
    """Return the JSON pointer in one of msgspec's messages; the empty one stands for the root.

    A value of a map has `*` for its key, which msgspec does not name.
    """
    found = _WHERE.search(message)
    if found is None:
        return ""
    steps = (name or index for name, index in _STEP.findall(found[1]))
    return "".join("/*" if step == "..." else f"/{_escaped(step)}" for step in steps)


def _check_integers(value: Json, pointer: str) -> None:
    match value:
        case int() if abs(value) > INTEGER_MAX:
            message = "an integer is beyond 2^53-1"
            raise ForeignJsonError(message, pointer)
        case list():
            for index, inner in enumerate(value):
                _check_integers(inner, f"{pointer}/{index}")
        case dict():
            for key, inner in value.items():
                _check_integers(inner, f"{pointer}/{_escaped(key)}")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _told(message: str) -> tuple[str, str]:
    text = _WHERE.sub("", message)
    return pointer_of(message), text[:1].lower() + text[1:]


def _malformed(pointer: str, text: str) -> MalformedBody:
    text = text if len(text) <= DETAIL_MAX else f"{text[:DETAIL_MAX]}…"
    return MalformedBody(
        detail="the body cannot be read; see `errors`",
        errors=[{"pointer": pointer, "detail": text}],
    )
