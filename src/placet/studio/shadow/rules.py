"""When a shadow is over, and what its counts come to."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from placet.studio.drafts.model import DraftStatus
from placet.studio.shadow.model import (
    OTHER_TOOLS,
    TOOLS_MAX,
    Shadow,
    ShadowCounts,
    ShadowEnd,
    ShadowTally,
    TallyLine,
)

_CLOSED = {
    DraftStatus.ABANDONED: ShadowEnd.ABANDONED,
    DraftStatus.SUPERSEDED: ShadowEnd.SUPERSEDED,
    DraftStatus.APPROVED: ShadowEnd.SUPERSEDED,
}


def decide_end(  # noqa: PLR0913 -- what can end a shadow, each by its name
    shadow: Shadow,
    *,
    is_archived: bool,
    draft_status: DraftStatus,
    in_force: UUID | None,
    approved_snapshot: UUID | None,
    now: datetime,
) -> ShadowEnd | None:
    """Return why a running shadow is over at `now`, or None.

    `in_force` is the approval that holds now, `approved_snapshot` the snapshot that it approved.
    """
    if in_force != shadow.approval_id:
        is_own = approved_snapshot == shadow.snapshot_id
        return ShadowEnd.APPROVED if is_own else ShadowEnd.SUPERSEDED
    if is_archived:
        return ShadowEnd.ABANDONED
    if draft_status is not DraftStatus.OPEN:
        return _CLOSED[draft_status]
    return ShadowEnd.RAN_OUT if shadow.ends_at <= now else None


def counts_of(tallies: Iterable[ShadowTally], left_out: int) -> ShadowCounts:
    """Return what all tallies come to."""
    agreed = disagreed = unjudged = 0
    for one in tallies:
        if one.unjudged:
            unjudged += one.calls
        elif one.before is one.after:
            agreed += one.calls
        else:
            disagreed += one.calls
    return ShadowCounts(
        calls=agreed + disagreed + unjudged,
        agreed=agreed,
        disagreed=disagreed,
        unjudged=unjudged,
        left_out=left_out,
    )


def ranked(tallies: Sequence[ShadowTally]) -> list[TallyLine]:
    """Return tallies as they are shown: what disagrees first, then by the number of calls."""
    ordered = sorted(
        tallies,
        key=lambda one: (
            one.before is one.after or one.unjudged,
            one.unjudged,
            -one.calls,
            one.tool,
        ),
    )
    return [
        TallyLine(**{name: getattr(one, name) for name in TallyLine.__struct_fields__})
        for one in ordered
    ]


def named(tool: str, known: set[str]) -> str:
    """Return the name that a tool is counted under, and add it to those that are known."""
    if tool not in known and len(known) >= TOOLS_MAX:
        return OTHER_TOOLS
    known.add(tool)
    return tool
