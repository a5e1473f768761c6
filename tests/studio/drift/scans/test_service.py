"""A scan finds what diverges, counts each call once, and says how much it looked at."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from tests.conftest import Server
from tests.invariants.overtaking import Side, overtake
from tests.replay.desk import CONTRACT, Desk
from tests.studio.drift.scans.scanner import Scanner
from tests.studio.story import Story

from placet.plans.inventory.model import OfferedTool
from placet.replay.observed import store as observed
from placet.storage.database import Writing
from placet.storage.faults import StateMovedOn
from placet.studio.drift.model import DriftKind, DriftSeverity, DriftStatus, ToolChange
from placet.studio.drift.scans import material, rules, service, store, tool_drift
from placet.studio.sources import service as sources
from placet.studio.sources.model import AddSource, Provenance, SourceKind, SourceMedia

ORDER = {"order_id": "ord_00000001"}
SCHEMAS = {tool["tool"]: tool["input_schema"] for tool in CONTRACT["tools"]}


async def test_a_scan_that_finds_nothing_still_says_what_it_looked_at(
    desk: Desk, scanner: Scanner
) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    receipt = await scanner.scan()
    assert (receipt.call_count, receipt.opened_count, receipt.live_count) == (1, 0, 0)
    assert receipt.window_from < receipt.window_to
    assert receipt.rule_count > len(CONTRACT["tools"])
    assert await scanner.items() == []


async def test_each_call_is_counted_in_one_scan(desk: Desk, scanner: Scanner) -> None:
    worker = await desk.worker()
    await worker.propose(("delete_customer", {"customer": "c1"}))
    first = await scanner.scan()
    await worker.propose(("delete_customer", {"customer": "c2"}))
    await worker.propose(("delete_customer", {"customer": "c3"}))
    second = await scanner.scan()
    third = await scanner.scan()
    assert [r.call_count for r in (first, second, third)] == [1, 2, 0]
    assert (second.window_from, third.window_from) == (first.window_to, second.window_to)
    (item,) = await scanner.items()
    assert (item.kind, item.seen_count) == (DriftKind.DEMAND_DENIED, 3)
    assert item.target_ref == "tool:delete_customer"
    assert item.severity is DriftSeverity.MINOR  # destructive: one above what it is for so few


async def test_of_two_scans_at_once_the_second_counts_nothing_again(
    desk: Desk, scanner: Scanner
) -> None:
    worker = await desk.worker()
    await worker.propose(("delete_customer", {"customer": "c1"}))
    ready = await scanner.prepared()

    async def scan(tx: Writing) -> object:
        return await service.scan_workspace(tx, ready, scanner.ids)

    side = Side(scanner.founder, scan)
    first, second = await overtake(scanner.db, side, side)
    (item,) = await scanner.items()
    assert item.seen_count == 1
    assert getattr(first, "call_count", None) == 1
    assert getattr(second, "call_count", None) == 0


async def test_calls_outside_their_phase_and_of_no_contract_are_drift(
    desk: Desk, scanner: Scanner
) -> None:
    worker = await desk.worker()
    await worker.propose(("close_case", {"case_id": "1"}))
    await worker.propose(("summon_dragon", {}), ("summon_demon", {}))
    await scanner.scan()
    found = {(item.kind, item.target_ref, item.seen_count) for item in await scanner.items()}
    assert found == {
        (DriftKind.OUTSIDE_PHASES, "tool:close_case", 1),
        (DriftKind.DEMAND_DENIED, "approval", 2),
    }


async def test_names_that_a_model_makes_up_push_out_no_refusal(
    desk: Desk, scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observed, "GROUPS_MAX", 2)
    worker = await desk.worker()
    made_up: list[tuple[str, dict[str, str]]] = [(f"summon_{n}", {}) for n in range(4)]
    await worker.propose(*made_up, ("delete_customer", {"customer": "c1"}))
    await scanner.scan()
    found = {(item.target_ref, item.seen_count) for item in await scanner.items()}
    assert found == {("tool:delete_customer", 1), ("approval", 4)}


async def test_a_tool_that_came_after_the_approval_is_drift(scanner: Scanner) -> None:
    await scanner.offer(OfferedTool(name="wire_money", input_schema=True))
    receipt = await scanner.scan()
    (item,) = await scanner.items()
    assert (item.kind, item.target_ref) == (DriftKind.TOOL_NEW, "tool:wire_money")
    assert item.severity is DriftSeverity.MINOR
    assert (receipt.tool_count, receipt.opened_count, receipt.live_count) == (1, 1, 1)


async def test_a_changed_schema_is_drift_and_the_approved_one_is_none(scanner: Scanner) -> None:
    wider = SCHEMAS["issue_refund"] | {"additionalProperties": True}
    await scanner.offer(
        OfferedTool(name="issue_refund", input_schema=wider),
        OfferedTool(name="note", input_schema=SCHEMAS["note"]),
    )
    await scanner.scan()
    (item,) = await scanner.items()
    assert (item.kind, item.subject.tool) == (DriftKind.TOOL_CHANGED, "issue_refund")
    assert item.subject.change is ToolChange.WIDENED
    assert item.severity is DriftSeverity.MAJOR


async def test_what_lasts_is_counted_again_only_when_it_is_seen_again(scanner: Scanner) -> None:
    tool = OfferedTool(name="wire_money", input_schema=True)
    await scanner.offer(tool)
    await scanner.scan()
    await scanner.scan()
    (item,) = await scanner.items()
    assert item.seen_count == 1
    await scanner.offer(tool)
    await scanner.scan()
    (item,) = await scanner.items()
    assert (item.seen_count, item.status) == (2, DriftStatus.OPEN)


async def test_evidence_speaks_for_rules_that_calls_kept_and_against_those_that_refused_them(
    desk: Desk, scanner: Scanner
) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    await worker.propose(("issue_refund", ORDER | {"amount_cents": 50_001}))
    await scanner.scan()
    found = await scanner.evidence()
    kept, broken = (
        found["tools.lookup_order.input_schema"],
        found["tools.issue_refund.arguments[0].lte"],
    )
    assert (kept.support_count, kept.contradiction_count) == (1, 0)
    assert (broken.support_count, broken.contradiction_count) == (0, 1)
    assert found["tools.issue_refund.requires[0]"].last_observed_at is not None
    assert found["tools.issue_refund.effect_key"].last_observed_at is None
    assert found["tools.note.input_schema"].last_observed_at is None


async def test_a_commit_that_found_another_phase_is_drift(desk: Desk, scanner: Scanner) -> None:
    worker = await desk.worker()
    (early,) = await worker.propose(("lookup_order", {"order_id": "ord_00000001"}))
    await worker.look_up("ord_00000002")
    (closing,) = await worker.propose(("close_case", {"case_id": "1"}))
    await worker.report(closing)
    await worker.report(early, output={"status": "delivered"})
    await scanner.scan()
    (item,) = await scanner.items()
    assert (item.kind, item.subject.tool, item.subject.code) == (
        DriftKind.OUTSIDE_PHASES,
        "lookup_order",
        "phase_conflict",
    )
    assert (item.severity, item.seen_count) == (DriftSeverity.MAJOR, 1)


async def test_a_window_ends_before_whatever_is_still_being_written(scanner: Scanner) -> None:
    async with scanner.db.writing(scanner.founder) as slow:
        ((began,),) = await slow.rows(sa.select(sa.func.now()))
        receipt = await scanner.scan()
    assert receipt.window_to <= began
    assert (await scanner.scan()).window_from == receipt.window_to


async def test_captured_calls_of_a_source_are_evidence_once(scanner: Scanner, story: Story) -> None:
    lines = [
        {"tool": "note", "arguments": {"text": "called back"}},
        {"tool": "note", "arguments": {"text": 7}},
        {"tool": "delete_customer", "arguments": {"customer": "c1"}},
        {"tool": "summon_dragon", "arguments": {}},
        {"seen": "nothing"},
    ]
    asked = AddSource(
        kind=SourceKind.OBSERVED_RUNS,
        title="Before",
        media_type=SourceMedia.JSONL,
        content="\n".join(map(json.dumps, lines)),
        provenance=Provenance(origin="the old desk"),
    )
    found = await sources.examine(asked)
    async with story.db.writing(story.founder) as tx:
        await sources.add_source(tx, scanner.workspace.workspace_id, found, story.ids)
    ready = await scanner.prepared()
    first, late = [await scanner.scan(ready) for _ in range(2)]
    later = await scanner.scan()
    assert [receipt.source_count for receipt in (first, late, later)] == [1, 0, 0]
    evidence = await scanner.evidence()
    counts = {
        rule: (entry.support_count, entry.contradiction_count)
        for rule, entry in evidence.items()
        if entry.support_count or entry.contradiction_count
    }
    assert counts == {
        "tools.note.input_schema": (1, 1),
        "session.risk_defaults.write": (2, 0),
        "tools.delete_customer.decision": (0, 1),
        "session.unmatched_tools": (0, 1),
    }


async def test_a_scan_of_an_approval_that_gave_way_is_a_conflict(
    scanner: Scanner, story: Story
) -> None:
    ready = await scanner.prepared()
    approval = replace(ready.approval, approval_id=story.ids.new())
    with pytest.raises(StateMovedOn):
        async with scanner.db.writing(scanner.founder) as tx:
            await service.scan_workspace(tx, replace(ready, approval=approval), scanner.ids)
    assert await scanner.items() == []


async def test_versions_that_were_not_compared_are_told_until_they_are(
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    wider = SCHEMAS["issue_refund"] | {"additionalProperties": True}
    await scanner.offer(OfferedTool(name="issue_refund", input_schema=wider))
    with monkeypatch.context() as patched:
        patched.setattr(material, "COMPARING_SECONDS", 0)
        receipt = await scanner.scan()
    (told,) = await scanner.items()
    assert (told.kind, told.subject.code) == (DriftKind.TOOL_CHANGED, tool_drift.NOT_COMPARED)
    assert told.severity is DriftSeverity.CRITICAL
    assert (receipt.opened_count, receipt.live_count) == (1, 1)
    receipt = await scanner.scan()
    told, changed = await scanner.items()
    assert told.status is DriftStatus.SUPERSEDED
    assert changed.subject.change is ToolChange.WIDENED
    assert (receipt.opened_count, receipt.live_count) == (1, 1)


async def test_a_scan_that_is_asked_for_again_is_answered_and_not_made(
    client: httpx.AsyncClient, desk: Desk, scanner: Scanner
) -> None:
    path = f"/api/v1/studio/workspaces/{scanner.workspace.workspace_id}/drift/scan"
    headers = {"Authorization": f"Bearer {desk.workplace.founder_key}", "Idempotency-Key": "k"}
    first, again = [await client.post(path, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    async with scanner.db.reading(scanner.founder) as tx:
        found = await store.list_receipts(tx, scanner.workspace.workspace_id, before=None, limit=9)
    assert [str(one.receipt_id) for one in found] == [first.json()["receipt_id"]]


async def test_tools_that_a_source_lists_in_yaml_are_compared(
    scanner: Scanner, story: Story
) -> None:
    listed = "tools:\n- name: wire_money\n  inputSchema:\n    type: object\n"
    asked = AddSource(
        kind=SourceKind.TOOL_SCHEMAS,
        title="Tools",
        media_type=SourceMedia.YAML,
        content=listed,
        provenance=Provenance(origin="the server"),
    )
    found = await sources.examine(asked)
    async with story.db.writing(story.founder) as tx:
        await sources.add_source(tx, scanner.workspace.workspace_id, found, story.ids)
    await scanner.scan()
    (item,) = await scanner.items()
    assert (item.kind, item.target_ref) == (DriftKind.TOOL_NEW, "tool:wire_money")


async def test_calls_that_cannot_be_counted_in_time_are_left_for_the_next_scan(
    desk: Desk,
    scanner: Scanner,
    server: Server,
    database_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "WINDOW_MIN", timedelta(milliseconds=1))
    worker = await desk.worker()
    await worker.propose(("delete_customer", {"customer": "c1"}))
    await worker.propose(("delete_customer", {"customer": "c2"}))
    async with slow_last_call(server.admin(database_name), scanner) as slow_at:
        ready = await scanner.prepared()
        async with scanner.db.writing(scanner.founder) as tx:
            await tx.rows(sa.text("SELECT set_config('statement_timeout', '300ms', true)"))
            first = await service.scan_workspace(tx, ready, scanner.ids)
    second = await scanner.scan()
    assert first.window_to < slow_at <= second.window_to
    assert second.window_from == first.window_to
    assert first.call_count + second.call_count == 2
    (item,) = await scanner.items()
    assert item.seen_count == 2


@asynccontextmanager
async def slow_last_call(admin_url: str, scanner: Scanner) -> AsyncIterator[datetime]:
    """Let whoever looks at the last call of the tenant wait long; yield when it was proposed."""
    admin = await asyncpg.connect(admin_url)
    slow_at: datetime = await admin.fetchval(
        "SELECT max(proposed_at) FROM placet.replay_pending_call WHERE tenant_id = $1",
        scanner.founder.tenant_id,
    )
    await admin.execute(
        "CREATE POLICY slow ON placet.replay_pending_call AS RESTRICTIVE FOR SELECT USING"
        f" (CASE WHEN tenant_id = '{scanner.founder.tenant_id}'"
        f" AND proposed_at >= '{slow_at.isoformat()}'"
        " THEN pg_sleep(30) IS NOT NULL ELSE true END)"
    )
    try:
        yield slow_at
    finally:
        await admin.execute("DROP POLICY slow ON placet.replay_pending_call")
        await admin.close()
