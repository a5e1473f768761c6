"""From a text to the same text without what must not be kept.

What was found is replaced by `[redacted:KIND]`; no pattern reaches over a line end, so that every
line stays where it was. A secret that is unlike any word is replaced wherever else it stands. In
JSON a number is replaced by a string, for the text to stay JSON.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from placet.studio.sources.credentials import find_secrets, is_telling
from placet.studio.sources.hits import Hit, View, merged
from placet.studio.sources.model import (
    FindingKind,
    FindingPlace,
    QuarantineReason,
    SourceFinding,
    SourceMedia,
)
from placet.studio.sources.personal import find_personal

SECRETS_MAX: Final = 200
"""Secrets of one source. What holds more is a store of secrets, and nothing of it is kept."""

PERSONAL_MAX: Final = 20_000
"""Personal data of one source, counted one by one. What holds more is a list of people."""

SECRETS: Final = frozenset(
    {
        FindingKind.PRIVATE_KEY,
        FindingKind.TOKEN,
        FindingKind.OUR_KEY,
        FindingKind.JWT,
        FindingKind.AUTHORIZATION,
        FindingKind.PASSWORD,
        FindingKind.CREDENTIAL,
    }
)
_TOKEN: Final = re.compile(r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"?|[^\s,:\[\]{}"]++')
"""A string of a JSON text, or whatever else stands between brackets, commas and colons."""


class Scan(NamedTuple):
    """What was found in a text, in order and without overlaps, and why nothing may be kept."""

    hits: list[Hit]
    reason: QuarantineReason | None


def scan(text: str) -> Scan:
    """Return everything that must not be kept.

    The search ends early when there is more than may be replaced: nothing will be kept then.
    """
    view = View(text)
    hits: list[Hit] = []
    reason = None
    for hit in find_secrets(view):
        hits.append(hit)
        if hit.kind is FindingKind.PRIVATE_KEY:
            reason = QuarantineReason.PRIVATE_KEY
        if len(hits) > SECRETS_MAX:
            return Scan(merged(hits), reason or QuarantineReason.TOO_MANY_SECRETS)
    most = len(hits) + PERSONAL_MAX
    for hit in find_personal(view):
        hits.append(hit)
        if len(hits) > most:
            return Scan(merged(hits), reason or QuarantineReason.TOO_MUCH_PERSONAL_DATA)
    return Scan(merged(hits), reason)


def secrets_in(text: str, hits: Iterable[Hit]) -> set[str]:
    """Return the secrets found that would be known wherever else they stood."""
    values = {text[hit.start : hit.end] for hit in hits if hit.kind in SECRETS}
    return {value for value in values if is_telling(value)}


def echoes(text: str, secrets: set[str]) -> Iterator[Hit]:
    """Yield every place where one of these secrets stands."""
    for secret in secrets:
        at = text.find(secret)
        while at >= 0:
            yield Hit(at, at + len(secret), FindingKind.CREDENTIAL)
            at = text.find(secret, at + len(secret))


def redacted(text: str, hits: list[Hit], media: SourceMedia) -> str:
    """Return the text with each hit replaced."""
    out: list[str] = []
    at = 0
    for hit, quote in _settled(text, hits, media):
        out += (text[at : hit.start], f"{quote}[redacted:{hit.kind}]{quote}")
        at = hit.end
    out.append(text[at:])
    return "".join(out)


def told(text: str, hits: Iterable[Hit], place: FindingPlace) -> Iterator[SourceFinding]:
    """Yield where each hit stands, without what it is."""
    line, line_at, seen = 1, 0, 0
    for hit in hits:
        if breaks := text.count("\n", seen, hit.start):
            line += breaks
            line_at = text.rfind("\n", seen, hit.start) + 1
        seen = hit.start
        yield SourceFinding(
            kind=hit.kind,
            place=place,
            line=line,
            column=hit.start - line_at + 1,
            length=hit.end - hit.start,
        )


def _settled(text: str, hits: list[Hit], media: SourceMedia) -> Iterator[tuple[Hit, str]]:
    """Yield what is to be replaced, and the quotes that the replacement needs."""
    if media not in {SourceMedia.JSON, SourceMedia.JSONL}:
        yield from ((hit, "") for hit in hits)
        return
    tokens = _TOKEN.finditer(text)
    token = next(tokens, None)
    at = 0
    for hit in hits:
        if hit.end <= at:
            continue
        while token is not None and token.end() <= hit.start:
            token = next(tokens, None)
        if token is not None and _is_within(hit, token):
            yield hit, ""
            continue
        # Outside of strings the whole value goes, and all that the hit reaches into.
        start, end = max(at, min(hit.start, token.start() if token else hit.start)), hit.end
        while token is not None and token.start() < hit.end:
            end = max(end, token.end())
            if token.end() >= hit.end:
                break
            token = next(tokens, None)
        at = end
        yield Hit(start, end, hit.kind), '"'


def _is_within(hit: Hit, token: re.Match[str]) -> bool:
    is_string = token[0].startswith('"')
    return is_string and token.start() < hit.start and hit.end < token.end()
