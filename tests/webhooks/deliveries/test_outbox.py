"""Rows of the outbox stand beside their events: what is put there, for whom, and when not."""

import re
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar
from tests.conftest import Server
from tests.house.event_types import bodies
from tests.replay.asks.people import ESCALATE, AskDesk, asking
from tests.studio.story import Story
from tests.webhooks.post import Post

from placet.authority.server_keys import ServerKeys
from placet.events import store as events
from placet.events.model import StreamId, StreamKind, new_event, tenant_stream
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.replay.sessions.model import SessionFinished, SessionStopped
from placet.storage.database import Database
from placet.webhooks.endpoints.model import EndpointStatus, WebhookType

URL = "https://example.com/hook"


async def say(post: Post, kind: StreamKind, said: Value) -> None:
    """Append an event to the tenant's own stream of a kind."""
    stream = tenant_stream(post.founder.tenant_id, kind)
    async with post.db.writing(post.founder) as tx:
        await events.append(tx, stream, kind, [new_event(post.ids, said)])


async def test_the_trigger_names_the_types_that_an_endpoint_can_ask_for(
    server: Server, database_name: str
) -> None:
    admin: asyncpg.Connection[Any] = await asyncpg.connect(server.admin(database_name))
    told = await admin.fetchval(
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'outbox_put'"
    )
    await admin.close()
    assert re.findall(r"'(\w+)'::text", told) == [str(kind) for kind in WebhookType]


def test_every_type_that_can_be_asked_for_is_an_event_of_the_product() -> None:
    assert [kind for kind in WebhookType if kind not in bodies()] == []


async def test_an_approval_is_told_step_by_step(post: Post, story: Story) -> None:
    endpoint = await post.endpoint(URL)
    await story.approved()
    told = [str(row.event_type) for row in await post.rows(endpoint)]
    assert told == ["ApprovalRequested", "VoteCast", "ApprovalGranted"]


async def test_an_event_that_is_rolled_back_leaves_nothing_in_the_outbox(post: Post) -> None:
    endpoint = await post.endpoint(URL)
    stream = StreamId(post.ids.new())
    said = SessionStopped(reason="enough")

    async def half() -> None:
        async with post.db.writing(post.founder) as tx:
            await events.append(tx, stream, StreamKind.SESSION, [new_event(post.ids, said)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await half()
    assert await post.rows(endpoint) == []
    assert await post.due() == []


async def test_an_endpoint_gets_the_types_that_it_asked_for(post: Post) -> None:
    some = await post.endpoint(URL, WebhookType.SESSION_STOPPED, WebhookType.VOTE_CAST)
    every = await post.endpoint(URL)
    await say(post, StreamKind.SESSION, SessionStopped(reason="enough"))
    await say(post, StreamKind.SESSION, SessionFinished(outcome="completed"))
    await post.happen(post.ids.new())
    assert [str(row.event_type) for row in await post.rows(some)] == ["SessionStopped"]
    told = [str(row.event_type) for row in await post.rows(every)]
    assert told == ["SessionStopped", "ApprovalRequestClosed"]


async def test_nothing_is_put_for_an_endpoint_that_is_disabled_or_came_later(post: Post) -> None:
    endpoint = await post.endpoint(URL)
    await post.change(endpoint, EndpointStatus.DISABLED)
    await post.happen(post.ids.new())
    later = await post.endpoint(URL)
    assert await post.rows(endpoint) == []
    assert await post.rows(later) == []


async def test_the_outbox_of_a_tenant_holds_nothing_of_another(post: Post, stranger: Post) -> None:
    endpoint = await stranger.endpoint(URL)
    await post.happen(post.ids.new())
    assert await stranger.rows(endpoint) == []


async def test_a_kill_of_the_tenant_is_told(post: Post, client: httpx.AsyncClient) -> None:
    endpoint = await post.endpoint(URL, WebhookType.CONTROL_SET)
    body = {"kind": "tenant", "effect": "kill", "reason": "enough"}
    headers = {
        "Authorization": f"Bearer {post.workplace.founder_key}",
        "Idempotency-Key": str(post.ids.new()),
    }
    answer = await client.post("/api/v1/authority/controls", json=body, headers=headers)
    assert answer.status_code == 201
    assert [str(row.event_type) for row in await post.rows(endpoint)] == ["ControlSet"]
    assert len(await post.due()) == 1


async def test_a_call_that_waits_for_people_is_told_and_an_edited_one_again(
    post: Post, client: httpx.AsyncClient, app: Litestar, db: Database, ids: Ids
) -> None:
    endpoint = await post.endpoint(URL, WebhookType.ASK_OPENED)
    desk = AskDesk(client, db, ids, post.workplace)
    await desk.approve_asking(app.state[ServerKeys.__name__], asking())
    worker = await desk.worker()
    call, note = await worker.propose(ESCALATE, ("note", {"text": "x"}))
    assert (call["status"], note["status"]) == ("awaiting_approval", "granted")
    assert [str(row.event_type) for row in await post.rows(endpoint)] == ["AskOpened"]
    await desk.edited(worker, call, {"reason": "the customer asks"})
    assert len(await post.rows(endpoint)) == 2


async def test_the_lift_of_a_kill_is_told(
    post: Post, client: httpx.AsyncClient, app: Litestar, db: Database, ids: Ids
) -> None:
    types = (WebhookType.CONTROL_LIFT_ASKED, WebhookType.CONTROL_LIFTED)
    endpoint = await post.endpoint(URL, *types)
    desk = AskDesk(client, db, ids, post.workplace)
    await desk.approve_asking(app.state[ServerKeys.__name__], asking())
    await desk.lift(await desk.kill("tool", "note"))
    assert [str(row.event_type) for row in await post.rows(endpoint)] == list(types)


async def test_an_event_wakes_a_sender_once_however_many_endpoints_it_has(post: Post) -> None:
    for _ in range(3):
        await post.endpoint(URL)
    await post.happen(post.ids.new(), 2)
    assert len(await post.due()) == 2
