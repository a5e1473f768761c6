"""A workspace on one page, and what is said where little is known."""

from tests.replay.desk import CONTRACT
from tests.studio.drift.sightings import new_tool
from tests.studio.story import Story, contract, importing
from tests.studio.views.looking import Looking, counting

from placet.studio.approvals import store as approvals
from placet.studio.drift import service as drift
from placet.studio.drift.model import DriftSeverity
from placet.studio.views.atlas import service


async def test_an_atlas_shows_each_tool_of_what_is_in_force(looking: Looking) -> None:
    atlas = await looking.atlas()
    tools = {tool["tool"]: tool for tool in atlas["tools"]}
    assert list(tools) == [tool["tool"] for tool in CONTRACT["tools"]]
    assert tools["delete_customer"]["ruling"] == "deny"
    assert tools["escalate"]["ruling"] == "ask"
    assert (tools["issue_refund"]["ruling"], tools["issue_refund"]["is_start_required"]) == (
        "allow",
        True,
    )
    layers = {line["layer"]: line["rules"] for line in tools["issue_refund"]["rules"]}
    assert layers[6] > 1
    assert layers[5] == 1
    assert atlas["unmatched"] == "deny"
    assert atlas["workspace"]["agent"] == "refund-desk"


async def test_an_atlas_names_the_snapshot_and_the_approval_that_it_speaks_of(
    looking: Looking,
) -> None:
    atlas = await looking.atlas()
    plan = atlas["work"]["plan"]
    basis = atlas["basis"]
    assert (basis["of"], basis["approval_status"]) == ("approved", "in_force")
    assert (basis["approval_id"], basis["compiled_hash"]) == (
        str(looking.scanner.workspace.active_approval_id),
        plan["compiled_hash"],
    )
    shown = await looking.see(f"snapshots/{basis['snapshot_id']}")
    assert (shown["snapshot_hash"], shown["version"]) == (
        basis["snapshot_hash"],
        basis["snapshot_version"],
    )
    assert atlas["work"]["request"]["status"] == "granted"
    assert atlas["work"]["request"]["votes"] == 1
    assert atlas["work"]["draft"] is None


async def test_an_atlas_is_one_statement_however_much_there_is(looking: Looking) -> None:
    scanner = looking.scanner
    await looking.report(tools=[{"name": f"tool_{number}"} for number in range(30)])
    worker = await looking.desk.worker()
    await worker.look_up("ord_00000001")
    await scanner.scan()
    async with counting(scanner.db, scanner.founder) as (tx, asked):
        facts = await service.read_atlas(tx, looking.workspace_id, None)
    assert len(asked) == 1
    assert len(facts.offered) == 30
    assert facts.scan is not None


async def test_what_is_not_known_is_said_and_not_made_up(looking: Looking) -> None:
    atlas = await looking.atlas()
    assert "the runtime was never compared with this approval" in atlas["says"]
    assert any(line.startswith("no process of the agent has reported") for line in atlas["says"])
    for tool in atlas["tools"]:
        assert (tool["hold"]["strength"], tool["observed_least"], tool["is_thin"]) == (
            None,
            None,
            True,
        )
    assert (atlas["last_scan"], atlas["instances"]["instances"]) == (None, 0)


async def test_few_observations_are_called_thin(looking: Looking) -> None:
    worker = await looking.desk.worker()
    call = await worker.look_up("ord_00000001")
    assert call
    await looking.scanner.scan()
    atlas = await looking.atlas()
    lookup = atlas["tools"][0]
    assert (lookup["observed_least"], lookup["is_thin"]) == (1, True)
    assert any(line.startswith("thin: 1 observations") for line in atlas["says"])
    assert (atlas["last_scan"]["call_count"], atlas["last_scan"]["is_clean"]) == (1, True)


async def test_a_tool_is_cooperative_only_once_an_attached_process_reports_it(
    looking: Looking,
) -> None:
    offers = [{"name": "lookup_order"}, {"name": "wire_money"}]
    await looking.report(status="fetch_failed", tools=offers)
    before = (await looking.atlas())["tools"][0]["hold"]
    in_force = (await looking.atlas())["basis"]["compiled_hash"]
    await looking.report(compiled_hash=in_force, tools=offers)
    atlas = await looking.atlas()
    strengths = {tool["tool"]: tool["hold"]["strength"] for tool in atlas["tools"]}
    assert (before["strength"], before["versions"]) == (None, 1)
    assert strengths["lookup_order"] == "cooperative"
    assert strengths["issue_refund"] is None
    assert atlas["unknown_tools"] == ["wire_money"]
    assert (atlas["instances"]["converged"], atlas["instances"]["instances"]) == (1, 1)


async def test_drift_is_counted_by_severity_and_by_tool(looking: Looking) -> None:
    scanner = looking.scanner
    assert scanner.workspace.active_approval_id is not None
    async with scanner.db.writing(scanner.founder) as tx:
        approval = await approvals.get_approval(tx, scanner.workspace.active_approval_id)
        await drift.open_drift(tx, new_tool(approval, "note"), scanner.ids)
        graver = new_tool(approval, "erase_all", severity=DriftSeverity.CRITICAL)
        await drift.open_drift(tx, graver, scanner.ids)
    atlas = await looking.atlas()
    counts = {one["severity"]: (one["items"], one["undecided"]) for one in atlas["drift"]}
    assert counts == {"critical": (1, 1), "major": (0, 0), "minor": (1, 1), "info": (0, 0)}
    tools = {tool["tool"]: (tool["drift"], tool["worst_drift"]) for tool in atlas["tools"]}
    assert tools["note"] == (1, "minor")
    assert tools["lookup_order"] == (0, None)


async def test_a_draft_is_drawn_beside_what_is_in_force(looking: Looking, story: Story) -> None:
    nothing = await looking.atlas("?of=draft")
    draft = await story.draft(looking.scanner.workspace)
    await story.command(draft, importing(contract()))
    await story.snapshot(draft)
    await story.command(draft, importing(contract(unmatched_tools="ask")), expected=1)
    drawn = await looking.atlas("?of=draft")
    in_force = await looking.atlas()
    assert nothing["basis"] is None
    assert nothing["tools"] == []
    assert "no contract to draw" in nothing["says"][0]
    assert (drawn["basis"]["of"], drawn["basis"]["approval_id"]) == ("draft", None)
    assert [tool["tool"] for tool in drawn["tools"]] == ["lookup_order", "issue_refund"]
    assert drawn["work"]["is_behind"]
    assert drawn["work"]["draft"]["current_version"] == 2
    assert len(in_force["tools"]) == len(CONTRACT["tools"])


async def test_a_snapshot_that_holds_no_contract_is_told_as_such(
    looking: Looking, story: Story
) -> None:
    draft = await story.draft(looking.scanner.workspace)
    await story.snapshot(draft, expected=0)
    drawn = await looking.atlas("?of=draft")
    assert drawn["tools"] == []
    assert (drawn["basis"]["snapshot_status"], drawn["work"]["snapshot"]["errors"] > 0) == (
        "invalid",
        True,
    )
    assert "no contract that can be read" in drawn["says"][0]


async def test_an_atlas_of_another_tenant_is_no_atlas(looking: Looking, other: Story) -> None:
    foreign = await other.workspace(await other.signer())
    for workspace_id in (foreign.workspace_id, other.ids.new()):
        answer = await looking.ask(f"workspaces/{workspace_id}/atlas")
        assert (answer.status_code, answer.json()["code"]) == (404, "workspace_not_found")
