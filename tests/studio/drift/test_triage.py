"""What people decide about drift items, and what becomes of that."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from tests.invariants.overtaking import Side, overtake
from tests.studio.drift.sightings import new_tool
from tests.studio.drift.test_service import approval, only, opened
from tests.studio.story import AGENT, LOOKUP, REFUND, Story

from placet.events import store as events
from placet.events.model import StreamId
from placet.kernel.principal import Environment, Scope
from placet.kernel.refusals import ScopeMissing
from placet.plans.inventory import rules as inventory_rules
from placet.plans.inventory import store as inventory
from placet.plans.inventory.model import OfferedTool
from placet.storage.database import Writing
from placet.studio.abandonments import service as abandonments
from placet.studio.abandonments.model import AbandonDraft
from placet.studio.approvals.model import GovernanceApproval
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import CommandType
from placet.studio.drift import accepting, rules, service, store
from placet.studio.drift.model import (
    AcceptDrift,
    AcceptedDrift,
    DriftAnswer,
    DriftClosed,
    DriftDecided,
    DriftDecision,
    DriftItem,
    DriftItemNotFound,
    DriftOpened,
    DriftStatus,
    DriftSubject,
    DriftSuperseded,
    ToolChange,
    WaiverOutOfRange,
)
from placet.studio.drift.model import DriftKind as Kind
from placet.studio.drift.tables import DRIFT_ITEM
from placet.tenancy import service as tenancy
from placet.tenancy.model import GrantRole, Role

__all__ = ["approval"]


@pytest.fixture
async def item(story: Story, approval: GovernanceApproval) -> DriftItem:
    """An open item, seen at the approval."""
    return await only(story, new_tool(approval))


def decision(status: DriftStatus, until: datetime | None = None) -> DriftDecision:
    return DriftDecision(status=status, reason="looked at", waived_until=until)


async def decide(story: Story, item: DriftItem, said: DriftDecision) -> DriftAnswer:
    async with story.db.writing(story.founder) as tx:
        return await service.decide_item(tx, item.item_id, said, story.ids)


async def counts(story: Story, item: DriftItem) -> DriftItem:
    """Return the item as it counts now."""
    async with story.db.reading(story.founder) as tx:
        return rules.as_it_counts(await store.get_item(tx, item.item_id), await tx.now())


async def accept(story: Story, item: DriftItem) -> AcceptedDrift:
    asked = AcceptDrift(reason="we want it")
    async with story.db.writing(story.founder) as tx:
        return await accepting.accept_item(tx, item.item_id, asked, story.ids.new().hex, story.ids)


async def told(story: Story, item: DriftItem, kind: type) -> Sequence[str]:
    async with story.db.reading(story.founder) as tx:
        found = await events.list_events(tx, StreamId(item.workspace_id), after=0, limit=200)
    return [(event.body or b"").decode() for event in found if event.type == kind.__name__]


async def test_a_decision_is_kept_with_who_and_why_and_told(story: Story, item: DriftItem) -> None:
    answer = await decide(story, item, decision(DriftStatus.ACKNOWLEDGED))
    assert (answer.status, answer.reason) == (DriftStatus.ACKNOWLEDGED, "looked at")
    assert (answer.decided_by, answer.decided_at is None) == (story.founder.actor_id, False)
    (event,) = await told(story, item, DriftDecided)
    assert str(item.item_id) in event


@pytest.mark.parametrize("first", [DriftStatus.RESOLVED, DriftStatus.ACKNOWLEDGED])
async def test_what_is_decided_is_not_acknowledged_again(
    story: Story, item: DriftItem, first: DriftStatus
) -> None:
    await decide(story, item, decision(first))
    with pytest.raises(DriftClosed) as refused:
        await decide(story, item, decision(DriftStatus.ACKNOWLEDGED))
    assert refused.value.drift_status is first


async def test_an_approver_of_another_workspace_alone_decides_nothing_here(
    story: Story, item: DriftItem
) -> None:
    elsewhere = await story.workspace(await story.signer("cleo"), agent="elsewhere")
    person, _ = await story.workplace.person("dora")

    async def reach(workspace_id: UUID) -> None:
        async with story.db.writing(story.founder) as tx:
            grant = GrantRole(
                actor_id=person.actor_id, role=Role.APPROVER, workspace_id=workspace_id
            )
            await tenancy.grant_role(tx, grant, story.ids)
        async with story.db.reading(person) as tx:
            await service.check_reach(tx, item.item_id, {Scope.APPROVE})

    with pytest.raises(ScopeMissing):
        await reach(elsewhere.workspace_id)
    async with story.db.reading(person) as tx:
        await service.check_reach(tx, item.item_id, {Scope.APPROVE, Scope.OPERATE})
    await reach(item.workspace_id)


async def test_of_two_decisions_at_once_the_first_stands(story: Story, item: DriftItem) -> None:
    def deciding(status: DriftStatus) -> Side:
        async def work(tx: Writing) -> object:
            return await service.decide_item(tx, item.item_id, decision(status), story.ids)

        return Side(story.founder, work)

    won, lost = await overtake(
        story.db, deciding(DriftStatus.RESOLVED), deciding(DriftStatus.ACKNOWLEDGED)
    )
    assert isinstance(won, DriftAnswer)
    assert isinstance(lost, DriftClosed)
    assert lost.drift_status is DriftStatus.RESOLVED


async def test_a_resolved_item_stays_so_until_the_same_is_seen_later(
    story: Story, approval: GovernanceApproval, item: DriftItem
) -> None:
    resolved = await decide(story, item, decision(DriftStatus.RESOLVED))
    assert resolved.decided_at is not None
    assert await opened(story, new_tool(approval, seen_at=resolved.decided_at)) == (None, [])
    later = resolved.decided_at + timedelta(microseconds=1)
    again, said = await opened(story, new_tool(approval, seen_at=later))
    assert again is not None
    assert again.item_id != item.item_id
    assert [type(event) for event in said] == [DriftOpened]


@pytest.mark.parametrize("days", [-1, 366])
async def test_a_waiver_ends_in_the_coming_year(story: Story, item: DriftItem, days: int) -> None:
    async with story.db.reading(story.founder) as tx:
        until = await tx.now() + timedelta(days=days)
    with pytest.raises(WaiverOutOfRange):
        await decide(story, item, decision(DriftStatus.WAIVED, until))
    assert (await counts(story, item)).status is DriftStatus.OPEN


async def test_a_waived_item_is_counted_silently_and_open_again_when_the_waiver_ends(
    story: Story, approval: GovernanceApproval, item: DriftItem
) -> None:
    async with story.db.reading(story.founder) as tx:
        until = await tx.now() + timedelta(days=3)
    await decide(story, item, decision(DriftStatus.WAIVED, until))
    silent, said = await opened(story, new_tool(approval))
    assert silent is not None
    assert (silent.status, said) == (DriftStatus.WAIVED, [])
    await _let_waiver_end(story, item, approval.approved_at)
    assert (await counts(story, item)).status is DriftStatus.OPEN
    async with story.db.reading(story.founder) as tx:
        listed = await store.list_items(
            tx, item.workspace_id, status=DriftStatus.OPEN, before=None, limit=9
        )
    assert [found.item_id for found in listed] == [item.item_id]
    again, said = await opened(story, new_tool(approval))
    assert again is not None
    assert (again.item_id, again.status) == (item.item_id, DriftStatus.OPEN)
    assert [type(event) for event in said] == [DriftOpened]


async def _let_waiver_end(story: Story, item: DriftItem, at: datetime) -> None:
    """Let a waiver's time run out, as only time itself can."""
    async with story.db.writing(story.founder) as tx:
        ended = sa.update(DRIFT_ITEM).where(DRIFT_ITEM.c.item_id == item.item_id)
        assert await tx.change(ended.values(waived_until=at)) == 1


