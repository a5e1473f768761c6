"""Bundles with some of it changed, as forgers and bad disks change them, and nothing made to fit.

Half of the ways know nothing of what a bundle is; the others keep every line in canonical form and
change what it says. The manifest is never made anew, so not one of them may pass.
"""

import base64
import json
import random  # noqa: TID251 -- chance that the caller gives
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tests.evidence.samples import STRANGER_KEY

from placet.evidence import dsse
from placet.kernel.canonical import canonical


class Mutant(NamedTuple):
    """A changed bundle, and the ways in which it was changed."""

    ways: tuple[str, ...]
    data: bytes


def mutant(luck: random.Random, good: list[bytes]) -> Mutant:
    """Return a bundle that was changed in one to three ways."""
    lines, ways = list(good), []
    for _ in range(luck.randint(1, 3)):
        name = luck.choice(NAMES)
        WAYS[name](luck, lines)
        ways.append(name)
    return Mutant(tuple(ways), b"".join(lines))


Way = Callable[[random.Random, list[bytes]], None]
Place = tuple[Any, Any]
"""An object or a list, and the key or the index in it."""


def places_of(value: object) -> list[Place]:
    """Return every place within a value of JSON."""
    found: list[Place] = []
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            found.append((value, key))
            found += places_of(value[key])
    return found


def other_value(luck: random.Random, value: object) -> object:
    """Return another value, mostly of the same kind."""
    if luck.random() < 0.1:
        return luck.choice(STRANGE)
    match value:
        case bool():
            return not value
        case int():
            return luck.choice([value + 1, value - 1, -value, 0, 2**53 - 1, 2**53, 2**63])
        case str():
            return other_text(luck, value)
        case list():
            mixed = luck.sample(value, len(value))
            return luck.choice([value[1:], value[:-1], [*value, *value], mixed])
        case dict():
            kept = list(value.items())
            if kept:
                kept.pop(luck.randrange(len(kept)))
            return luck.choice([dict(kept), {**value, "more": 1}, {}])
        case _:
            return luck.choice(STRANGE)


def other_text(luck: random.Random, text: str) -> str:
    """Return another text: with one character of it another, shorter, longer, or none."""
    if not text:
        return "x"
    at = luck.randrange(len(text))
    one = luck.choice(ALPHABET)
    changed = text[:at] + one + text[at + 1 :]
    return luck.choice([changed, changed, changed, text[:at], text + one, text.upper(), ""])


ALPHABET: Final = "0123456789abcdef-AZ_/+= \u20ac\U0001f600"
STRANGE: Final[tuple[object, ...]] = (None, True, 0, -1, "", [], {}, [[]], "x" * 300, 2**53)

WEIRD: Final = (
    b"[" * 5_000,
    b'{"a":' * 300,
    b"1e999",
    b"-0",
    b"NaN",
    b"9" * 5_000,
    b"\\ud800",
    b"\\u0000",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\x00",
    b'"kind":"event",',
    b'"kind":"manifest",',
    b"\r\n",
    b"\n",
    b"null",
    b"true",
)


# Ways that know nothing of what a bundle is.


def _byte(luck: random.Random, lines: list[bytes]) -> None:
    number, line, at = _somewhere(luck, lines)
    line[at] = luck.randrange(256)
    lines[number] = bytes(line)


def _cut(luck: random.Random, lines: list[bytes]) -> None:
    number, line, at = _somewhere(luck, lines)
    del line[at : at + luck.randint(1, 40)]
    lines[number] = bytes(line)


def _put_in(luck: random.Random, lines: list[bytes]) -> None:
    number, line, at = _somewhere(luck, lines)
    line[at:at] = luck.randbytes(luck.randint(1, 20))
    lines[number] = bytes(line)


def _weird(luck: random.Random, lines: list[bytes]) -> None:
    number, line, at = _somewhere(luck, lines)
    line[at:at] = luck.choice(WEIRD)
    lines[number] = bytes(line)


def _weird_line(luck: random.Random, lines: list[bytes]) -> None:
    lines[luck.randrange(len(lines))] = luck.choice(WEIRD) * luck.randint(1, 50) + b"\n"


def _spliced(luck: random.Random, lines: list[bytes]) -> None:
    number, line, at = _somewhere(luck, lines)
    other = luck.choice(lines)
    line[at:] = other[min(at, len(other) - 1) :]
    lines[number] = bytes(line)


def _line_put_in(luck: random.Random, lines: list[bytes]) -> None:
    lines.insert(luck.randrange(len(lines) + 1), luck.choice(lines))


def _line_dropped(luck: random.Random, lines: list[bytes]) -> None:
    if len(lines) > 1:
        del lines[luck.randrange(len(lines))]


def _lines_swapped(luck: random.Random, lines: list[bytes]) -> None:
    one, other = luck.randrange(len(lines)), luck.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def _lines_turned(luck: random.Random, lines: list[bytes]) -> None:
    begin = luck.randrange(len(lines))
    end = begin + luck.randint(2, 9)
    lines[begin:end] = lines[begin:end][::-1]


