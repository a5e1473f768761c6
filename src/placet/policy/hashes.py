"""The hashes of a call: of its arguments, and of its effect.

Both are taken over the foreign form. For most values msgspec writes the very same bytes, an order
of magnitude faster: texts, truth values, nulls and integers below 2^53, under keys whose order by
code point is that by UTF-16 unit. Anything else takes the general way.
"""

import re
from typing import Final

import msgspec

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import Digest, digest

_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_HIGH_LEADS: Final = bytes(range(0xEE, 0x100))
_UNUSUAL_NUMBER: Final = re.compile(rb"[0-9](?:[.eE]|[0-9]{15})")


def arguments_digest(text: bytes, given: Json) -> Digest:
    """Return the hash of arguments, given as text and as what the text was read to."""
    if _UNUSUAL_NUMBER.search(text) is None:
        encoded = _ENCODER.encode(given)
        if encoded.translate(None, _HIGH_LEADS) == encoded:
            return digest("arguments", encoded)
    return digest("arguments", foreign.encode(given))


def effect_digest(tool: str, values: list[Json]) -> Digest:
    """Return the hash of an effect key: the tool and the selected values, in order."""
    if all(type(value) is str for value in values):
        return digest("effect_key", _ENCODER.encode([tool, values]))
    return digest("effect_key", foreign.encode([tool, values]))
