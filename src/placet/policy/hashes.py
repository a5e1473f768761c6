"""The hashes of a call: of its arguments, of its effect, and those that like calls share."""

import functools
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import Digest, digest, purpose
from placet.policy.numbers import normal
from placet.policy.paths import Path, without

_ARGUMENTS: Final = purpose("arguments")
_SHOWN_MAX: Final = 64
_TOOLS_KEPT: Final = 10_000


def arguments_digest(given: Json) -> Digest:
    """Return the hash of arguments that were read from JSON."""
    return form_digest(foreign.encode(given))


def form_digest(form: bytes) -> Digest:
    """Return the hash of arguments whose foreign form this is."""
    return Digest(sha256(_ARGUMENTS + form).digest())


def repeat_digest(
    tool: str, given: Json, known: Digest, volatile: tuple[Path, ...], *, is_whole: bool
) -> bytes:
    """Return the hash that like calls share: the tool and the arguments, equal as JSON.

    `known` is the arguments' hash; `volatile` are the paths that make no difference. `is_whole`
    says that `foreign.read` found nothing but integers, so that those that are equal are written
    alike.
    """
    name = tool.encode() + b"\0"
    if is_whole and not volatile:
        return name + known
    kept = given
    for path in volatile:
        kept = without(path, kept)
    form = foreign.whole_form(kept) if is_whole else foreign.encode(normal(kept))
    return name + form_digest(form)


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


def effect_digest(tool: str, values: list[Json], *, is_whole: bool) -> Digest:
    """Return the hash of an effect key: the tool and the selected values, in order.

    `is_whole` is as for `repeat_digest`; without it, the values are `normal`.
    """
    write = foreign.whole_form if is_whole else foreign.encode
    forms = b",".join([write(value) for value in values])
    return Digest(sha256(_effect_begins(tool) + forms + b"]]").digest())


@functools.lru_cache(_TOOLS_KEPT)
def _effect_begins(tool: str) -> bytes:
    return purpose("effect_key") + b"[" + foreign.encode(tool) + b",["