async def test_an_accepted_new_tool_is_put_into_a_draft_and_denied(
    story: Story, item: DriftItem
) -> None:
    accepted = await accept(story, item)
    assert accepted.command_type is CommandType.SET_TOOL_CONTRACT
    assert (accepted.item.status, accepted.item.draft_id) == (
        DriftStatus.ACCEPTED,
        accepted.draft_id,
    )
    async with story.db.reading(story.founder) as tx:
        draft = await drafts.get_draft(tx, accepted.draft_id)
    tools = {tool["tool"]: tool for tool in msgspec.json.decode(draft.contract_json)["tools"]}
    assert set(tools) == {LOOKUP["tool"], REFUND["tool"], "wire_money"}
    assert tools["wire_money"]["decision"] == "deny"


async def test_an_accepted_change_takes_over_the_schema_that_was_seen(
    story: Story, approval: GovernanceApproval
) -> None:
    schema = LOOKUP["input_schema"] | {"required": []}
    async with story.db.writing(story.founder) as tx:
        (version,) = inventory_rules.versions_of(
            [OfferedTool(name="lookup_order", input_schema=schema)],
            tenant_id=tx.tenant_id,
            agent=AGENT,
            environment=Environment.STAGING,
            now=await tx.now(),
        )
        await inventory.keep_versions(tx, [version])
    seen = msgspec.structs.replace(
        new_tool(approval),
        kind=Kind.TOOL_CHANGED,
        subject=DriftSubject(tool="lookup_order", change=ToolChange.WIDENED),
    )
    accepted = await accept(story, await only(story, seen))
    async with story.db.reading(story.founder) as tx:
        draft = await drafts.get_draft(tx, accepted.draft_id)
    tools = {tool["tool"]: tool for tool in msgspec.json.decode(draft.contract_json)["tools"]}
    assert tools["lookup_order"] == LOOKUP | {"input_schema": schema}


