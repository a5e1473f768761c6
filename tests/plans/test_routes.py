"""The plan as an agent fetches it: whose, which, and whether it changed."""

import httpx
import pytest
from tests.studio.story import AGENT, LOOKUP, Story, contract, importing

from placet.kernel.principal import Environment

PLAN = "/api/v1/governance/plan"


async def fetch(
    client: httpx.AsyncClient, api_key: str, etag: str | None = None, **query: str
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {api_key}"}
    if etag is not None:
        headers["If-None-Match"] = etag
    asked = {"agent": AGENT, "environment": "staging"} | query
    return await client.get(PLAN, params=asked, headers=headers)


@pytest.fixture
async def agent_key(story: Story) -> str:
    _, text = await story.workplace.agent(AGENT, Environment.STAGING)
    return text


async def test_an_approved_plan_names_the_artifact_and_the_keys_that_signed_it(
    client: httpx.AsyncClient, story: Story, agent_key: str
) -> None:
    answer = await story.approved()
    plan = (await fetch(client, agent_key)).json()
    assert (plan["status"], plan["compiled_hash"]) == ("APPROVED", answer.compiled_hash)
    assert (plan["enforcement"], plan["unplanned"]) == ("report", "deny")
    assert story.keys.artifact.key_id in {key["key_id"] for key in plan["keys"]}


async def test_the_etag_stands_until_the_plan_changes(
    client: httpx.AsyncClient, story: Story, agent_key: str
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    learning = await fetch(client, agent_key)
    tag = learning.headers["ETag"]
    assert tag.startswith('"')
    same = await fetch(client, agent_key, tag)
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    assert (await fetch(client, agent_key, f'"other", {tag}')).status_code == 304
    _, _, request = await story.asked(workspace)
    await story.vote(request, signer)
    changed = await fetch(client, agent_key, tag)
    assert (changed.status_code, changed.json()["status"]) == (200, "APPROVED")
    assert changed.headers["ETag"] != tag


async def test_a_second_approval_changes_the_etag_though_the_status_stays(
    client: httpx.AsyncClient, story: Story, agent_key: str
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    first, _, request = await story.asked(workspace)
    await story.vote(request, signer)
    before = await fetch(client, agent_key)
    draft = await story.draft(workspace, first.draft_id)
    await story.command(draft, importing(contract(LOOKUP)))
    await story.vote(await story.request(await story.snapshot(draft)), signer)
    after = await fetch(client, agent_key, before.headers["ETag"])
    assert after.status_code == 200
    assert after.json()["status"] == before.json()["status"]


@pytest.mark.parametrize("query", [{"agent": "other"}, {"environment": "production"}])
async def test_a_runtime_key_learns_of_its_own_plan_alone(
    client: httpx.AsyncClient, story: Story, agent_key: str, query: dict[str, str]
) -> None:
    await story.approved()
    refused = await fetch(client, agent_key, None, **query)
    assert (refused.status_code, refused.json()["code"]) == (403, "key_bound_elsewhere")
    person = await fetch(client, story.workplace.founder_key, None, **query)
    assert (person.status_code, person.json()["code"]) == (404, "plan_not_found")


async def test_another_tenants_plan_looks_like_none(
    client: httpx.AsyncClient, story: Story, other: Story
) -> None:
    await story.approved()
    theirs = await fetch(client, other.workplace.founder_key)
    nobodys = await fetch(client, other.workplace.founder_key, agent="nobody")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json()["detail"] == nobodys.json()["detail"]


@pytest.mark.parametrize("query", [{"environment": "moon"}, {"agent": ""}, {"more": "1"}])
async def test_a_query_that_cannot_be_read_is_told(
    client: httpx.AsyncClient, story: Story, query: dict[str, str]
) -> None:
    answer = await fetch(client, story.workplace.founder_key, None, **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_query")
