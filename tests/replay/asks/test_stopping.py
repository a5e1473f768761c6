"""A service that stops answers whoever waits for people; it does not drop them."""

import asyncio
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from tests.replay.asks.people import ESCALATE, AskDesk

from placet.replay.asks.waiting import AskWaits
from placet.server import run
from placet.server.app import create_app
from placet.server.run import Service, config_for, listen
from placet.settings import Settings

SECONDS_MAX = 25.0


async def test_who_waits_for_people_is_answered_when_the_service_stops(
    desk: AskDesk, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "GRACE_SECONDS", 60)
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    app = create_app(Settings(data_dir=tmp_path), database_url)
    with closing(listen("127.0.0.1", 0)) as listener:
        ready = asyncio.Event()
        running = Service(config_for(app), app, ready.set)
        task = asyncio.create_task(running.serve(sockets=[listener]))
        async with asyncio.timeout(SECONDS_MAX):
            await ready.wait()
        host, port = listener.getsockname()
        async with httpx.AsyncClient(
            base_url=f"http://{host}:{port}",
            headers={"Authorization": f"Bearer {desk.runtime_key}"},
            timeout=SECONDS_MAX,
        ) as client:
            waits = app.state[AskWaits.__name__]
            path = f"{worker.path}/calls/{call['call_id']}?wait=30"
            asked = asyncio.create_task(client.get(path))
            async with asyncio.timeout(SECONDS_MAX):
                while not len(waits):  # noqa: ASYNC110 -- nothing tells that it waits
                    await asyncio.sleep(0)
                running.should_exit = True
                answered = await asked
                await task
    assert answered.status_code == 200
    assert answered.json()["status"] == "awaiting_approval"
