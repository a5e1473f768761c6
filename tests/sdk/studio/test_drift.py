"""Drift and evidence through the studio's client."""

from datetime import timedelta

import pytest
from tests.studio.drift.sightings import new_tool
from tests.studio.story import Story

from placet.kernel.ids import Ids
from placet.sdk.studio.client import Studio
from placet.studio.approvals import store as approvals
from placet.studio.drift import service
from placet.studio.drift.model import DriftClosed, DriftItemNotFound, DriftStatus, WaiverOutOfRange
from placet.studio.rule_evidence.model import Freshness


async def test_items_receipts_and_evidence_come_back_typed_and_so_do_refusals(
    founder: Studio, story: Story, ids: Ids
) -> None:
    voted = await story.approved()
    assert voted.approval_id is not None
    async with story.db.writing(story.founder) as tx:
        approval = await approvals.get_approval(tx, voted.approval_id)
        item, _ = await service.open_drift(tx, new_tool(approval), ids)
    assert item is not None
    receipt = await founder.drift.scan(approval.workspace_id)
    assert (receipt.opened_count, receipt.live_count) == (0, 1)
    assert receipt in [one async for one in founder.drift.receipts(approval.workspace_id)]
    every = [one async for one in founder.drift.every(approval.workspace_id)]
    assert [one.item_id for one in every] == [item.item_id]
    assert (await founder.drift.get(item.item_id)).status is DriftStatus.OPEN
    with pytest.raises(DriftItemNotFound):
        await founder.drift.get(ids.new())
    with pytest.raises(WaiverOutOfRange):
        await founder.drift.waive(item.item_id, "known", approval.approved_at)
    until = approval.approved_at + timedelta(days=30)
    waived = await founder.drift.waive(item.item_id, "known", until)
    assert (waived.status, waived.waived_until) == (DriftStatus.WAIVED, until)
    with pytest.raises(DriftClosed):
        await founder.drift.acknowledge(item.item_id, "too late")
    evidence = [one async for one in founder.drift.evidence(approval.approval_id)]
    assert len(evidence) == receipt.rule_count
    assert {one.freshness for one in evidence} == {Freshness.NEVER}
