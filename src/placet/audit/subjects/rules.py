"""Whether some text stands in a body, and what is hashed of it."""

import base64
import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from placet.audit.subjects.model import EraseSubject, SubjectInReason
from placet.kernel.hashing import digest

NESTED_MAX: Final = 6
"""How deep documents that stand in texts are opened: an envelope in a body, its payload in that."""

_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4}){4,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_ESCAPE: Final = re.compile(r"(?<=\\)u([0-9a-f]{4})")
_ESCAPES: Final = re.compile(r"""(?P<code>(?:\\u[0-9a-fA-F]{4})+)|\\(?P<short>["\\/bfnrt])""")
_SHORT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PIECES: Final = re.compile(r""""[^"\\]*(?:\\.[^"\\]*)*"?|[^\s\[\]{},:"]+""", re.DOTALL)
_NO_JSON: Final = (ValueError, RecursionError)
_OPENS: Final = ("{", "[", '"')


def subject_hash(salt: bytes, subject: str, principal: str | None) -> bytes:
    """Return the salted hash by which events name a subject."""
    return digest("erasure_subject", salt, subject.encode(), b"\x00", (principal or "").encode())


def check_reason(asked: EraseSubject) -> None:
    """Refuse a reason that names what is to go, since it is kept for ever."""
    told = asked.reason.casefold()
    named = [asked.subject, *([asked.principal] if asked.principal else [])]
    if any(name.casefold() in told for name in named):
        raise SubjectInReason(detail="the reason holds the text that is to be erased")


def needles(subject: str) -> list[bytes]:
    """Return the bytes of which one stands in most JSON texts that hold the subject.

    As it stands within a string, and within JSON texts that themselves stand within strings, also
    where a writer escapes all that is not ASCII. The first is the plain one.
    """
    found: dict[bytes, None] = {}
    for write in (_plain, _ascii, _ascii_upper):
        text = subject
        for _ in range(NESTED_MAX + 1):
            text = write(text)
            found[text.encode()] = None
    return list(found)


def holds(text: bytes, subject: str) -> bool:
    """Tell whether a JSON text holds the subject, also inside what it envelops.

    That is in a string, as it is written there or within JSON that the string holds, or as a whole
    number: the digits of a longer one are another number. What is no JSON is searched as a string.
    """
    written = (subject, *[each.decode() for each in needles(subject)])
    try:
        found = _read(text.decode())
    except _NO_JSON:
        return _says(text.decode(errors="replace"), written)
    return any(_says(each, written) for each in _texts(found))


class _Number(str):
    """A number, as a JSON text writes it."""

    __slots__ = ()


def _read(text: str) -> object:
    """Return what a JSON text says: an object is its keys and values, also those that stand twice.

    Of one that nests deeper than the parser goes, whatever stands within, side by side.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        return [_DECODER.decode(piece) for piece in _PIECES.findall(text)]


_DECODER: Final = json.JSONDecoder(
    parse_int=_Number,
    parse_float=_Number,
    parse_constant=_Number,
    object_pairs_hook=lambda pairs: [one for pair in pairs for one in pair],
)


def _says(text: str, written: Sequence[str]) -> bool:
    """Tell whether a string or a number is of the subject: that comes first of what is written.

    JSON may begin and end anywhere in a string, so escapes are taken off what stands around it too.
    """
    if isinstance(text, _Number):
        return written[0] in {str(text), text.removesuffix(".0")}
    for _ in range(NESTED_MAX):
        if "\\" not in text:
            break
        if any(each in text for each in written):
            return True
        text = _ESCAPES.sub(_unescaped, text)
    return written[0] in text


def _unescaped(found: re.Match[str]) -> str:
    if found["code"]:
        codes = bytes.fromhex(found["code"].replace("\\u", ""))
        return codes.decode("utf-16-be", "surrogatepass")
    return _SHORT.get(found["short"], found["short"])


def _plain(text: str) -> str:
    return msgspec.json.encode(text)[1:-1].decode()


def _ascii(text: str) -> str:
    return json.dumps(text)[1:-1]


def _ascii_upper(text: str) -> str:
    return _ESCAPE.sub(lambda found: f"u{found[1].upper()}", _ascii(text))


def _texts(found: object) -> Iterator[str]:
    """Yield every text and number within what was read, and those of documents in such texts."""
    left = [(found, 0)]
    while left:
        one, depth = left.pop()
        if isinstance(one, list):
            left += [(each, depth) for each in one]
        elif isinstance(one, str):
            yield one
            if depth < NESTED_MAX and (inner := _opened(one)) is not None:
                left.append((inner, depth + 1))


def _opened(text: str) -> object | None:
    """Return the document that a text is, as it stands or in base64, or None."""
    try:
        if text.lstrip().startswith(_OPENS):
            found = _read(text)
        elif _BASE64.fullmatch(text):
            found = _read(base64.b64decode(text, validate=True).decode())
        else:
            return None
    except _NO_JSON:
        return None
    return None if isinstance(found, _Number) else found
