"""The authority path over HTTP: bodies, keys, answers."""

from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from tests.studio.story import AGENT, LOOKUP, Signer, Story, contract

from placet.evidence.dsse import encode_envelope
from placet.evidence.vote import ApprovalVote, sign_vote
from placet.tenancy.model import Role

API = "/api/v1/studio"


class Caller:
    """Somebody's key, used over HTTP; every request has a fresh idempotency key."""

    def __init__(self, client: httpx.AsyncClient, story: Story, api_key: str) -> None:
        """Speak through a client with this key."""
        self._client = client
        self._ids = story.ids
        self._auth = {"Authorization": f"Bearer {api_key}"}

    async def get(self, path: str) -> httpx.Response:
        """Fetch a path."""
        return await self._client.get(path, headers=self._auth)

    async def post(self, path: str, body: object, key: str | None = None) -> httpx.Response:
        """Send a body; `key` is the idempotency key."""
        headers = self._auth | {
            "Idempotency-Key": key or str(self._ids.new()),
            "Content-Type": "application/json",
        }
        return await self._client.post(path, content=msgspec.json.encode(body), headers=headers)

    async def made(self, path: str, body: object) -> dict[str, Any]:
        """Return what a body made, as the answer tells it."""
        answer = await self.post(path, body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture
def founder(client: httpx.AsyncClient, story: Story) -> Caller:
    return Caller(client, story, story.workplace.founder_key)


async def opened(founder: Caller, *approvers: Signer) -> dict[str, Any]:
    asked = {
        "agent": AGENT,
        "environment": "staging",
        "approvers": [approver.enrolment() for approver in approvers],
    }
    return await founder.made(f"{API}/workspaces", asked)


async def drafted(founder: Caller, workspace: dict[str, Any]) -> str:
    draft = await founder.made(f"{API}/workspaces/{workspace['workspace_id']}/drafts", {})
    return f"{API}/drafts/{draft['draft_id']}"


def importing(version: int = 0, document: dict[str, Any] | None = None) -> dict[str, Any]:
    command = {"type": "import_contract", "contract": document or contract()}
    return {"expected_draft_version": version, "command": command}


def signed(shown: dict[str, Any], signer: Signer, decision: str = "approve") -> dict[str, Any]:
    """Return a vote made from nothing but what the request shows and the person's own key."""
    said = shown["vote_fields"] | {
        "decision": decision,
        "voter_id": str(signer.principal.actor_id),
        "key_id": signer.key.key_id,
    }
    vote = msgspec.convert(said, ApprovalVote)
    return {"envelope": msgspec.Raw(encode_envelope(sign_vote(vote, signer.key)))}


async def test_a_person_approves_over_http_with_nothing_but_what_is_shown(
    client: httpx.AsyncClient, story: Story, founder: Caller
) -> None:
    signer = await story.signer()
    voter = Caller(client, story, signer.api_key)
    workspace = await opened(founder, signer)
    draft = await drafted(founder, workspace)
    applied = await founder.made(f"{draft}/commands", importing())
    assert applied["version"] == 1
    snapshot = await founder.made(f"{draft}/snapshots", {"expected_draft_version": 1})
    assert (snapshot["status"], snapshot["memory"]["agent"]) == ("ready_for_approval", AGENT)
    asked = {"snapshot_id": snapshot["snapshot_id"], "deadline_seconds": 600}
    request = await founder.made(f"{API}/approval-requests", asked)
    path = f"{API}/approval-requests/{request['request_id']}"
    shown = (await voter.get(path)).json()
    assert shown == request
    vote = await voter.made(f"{path}/votes", signed(shown, signer))
    assert vote["status"] == "granted"
    assert (await voter.get(path)).json()["status"] == "granted"
    (counted,) = (await founder.get(f"{path}/votes")).json()["votes"]
    assert counted["voter_id"] == str(signer.principal.actor_id)
    approval = (await founder.get(f"{API}/approvals/{vote['approval_id']}")).json()
    assert approval["approval_proof"]["view_hash"] == request["view_hash"]
    now = (await founder.get(f"{API}/workspaces/{workspace['workspace_id']}")).json()
    assert now["active_approval_id"] == vote["approval_id"]


async def test_the_same_key_with_the_same_command_is_answered_again_and_done_once(
    founder: Caller,
) -> None:
    draft = await drafted(founder, await opened(founder))
    first = await founder.post(f"{draft}/commands", importing(), key="one")
    again = await founder.post(f"{draft}/commands", importing(), key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await founder.get(draft)).json()["current_version"] == 1


async def test_the_same_key_with_another_command_is_a_conflict(founder: Caller) -> None:
    draft = await drafted(founder, await opened(founder))
    await founder.post(f"{draft}/commands", importing(), key="one")
    other = await founder.post(f"{draft}/commands", importing(1), key="one")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_a_refused_command_frees_its_idempotency_key(founder: Caller) -> None:
    draft = await drafted(founder, await opened(founder))
    refused = await founder.post(f"{draft}/commands", importing(7), key="one")
    assert (refused.status_code, refused.json()["code"]) == (409, "draft_version_conflict")
    assert refused.json()["current_version"] == 0
    assert (await founder.post(f"{draft}/commands", importing(), key="one")).status_code == 201


async def test_an_unreadable_piece_is_told_with_its_findings(founder: Caller) -> None:
    draft = await drafted(founder, await opened(founder))
    broken = contract(LOOKUP | {"side_effect": "magic"})
    answer = await founder.post(f"{draft}/commands", importing(0, broken))
    assert (answer.status_code, answer.json()["code"]) == (422, "contract_invalid")
    assert answer.json()["findings"][0]["path"] == "$.contract.tools[0].side_effect"


@pytest.mark.parametrize(
    "command",
    [
        {"type": "drop_everything"},
        {"type": "comment"},
        {"type": "comment", "text": "x", "more": 1},
        {"text": "x"},
        "comment",
        None,
    ],
)
async def test_a_command_of_no_known_type_or_shape_is_malformed(
    founder: Caller, command: object
) -> None:
    draft = await drafted(founder, await opened(founder))
    body = {"expected_draft_version": 0, "command": command}
    answer = await founder.post(f"{draft}/commands", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")


async def test_a_refused_vote_lists_every_reason(
    client: httpx.AsyncClient, story: Story, founder: Caller
) -> None:
    ada, eve = await story.signer(), await story.signer("eve")
    draft = await drafted(founder, await opened(founder, ada))
    await founder.made(f"{draft}/commands", importing())
    snapshot = await founder.made(f"{draft}/snapshots", {"expected_draft_version": 1})
    asked = {"snapshot_id": snapshot["snapshot_id"]}
    request = await founder.made(f"{API}/approval-requests", asked)
    path = f"{API}/approval-requests/{request['request_id']}/votes"
    answer = await Caller(client, story, eve.api_key).post(path, signed(request, eve))
    assert (answer.status_code, answer.json()["code"]) == (422, "approval_refused")
    codes = {reason["code"] for reason in answer.json()["reasons"]}
    assert codes == {"key_unknown", "not_an_approver"}


async def test_each_step_needs_its_own_scope(
    client: httpx.AsyncClient, story: Story, founder: Caller
) -> None:
    workspace = await opened(founder)
    draft = await drafted(founder, workspace)
    _, text = await story.workplace.person("viewer", Role.VIEWER)
    viewer = Caller(client, story, text)
    assert (await viewer.get(draft)).status_code == 200
    for path, body in (
        (f"{API}/workspaces", {"agent": "x", "environment": "staging"}),
        (f"{API}/workspaces/{workspace['workspace_id']}/drafts", {}),
        (f"{draft}/commands", importing()),
        (f"{draft}/snapshots", {"expected_draft_version": 0}),
        (f"{API}/approval-requests", {"snapshot_id": str(UUID(int=1))}),
        (f"{API}/approval-requests/{UUID(int=1)}/votes", {"envelope": {}}),
    ):
        answer = await viewer.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), path


async def test_another_tenants_ids_answer_as_none_do(
    client: httpx.AsyncClient, story: Story, other: Story, founder: Caller
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    draft, snapshot, request = await story.asked(workspace)
    answer = await story.vote(request, signer)
    stranger = Caller(client, other, other.workplace.founder_key)
    for kind, found in (
        ("workspaces", workspace.workspace_id),
        ("drafts", draft.draft_id),
        ("snapshots", snapshot.snapshot_id),
        ("approval-requests", request.request_id),
        ("approvals", answer.approval_id),
    ):
        assert (await founder.get(f"{API}/{kind}/{found}")).status_code == 200
        theirs = await stranger.get(f"{API}/{kind}/{found}")
        nobodys = await stranger.get(f"{API}/{kind}/{UUID(int=3)}")
        assert theirs.status_code == nobodys.status_code == 404
        shown, expected = theirs.json(), nobodys.json()
        for volatile in ("request_id", "instance"):
            shown.pop(volatile, None)
            expected.pop(volatile, None)
        assert shown == expected


async def test_workspaces_are_listed_page_by_page(founder: Caller, story: Story) -> None:
    made = [
        str((await story.workspace(agent=f"desk-{number}")).workspace_id) for number in range(3)
    ]
    first = (await founder.get(f"{API}/workspaces?limit=2")).json()
    assert [item["workspace_id"] for item in first["items"]] == made[:2]
    rest = (await founder.get(f"{API}/workspaces?cursor={first['next_cursor']}")).json()
    assert [item["workspace_id"] for item in rest["items"]] == made[2:]
    assert rest["next_cursor"] is None
    bad = await founder.get(f"{API}/workspaces?cursor=AAAA")
    assert (bad.status_code, bad.json()["code"]) == (400, "malformed_query")
