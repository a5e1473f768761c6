"""Proposals over HTTP, where looking at sources takes memory."""

import httpx
import pytest
from litestar import Litestar
from tests.studio.story import Story
from tests.studio.test_routes import API, Caller

from placet.studio.inferred_rules import service
from placet.studio.inferred_rules.service import Inferences


async def test_one_draft_at_a_time_is_looked_at(
    app: Litestar, client: httpx.AsyncClient, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "WAIT_SECONDS", 0)
    founder = Caller(client, story, story.workplace.founder_key)
    draft = await story.draft(await story.workspace())
    path = f"{API}/drafts/{draft.draft_id}/inferred-rules"
    inferences = app.state[Inferences.__name__]
    async with inferences.place():
        busy = await founder.post(path, {"expected_draft_version": 0})
    assert (busy.status_code, busy.json()["code"]) == (503, "inference_busy")
    assert int(busy.headers["Retry-After"]) > 0
    for _ in range(2):
        await founder.made(path, {"expected_draft_version": 0})


async def test_a_repeat_is_answered_while_no_draft_may_be_looked_at(
    app: Litestar, client: httpx.AsyncClient, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "WAIT_SECONDS", 0)
    founder = Caller(client, story, story.workplace.founder_key)
    draft = await story.draft(await story.workspace())
    path, asked = f"{API}/drafts/{draft.draft_id}/inferred-rules", {"expected_draft_version": 0}
    first = await founder.post(path, asked, "k")
    async with app.state[Inferences.__name__].place():
        again = await founder.post(path, asked, "k")
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
