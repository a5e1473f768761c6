"""The lists of drafts, snapshots and commands over HTTP."""

import hashlib
import json
from typing import Any

import httpx
import pytest
from tests.studio.story import Story, contract
from tests.studio.test_routes import API, Caller

from placet.kernel import foreign
from placet.kernel.canonical import canonical


@pytest.fixture
def founder(client: httpx.AsyncClient, story: Story) -> Caller:
    return Caller(client, story, story.workplace.founder_key)


async def every(founder: Caller, path: str) -> list[dict[str, Any]]:
    """Return all items of a list, two a page."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await founder.get(f"{path}?limit=2{cursor}")).json()
        assert len(page["items"]) <= 2
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


async def test_lists_give_each_thing_once_in_the_order_of_making(
    story: Story, founder: Caller
) -> None:
    workspace = await story.workspace()
    await story.draft(await story.workspace(agent="another"))
    path = f"{API}/workspaces/{workspace.workspace_id}"
    drafts: list[str] = []
    snapshots: list[str] = []
    for number in range(5):
        parent = drafts[-1] if drafts else None
        draft = await founder.made(f"{path}/drafts", {"parent_draft_id": parent})
        drafts.append(draft["draft_id"])
        body: dict[str, Any] = {
            "expected_draft_version": 0,
            "command": {"type": "comment", "text": f"{number}"},
        }
        here = f"{API}/drafts/{draft['draft_id']}"
        await founder.made(f"{here}/commands", body)
        taken = await founder.made(f"{here}/snapshots", {"expected_draft_version": 1})
        snapshots.append(taken["snapshot_id"])
    listed = await every(founder, f"{path}/drafts")
    assert [one["draft_id"] for one in listed] == drafts
    assert [one["status"] for one in listed] == ["superseded"] * 4 + ["open"]
    taken_ones = await every(founder, f"{path}/snapshots")
    assert [one["snapshot_id"] for one in taken_ones] == snapshots
    assert not {"memory", "findings", "judgments"} & set(taken_ones[0])


async def test_whoever_reads_the_commands_can_recompute_their_chain(
    story: Story, founder: Caller
) -> None:
    workspace = await story.workspace()
    draft = await story.draft(workspace)
    here = f"{API}/drafts/{draft.draft_id}"
    commands: list[dict[str, Any]] = [
        {"command": {"type": "import_contract", "contract": contract()}, "reason": "a beginning"},
        {"command": {"type": "comment", "text": "\u00e9 \u0001"}},
        {"command": {"type": "remove_tool_contract", "tool": "lookup_order"}},
    ]
    for version, body in enumerate(commands):
        await founder.made(f"{here}/commands", body | {"expected_draft_version": version})
    told = await every(founder, f"{here}/commands")
    assert [one["version"] for one in told] == [1, 2, 3]
    assert [one["reason"] for one in told] == ["a beginning", None, None]
    assert [one["command_type"] for one in told] == [body["command"]["type"] for body in commands]
    head = bytes(32)
    for one in told:
        answer = (await founder.get(f"{here}/commands/{one['version']}")).json()
        assert answer["previous_hash"] == head.hex()
        header = {
            "tenant_id": str(story.founder.tenant_id),
            **{key: answer[key] for key in HEADER},
        }
        payload = foreign.encode(answer["payload"])
        assert len(payload) == one["payload_bytes"]
        inner = hashlib.sha256(b"placet.draft_payload.v1\0" + payload).digest()
        head = hashlib.sha256(
            b"placet.draft_command.v1\0" + head + inner + canonical(header)
        ).digest()
        assert answer["chain_hash"] == head.hex()
    assert (await founder.get(here)).json()["command_history_hash"] == head.hex()


HEADER = (
    "workspace_id",
    "draft_id",
    "version",
    "command_id",
    "command_type",
    "actor_id",
    "origin",
)


@pytest.mark.parametrize("version", ["0", "2", "-1", str(2**63), str(2**70)])
async def test_a_version_that_is_not_there_is_not_found(
    story: Story, founder: Caller, version: str
) -> None:
    draft = await story.draft(await story.workspace())
    answer = await founder.get(f"{API}/drafts/{draft.draft_id}/commands/{version}")
    assert answer.status_code == 404, answer.text
    assert json.loads(answer.content)["code"] in {"command_not_found", "not_found"}
