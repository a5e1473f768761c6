"""Approvals as they stand over HTTP, and their revocation."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.studio.story import Signer, Story, contract

from placet.kernel.ids import Ids
from placet.studio.workspaces.model import GovernanceWorkspace
from placet.tenancy.model import Role

STUDIO = "/api/v1/studio"


class Desk:
    """A workspace with three approvals, asked by whoever holds a key."""

    def __init__(self, client: httpx.AsyncClient, story: Story, signer: Signer) -> None:
        """Stand on a client."""
        self.client = client
        self.story = story
        self.signer = signer
        self.approvals: list[UUID] = []

    async def begin(self) -> None:
        """Approve three times."""
        self.workspace: GovernanceWorkspace = await self.story.workspace(self.signer)
        for _ in range(3):
            _, _, request = await self.story.asked(
                self.workspace, contract(agent=self.workspace.agent)
            )
            answer = await self.story.vote(request, self.signer)
            assert answer.approval_id is not None
            self.approvals.append(answer.approval_id)

    async def get(self, path: str, key: str | None = None) -> httpx.Response:
        """Read something."""
        headers = {"Authorization": f"Bearer {key or self.signer.api_key}"}
        return await self.client.get(f"{STUDIO}{path}", headers=headers)

    async def revoke(
        self, approval_id: UUID, key: str | None = None, idempotency_key: str = ""
    ) -> httpx.Response:
        """Revoke an approval."""
        ids: Ids = self.story.ids
        return await self.client.post(
            f"{STUDIO}/approvals/{approval_id}/revoke",
            json={"reason": "it pays too much"},
            headers={
                "Authorization": f"Bearer {key or self.signer.api_key}",
                "Idempotency-Key": idempotency_key or ids.new().hex,
            },
        )


@pytest.fixture
async def desk(client: httpx.AsyncClient, story: Story) -> Desk:
    made = Desk(client, story, await story.signer())
    await made.begin()
    return made


def told(page: httpx.Response) -> list[tuple[str, str]]:
    items: list[dict[str, Any]] = page.json()["items"]
    return [(item["approval_id"], item["status"]) for item in items]


async def test_approvals_are_listed_page_by_page_the_newest_first(desk: Desk) -> None:
    first, second, third = (str(approval) for approval in desk.approvals)
    path = f"/workspaces/{desk.workspace.workspace_id}/approvals"
    page = await desk.get(f"{path}?limit=2")
    assert told(page) == [(third, "in_force"), (second, "superseded")]
    assert "approval_proof" not in page.json()["items"][0]
    rest = await desk.get(f"{path}?limit=2&cursor={page.json()['next_cursor']}")
    assert told(rest) == [(first, "superseded")]
    assert rest.json()["next_cursor"] is None


async def test_an_approval_tells_how_it_stands_and_how_it_ended(desk: Desk) -> None:
    *_, last = desk.approvals
    before = (await desk.get(f"/approvals/{last}")).json()
    assert (before["status"], before["ending"], before["sessions_open"]) == ("in_force", None, 0)
    assert (await desk.revoke(last)).status_code == 200
    after = (await desk.get(f"/approvals/{last}")).json()
    ending = after.pop("ending")
    assert (after.pop("status"), ending["kind"]) == ("revoked", "revoked")
    assert (ending["reason"], ending["ended_by"]) == (
        "it pays too much",
        str(desk.signer.principal.actor_id),
    )
    assert after == {name: before[name] for name in after}


async def test_the_same_request_again_gets_the_same_answer(desk: Desk) -> None:
    first = await desk.revoke(desk.approvals[0], idempotency_key="once")
    again = await desk.revoke(desk.approvals[0], idempotency_key="once")
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_an_operator_revokes_and_a_viewer_does_not(desk: Desk) -> None:
    _, viewer = await desk.story.workplace.person("vi", Role.VIEWER)
    _, operator = await desk.story.workplace.person("op", Role.OPERATOR)
    refused = await desk.revoke(desk.approvals[0], viewer)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert (await desk.revoke(desk.approvals[0], operator)).status_code == 200


async def test_another_tenants_approvals_look_like_none(desk: Desk, other: Story) -> None:
    stranger = await other.signer()
    mine, nobody = desk.approvals[0], UUID(int=7)
    for path in ("/approvals/{}", "/workspaces/{}/approvals"):
        ids = (mine if "workspaces" not in path else desk.workspace.workspace_id, nobody)
        answers = [await desk.get(path.format(each), stranger.api_key) for each in ids]
        assert {answer.status_code for answer in answers} == {404}
        assert len({(a.json()["code"], a.json()["detail"]) for a in answers}) == 1
    answers = [await desk.revoke(each, stranger.api_key) for each in (mine, nobody)]
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(404, "approval_not_found")}
    assert (await desk.get(f"/approvals/{mine}")).json()["status"] == "superseded"