def _tail_dropped(luck: random.Random, lines: list[bytes]) -> None:
    del lines[luck.randint(1, len(lines)) :]


def _somewhere(luck: random.Random, lines: list[bytes]) -> tuple[int, bytearray, int]:
    number = luck.randrange(len(lines))
    line = bytearray(lines[number] or b"\n")
    return number, line, luck.randrange(len(line))


# Ways that know what a line says.


def _written(luck: random.Random, lines: list[bytes]) -> tuple[int, Any]:
    """Return a line that can be read, and what it says; or an empty object."""
    number = luck.randrange(len(lines))
    try:
        return number, json.loads(lines[number])
    except (ValueError, RecursionError):
        return number, {}


def _keep(lines: list[bytes], number: int, document: object) -> None:
    """Write a line anew, if there is a form for what it says now."""
    try:
        lines[number] = canonical(document) + b"\n"
    except (ValueError, TypeError, RecursionError):
        lines[number] = json.dumps(document).encode() + b"\n"


def _value(luck: random.Random, lines: list[bytes]) -> None:
    number, document = _written(luck, lines)
    if places := places_of(document):
        inside, key = luck.choice(places)
        inside[key] = other_value(luck, inside[key])
        _keep(lines, number, document)


def _value_of_another(luck: random.Random, lines: list[bytes]) -> None:
    """Take the value that stands under the same name in another line."""
    number, document = _written(luck, lines)
    _, other = _written(luck, lines)
    named: dict[object, list[Place]] = {}
    for inside, key in places_of(other):
        named.setdefault(key, []).append((inside, key))
    if shared := [place for place in places_of(document) if place[1] in named]:
        inside, key = luck.choice(shared)
        from_there, there = luck.choice(named[key])
        inside[key] = from_there[there]
        _keep(lines, number, document)


def _name(luck: random.Random, lines: list[bytes]) -> None:
    """Drop, add or rename a member."""
    number, document = _written(luck, lines)
    inside = [place for place in places_of(document) if isinstance(place[0], dict)]
    if inside:
        whole, key = luck.choice(inside)
        value = whole.pop(key)
        if luck.random() < 0.6:
            whole[luck.choice([other_text(luck, key), key.upper(), "more"])] = value
        _keep(lines, number, document)


def _base64(luck: random.Random, lines: list[bytes]) -> None:
    """Change what one base64 value says, in base64 or in another spelling of it."""
    number, document = _written(luck, lines)
    names = {"body", "payload", "sig", "salt", "public_key"}
    if not (coded := [place for place in places_of(document) if place[1] in names]):
        return
    inside, key = luck.choice(coded)
    try:
        data = bytearray(base64.b64decode(inside[key]))
    except (ValueError, TypeError):
        return
    at = luck.randrange(len(data)) if data else 0
    match luck.randrange(4):
        case 0:
            data[at : at + 3] = luck.randbytes(3)
        case 1:
            del data[at:]
        case 2:
            data += luck.randbytes(3)
        case _:
            inside[key] = inside[key].rstrip("=") + luck.choice(["", "=", "===", "\n"])
            _keep(lines, number, document)
            return
    inside[key] = base64.b64encode(bytes(data)).decode()
    _keep(lines, number, document)


def _signed_anew(luck: random.Random, lines: list[bytes]) -> None:
    """Sign what an envelope holds with a key that nobody lists, under its id or that of before."""
    number, document = _written(luck, lines)
    if isinstance(document, dict) and isinstance(document.get("envelope"), dict):
        document["envelope"] = signed_by_a_stranger(luck, document["envelope"])
        _keep(lines, number, document)


def signed_by_a_stranger(luck: random.Random, envelope: dict[str, Any]) -> dict[str, Any]:
    """Return an envelope with another signature."""
    try:
        payload = base64.b64decode(envelope["payload"])
        (given,) = envelope["signatures"]
        found = dsse.sign(envelope["payloadType"], payload, STRANGER_KEY).signatures[0]
        keyid = luck.choice([found.keyid, given["keyid"], ""])
    except (ValueError, TypeError, KeyError, AttributeError):
        return envelope
    sig = base64.b64encode(found.sig).decode()
    return {**envelope, "signatures": [{"keyid": keyid, "sig": sig}]}


WAYS: Final[dict[str, Way]] = {
    "a byte": _byte,
    "bytes cut": _cut,
    "bytes put in": _put_in,
    "weird bytes put in": _weird,
    "a weird line": _weird_line,
    "a line spliced with another": _spliced,
    "a line put in": _line_put_in,
    "a line dropped": _line_dropped,
    "two lines swapped": _lines_swapped,
    "some lines turned round": _lines_turned,
    "the tail dropped": _tail_dropped,
    "a value": _value,
    "a value of another line": _value_of_another,
    "a name": _name,
    "a base64 value": _base64,
    "signed anew": _signed_anew,
}
NAMES: Final = tuple(WAYS)
