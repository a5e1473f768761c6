"""Drafts from approvals, reasons, blame and comments over HTTP."""

import httpx
import pytest
from tests.studio.story import LOOKUP, Story, contract
from tests.studio.test_routes import API, Caller

from placet.kernel.principal import Environment


@pytest.fixture
def founder(client: httpx.AsyncClient, story: Story) -> Caller:
    return Caller(client, story, story.workplace.founder_key)


async def test_a_draft_is_opened_from_an_approval_and_tells_who_set_what(
    story: Story, founder: Caller
) -> None:
    approval = (await story.approved()).approval_id
    workspace = await story.workspace(environment=Environment.DEVELOPMENT)
    path = f"{API}/workspaces/{workspace.workspace_id}/drafts"
    draft = await founder.made(path, {"from_approval_id": str(approval)})
    assert (draft["current_version"], draft["contract"]["agent"]) == (1, workspace.agent)
    here = f"{API}/drafts/{draft['draft_id']}"
    denied = {"type": "set_tool_contract", "tool": LOOKUP | {"decision": "deny"}}
    place = "$.tools.lookup_order.decision"
    changed = await founder.made(
        f"{here}/commands",
        {"expected_draft_version": 1, "command": denied, "reason": "until it is fixed"},
    )
    told = {rule["place"]: rule for rule in (await founder.get(f"{here}/blame")).json()["rules"]}
    assert told[place]["value"] == '"deny"'
    assert told[place]["set_by"]["reason"] == "until it is fixed"
    assert told[place]["set_by"]["command_id"] == changed["command_id"]
    others = {rule["set_by"]["command_type"] for at, rule in told.items() if at != place}
    assert others == {"import_artifact"}
    for version, comment in enumerate(({"text": "why?", "target": place}, {"text": "hm"}), 2):
        body = {"expected_draft_version": version, "command": {"type": "comment"} | comment}
        await founder.made(f"{here}/commands", body)
    asked = await founder.get(f"{here}/comments?place={place}")
    assert [comment["text"] for comment in asked.json()["comments"]] == ["why?"]
    assert len((await founder.get(f"{here}/comments")).json()["comments"]) == 2


async def test_a_rebase_that_conflicts_is_told_place_by_place(
    story: Story, founder: Caller
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    approvals = []
    for approved in ("reject_all", "strip_blocked"):
        _, _, request = await story.asked(workspace, contract(gate=approved))
        approvals.append(str((await story.vote(request, signer)).approval_id))
    path = f"{API}/workspaces/{workspace.workspace_id}/drafts"
    draft = await founder.made(path, {"from_approval_id": approvals[0]})
    here = f"{API}/drafts/{draft['draft_id']}/commands"
    gate = {"type": "set_gate", "gate": "strip_partial"}
    await founder.made(here, {"expected_draft_version": 0, "command": gate})
    rebase = {"type": "rebase", "approval_id": approvals[1]}
    answer = await founder.post(here, {"expected_draft_version": 1, "command": rebase})
    assert (answer.status_code, answer.json()["code"]) == (409, "rebase_conflict")
    assert answer.json()["conflicts"] == [
        {
            "place": "$.session.gate",
            "base": None,
            "ours": '"strip_partial"',
            "theirs": '"strip_blocked"',
        }
    ]


async def test_a_part_that_cannot_be_read_is_told_where_it_stands_in_the_command(
    story: Story, founder: Caller
) -> None:
    draft = await story.draft(await story.workspace())
    command = {"type": "set_aggregate", "aggregate": {"name": "a", "tool": "t", "op": "mean"}}
    body = {"expected_draft_version": 0, "command": command}
    answer = await founder.post(f"{API}/drafts/{draft.draft_id}/commands", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "contract_invalid")
    assert answer.json()["findings"][0]["path"] == "$.aggregate.op"
