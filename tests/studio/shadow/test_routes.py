"""Shadows over HTTP: when one starts, and what ends it."""

import asyncio
from collections.abc import Mapping

import httpx
from tests.studio.shadow.conftest import Watch
from tests.studio.story import importing
from tests.studio.traffic import CONTRACT, Traffic, capped

from placet.events import store as events
from placet.events.model import StreamId
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.studio.drafts import store as drafts
from placet.studio.shadow.model import Shadow


async def told(watch: Watch, shadow: Shadow) -> list[str]:
    async with watch.db.reading(watch.traffic.story.founder) as tx:
        found = await events.list_events(tx, StreamId(shadow.workspace_id), after=0, limit=200)
    return [one.type for one in found if one.type.startswith("Shadow")]


async def test_a_shadow_that_runs_is_not_started_again(watch: Watch) -> None:
    shadow = await watch.start(capped(1000))
    again = await watch.ask("POST", shadow.snapshot_id)
    assert again.status_code == 201
    assert again.json()["shadow_id"] == str(shadow.shadow_id)
    assert await told(watch, shadow) == ["ShadowStarted"]


async def test_a_stopped_shadow_keeps_its_counts_and_stopping_again_changes_nothing(
    watch: Watch, traffic: Traffic
) -> None:
    shadow = await watch.start(capped(1000))
    await traffic.refunds(2000)
    running = await watch.follow(shadow)
    stopped = await watch.ask("POST", shadow.snapshot_id, "/stop")
    assert stopped.status_code == 200
    assert stopped.json()["ended_why"] == "stopped"
    assert stopped.json()["counts"] == running["counts"]
    again = await watch.ask("POST", shadow.snapshot_id, "/stop")
    assert again.json() == stopped.json()
    assert await told(watch, shadow) == ["ShadowStarted", "ShadowEnded"]


async def test_a_newer_shadow_supersedes_the_one_that_runs(watch: Watch, traffic: Traffic) -> None:
    first = await watch.start(capped(1000))
    draft_id = (await traffic.workspace()).active_draft_id
    assert draft_id is not None
    async with watch.db.reading(traffic.story.founder) as tx:
        draft = await drafts.get_draft(tx, draft_id)
    await traffic.story.command(draft, importing(capped(500)), expected=draft.current_version)
    snapshot = await traffic.story.snapshot(draft, expected=draft.current_version + 1)
    assert (await watch.ask("POST", snapshot.snapshot_id)).status_code == 201
    assert (await watch.shown(first))["ended_why"] == "superseded"


async def test_of_two_shadows_started_at_once_one_runs(watch: Watch, traffic: Traffic) -> None:
    _, snapshot = await traffic.candidate(capped(1000))
    asked = [watch.ask("POST", snapshot.snapshot_id) for _ in range(4)]
    answers = await asyncio.gather(*asked)
    assert {one.status_code for one in answers} <= {201, 409}
    made = {one.json()["shadow_id"] for one in answers if one.status_code == 201}
    assert len(made) == 1


async def test_a_candidate_that_is_approved_ends_its_shadow(watch: Watch, traffic: Traffic) -> None:
    shadow = await watch.start(capped(1000))
    await traffic.approve(await watch.snapshot(shadow))
    shown = await watch.follow(shadow)
    assert (shown["status"], shown["ended_why"]) == ("ended", "approved")


async def test_a_shadow_ends_with_what_it_stands_beside(watch: Watch, traffic: Traffic) -> None:
    shadow = await watch.start(capped(1000))
    await traffic.refunds(2000)
    await watch.follow(shadow)
    await traffic.revoke()
    shown = await watch.follow(shadow)
    assert (shown["status"], shown["ended_why"]) == ("ended", "superseded")
    assert shown["counts"]["disagreed"] == 1
    again = await watch.ask("POST", shadow.snapshot_id)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_in_force")


async def test_nothing_in_force_has_no_shadow(watch: Watch, traffic: Traffic, ids: Ids) -> None:
    story = traffic.story
    workspace = await story.workspace(agent="another-desk", environment=Environment.STAGING)
    draft = await story.draft(workspace)
    await story.command(draft, importing({**CONTRACT, "agent": "another-desk"}))
    snapshot = await story.snapshot(draft)
    answer = await watch.ask("POST", snapshot.snapshot_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_in_force")
    none = await watch.ask("GET", snapshot.snapshot_id)
    assert (none.status_code, none.json()["code"]) == (404, "shadow_not_found")
    nobody = await watch.ask("POST", ids.new())
    assert (nobody.status_code, nobody.json()["code"]) == (404, "snapshot_not_found")


async def test_an_archived_workspace_has_neither_shadow_nor_preview(
    watch: Watch, client: httpx.AsyncClient, author: Mapping[str, str], ids: Ids
) -> None:
    shadow = await watch.start(capped(1000))
    await watch.ask("POST", shadow.snapshot_id, "/stop")
    key = {**author, "Idempotency-Key": ids.new().hex}
    archived = await client.post(
        f"/api/v1/studio/workspaces/{shadow.workspace_id}/archive",
        content=b'{"reason": "the desk is closed"}',
        headers=key,
    )
    assert archived.status_code == 200, archived.text
    again = await watch.ask("POST", shadow.snapshot_id)
    assert again.status_code == 409
    preview = await client.post(
        f"/api/v1/studio/snapshots/{shadow.snapshot_id}/impact", content=b"{}", headers=key
    )
    assert (preview.status_code, preview.json()["code"]) == (409, "workspace_not_active")


async def test_a_draft_that_was_approved_has_no_shadow(watch: Watch, traffic: Traffic) -> None:
    shadow = await watch.start(capped(1000))
    await traffic.approve(await watch.snapshot(shadow))
    answer = await watch.ask("POST", shadow.snapshot_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "draft_closed")
