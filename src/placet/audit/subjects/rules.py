"""Whether some text stands in a body, and what is hashed of it."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from placet.audit.subjects.model import EraseSubject, SubjectInReason
from placet.kernel.hashing import digest

NESTED_MAX: Final = 6
"""How deep documents that stand in texts are opened: an envelope in a body, its payload in that."""

_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4}){4,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_ESCAPE: Final = re.compile(r"(?<=\\)u([0-9a-f]{4})")
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
    """Tell whether a string in a JSON text holds the subject, also inside what it envelops.

    A text that is no JSON is searched as it is.
    """
    try:
        found: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return any(each in text for each in (subject.encode(), *needles(subject)))
    return any(subject in each for each in _texts(found, 0))


def _plain(text: str) -> str:
    return msgspec.json.encode(text)[1:-1].decode()


def _ascii(text: str) -> str:
    return json.dumps(text)[1:-1]


def _ascii_upper(text: str) -> str:
    return _ESCAPE.sub(lambda found: f"u{found[1].upper()}", _ascii(text))


def _texts(found: object, depth: int) -> Iterator[str]:
    """Yield every text within a decoded document, keys too, and those of documents in them."""
    if isinstance(found, str):
        yield found
        if depth < NESTED_MAX and (inner := _opened(found)) is not None:
            yield from _texts(inner, depth + 1)
    elif isinstance(found, dict):
        for key, value in found.items():
            yield str(key)
            yield from _texts(value, depth)
    elif isinstance(found, list):
        for value in found:
            yield from _texts(value, depth)


def _opened(text: str) -> object | None:
    """Return the document that a text is, as it stands or in base64, or None."""
    raw: bytes | None = None
    if text.lstrip().startswith(_OPENS):
        raw = text.encode()
    elif _BASE64.fullmatch(text):
        try:
            raw = base64.b64decode(text, validate=True)
        except binascii.Error:
            return None
    if raw is None:
        return None
    try:
        found: object = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict | list | str) else None
