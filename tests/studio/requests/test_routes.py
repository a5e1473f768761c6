"""The requests of a workspace and its approvers, listed over HTTP."""

from datetime import timedelta
from typing import Any

import httpx
from tests.studio.story import Signer, Story

from placet.kernel.principal import Environment
from placet.studio.enrolments import service as enrolments
from placet.studio.enrolments.model import RemoveApprover
from placet.studio.requests import rules, store
from placet.studio.requests.model import ApprovalRequest, RequestQuery, RequestStatus
from placet.studio.workspaces.model import ApprovalGroup, ApprovalPolicy, GovernanceWorkspace

STUDIO = "/api/v1/studio/workspaces"
RISK = ApprovalPolicy(groups=(ApprovalGroup(name="risk"),))


async def listed(
    client: httpx.AsyncClient, story: Story, path: str, **query: str
) -> list[dict[str, Any]]:
    """Return a whole list, a page of one item at a time."""
    found: list[dict[str, Any]] = []
    asked = {"limit": "1"} | query
    headers = {"Authorization": f"Bearer {story.workplace.founder_key}"}
    while True:
        answer = await client.get(f"{STUDIO}/{path}", headers=headers, params=asked)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found
        asked["cursor"] = cursor


async def two_asked(
    story: Story, signer: Signer
) -> tuple[GovernanceWorkspace, ApprovalRequest, ApprovalRequest]:
    """Return a workspace with a request that was granted and one that is open."""
    workspace = await story.workspace(signer)
    _, _, first = await story.asked(workspace)
    await story.vote(first, signer)
    _, _, second = await story.asked(workspace)
    return workspace, first, second


async def test_requests_are_listed_page_by_page_the_newest_first_and_by_status(
    client: httpx.AsyncClient, story: Story, other: Story
) -> None:
    workspace, first, second = await two_asked(story, await story.signer())
    path = f"{workspace.workspace_id}/approval-requests"
    all_of_it = await listed(client, story, path)
    assert [(one["request_id"], one["status"]) for one in all_of_it] == [
        (str(second.request_id), "open"),
        (str(first.request_id), "granted"),
    ]
    granted = await listed(client, story, path, status="granted")
    assert [one["view_hash"] for one in granted] == [first.view_hash]
    headers = {"Authorization": f"Bearer {other.workplace.founder_key}"}
    theirs = await client.get(f"{STUDIO}/{path}", headers=headers)
    assert theirs.json()["code"] == "workspace_not_found"


async def test_a_request_whose_deadline_has_passed_is_listed_as_expired_and_not_as_open(
    story: Story,
) -> None:
    workspace, _, second = await two_asked(story, await story.signer())
    late = second.deadline + timedelta(seconds=1)
    found = {}
    async with story.db.reading(story.founder) as tx:
        for status in (RequestStatus.OPEN, RequestStatus.EXPIRED):
            found[status] = await store.list_requests(
                tx, workspace.workspace_id, RequestQuery(status=status), before=None, now=late
            )
    assert found[RequestStatus.OPEN] == []
    (expired,) = found[RequestStatus.EXPIRED]
    assert expired.request_id == second.request_id
    assert rules.as_it_counts(expired, late).status is RequestStatus.EXPIRED


async def test_approvers_are_listed_with_their_keys_groups_standing_and_removals(
    client: httpx.AsyncClient, story: Story
) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(
        ada, ben, policy=RISK, groups=(("risk",), ()), environment=Environment.DEVELOPMENT
    )
    async with story.db.writing(story.founder) as tx:
        gone = RemoveApprover(reason="left")
        await enrolments.remove_approver(
            tx, workspace.workspace_id, ben.principal.actor_id, gone, story.ids, is_admin=True
        )
    found = {
        one["actor_id"]: one
        for one in await listed(client, story, f"{workspace.workspace_id}/approvers")
    }
    first, second = (found[str(each.principal.actor_id)] for each in (ada, ben))
    assert len(found) == 2
    (key,) = first["keys"]
    assert (key["key_id"], key["standing"]) == (ada.key.key_id, "counts")
    assert [group["group_name"] for group in key["groups"]] == ["risk"]
    assert (first["removals"], second["keys"][0]["groups"]) == ([], [])
    assert second["keys"][0]["standing"] == "removed"
    assert [each["reason"] for each in second["removals"]] == ["left"]
