"""Which sources a draft counts, and what its rules rest on."""

from uuid import UUID

import pytest
from tests.studio.story import REFUND, Story, contract, importing, raw

from placet.studio.draft_sources import service
from placet.studio.draft_sources.model import DraftSourcesAnswer
from placet.studio.drafts.grounds.model import (
    AddDraftSource,
    NameSpan,
    RetireDraftSource,
)
from placet.studio.drafts.history import service as history
from placet.studio.drafts.model import BusinessDraft, ContractInvalid, SetToolContract
from placet.studio.sources import rules as source_rules
from placet.studio.sources.model import (
    IngestionStatus,
    SecurityStatus,
    SourceMedia,
    SourceNotFound,
    SourceSummary,
)
from placet.studio.workspaces.model import GovernanceWorkspace

NOTE = "Refund within 30 days.\n\nNever more than 500 euros.\n"


async def shown(story: Story, draft: BusinessDraft) -> DraftSourcesAnswer:
    async with story.db.reading(story.founder) as tx:
        return await service.show_sources(tx, draft.draft_id)


async def listed(story: Story, draft: BusinessDraft) -> list[UUID]:
    return [each.source.source_id for each in (await shown(story, draft)).sources]


@pytest.fixture
async def workspace(story: Story) -> GovernanceWorkspace:
    return await story.workspace()


@pytest.fixture
async def draft(story: Story, workspace: GovernanceWorkspace) -> BusinessDraft:
    return await story.draft(workspace)


def adding(source: SourceSummary) -> AddDraftSource:
    return AddDraftSource(source_id=source.source_id)


async def test_a_snapshot_counts_the_sources_that_its_draft_lists_and_no_others(
    story: Story, workspace: GovernanceWorkspace, draft: BusinessDraft
) -> None:
    first, second = await story.source(workspace), await story.source(workspace, NOTE)
    await story.source(workspace, "nobody lists this")
    empty = await story.snapshot(draft, expected=0)
    await story.command(draft, adding(second))
    one = await story.snapshot(draft, expected=1)
    await story.command(draft, adding(first), expected=1)
    both = await story.snapshot(draft, expected=2)
    answer = await shown(story, draft)
    assert empty.source_snapshot_hash == source_rules.source_snapshot_hash([])
    counted = [each.source for each in answer.sources]
    assert [each.source_id for each in counted] == [second.source_id, first.source_id]
    assert counted[0].content_hash == second.content_hash
    assert both.source_snapshot_hash == source_rules.source_snapshot_hash(counted)
    assert both.source_snapshot_hash == answer.source_snapshot_hash
    assert one.source_snapshot_hash == source_rules.source_snapshot_hash(counted[:1])
    assert len({empty.snapshot_hash, one.snapshot_hash, both.snapshot_hash}) == 3


async def test_a_retired_source_counts_no_longer_and_can_come_back(
    story: Story, workspace: GovernanceWorkspace, draft: BusinessDraft
) -> None:
    source = await story.source(workspace)
    await story.command(draft, adding(source), reason="the desk's own words")
    (kept,) = (await shown(story, draft)).sources
    assert (kept.added.version, kept.added.reason) == (1, "the desk's own words")
    await story.command(draft, RetireDraftSource(source_id=source.source_id), expected=1)
    assert await listed(story, draft) == []
    await story.command(draft, adding(source), expected=2)
    (again,) = (await shown(story, draft)).sources
    assert (again.added.version, again.added.reason) == (3, None)


async def test_a_child_begins_with_its_parents_sources(
    story: Story, workspace: GovernanceWorkspace, draft: BusinessDraft
) -> None:
    source = await story.source(workspace)
    await story.command(draft, adding(source))
    child = await story.draft(workspace, parent=draft.draft_id)
    assert await listed(story, child) == [source.source_id]
    await story.command(child, RetireDraftSource(source_id=source.source_id))
    assert await listed(story, child) == []
    assert await listed(story, draft) == [source.source_id]


@pytest.mark.parametrize("content", ["\x00", "{"])
async def test_a_source_that_does_not_count_cannot_be_listed(
    story: Story, workspace: GovernanceWorkspace, draft: BusinessDraft, content: str
) -> None:
    source = await story.source(workspace, content, media_type=SourceMedia.JSON)
    assert {source.security_status, source.ingestion_status} & {
        SecurityStatus.QUARANTINED,
        IngestionStatus.FAILED,
    }
    with pytest.raises(ContractInvalid) as refused:
        await story.command(draft, adding(source))
    assert refused.value.findings[0].code == "source_not_usable"


async def test_sources_that_are_not_the_workspaces_or_not_the_drafts_are_refused(
    story: Story, other: Story, workspace: GovernanceWorkspace, draft: BusinessDraft
) -> None:
    foreign = await other.source(await other.workspace())
    elsewhere = await story.source(await story.workspace(agent="another"))
    for source in (foreign, elsewhere):
        with pytest.raises(SourceNotFound):
            await story.command(draft, adding(source))
    source = await story.source(workspace)
    with pytest.raises(ContractInvalid) as refused:
        await story.command(draft, RetireDraftSource(source_id=source.source_id))
    assert refused.value.findings[0].code == "unknown_source"
    await story.command(draft, adding(source))
    with pytest.raises(ContractInvalid) as refused:
        await story.command(draft, adding(source), expected=1)
    assert refused.value.findings[0].code == "source_listed"


async def test_a_rule_tells_the_spans_that_it_rests_on_until_it_is_changed(
    story: Story, workspace: GovernanceWorkspace, draft: BusinessDraft
) -> None:
    source = await story.source(workspace, NOTE)
    await story.command(draft, adding(source))
    await story.command(draft, importing(contract()), expected=1)
    wider = REFUND | {"arguments": [{"path": "$.amount_cents", "gte": 1, "lte": 49_999}]}
    span = NameSpan(source_id=source.source_id, part_id="p2")
    await story.command(draft, SetToolContract(tool=raw(wider)), expected=2, sources=[span, span])
    async with story.db.reading(story.founder) as tx:
        rules = {
            rule.place: rule.set_by.sources
            for rule in (await history.show_blame(tx, draft.draft_id)).rules
        }
    at = "$.tools.issue_refund.arguments['$.amount_cents']"
    (kept,) = rules[f"{at}.lte"]
    assert (kept.source_id, kept.part_id, kept.content_hash) == (
        source.source_id,
        "p2",
        source.content_hash,
    )
    assert (kept.first_line, kept.last_line) == (3, 3)
    assert rules[f"{at}.gte"] == []


@pytest.mark.parametrize("part", ["p1", "p9"])
async def test_a_span_that_the_draft_does_not_count_is_refused(
    story: Story, workspace: GovernanceWorkspace, draft: BusinessDraft, part: str
) -> None:
    source = await story.source(workspace, NOTE)
    if part == "p9":
        await story.command(draft, adding(source))
    span = NameSpan(source_id=source.source_id, part_id=part)
    with pytest.raises(ContractInvalid) as refused:
        await story.command(
            draft, importing(contract()), expected=int(part == "p9"), sources=[span]
        )
    codes = {"p1": "unknown_source", "p9": "unknown_part"}
    assert refused.value.findings[0].code == codes[part]
