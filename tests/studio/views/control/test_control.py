"""The path of one tool's calls, by what is in force and by what is under review."""

from tests.studio.drift.sightings import new_tool
from tests.studio.story import Story, contract, importing
from tests.studio.views.looking import Looking, counting

from placet.studio.approvals import store as approvals
from placet.studio.drift import service as drift
from placet.studio.views.control import service
from placet.studio.views.control.model import ControlQuery

ORDER = {"order_id": "ord_00000001"}


async def test_a_path_tells_each_layer_in_words(looking: Looking) -> None:
    path = await looking.control("issue_refund")
    stages = {stage["layer"]: stage for stage in path["stages"]}
    assert list(stages) == [*range(1, 12), None]
    assert any("50000" in rule["says"] for rule in stages[6]["rules"])
    assert any("lookup_order" in rule["says"] for rule in stages[5]["rules"])
    assert any("`verified` is a phase" in rule["says"] for rule in stages[4]["rules"])
    others = [rule["rule"] for stage in path["stages"] for rule in stage["rules"]]
    assert not any(rule.startswith("tools.lookup_order") for rule in others)


async def test_a_path_names_its_gates(looking: Looking) -> None:
    refund = (await looking.control("issue_refund"))["gates"]
    escalation = (await looking.control("escalate"))["gates"]
    assert (refund["response"], refund["is_start_required"]) == ("strip_partial", True)
    assert (refund["valid_in"], refund["after_calls_of"]) == (["verified"], ["lookup_order"])
    assert (refund["people"], escalation["people"] is None) == (None, False)


async def test_a_path_in_force_names_what_proves_it(looking: Looking) -> None:
    path = await looking.control("note")
    proofs = path["proofs"]
    shown = await looking.see(f"approval-requests/{proofs['request_id']}")
    votes = await looking.see(f"approval-requests/{proofs['request_id']}/votes")
    assert proofs["compiled_hash"] == shown["artifact_hash"] == path["basis"]["compiled_hash"]
    assert proofs["view_hash"] == shown["view_hash"]
    assert [vote["voter_id"] for vote in proofs["votes"]] == proofs["approved_by"]
    assert [vote["key_id"] for vote in proofs["votes"]] == [
        vote["key_id"] for vote in votes["votes"]
    ]


async def test_calls_lie_over_the_path_where_they_ended(looking: Looking) -> None:
    worker = await looking.desk.worker()
    await worker.look_up("ord_00000001")
    await worker.propose(("issue_refund", {**ORDER, "amount_cents": 60_000}))
    await worker.propose(("delete_customer", {"customer": "c1"}))
    await looking.scanner.scan()
    refund = await looking.control("issue_refund")
    overlay = refund["overlay"]
    assert (overlay["sessions"], overlay["calls"], overlay["is_truncated"]) == (1, 1, False)
    assert [(one["verdict"], one["layer"]) for one in overlay["verdicts"]] == [("deny", 6)]
    sixth = refund["stages"][5]
    assert (sixth["layer"], sixth["refused"]) == (6, 1)
    against = {rule["rule"]: rule["support"] for rule in sixth["rules"]}
    counted = [one for one in against.values() if one and one["contradiction_count"]]
    assert [one["freshness"] for one in counted] == ["fresh"]
    lookup = await looking.control("lookup_order")
    assert [(one["verdict"], one["layer"]) for one in lookup["overlay"]["verdicts"]] == [
        ("allow", None)
    ]


async def test_a_path_is_one_statement(looking: Looking) -> None:
    scanner = looking.scanner
    async with counting(scanner.db, scanner.founder) as (tx, asked):
        await service.read_control(tx, looking.workspace_id, "note", ControlQuery())
    assert len(asked) == 1


async def test_only_drift_of_this_tool_lies_on_its_path(looking: Looking) -> None:
    scanner = looking.scanner
    assert scanner.workspace.active_approval_id is not None
    async with scanner.db.writing(scanner.founder) as tx:
        approval = await approvals.get_approval(tx, scanner.workspace.active_approval_id)
        for tool in ("note", "escalate"):
            await drift.open_drift(tx, new_tool(approval, tool), scanner.ids)
    path = await looking.control("note")
    assert [item["target_ref"] for item in path["drift"]] == ["tool:note"]
    assert path["drift_total"] == 1


async def test_a_tool_that_only_a_process_has_goes_by_the_rule_for_all_such(
    looking: Looking,
) -> None:
    await looking.report(tools=[{"name": "wire_money"}])
    path = await looking.control("wire_money")
    rules = [rule["rule"] for stage in path["stages"] for rule in stage["rules"]]
    assert (path["is_in_contract"], path["ruling"], path["gates"]) == (False, "deny", None)
    assert rules == ["session.unmatched_tools"]
    assert "the contract does not have `wire_money`" in path["says"]
    assert path["hold"]["strength"] == "cooperative"


async def test_a_path_under_review_has_no_proofs(looking: Looking, story: Story) -> None:
    draft = await story.draft(looking.scanner.workspace)
    missing = await looking.ask(f"workspaces/{looking.workspace_id}/control/note?of=draft")
    await story.command(draft, importing(contract()))
    await story.snapshot(draft)
    path = await looking.control("issue_refund", "?of=draft")
    gone = await looking.ask(f"workspaces/{looking.workspace_id}/control/note?of=draft")
    assert (missing.status_code, missing.json()["code"]) == (404, "contract_not_shown")
    assert (path["basis"]["of"], path["proofs"]) == ("draft", None)
    assert (gone.status_code, gone.json()["code"]) == (404, "tool_not_shown")


async def test_what_can_be_no_name_is_no_tool(looking: Looking) -> None:
    for name in ("nobody", "x" * 129, "a%20b"):
        answer = await looking.ask(f"workspaces/{looking.workspace_id}/control/{name}")
        assert (answer.status_code, answer.json()["code"]) == (404, "tool_not_shown"), name
