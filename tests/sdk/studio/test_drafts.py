"""A draft from its sources to its end, through the studio's client."""

import json

import pytest
from tests.studio.story import LOOKUP, REFUND, Story, contract, importing, raw

from placet.policy.finding import Severity
from placet.policy.model import SideEffect
from placet.sdk.studio.client import Studio
from placet.studio.drafts.grounds.model import (
    AcceptInferredRule,
    AddDraftSource,
    NameSpan,
    ResolveJudgment,
)
from placet.studio.drafts.model import CommandNotFound, DraftClosed, DraftStatus, SetToolContract
from placet.studio.inferred_rules.model import InferredRuleNotFound
from placet.studio.judgments.model import JudgmentNotFound, ReasonRequired
from placet.studio.snapshots.model import SnapshotStatus
from placet.studio.sources.model import AddSource, Provenance, SourceKind, SourceMedia

CALLS = "\n".join(
    json.dumps({"tool": "ship_order", "arguments": {"order_id": f"A-{number}"}})
    for number in range(4)
)


async def test_a_draft_goes_from_its_sources_to_a_snapshot_that_is_ready(
    founder: Studio, story: Story
) -> None:
    workspace = (await story.workspace()).workspace_id
    asked = AddSource(
        kind=SourceKind.OBSERVED_RUNS,
        title="a morning",
        media_type=SourceMedia.JSONL,
        content=CALLS,
        provenance=Provenance(origin="the shop"),
    )
    source = (await founder.sources.add(workspace, asked)).source_id
    draft = (await founder.drafts.open(workspace)).draft_id
    do = founder.drafts.command
    await do(draft, importing(contract(LOOKUP)), version=0)
    await do(draft, AddDraftSource(source_id=source), version=1)
    listed = await founder.drafts.sources(draft)
    assert [each.source.source_id for each in listed.sources] == [source]
    assert (await founder.drafts.infer(draft, version=2)).rules_new == 1
    (rule,) = [rule async for rule in founder.drafts.inferred(draft)]
    accept = AcceptInferredRule(
        inferred_rule_id=rule.inferred_rule_id, side_effect=SideEffect.WRITE
    )
    await do(draft, accept, version=2)
    bare = {key: value for key, value in REFUND.items() if key != "arguments"}
    span = NameSpan(source_id=source, part_id="p1")
    await do(draft, SetToolContract(tool=raw(bare)), version=3, sources=[span])
    review = await founder.drafts.review(draft)
    assert review.status is SnapshotStatus.NEEDS_JUDGMENT
    (blocker,) = [one for one in review.judgments if one.severity is Severity.BLOCKER]
    with pytest.raises(ReasonRequired):
        await do(draft, ResolveJudgment(judgment_id=blocker.judgment_id), version=4)
    await do(draft, ResolveJudgment(judgment_id=blocker.judgment_id), version=4, reason="capped")
    snapshot = await founder.snapshots.take(draft, version=5)
    assert snapshot.status is SnapshotStatus.READY_FOR_APPROVAL
    assert snapshot.source_snapshot_hash == listed.source_snapshot_hash
    told = [one async for one in founder.drafts.history(draft)]
    assert [one.version for one in told] == [1, 2, 3, 4, 5]
    assert [span.part_id for span in told[3].sources] == ["p1"]
    answer = await founder.drafts.version(draft, 5)
    assert answer.chain_hash == snapshot.command_history_hash
    assert answer.previous_hash == (await founder.drafts.version(draft, 4)).chain_hash
    (one,) = [each async for each in founder.snapshots.every(workspace)]
    assert one.snapshot_id == snapshot.snapshot_id


async def test_what_is_not_there_is_refused_in_its_own_class(founder: Studio, story: Story) -> None:
    workspace = (await story.workspace()).workspace_id
    draft = (await founder.drafts.open(workspace)).draft_id
    with pytest.raises(CommandNotFound):
        await founder.drafts.version(draft, 1)
    with pytest.raises(JudgmentNotFound):
        await founder.drafts.command(
            draft, ResolveJudgment(judgment_id="0" * 16), version=0, reason="why not"
        )
    with pytest.raises(InferredRuleNotFound):
        await founder.drafts.command(draft, AcceptInferredRule(inferred_rule_id=draft), version=0)
    gone = await founder.drafts.abandon(draft, version=0, reason="never mind")
    assert gone.status is DraftStatus.ABANDONED
    with pytest.raises(DraftClosed):
        await founder.drafts.abandon(draft, version=0, reason="never mind")
    assert [each.status async for each in founder.drafts.every(workspace)] == [
        DraftStatus.ABANDONED
    ]
