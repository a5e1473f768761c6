"""Reports of instances over HTTP, and the list of who runs what."""

from typing import Any

import httpx
import pytest
from tests.studio.story import AGENT, LOOKUP, Story, contract, importing

from placet.kernel.principal import Environment
from placet.plans.attachments import store

ATTACHMENTS = "/api/v1/governance/attachments"
INVENTORY = "/api/v1/governance/inventory"
WHOSE: dict[str, str | int] = {"agent": AGENT, "environment": "staging"}
SCHEMA = {"type": "object", "properties": {"weight": {"multipleOf": 0.01}}}


def bearer(api_key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api_key}"}


@pytest.fixture
async def agent_key(story: Story) -> str:
    _, text = await story.workplace.agent(AGENT, Environment.STAGING)
    return text


async def report(
    client: httpx.AsyncClient, api_key: str, instance: str = "i-1", **more: object
) -> dict[str, Any]:
    body = {"instance_id": instance, "status": "attached", "sdk_version": "0.1"} | more
    answer = await client.post(ATTACHMENTS, json=body, headers=bearer(api_key))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def listed(
    client: httpx.AsyncClient, story: Story, path: str = ATTACHMENTS, **query: str | int
) -> dict[str, Any]:
    headers = bearer(story.workplace.founder_key)
    answer = await client.get(path, params=WHOSE | query, headers=headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_an_instance_that_runs_what_is_in_force_has_converged_until_that_changes(
    client: httpx.AsyncClient, story: Story, agent_key: str
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    first, _, request = await story.asked(workspace)
    before = await report(client, agent_key, status="no_plan", reason="no_authority")
    assert (before["is_converged"], before["plan_status"]) == (True, "LEARNING")
    approval = await story.vote(request, signer)
    noted = await report(client, agent_key, compiled_hash=approval.compiled_hash)
    assert (noted["is_converged"], noted["plan_status"]) == (True, "APPROVED")
    draft = await story.draft(workspace, first.draft_id)
    await story.command(draft, importing(contract(LOOKUP)))
    newer = await story.vote(await story.request(await story.snapshot(draft)), signer)
    shown = await listed(client, story)
    assert shown["compiled_hash"] == newer.compiled_hash != approval.compiled_hash
    assert shown["counts"] == {"instances": 1, "converged": 0, "silent": 0}
    assert [one["is_converged"] for one in shown["items"]] == [False]
    assert (await report(client, agent_key, compiled_hash=approval.compiled_hash))[
        "compiled_hash"
    ] == newer.compiled_hash


async def test_since_is_the_first_report_of_the_same_status_and_hash(
    client: httpx.AsyncClient, story: Story, agent_key: str
) -> None:
    await story.workspace(await story.signer())
    first = await report(client, agent_key, compiled_hash="a" * 64)
    again = await report(client, agent_key, compiled_hash="a" * 64, sdk_version="0.2")
    (one,) = (await listed(client, story))["items"]
    assert (one["since"], one["last_seen_at"]) == (first["last_seen_at"], again["last_seen_at"])
    assert (one["first_seen_at"], one["sdk_version"]) == (first["last_seen_at"], "0.2")
    other = await report(client, agent_key, compiled_hash="b" * 64)
    (one,) = (await listed(client, story))["items"]
    assert (one["since"], one["first_seen_at"]) == (other["last_seen_at"], first["last_seen_at"])
    failed = await report(client, agent_key, compiled_hash="b" * 64, status="artifact_invalid")
    (one,) = (await listed(client, story))["items"]
    assert one["since"] == failed["last_seen_at"]


async def test_a_report_without_tools_says_nothing_of_them(
    client: httpx.AsyncClient, story: Story, agent_key: str
) -> None:
    await story.workspace(await story.signer())
    await report(client, agent_key, tools=[{"name": "a", "input_schema": SCHEMA}, {"name": "b"}])
    await report(client, agent_key)
    (one,) = (await listed(client, story))["items"]
    assert one["tool_count"] == 2
    await report(client, agent_key, tools=[])
    (one,) = (await listed(client, story))["items"]
    assert one["tool_count"] == 0
    found = await listed(client, story, INVENTORY)
    assert [(tool["tool"], tool["input_schema"]) for tool in found["items"]] == [
        ("a", SCHEMA),
        ("b", None),
    ]


async def test_the_lists_go_on_where_a_page_ended(
    client: httpx.AsyncClient, story: Story, agent_key: str
) -> None:
    await story.workspace(await story.signer())
    tools = [{"name": name} for name in ("c", "a", "b")]
    for instance in ("i-3", "i-1", "i-2"):
        await report(client, agent_key, instance, tools=tools)
    for path, name, wanted in (
        (ATTACHMENTS, "instance_id", ["i-1", "i-2", "i-3"]),
        (INVENTORY, "tool", ["a", "b", "c"]),
    ):
        first = await listed(client, story, path, limit=2)
        second = await listed(client, story, path, limit=2, cursor=first["next_cursor"])
        assert [one[name] for one in first["items"] + second["items"]] == wanted
        assert second["next_cursor"] is None


async def test_beyond_the_bound_the_instance_silent_for_longest_goes(
    client: httpx.AsyncClient, story: Story, agent_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "INSTANCES_MAX", 2)
    await story.workspace(await story.signer())
    for instance in ("i-2", "i-1", "i-2", "i-3"):
        await report(client, agent_key, instance)
    shown = await listed(client, story)
    assert [one["instance_id"] for one in shown["items"]] == ["i-2", "i-3"]


async def test_another_agents_and_another_tenants_instances_are_not_listed(
    client: httpx.AsyncClient, story: Story, other: Story, agent_key: str
) -> None:
    await story.workspace(await story.signer())
    await other.workspace(await other.signer())
    _, elsewhere = await story.workplace.agent("elsewhere", Environment.STAGING)
    assert (await report(client, elsewhere))["plan_status"] is None
    assert (await listed(client, story))["items"] == []
    await report(client, agent_key, tools=[{"name": "a"}])
    assert (await listed(client, other))["items"] == []
    assert (await listed(client, other, INVENTORY))["items"] == []


async def test_the_instances_of_no_plan_are_not_found(
    client: httpx.AsyncClient, story: Story
) -> None:
    headers = bearer(story.workplace.founder_key)
    answer = await client.get(ATTACHMENTS, params=WHOSE, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "plan_not_found")


async def test_a_schema_that_is_too_large_is_refused_by_its_tools_name_and_nothing_is_kept(
    client: httpx.AsyncClient, story: Story, agent_key: str
) -> None:
    await story.workspace(await story.signer())
    tools = [{"name": "a"}, {"name": "b", "input_schema": {"title": "x" * 40_000}}]
    body = {"instance_id": "i", "status": "attached", "sdk_version": "1", "tools": tools}
    answer = await client.post(ATTACHMENTS, json=body, headers=bearer(agent_key))
    assert (answer.status_code, answer.json()["code"]) == (422, "tool_schema_too_large")
    assert answer.json()["tool"] == "b"
    assert (await listed(client, story))["counts"]["instances"] == 0
    assert (await listed(client, story, INVENTORY))["items"] == []
