"""A tool of very many versions: every one is told or stood for, and comparing them ends."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.studio.drift.scans.test_rules import item_of, look
from tests.studio.drift.scans.test_tools import APPROVED_AT, BASE, OTHER, pay, seen

from placet.studio.drift.model import DriftItem, DriftSeverity, DriftSubject, ToolChange
from placet.studio.drift.rules import RANK, fingerprint_of
from placet.studio.drift.scans import tool_drift, tools
from placet.studio.drift.scans.look import Look, only_newer
from placet.studio.drift.scans.model import SeenTool

TOO_MANY: Final = DriftSubject(tool="pay", code=tool_drift.TOO_MANY)
NOT_COMPARED: Final = DriftSubject(tool="pay", code=tool_drift.NOT_COMPARED)


class Approval:
    """What scans of one approval say, one after the other."""

    def __init__(self) -> None:
        """Begin with none."""
        self.live: dict[str, DriftItem] = {}
        self.compared = 0

    def scan(self, versions: list[SeenTool]) -> None:
        """Scan once for what is offered."""
        self.compared = 0
        items = list(self.live.values())
        full = tool_drift.full_tools(items, {"pay": pay()})
        known = {one.subject.found: one.subject.change for one in items}
        changed, left = tools.changed_tools(
            [pay()],
            versions,
            APPROVED_AT,
            {found: change for found, change in known.items() if found and change},
            tools.Comparisons(self._count, full),
        )
        at = self.look()
        settled = set(tool_drift.settled_items(at, left))
        told = list(only_newer(at, tool_drift.find_changed_tools(at, changed, left)))
        self.live = {key: item for key, item in self.live.items() if item.item_id not in settled}
        for one in told:
            key = fingerprint_of(one.kind, one.subject)
            new = replace(item_of(one), item_id=key)
            kept = self.live.get(key, new)
            severity = max(kept.severity, one.severity, key=lambda it: RANK[it])
            self.live[key] = replace(new, severity=severity, last_seen_at=one.seen_at)

    def look(self) -> Look:
        """Return what a scan looks at."""
        return replace(look(approved_at=APPROVED_AT), live=self.live)

    def subjects(self) -> set[DriftSubject]:
        """Return what the items say that are no change of one version."""
        return {one.subject for one in self.live.values() if one.subject.code is not None}

    def severity(self) -> DriftSeverity:
        """Return how severe the item for the rest is."""
        (severity,) = [one.severity for one in self.live.values() if one.subject == TOO_MANY]
        return severity

    def _count(self) -> bool:
        self.compared += 1
        return False


def versions(count: int, base: dict[str, Any]) -> Iterator[SeenTool]:
    """Yield so many versions of a tool, each with another schema."""
    for n in range(count):
        hours = n + 1
        yield seen(schema=base | {"maxProperties": 5 + n}, hours=hours)


@pytest.mark.parametrize("base", [BASE, OTHER], ids=["narrowed", "incompatible"])
def test_comparing_the_versions_of_a_tool_ends_however_many_there_are(base: dict[str, Any]) -> None:
    approval, offered = Approval(), list(versions(4 * tools.COMPARED_MAX, base))
    approval.scan(offered)
    assert approval.subjects() == {TOO_MANY, NOT_COMPARED}
    for _ in range(2):
        approval.scan(offered)
    assert approval.compared == 0
    assert approval.subjects() == {TOO_MANY}
    assert approval.severity() is DriftSeverity.CRITICAL
    assert len(approval.live) == tool_drift.CHANGES_MAX + 1


def test_as_long_as_the_item_for_the_rest_may_become_graver_further_versions_are_compared() -> None:
    approval = Approval()
    mild = list(versions(tool_drift.CHANGES_MAX + 1, BASE))
    approval.scan(mild)
    assert approval.severity() is DriftSeverity.MINOR
    grave = replace(seen(schema=OTHER), last_seen_at=APPROVED_AT + timedelta(minutes=1))
    approval.scan([*mild, grave])
    assert approval.compared == len(mild) + 1 - tool_drift.CHANGES_MAX
    assert approval.severity() is DriftSeverity.CRITICAL
    assert approval.subjects() == {TOO_MANY}


def test_a_version_that_was_offered_again_of_a_tool_with_all_its_items_is_known_as_before() -> None:
    approval, offered = Approval(), list(versions(tool_drift.CHANGES_MAX + 1, OTHER))
    approval.scan(offered)
    approval.scan([*offered, seen(hours=99)])
    assert max(one.last_seen_at for one in approval.live.values()) < APPROVED_AT + timedelta(
        hours=99
    )
    changes = {one.subject.change for one in approval.live.values()}
    assert changes == {None, ToolChange.INCOMPATIBLE}


def test_all_is_told_of_a_tool_with_all_its_items_and_one_for_the_rest_that_is_the_worst() -> None:
    approval = Approval()
    approval.scan(list(versions(tool_drift.CHANGES_MAX + 1, OTHER)))
    live = list(approval.live.values())
    (rest,) = [one for one in live if one.subject == TOO_MANY]
    own = [one for one in live if one != rest]
    milder = replace(rest, severity=DriftSeverity.MAJOR)
    for told in (own, [*own[1:], rest], [*own, milder], [rest]):
        assert tool_drift.full_tools(told, {"pay": pay()}) == frozenset()
    assert tool_drift.full_tools(live, {"pay": pay()}) == {"pay"}
