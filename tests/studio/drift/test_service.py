"""Drift items: one for the same thing, and what people may make of it."""

from datetime import timedelta

import pytest
from tests.invariants.overtaking import Side, overtake
from tests.studio.drift.sightings import new_tool
from tests.studio.story import Story

from placet.kernel.value import Value
from placet.storage.database import Writing
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import GovernanceApproval
from placet.studio.drift import service
from placet.studio.drift.model import (
    DriftItem,
    DriftOpened,
    DriftSeverity,
    DriftSuperseded,
    Sighting,
)


@pytest.fixture
async def approval(story: Story) -> GovernanceApproval:
    voted = await story.approved()
    assert voted.approval_id is not None
    async with story.db.reading(story.founder) as tx:
        return await approvals.get_approval(tx, voted.approval_id)


async def opened(story: Story, seen: Sighting) -> tuple[DriftItem | None, list[Value]]:
    async with story.db.writing(story.founder) as tx:
        return await service.open_drift(tx, seen, story.ids)


async def only(story: Story, seen: Sighting) -> DriftItem:
    item, _ = await opened(story, seen)
    assert item is not None
    return item


async def test_the_same_thing_seen_again_counts_up_one_item(
    story: Story, approval: GovernanceApproval
) -> None:
    first, said = await opened(story, new_tool(approval))
    later = approval.approved_at + timedelta(hours=1)
    again, silent = await opened(story, new_tool(approval, seen_at=later, times=3))
    assert first is not None
    assert again is not None
    assert [type(event) for event in said] == [DriftOpened]
    assert silent == []
    assert again.item_id == first.item_id
    assert (again.seen_count, again.first_seen_at, again.last_seen_at) == (
        4,
        approval.approved_at,
        later,
    )


async def test_another_thing_or_another_approval_is_another_item(
    story: Story, approval: GovernanceApproval, other: Story
) -> None:
    theirs = await other.approved()
    assert theirs.approval_id is not None
    async with other.db.reading(other.founder) as tx:
        foreign = await approvals.get_approval(tx, theirs.approval_id)
    items = [
        await only(story, new_tool(approval)),
        await only(story, new_tool(approval, "erase_all")),
        await only(other, new_tool(foreign)),
    ]
    assert len({item.item_id for item in items}) == 3
    assert [item.seen_count for item in items] == [1, 1, 1]


async def test_severity_rises_and_never_falls(story: Story, approval: GovernanceApproval) -> None:
    severities = [DriftSeverity.MINOR, DriftSeverity.CRITICAL, DriftSeverity.INFO]
    seen = [(await only(story, new_tool(approval, severity=s))).severity for s in severities]
    assert seen == [DriftSeverity.MINOR, DriftSeverity.CRITICAL, DriftSeverity.CRITICAL]


async def test_that_items_are_settled_is_told_of_those_alone_that_nobody_has_closed(
    story: Story, approval: GovernanceApproval
) -> None:
    items = [await only(story, new_tool(approval, name)) for name in ("wire_money", "erase_all")]
    ids = [item.item_id for item in items]
    told = []
    for settled in ([ids[0]], [ids[0]], ids):
        async with story.db.writing(story.founder) as tx:
            told.append(await service.close_items(tx, approval, settled))
    by = approval.approval_id
    assert told == [
        [DriftSuperseded(by_approval_id=by, item_ids=[ids[0]])],
        [],
        [DriftSuperseded(by_approval_id=by, item_ids=[ids[1]])],
    ]


async def test_two_who_see_the_same_at_once_open_one_item(
    story: Story, approval: GovernanceApproval
) -> None:
    async def see(tx: Writing) -> object:
        return await service.open_drift(tx, new_tool(approval), story.ids)

    first, second = await overtake(story.db, Side(story.founder, see), Side(story.founder, see))
    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert (second[0].item_id, second[0].seen_count) == (first[0].item_id, 2)
    assert [len(said) for _, said in (first, second)] == [1, 0]
