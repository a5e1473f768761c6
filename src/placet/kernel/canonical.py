"""The one byte form of our own documents: RFC 8785, without floats and without large integers.

msgspec writes the same bytes as RFC 8785 for such documents but for one thing: it orders keys by
code point where the RFC orders by UTF-16 unit. The two differ only for characters from U+E000 on,
whose UTF-8 begins with a byte of 0xEE or more; such documents take the slow, general way.
"""

from typing import Final

import msgspec

from placet.kernel.foreign import encode as encode_foreign

INTEGER_MAX: Final = 2**53 - 1
_ENCODER = msgspec.json.Encoder(order="sorted")
_HIGH_LEADS: Final = bytes(range(0xEE, 0x100))


class NotCanonicalError(TypeError):
    """A document of ours holds what its canonical form cannot: a float or a large integer."""


def canonical(document: object) -> bytes:
    """Return the canonical bytes of one of our documents (Structs, dicts, lists, scalars).

    Raises `NotCanonicalError` for floats and for integers beyond ±(2^53-1). Ids, times and enums
    become text as msgspec writes them; bytes become base64.
    """
    plain = msgspec.to_builtins(document)
    _check(plain)
    encoded = _ENCODER.encode(plain)
    if encoded.translate(None, _HIGH_LEADS) != encoded:
        return encode_foreign(plain)
    return encoded


def _check(value: object) -> None:
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            message = "an integer beyond 2^53-1 has no place in a document of ours"
            raise NotCanonicalError(message)
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                message = "a key of a document of ours is text"
                raise NotCanonicalError(message)
            _check(inner)
        return
    if isinstance(value, list | tuple):
        for inner in value:
            _check(inner)
        return
    message = f"a {type(value).__name__} has no place in a document of ours"
    raise NotCanonicalError(message)
