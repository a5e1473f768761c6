"""Questions that stop an approval until somebody answers them, and those that nobody can."""

import json
from typing import Any

import pytest
from msgspec.structs import replace
from tests.studio.story import LOOKUP, REFUND, Story, contract, importing, raw

from placet.kernel.principal import Environment
from placet.policy.finding import Severity
from placet.studio.approvals.model import ApprovalRefused
from placet.studio.drafts.grounds.model import AddDraftSource, ReopenJudgment, ResolveJudgment
from placet.studio.drafts.model import BusinessDraft, RestoreVersion, SetToolContract
from placet.studio.drafts.pieces.model import (
    RemoveLimit,
    SetAggregate,
    SetGate,
    SetLimits,
)
from placet.studio.judgments.model import (
    Judgment,
    JudgmentAnswered,
    JudgmentNotFound,
    JudgmentOpen,
    JudgmentStatus,
    ReasonRequired,
)
from placet.studio.snapshots import rules, service
from placet.studio.snapshots.model import DraftReview, SnapshotStatus
from placet.studio.sources.model import SourceKind, SourceMedia
from placet.studio.workspaces import store as workspaces

OPEN_ENDED: dict[str, Any] = {key: value for key, value in REFUND.items() if key != "arguments"}
WHY = "the bank caps every refund at 500 euros"


async def review(story: Story, draft: BusinessDraft) -> DraftReview:
    async with story.db.reading(story.founder) as tx:
        return await service.show_review(tx, draft.draft_id)


async def blocker(story: Story, draft: BusinessDraft) -> Judgment:
    found = (await review(story, draft)).judgments
    (judgment,) = [one for one in found if one.severity is Severity.BLOCKER]
    return judgment


@pytest.fixture
async def draft(story: Story) -> BusinessDraft:
    """A draft at version 1 with a financial tool that nothing bounds."""
    draft = await story.draft(await story.workspace())
    await story.command(draft, importing(contract(LOOKUP, OPEN_ENDED)))
    return draft


def resolving(judgment: Judgment) -> ResolveJudgment:
    return ResolveJudgment(judgment_id=judgment.judgment_id)


async def test_an_answered_blocker_stops_an_approval_no_longer_and_voters_see_the_answer(
    story: Story, draft: BusinessDraft
) -> None:
    judgment = await blocker(story, draft)
    assert (judgment.place, judgment.status) == ("$.tools.issue_refund", JudgmentStatus.OPEN)
    before = await story.snapshot(draft)
    assert before.status is SnapshotStatus.NEEDS_JUDGMENT
    with pytest.raises(ApprovalRefused):
        await story.request(before)
    done = await story.command(draft, resolving(judgment), expected=1, reason=WHY)
    after = await story.snapshot(draft, expected=2)
    assert after.status is SnapshotStatus.READY_FOR_APPROVAL
    assert after.findings == before.findings
    assert after.memory_json == before.memory_json
    request = await story.request(after)
    (shown,) = [
        one for one in json.loads(request.view_json)["judgments"] if one["severity"] == "blocker"
    ]
    assert (shown["status"], shown["answer"]["reason"]) == ("resolved", WHY)
    assert shown["answer"]["command_id"] == str(done.command_id)
    assert shown["answer"]["actor_id"] == str(story.founder.actor_id)


async def test_a_reopened_judgment_stops_again(story: Story, draft: BusinessDraft) -> None:
    judgment = await blocker(story, draft)
    await story.command(draft, resolving(judgment), expected=1, reason=WHY)
    again = ReopenJudgment(judgment_id=judgment.judgment_id)
    await story.command(draft, again, expected=2, reason="the bank does not")
    assert await blocker(story, draft) == judgment
    assert (await story.snapshot(draft, expected=3)).status is SnapshotStatus.NEEDS_JUDGMENT


async def test_the_hash_of_a_snapshot_covers_the_answers(
    story: Story, draft: BusinessDraft
) -> None:
    judgment = await blocker(story, draft)
    await story.command(draft, resolving(judgment), expected=1, reason=WHY)
    taken = await story.snapshot(draft, expected=2)
    content = rules.content_of(taken, (await _environment(story, draft)))
    assert rules.snapshot_hash(content) == taken.snapshot_hash
    silent = [replace(one, answer=None) for one in taken.judgments]
    assert rules.snapshot_hash(replace(content, judgments=silent)) != taken.snapshot_hash


