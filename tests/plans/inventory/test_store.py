"""The versions of tools that are kept, and for how long."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.studio.story import AGENT, Story

from placet.kernel.principal import Environment
from placet.plans.inventory import rules, store
from placet.plans.inventory.model import InventoryTool, OfferedTool

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
STAGING = Environment.STAGING


async def keep(story: Story, at: datetime, *tools: OfferedTool, agent: str = AGENT) -> None:
    versions = rules.versions_of(
        tools,
        tenant_id=story.workplace.tenant_id,
        agent=agent,
        environment=STAGING,
        now=at,
    )
    async with story.db.writing(story.founder) as tx:
        await store.keep_versions(tx, versions)


async def kept(story: Story, since: datetime | None = None) -> list[InventoryTool]:
    async with story.db.reading(story.founder) as tx:
        return await store.list_inventory(tx, AGENT, STAGING, since=since)


async def test_a_version_seen_again_keeps_its_first_time_and_gets_a_new_last_one(
    story: Story,
) -> None:
    later = NOON + timedelta(hours=1)
    await keep(story, NOON, OfferedTool(name="a", input_schema={"type": "object"}))
    await keep(story, later, OfferedTool(name="a", input_schema={"type": "object"}))
    await keep(story, NOON, OfferedTool(name="a", input_schema={"type": "object"}))
    (one,) = await kept(story)
    assert (one.first_seen_at, one.last_seen_at) == (NOON, later)


async def test_a_changed_schema_stands_beside_the_first_and_since_tells_which_is_still_seen(
    story: Story,
) -> None:
    later = NOON + timedelta(hours=1)
    await keep(story, NOON, OfferedTool(name="a", input_schema={}))
    await keep(story, later, OfferedTool(name="a", input_schema={"type": "object"}))
    assert [one.input_schema for one in await kept(story)] == ['{"type":"object"}', "{}"]
    assert [one.input_schema for one in await kept(story, later)] == ['{"type":"object"}']


async def test_another_agent_and_another_tenant_see_none_of_it(story: Story, other: Story) -> None:
    await keep(story, NOON, OfferedTool(name="a"))
    await keep(story, NOON, OfferedTool(name="b"), agent="elsewhere")
    assert [one.tool for one in await kept(story)] == ["a"]
    assert await kept(other) == []


async def test_beyond_the_bound_the_version_unseen_for_longest_goes(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "VERSIONS_MAX", 2)
    await keep(story, NOON, OfferedTool(name="b"))
    await keep(story, NOON + timedelta(seconds=1), OfferedTool(name="a"))
    await keep(story, NOON + timedelta(seconds=2), OfferedTool(name="b"))
    await keep(story, NOON + timedelta(seconds=3), OfferedTool(name="c"))
    await keep(story, NOON, OfferedTool(name="z"), agent="elsewhere")
    assert [one.tool for one in await kept(story)] == ["b", "c"]


async def test_reports_that_name_the_same_tools_in_any_order_do_not_block_each_other(
    story: Story,
) -> None:
    names = [f"t{number}" for number in range(40)]
    forwards = [OfferedTool(name=name) for name in names]
    backwards = forwards[::-1]
    await asyncio.gather(
        *(keep(story, NOON, *(forwards if turn % 2 else backwards)) for turn in range(6))
    )
    assert [one.tool for one in await kept(story)] == sorted(names)
