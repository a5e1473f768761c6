"""The hashes of a call: of its arguments, of its effect, and those that like calls share."""

from collections.abc import Mapping
from typing import Final

import msgspec

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import Digest, digest
from placet.policy.numbers import normal
from placet.policy.paths import Path, without

_TEXTS: Final = msgspec.json.Encoder()


def arguments_digest(given: Json) -> Digest:
    """Return the hash of arguments that were read from JSON."""
    return digest("arguments", foreign.encode(given))


def repeat_digest(
    tool: str, given: Json, known: Digest, volatile: tuple[Path, ...], *, is_whole: bool
) -> bytes:
    """Return the hash that like calls share: the tool and the arguments, equal as JSON.

    `known` is the arguments' hash; `volatile` are the paths that make no difference. `is_whole`
    says that all numbers are integers, so that those that are equal are written alike.
    """
    name = tool.encode() + b"\0"
    if is_whole and not volatile:
        return name + known
    kept = given
    for path in volatile:
        kept = without(path, kept)
    return name + digest("arguments", foreign.encode(kept if is_whole else normal(kept)))


def principal_digest(attributes: Mapping[str, Json]) -> bytes:
    """Return what tells principals apart: the attribute `id`. Nothing, where it is missing."""
    if "id" not in attributes:
        return b""
    return digest("arguments", foreign.encode(normal(attributes["id"])))


def effect_digest(tool: str, values: list[Json]) -> Digest:
    """Return the hash of an effect key: the tool and the selected values, in order."""
    if all(type(value) is str for value in values):
        return digest("effect_key", _TEXTS.encode([tool, values]))
    return digest("effect_key", foreign.encode([tool, values]))
