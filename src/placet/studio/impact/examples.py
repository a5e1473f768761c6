"""What is shown of one call: without what a contract redacts, and without what looks secret."""

from collections.abc import Mapping
from typing import Final

from msgspec import structs

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError
from placet.policy.paths import Path, parse_path, without
from placet.policy.projection import RuntimeProjection
from placet.replay.recordings.model import RecordedCall
from placet.studio.impact.model import Example, Judgment, RuleLine
from placet.studio.sources.model import SourceMedia
from placet.studio.sources.scan import redacted, scan

SHOWN_MAX: Final = 2_000
"""Characters of arguments that are shown; longer ones are told by their hash alone."""

Redactions = Mapping[str, tuple[Path, ...]]
"""The paths that must not be shown, by tool."""


def redactions_of(*projections: RuntimeProjection | None) -> Redactions:
    """Return what any of these contracts redacts."""
    paths: dict[str, dict[str, Path]] = {}
    for projection in projections:
        for name, tool in {} if projection is None else projection.tools.items():
            found = (parse_path(text) for text in tool.redact)
            paths.setdefault(name, {}).update({path.text: path for path in found})
    return {name: tuple(found.values()) for name, found in paths.items() if found}


def example_of(
    call: RecordedCall, before: Judgment, after: Judgment, redactions: Redactions
) -> Example:
    """Return a call with both verdicts, as people may see it."""
    paths = redactions.get(call.tool_name, ())
    return Example(
        session_id=call.session_id,
        step=call.step_id,
        call_id=call.call_id,
        tool=call.tool_name,
        at=call.proposed_at,
        arguments=_arguments(call, paths),
        arguments_hash=call.arguments_hash.hex(),
        before=_shown(before, is_bare=bool(paths)),
        after=_shown(after, is_bare=bool(paths)),
    )


def erased(example: Example) -> Example:
    """Return an example as it is left when its call was erased: hashes and verdicts alone."""
    return structs.replace(
        example,
        arguments=None,
        before=_shown(example.before, is_bare=True),
        after=_shown(example.after, is_bare=True),
    )


def _arguments(call: RecordedCall, paths: tuple[Path, ...]) -> str | None:
    if call.arguments is None or len(call.arguments) > SHOWN_MAX:
        return None
    try:
        given = foreign.parse(call.arguments)
    except ForeignJsonError:
        return None
    for path in paths:
        given = without(path, given)
    return _clean(foreign.encode(given).decode(), SourceMedia.JSON)


def _shown(judgment: Judgment, *, is_bare: bool) -> Judgment:
    """Return a judgment whose reasons tell no value that one of the contracts redacts.

    Each contract keeps its own redacted values out of its reasons, and not those of another.
    """
    reasons = [
        RuleLine(
            code=one.code,
            rule=one.rule,
            detail=None if is_bare or one.detail is None else _clean(one.detail, SourceMedia.TEXT),
        )
        for one in judgment.reasons
    ]
    return structs.replace(judgment, reasons=reasons)


def _clean(text: str, media: SourceMedia) -> str | None:
    """Return a text without what looks like a secret, or None where there is too much of it."""
    if any(one in text for one in ("\x00", "\x01")):
        return None
    found = scan(text)
    return None if found.reason is not None else redacted(text, found.hits, media)
