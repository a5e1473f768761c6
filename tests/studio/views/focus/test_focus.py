"""One judgment or drift item, its evidence, and what each answer would lead to."""

import json
from typing import Any

from tests.replay.desk import CONTRACT
from tests.studio.drift.sightings import new_tool
from tests.studio.story import LOOKUP, REFUND, Story, contract, importing
from tests.studio.views.looking import Looking, counting

from placet.plans.inventory.model import OfferedTool
from placet.studio.approvals import store as approvals
from placet.studio.drafts.grounds.model import AddDraftSource, ResolveJudgment
from placet.studio.drafts.model import BusinessDraft
from placet.studio.drift import service as drift
from placet.studio.drift.model import DriftDecision, DriftItem, DriftStatus
from placet.studio.snapshots.model import BusinessDraftSnapshot
from placet.studio.sources.model import SourceKind, SourceMedia
from placet.studio.views.focus import service
from placet.studio.views.model import ViewOf

OPEN_ENDED: dict[str, Any] = {key: value for key, value in REFUND.items() if key != "arguments"}


async def judged(
    looking: Looking, story: Story
) -> tuple[BusinessDraft, BusinessDraftSnapshot, str]:
    draft = await story.draft(looking.scanner.workspace)
    await story.command(draft, importing(contract(LOOKUP, OPEN_ENDED)))
    snapshot = await story.snapshot(draft)
    (blocker,) = [one for one in snapshot.judgments if one.severity == "blocker"]
    return draft, snapshot, blocker.judgment_id


def by_answer(focus: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["answer"]: one for one in focus["consequences"]}


async def opened(looking: Looking, tool: str) -> DriftItem:
    scanner = looking.scanner
    assert scanner.workspace.active_approval_id is not None
    async with scanner.db.writing(scanner.founder) as tx:
        approval = await approvals.get_approval(tx, scanner.workspace.active_approval_id)
        item, _ = await drift.open_drift(tx, new_tool(approval, tool), scanner.ids)
    assert item is not None
    return item


async def test_a_judgment_tells_what_an_answer_would_make_of_the_snapshot(
    looking: Looking, story: Story
) -> None:
    draft, snapshot, judgment_id = await judged(looking, story)
    path = f"workspaces/{looking.workspace_id}/focus/judgments/{judgment_id}"
    focus = await looking.see(path)
    answers = by_answer(focus)
    assert (focus["tool"], focus["judgment"]["status"]) == ("issue_refund", "open")
    assert focus["basis"]["snapshot_hash"] == snapshot.snapshot_hash
    assert answers["resolve_judgment"]["snapshot_status"] == "ready_for_approval"
    assert answers["leave"]["snapshot_status"] == "needs_judgment"
    assert answers["leave"]["says"] == "it stops an approval"
    assert {rule["rule"].split(".")[1] for rule in focus["rules"]} == {"issue_refund"}
    command = ResolveJudgment(judgment_id=judgment_id)
    await story.command(draft, command, expected=1, reason="the bank caps it")
    moved = await looking.see(path)
    assert any("was changed after this snapshot" in line for line in moved["says"])
    await story.snapshot(draft, expected=2)
    later = await looking.see(path)
    assert by_answer(later)["reopen_judgment"]["snapshot_status"] == "needs_judgment"
    assert later["judgment"]["answer"]["reason"] == "the bank caps it"


async def test_a_judgment_shows_the_sources_that_name_its_tool(
    looking: Looking, story: Story
) -> None:
    for name in ("wipe_all", "send-mail's \\ end"):
        tools = json.dumps({"tools": [{"name": name, "inputSchema": {"type": "object"}}]})
        await story.source(
            looking.scanner.workspace, tools, SourceKind.TOOL_SCHEMAS, SourceMedia.JSON
        )
    listed = await looking.see(f"workspaces/{looking.workspace_id}/sources")
    draft = await story.draft(looking.scanner.workspace)
    await story.command(draft, importing(contract()))
    for version, source in enumerate(listed["items"], 1):
        await story.command(draft, AddDraftSource(source_id=source["source_id"]), expected=version)
    snapshot = await story.snapshot(draft, expected=1 + len(listed["items"]))
    unmapped = [one for one in snapshot.judgments if one.code == "unmapped_tool"]
    assert len(unmapped) == 2
    for judgment in unmapped:
        focus = await looking.see(
            f"workspaces/{looking.workspace_id}/focus/judgments/{judgment.judgment_id}"
        )
        assert focus["tool"] in {"wipe_all", "send-mail's \\ end"}
        assert [(one["part_kind"], one["parts"]) for one in focus["mentions"]] == [("tool", 1)]


