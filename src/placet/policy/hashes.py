"""The hashes of a call: of its arguments, of its effect, and those that like calls share."""

from collections.abc import Mapping
from typing import Final

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import Digest, digest
from placet.policy.numbers import normal
from placet.policy.paths import Path, without

_SHOWN_MAX: Final = 64


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


def likeness(value: Json, *, is_secret: bool = False) -> str:
    """Return a text that equal JSON values share, and no others.

    A short value stands there as it is, a longer or secret one as its hash.
    """
    if type(value) is str and len(value) <= _SHOWN_MAX and not is_secret:
        return f'"{value}'
    form = foreign.encode(normal(value))
    if len(form) <= _SHOWN_MAX and type(value) is not str and not is_secret:
        return form.decode()
    return f"#{digest('likeness', form).hex()}"


def effect_digest(tool: str, values: list[Json]) -> Digest:
    """Return the hash of an effect key: the tool and the selected values, in order."""
    forms = b",".join(map(foreign.encode, values))
    return digest("effect_key", b"[" + foreign.encode(tool) + b",[" + forms + b"]]")
