"""Whether the runtime keeps to what was approved, as far as anybody looked."""

from tests.replay.desk import CONTRACT
from tests.studio.drift.sightings import new_tool
from tests.studio.story import Story
from tests.studio.views.looking import Looking, counting

from placet.plans.inventory.model import OfferedTool
from placet.studio.approvals import store as approvals
from placet.studio.drift import service as drift
from placet.studio.drift.model import DriftSeverity
from placet.studio.views.conformance import service


async def test_what_was_never_checked_is_not_called_clean(looking: Looking) -> None:
    before = await looking.see(f"workspaces/{looking.workspace_id}/conformance")
    receipt = await looking.scanner.scan()
    after = await looking.see(f"workspaces/{looking.workspace_id}/conformance")
    assert (before["is_clean"], before["scans"]) == (None, [])
    assert "the runtime was never compared with this approval" in before["says"]
    assert (after["is_clean"], after["calls_checked"]) == (True, 0)
    assert [scan["receipt_id"] for scan in after["scans"]] == [str(receipt.receipt_id)]
    assert "thin: 0 calls in the 1 scans that are shown" in after["says"]


async def test_rules_that_nothing_reached_are_told_in_words(looking: Looking) -> None:
    worker = await looking.desk.worker()
    await worker.look_up("ord_00000001")
    await looking.scanner.scan()
    shown = await looking.see(f"workspaces/{looking.workspace_id}/conformance")
    told = {rule["rule"]: rule for rule in shown["rules"]}
    counts = {one["freshness"]: one["rules"] for one in shown["freshness"]}
    assert "50000" in told["tools.issue_refund.arguments[0].lte"]["says"]
    assert told["tools.issue_refund.arguments[0].lte"]["freshness"] == "never"
    assert "tools.lookup_order.input_schema" not in told
    assert counts["never"] == len(shown["rules"])
    assert counts["fresh"] > 0


async def test_a_rule_that_refuses_more_than_it_lets_pass_stands_first(looking: Looking) -> None:
    worker = await looking.desk.worker()
    await worker.propose(("delete_customer", {"customer": "c1"}))
    await looking.scanner.scan()
    shown = await looking.see(f"workspaces/{looking.workspace_id}/conformance")
    first = shown["rules"][0]
    assert (first["rule"], first["is_contradicted"], first["contradiction_count"]) == (
        "tools.delete_customer.decision",
        True,
        1,
    )
    assert not any(rule["is_contradicted"] for rule in shown["rules"][1:])


async def test_findings_are_not_clean_while_something_is_open(looking: Looking) -> None:
    scanner = looking.scanner
    await scanner.offer(OfferedTool(name=CONTRACT["tools"][0]["tool"]))
    await scanner.scan()
    assert scanner.workspace.active_approval_id is not None
    async with scanner.db.writing(scanner.founder) as tx:
        approval = await approvals.get_approval(tx, scanner.workspace.active_approval_id)
        for tool, severity in (("a", DriftSeverity.INFO), ("b", DriftSeverity.MAJOR)):
            await drift.open_drift(tx, new_tool(approval, tool, severity=severity), scanner.ids)
    async with counting(scanner.db, scanner.founder) as (tx, asked):
        facts = await service.read_conformance(tx, looking.workspace_id)
    shown = await service.draw_conformance(facts)
    assert len(asked) == 1
    assert shown.is_clean is False
    assert [item.severity for item in shown.drift] == ["major", "info"]
    assert shown.drift_total == 2


async def test_without_an_approval_there_is_nothing_to_keep_to(
    looking: Looking, story: Story
) -> None:
    workspace = await story.workspace(await story.signer(), agent="second-desk")
    shown = await looking.see(f"workspaces/{workspace.workspace_id}/conformance")
    assert (shown["basis"], shown["is_clean"], shown["rules"]) == (None, None, [])
    assert shown["says"] == ["nothing is in force here: there is nothing to keep to"]