async def test_a_focus_is_one_statement(looking: Looking, story: Story) -> None:
    _, _, judgment_id = await judged(looking, story)
    item = await opened(looking, "wire_money")
    scanner = looking.scanner
    async with counting(scanner.db, scanner.founder) as (tx, asked):
        await service.read_judgment(tx, looking.workspace_id, judgment_id, ViewOf.DRAFT)
    assert len(asked) == 1
    async with counting(scanner.db, scanner.founder) as (tx, asked):
        await service.read_drift(tx, looking.workspace_id, item.item_id)
    assert len(asked) == 1


async def test_a_drift_item_tells_the_command_that_would_take_it_up(looking: Looking) -> None:
    await looking.scanner.offer(
        OfferedTool(name="wire_money", input_schema={"type": "object", "maxProperties": 3})
    )
    item = await opened(looking, "wire_money")
    focus = await looking.see(f"workspaces/{looking.workspace_id}/focus/drift/{item.item_id}")
    answers = by_answer(focus)
    assert list(answers) == ["acknowledge", "resolve", "waive", "accept", "leave"]
    assert answers["accept"]["command_type"] == "set_tool_contract"
    command = answers["accept"]["command"]
    assert command["type"] == "set_tool_contract"
    assert (command["tool"]["tool"], command["tool"]["decision"]) == ("wire_money", "deny")
    assert command["tool"]["input_schema"] == {"type": "object", "maxProperties": 3}
    assert answers["resolve"]["needs"] == ["approve", "operate"]
    assert focus["basis"]["approval_id"] == str(item.approval_id)


async def test_a_drift_item_is_taken_up_in_the_draft_that_is_open(
    looking: Looking, story: Story
) -> None:
    draft = await story.draft(looking.scanner.workspace)
    await story.command(draft, importing(CONTRACT))
    item = await opened(looking, "note")
    focus = await looking.see(f"workspaces/{looking.workspace_id}/focus/drift/{item.item_id}")
    accept = by_answer(focus)["accept"]
    assert accept["says"].startswith("the open draft")
    assert accept["command_type"] == "comment"
    assert {rule["rule"].split(".")[1] for rule in focus["rules"]} == {"note", "risk_defaults"}


async def test_a_resolved_item_offers_no_answer_any_more(looking: Looking) -> None:
    item = await opened(looking, "wire_money")
    scanner = looking.scanner
    async with scanner.db.writing(scanner.founder) as tx:
        decision = DriftDecision(status=DriftStatus.RESOLVED, reason="gone")
        await drift.decide_item(tx, item.item_id, decision, scanner.ids)
    focus = await looking.see(f"workspaces/{looking.workspace_id}/focus/drift/{item.item_id}")
    assert list(by_answer(focus)) == ["leave"]
    assert focus["drift"]["status"] == "resolved"


async def test_what_is_of_another_workspace_is_not_in_focus(looking: Looking, story: Story) -> None:
    _, _, judgment_id = await judged(looking, story)
    item = await opened(looking, "wire_money")
    second = await story.workspace(await story.signer("eve"), agent="second-desk")
    focus = f"workspaces/{second.workspace_id}/focus"
    own = f"workspaces/{looking.workspace_id}/focus"
    for path, code in (
        (f"{focus}/drift/{item.item_id}", "drift_item_not_found"),
        (f"{focus}/judgments/{judgment_id}", "contract_not_shown"),
        (f"{own}/judgments/{'0' * 16}", "judgment_not_found"),
        (f"{own}/judgments/{judgment_id}?of=approved", "judgment_not_found"),
        (f"workspaces/{story.ids.new()}/focus/drift/{item.item_id}", "workspace_not_found"),
    ):
        answer = await looking.ask(path)
        assert (answer.status_code, answer.json()["code"]) == (404, code), path
