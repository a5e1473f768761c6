"""What counts as drift in a view is what counts as drift elsewhere."""

import re
from datetime import timedelta

import pytest
from tests.studio.drift.sightings import new_tool
from tests.studio.views.looking import Looking

from placet.studio.approvals import store as approvals
from placet.studio.drift import service, store
from placet.studio.drift.model import DriftDecision, DriftSeverity, DriftStatus
from placet.studio.drift.rules import RANK
from placet.studio.drift.tables import LIVE as KEPT
from placet.studio.views.store import GRAVEST, LIVE


def words(text: str) -> list[str]:
    return re.findall(r"'([a-z]+)'", text)


def test_views_call_live_what_the_table_does() -> None:
    within = LIVE[LIVE.index("d.status IN") :]
    assert words(within) == words(KEPT)
    assert set(words(within)) < {status.value for status in DriftStatus}


def test_views_order_severities_as_everybody_does() -> None:
    assert words(GRAVEST) == sorted(DriftSeverity, key=lambda one: -RANK[one])


@pytest.mark.parametrize(("days", "undecided"), [(-1, 1), (1, 0)])
async def test_a_waiver_counts_until_its_date_and_no_longer(
    looking: Looking, days: int, undecided: int
) -> None:
    scanner = looking.scanner
    assert scanner.workspace.active_approval_id is not None
    async with scanner.db.writing(scanner.founder) as tx:
        approval = await approvals.get_approval(tx, scanner.workspace.active_approval_id)
        item, _ = await service.open_drift(tx, new_tool(approval), scanner.ids)
        assert item is not None
        until = await tx.now() + timedelta(days=days)
        waived = DriftDecision(status=DriftStatus.WAIVED, reason="known", waived_until=until)
        assert await store.advance_item(tx, item, waived) is not None
    atlas = await looking.atlas()
    (minor,) = [one for one in atlas["drift"] if one["severity"] == "minor"]
    assert (minor["items"], minor["undecided"]) == (1, undecided)