async def test_a_question_is_asked_anew_when_its_tool_changes_and_only_then(
    story: Story, draft: BusinessDraft
) -> None:
    judgment = await blocker(story, draft)
    await story.command(draft, resolving(judgment), expected=1, reason=WHY)
    await story.command(draft, SetGate(gate=raw("strip_blocked")), expected=2)
    extra = LOOKUP | {"tool": "another"}
    await story.command(draft, importing(contract(extra, LOOKUP, OPEN_ENDED)), expected=3)
    kept = await blocker(story, draft)
    assert (kept.judgment_id, kept.status) == (judgment.judgment_id, JudgmentStatus.RESOLVED)
    changed = OPEN_ENDED | {"decision": "ask"}
    await story.command(draft, SetToolContract(tool=raw(changed)), expected=4)
    asked = await blocker(story, draft)
    assert asked.judgment_id != judgment.judgment_id
    assert asked.status is JudgmentStatus.OPEN


async def test_an_answer_does_not_come_back_when_its_tool_is_changed_back(
    story: Story, draft: BusinessDraft
) -> None:
    judgment = await blocker(story, draft)
    await story.command(draft, resolving(judgment), expected=1, reason=WHY)
    changed = OPEN_ENDED | {"decision": "ask"}
    await story.command(draft, SetToolContract(tool=raw(changed)), expected=2)
    await story.command(draft, SetToolContract(tool=raw(OPEN_ENDED)), expected=3)
    asked = await blocker(story, draft)
    assert (asked.judgment_id, asked.status) == (judgment.judgment_id, JudgmentStatus.OPEN)
    assert (await story.snapshot(draft, expected=4)).status is SnapshotStatus.NEEDS_JUDGMENT
    await story.command(draft, resolving(asked), expected=4, reason=WHY)
    assert (await blocker(story, draft)).status is JudgmentStatus.RESOLVED


async def test_an_answer_falls_with_its_tool_and_does_not_come_back_with_it(
    story: Story, draft: BusinessDraft
) -> None:
    judgment = await blocker(story, draft)
    await story.command(draft, resolving(judgment), expected=1, reason=WHY)
    whole = importing(contract(LOOKUP, OPEN_ENDED))
    await story.command(draft, whole, expected=2)
    assert (await blocker(story, draft)).status is JudgmentStatus.RESOLVED
    await story.command(draft, importing(contract(LOOKUP)), expected=3)
    await story.command(draft, whole, expected=4)
    assert (await blocker(story, draft)).status is JudgmentStatus.OPEN


async def test_an_answer_that_fell_in_a_parent_does_not_come_back_in_a_child(
    story: Story, draft: BusinessDraft
) -> None:
    await story.command(draft, resolving(await blocker(story, draft)), expected=1, reason=WHY)
    changed = OPEN_ENDED | {"decision": "ask"}
    await story.command(draft, SetToolContract(tool=raw(changed)), expected=2)
    async with story.db.reading(story.founder) as tx:
        workspace = await workspaces.get_workspace(tx, draft.workspace_id)
    child = await story.draft(workspace, parent=draft.draft_id)
    await story.command(child, SetToolContract(tool=raw(OPEN_ENDED)))
    assert (await blocker(story, child)).status is JudgmentStatus.OPEN
    await story.command(child, RestoreVersion(version=0), expected=1)
    await story.command(child, SetToolContract(tool=raw(OPEN_ENDED)), expected=2)
    await story.command(child, resolving(await blocker(story, child)), expected=3, reason=WHY)
    assert (await blocker(story, child)).status is JudgmentStatus.RESOLVED


async def test_a_missing_ceiling_is_asked_anew_when_what_else_bounds_the_session_changes(
    story: Story, draft: BusinessDraft
) -> None:
    judgment = await blocker(story, draft)
    assert judgment.code == "no_ceiling"
    await story.command(draft, resolving(judgment), expected=1, reason=WHY)
    limits = raw({"max_calls_per_tool": {"lookup_order": 3}})
    await story.command(draft, SetLimits(limits=limits), expected=2)
    asked = await blocker(story, draft)
    assert asked.judgment_id != judgment.judgment_id
    assert asked.status is JudgmentStatus.OPEN
    await story.command(draft, RemoveLimit(limit="max_calls_per_tool"), expected=3)
    again = await blocker(story, draft)
    assert (again.judgment_id, again.status) == (judgment.judgment_id, JudgmentStatus.OPEN)


