"""Tools that are new or changed, as drift."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from placet.policy.model import Ruling
from placet.policy.rulings import GRAVE
from placet.studio.drift.model import (
    DriftItem,
    DriftItemId,
    DriftKind,
    DriftSeverity,
    DriftStatus,
    DriftSubject,
    Sighting,
    ToolChange,
)
from placet.studio.drift.rules import RANK, fingerprint_of
from placet.studio.drift.scans.look import Look
from placet.studio.drift.scans.model import (
    ApprovedTool,
    Difference,
    SeenTool,
)

NEW_TOOLS_MAX: Final = 100
CHANGES_MAX: Final = 20
TOO_MANY: Final = "too_many"
NOT_COMPARED: Final = "not_compared"

NEW_TOOL: Final = {
    Ruling.DENY: DriftSeverity.MINOR,
    Ruling.ASK: DriftSeverity.MAJOR,
    Ruling.ALLOW: DriftSeverity.CRITICAL,
}
"""How severe an unknown tool is, by what the contract rules for unknown tools."""

CHANGED_TOOL: Final = {
    ToolChange.DESCRIPTION_ONLY: (DriftSeverity.MINOR, DriftSeverity.MINOR),
    ToolChange.NARROWED: (DriftSeverity.MINOR, DriftSeverity.MINOR),
    ToolChange.WIDENED: (DriftSeverity.MINOR, DriftSeverity.MAJOR),
    ToolChange.INCOMPATIBLE: (DriftSeverity.MAJOR, DriftSeverity.CRITICAL),
}
"""How severe a changed tool is: an ordinary one, and a grave one."""


def find_new_tools(look: Look, found: Sequence[SeenTool]) -> Iterator[Sighting]:
    """Yield the tools that the contract does not have and nobody knew of at the approval.

    An agent chooses the names: beyond `NEW_TOOLS_MAX` of them, what is left is one sighting.
    """
    severity = NEW_TOOL[look.unmatched]
    each = [
        look.sighting(
            DriftKind.TOOL_NEW,
            DriftSubject(tool=tool.name),
            severity,
            f"the agent offers `{tool.name}`, which the approved contract does not have",
            at=tool.last_seen_at,
        )
        for tool in found
    ]
    told, left = _room_for(look, each, NEW_TOOLS_MAX)
    yield from told
    if left:
        yield look.sighting(
            DriftKind.TOOL_NEW,
            DriftSubject(code=TOO_MANY),
            severity,
            f"the agent offers more than {NEW_TOOLS_MAX} tools that the approved contract does"
            " not have",
            at=max(one.seen_at for one in left),
        )


def find_changed_tools(
    look: Look, found: Sequence[Difference], not_compared: Sequence[SeenTool]
) -> Iterator[Sighting]:
    """Yield the tools that are not what they were at the approval, or may not be.

    Beyond `CHANGES_MAX` versions of a tool, what is left of it is one sighting. So are those that
    were not compared in time, as severe as the worst change, of which a later scan says more. Of a
    tool that had its `CHANGES_MAX` before, these are versions beyond them: nothing more is said.
    """
    for name in sorted({*(it.tool for it in found), *(it.name for it in not_compared)}):
        is_grave = look.is_grave(name)
        each = [
            look.sighting(
                DriftKind.TOOL_CHANGED,
                DriftSubject(tool=name, change=it.change, found=it.found),
                CHANGED_TOOL[it.change][is_grave],
                f"`{name}` is not the tool that was approved: {it.change.replace('_', ' ')}",
                at=it.seen_at,
            )
            for it in found
            if it.tool == name
        ]
        told, beyond = _room_for(look, each, CHANGES_MAX)
        yield from told
        left = _uncompared(look, name, [it for it in not_compared if it.name == name])
        if left is not None and _told_count(look.live.values(), name) >= CHANGES_MAX:
            beyond.append(left)
        elif left is not None:
            yield left
        if beyond:
            yield look.sighting(
                DriftKind.TOOL_CHANGED,
                DriftSubject(tool=name, code=TOO_MANY),
                max((one.severity for one in beyond), key=lambda one: RANK[one]),
                f"`{name}` was offered in more than {CHANGES_MAX} versions since the approval",
                at=max(one.seen_at for one in beyond),
            )


def _uncompared(look: Look, name: str, versions: Sequence[SeenTool]) -> Sighting | None:
    if not versions:
        return None
    return look.sighting(
        DriftKind.TOOL_CHANGED,
        DriftSubject(tool=name, code=NOT_COMPARED),
        CHANGED_TOOL[ToolChange.INCOMPATIBLE][look.is_grave(name)],
        f"{len(versions)} versions of `{name}` were not compared in time with the approved one",
        at=max(one.last_seen_at for one in versions),
    )


def unread_lists(look: Look) -> Sighting:
    """Return that the lists of tools were not read in time, as severe as the worst change."""
    return look.sighting(
        DriftKind.TOOL_CHANGED,
        DriftSubject(code=NOT_COMPARED),
        CHANGED_TOOL[ToolChange.INCOMPATIBLE][any(map(look.is_grave, look.tools))],
        "the lists of tools among the sources were not read in time, and no tool was compared",
        at=look.until,
    )


def full_tools(live: Collection[DriftItem], tools: Mapping[str, ApprovedTool]) -> frozenset[str]:
    """Return the tools of which everything is told that can be, whatever further versions are.

    Each has `CHANGES_MAX` items of its own, and one for the rest that is as severe as the worst.
    """
    return frozenset(
        name
        for name, tool in tools.items()
        if _told_count(live, name) >= CHANGES_MAX
        and any(
            item.subject == DriftSubject(tool=name, code=TOO_MANY)
            and item.severity is CHANGED_TOOL[ToolChange.INCOMPATIBLE][tool.side_effect in GRAVE]
            for item in live
        )
    )


def _told_count(live: Iterable[DriftItem], name: str) -> int:
    return sum(
        item.kind is DriftKind.TOOL_CHANGED
        and item.subject.tool == name
        and item.subject.code is None
        for item in live
    )


def settled_items(look: Look, left: Sequence[SeenTool]) -> list[DriftItemId]:
    """Return the items of what was not compared in time before, and is by now.

    So is a tool that has had its `CHANGES_MAX` items: what is left of it is in the one for the
    rest. One that a draft takes up stays.
    """
    told = look.live.values()
    names = {name for name in {it.name for it in left} if _told_count(told, name) < CHANGES_MAX}
    return sorted(
        item.item_id
        for item in look.live.values()
        if item.kind is DriftKind.TOOL_CHANGED
        and item.subject.code == NOT_COMPARED
        and item.subject.tool not in names
        and item.status is not DriftStatus.ACCEPTED
    )


def _room_for(
    look: Look, seen: Sequence[Sighting], most: int
) -> tuple[list[Sighting], list[Sighting]]:
    """Return the sightings that have an item or may have one, and those that are left."""
    kept = {
        fingerprint_of(item.kind, item.subject)
        for item in look.live.values()
        if seen and item.kind is seen[0].kind and item.subject.code is None
        if item.kind is DriftKind.TOOL_NEW or item.subject.tool == seen[0].subject.tool
    }
    told, left = [], []
    for one in seen:
        key = fingerprint_of(one.kind, one.subject)
        if key in kept or len(kept) < most:
            kept.add(key)
            told.append(one)
        else:
            left.append(one)
    return told, left
