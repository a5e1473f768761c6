"""Makers of findings about a contract that is well-formed."""

from placet.policy.checks.codes import CODES
from placet.policy.finding import Finding
from placet.policy.model import Contract, ToolContract
from placet.policy.paths import path_text
from placet.policy.text.tree import Steps

WORDS_MAX = 100
"""Characters of the author's words that a message repeats at most."""


def found(
    code: str, steps: Steps, message: str, hint: str = "", *, related: Steps | None = None
) -> Finding:
    """Return a finding that stands at `steps` of the document, as grave as its code says.

    Of a pair, `steps` is the later place and `related` the earlier one. Where the order of keys in
    the text decides which is later, `check_located` turns the pair, so the message must hold for
    both ways round.
    """
    return Finding(
        code=code,
        severity=CODES[code].severity,
        path=path_text(steps),
        message=message,
        hint=hint,
        related=None if related is None else path_text(related),
    )


def short(word: object) -> str:
    """Return an author's word as a message repeats it."""
    text = str(word)
    return text if len(text) <= WORDS_MAX else f"{text[:WORDS_MAX]}…"


def tools_of(contract: Contract) -> list[tuple[Steps, ToolContract]]:
    """Return each tool with the place where it stands."""
    return [(("tools", index), tool) for index, tool in enumerate(contract.tools)]
