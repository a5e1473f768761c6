"""From a kill to the receiver that is told of it, over HTTP all the way."""

from pathlib import Path

import httpx
from litestar import Litestar
from standardwebhooks import Webhook
from tests.conftest import found
from tests.replay.desk import Desk
from tests.server.conftest import started
from tests.webhooks.receiver import Receiver

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database
from placet.worker.webhooks import webhooks


async def test_a_session_that_is_killed_is_told_outside_signed_with_the_endpoints_secret(
    fresh_database_url: str, tmp_path: Path, ids: Ids, receiver: Receiver
) -> None:
    settings = Settings(data_dir=tmp_path, webhooks_to_loopback=True)
    async with started(create_app(settings, fresh_database_url, loops=(webhooks,))) as app:
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
        async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as client:
            desk = await approved(app, client, ids)
            wanted = {"url": receiver.url, "name": "tests", "event_types": ["SessionStopped"]}
            key = desk.workplace.founder_key
            made = await desk.post("/api/v1/webhooks/endpoints", wanted, key)
            worker = await desk.worker()
            reason = {"reason": "it pays too much"}
            killed = await desk.post(f"{worker.path}/kill", reason, desk.operator_key)
            assert (made.status_code, killed.status_code) == (201, 200)
            await receiver.until(1)
    (heard,) = receiver.heard
    told = Webhook(made.json()["secret"]).verify(heard.body, heard.headers)
    assert told["type"] == "SessionStopped"
    assert told["stream_id"] == str(worker.session_id)
    assert told["data"]["reason"] == reason["reason"]


async def approved(app: Litestar, client: httpx.AsyncClient, ids: Ids) -> Desk:
    """Return a refund desk with a contract in force, in a tenant of its own."""
    db = app.state[Database.__name__]
    desk = Desk(client, db, ids, await found(db, ids))
    await desk.approve(app.state[ServerKeys.__name__])
    return desk