async def test_an_accepted_item_is_open_again_when_its_draft_is_abandoned(
    story: Story, approval: GovernanceApproval, item: DriftItem
) -> None:
    accepted = await accept(story, item)
    asked = AbandonDraft(expected_draft_version=accepted.version, reason="not now")
    async with story.db.writing(story.founder) as tx:
        assert await service.reopen_items(tx, approval) == []
        await abandonments.abandon_draft(tx, accepted.draft_id, asked, story.ids)
    async with story.db.writing(story.founder) as tx:
        (said,) = await service.reopen_items(tx, approval)
    assert isinstance(said, DriftOpened)
    assert (await counts(story, item)).status is DriftStatus.OPEN


async def test_a_newer_approval_supersedes_what_nobody_closed(
    story: Story, approval: GovernanceApproval, item: DriftItem
) -> None:
    resolved = await only(story, new_tool(approval, "erase_all"))
    await decide(story, resolved, decision(DriftStatus.RESOLVED))
    newer = msgspec.structs.replace(approval, approval_id=story.ids.new())
    async with story.db.writing(story.founder) as tx:
        assert await service.supersede_items(tx, approval) == []
        (said,) = await service.supersede_items(tx, newer)
    assert said == DriftSuperseded(by_approval_id=newer.approval_id, item_ids=[item.item_id])
    assert (await counts(story, item)).status is DriftStatus.SUPERSEDED
    assert (await counts(story, resolved)).status is DriftStatus.RESOLVED


async def test_an_accepted_item_gives_way_when_its_draft_is_no_longer_worked_on(
    story: Story, approval: GovernanceApproval, item: DriftItem
) -> None:
    accepted = await accept(story, item)
    newer = msgspec.structs.replace(approval, approval_id=story.ids.new())
    async with story.db.writing(story.founder) as tx:
        assert await service.supersede_items(tx, newer) == []
    asked = AbandonDraft(expected_draft_version=accepted.version, reason="not now")
    async with story.db.writing(story.founder) as tx:
        await abandonments.abandon_draft(tx, accepted.draft_id, asked, story.ids)
        assert await service.reopen_items(tx, newer) == []
        (said,) = await service.supersede_items(tx, newer)
    assert said == DriftSuperseded(by_approval_id=newer.approval_id, item_ids=[item.item_id])
    assert (await counts(story, item)).draft_id is None


async def test_an_item_of_another_tenant_is_none(other: Story, item: DriftItem) -> None:
    with pytest.raises(DriftItemNotFound):
        await decide(other, item, decision(DriftStatus.RESOLVED))
