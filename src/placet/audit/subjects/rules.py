"""Whether some text stands in a body, and what is hashed of it."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Sequence
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
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_NO_JSON: Final = (msgspec.DecodeError, ValueError, RecursionError)
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
    read = _with_numbers if _NUMBER.fullmatch(subject) else _without_numbers
    try:
        found = read(text.decode())
    except _NO_JSON:
        return _says(text.decode(errors="replace"), written)
    return any(_says(each, written) for each in _texts(found, 0, read))


class _Number(str):
    """A number, as a JSON text writes it."""

    __slots__ = ()


def _with_numbers(text: str) -> object:
    found: object = json.loads(text, parse_int=_Number, parse_float=_Number)
    return found


def _without_numbers(text: str) -> object:
    found: object = msgspec.json.decode(text)
    return found


def _says(text: str, written: Sequence[str]) -> bool:
    """Tell whether a string or a number is of the subject: that comes first of what is written.

    JSON may begin and end anywhere in a string, so escapes are taken off what stands around it too.
    """
    if isinstance(text, _Number):
        return text.removesuffix(".0") == written[0]
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


def _texts(found: object, depth: int, read: Callable[[str], object]) -> Iterator[str]:
    """Yield every text within a decoded document, keys too, and those of documents in them.

    Numbers are among them where `read` keeps how they are written.
    """
    if isinstance(found, str):
        yield found
        if depth < NESTED_MAX and (inner := _opened(found, read)) is not None:
            yield from _texts(inner, depth + 1, read)
    elif isinstance(found, dict):
        for key, value in found.items():
            yield str(key)
            yield from _texts(value, depth, read)
    elif isinstance(found, list):
        for value in found:
            yield from _texts(value, depth, read)


def _opened(text: str, read: Callable[[str], object]) -> object | None:
    """Return the document that a text is, as it stands or in base64, or None."""
    try:
        if text.lstrip().startswith(_OPENS):
            found = read(text)
        elif _BASE64.fullmatch(text):
            found = read(base64.b64decode(text, validate=True).decode())
        else:
            return None
    except _NO_JSON:
        return None
    return found if isinstance(found, dict | list | str) else None