async def test_what_is_wrong_is_no_question(story: Story, draft: BusinessDraft) -> None:
    orders = {
        "name": "orders",
        "tool": "lookup_parcel",
        "op": "count",
        "scope": "agent",
        "lte": 1000,
    }
    await story.command(draft, SetAggregate(aggregate=raw(orders)), expected=1)
    await story.command(
        draft, resolving(await blocker(story, draft)), expected=2, reason="never mind"
    )
    now = await review(story, draft)
    assert "unknown_tool" in {finding.code for finding in now.findings}
    assert "unknown_tool" not in {judgment.code for judgment in now.judgments}
    assert {judgment.severity for judgment in now.judgments} <= {
        Severity.BLOCKER,
        Severity.ADVISORY,
    }
    assert (await story.snapshot(draft, expected=3)).status is SnapshotStatus.INVALID


async def test_an_answer_needs_a_reason_and_an_open_question(
    story: Story, draft: BusinessDraft
) -> None:
    judgment = await blocker(story, draft)
    unknown = ResolveJudgment(judgment_id="0" * 16)
    reopening = ReopenJudgment(judgment_id=judgment.judgment_id)
    with pytest.raises(ReasonRequired):
        await story.command(draft, resolving(judgment), expected=1)
    with pytest.raises(JudgmentNotFound):
        await story.command(draft, unknown, expected=1, reason=WHY)
    with pytest.raises(JudgmentOpen):
        await story.command(draft, reopening, expected=1, reason=WHY)
    await story.command(draft, resolving(judgment), expected=1, reason=WHY)
    with pytest.raises(JudgmentAnswered):
        await story.command(draft, resolving(judgment), expected=2, reason=WHY)


async def test_a_child_begins_with_its_parents_answers(story: Story, draft: BusinessDraft) -> None:
    judgment = await blocker(story, draft)
    await story.command(draft, resolving(judgment), expected=1, reason=WHY)
    async with story.db.reading(story.founder) as tx:
        workspace = await workspaces.get_workspace(tx, draft.workspace_id)
    child = await story.draft(workspace, parent=draft.draft_id)
    assert (await blocker(story, child)).status is JudgmentStatus.RESOLVED


async def test_tools_that_the_sources_name_and_the_contract_does_not_are_advisory(
    story: Story,
) -> None:
    workspace = await story.workspace()
    draft = await story.draft(workspace)
    denied = LOOKUP | {"tool": "close_account", "decision": "deny"}
    await story.command(draft, importing(contract(LOOKUP, denied)))
    calls: list[dict[str, Any]] = [
        {"tool": name, "arguments": {}} for name in ("lookup_order", "close_account", "wipe")
    ]
    listed: dict[str, Any] = {
        "tools": [{"name": name, "inputSchema": {}} for name in ("close_account", "read")]
    }
    runs = await story.source(
        workspace,
        "\n".join(json.dumps(call) for call in calls),
        kind=SourceKind.OBSERVED_RUNS,
        media_type=SourceMedia.JSONL,
    )
    tools = await story.source(
        workspace,
        json.dumps(listed),
        kind=SourceKind.TOOL_SCHEMAS,
        media_type=SourceMedia.JSON,
    )
    assert not _sourced(await review(story, draft))
    await story.command(draft, AddDraftSource(source_id=tools.source_id), expected=1)
    assert _sourced(await review(story, draft)) == {("unmapped_tool", "$.tools.read")}
    await story.command(draft, AddDraftSource(source_id=runs.source_id), expected=2)
    now = await review(story, draft)
    assert _sourced(now) == {
        ("observed_but_denied", "$.tools.close_account"),
        ("unmapped_tool", "$.tools.read"),
        ("unmapped_tool", "$.tools.wipe"),
    }
    assert now.status is SnapshotStatus.READY_FOR_APPROVAL
    taken = await story.snapshot(draft, expected=3)
    assert taken.judgments == now.judgments


def _sourced(shown: DraftReview) -> set[tuple[str, str]]:
    return {(one.code, one.place) for one in shown.judgments if one.path is None}


async def _environment(story: Story, draft: BusinessDraft) -> Environment:
    async with story.db.reading(story.founder) as tx:
        return (await workspaces.get_workspace(tx, draft.workspace_id)).environment
