"""One sentence, and the small words that sentences are made of."""

import re
from typing import Final

from placet.kernel.foreign import encode
from placet.kernel.value import Value
from placet.policy.paths import parse_path

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]+")


class Line(Value, frozen=True):
    """What one rule says.

    `rule` is its place in the contract, a tool by its name. `layer` is the evaluator's layer that
    it acts in, or null where it decides nothing about a call. `tool` is null for a session's rule.
    """

    rule: str
    layer: int | None
    says: str
    tool: str | None = None


def names(of: tuple[str, ...]) -> str:
    """Return names for a sentence, in their order."""
    return ", ".join(f"`{name}`" for name in of)


def path(text: str) -> str:
    """Return a path for a sentence. Raises `PathError`."""
    return f"`{parse_path(text).text}`"


def paths(of: tuple[str, ...]) -> str:
    """Return paths for a sentence, in their order. Raises `PathError`."""
    return ", ".join(map(path, of))


def texts(pairs: dict[str, str]) -> str:
    """Return free texts and what they stand beside, by name; an unusual one is told as JSON."""
    return ", ".join(f"`{_text(name)}` is {says}" for name, says in sorted(pairs.items()))


def _text(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else encode(name).decode()
