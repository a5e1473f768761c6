"""Following a session over a real connection."""

import asyncio
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from tests.replay.desk import Desk

from placet.kernel.paging import encode_cursor
from placet.replay.watching import service
from placet.replay.watching.service import SessionWatches
from placet.server import edge, run
from placet.server.app import create_app
from placet.server.run import Service, config_for, listen
from placet.settings import Settings

SECONDS_MAX = 25.0
ACCEPTED = {"Accept": "text/event-stream"}


async def events(desk: Desk, session_id: object, key: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await desk.client.get(
        f"/api/v1/replay/sessions/{session_id}/events",
        headers={"Authorization": f"Bearer {key or desk.runtime_key}", **ACCEPTED, **named},
    )


@pytest.fixture
def short(app: Litestar) -> object:
    """Let streams end when they have sent what is there."""
    watches = app.state[SessionWatches.__name__]
    before, watches.life_seconds = watches.life_seconds, 0.0
    yield watches
    watches.life_seconds = before


@pytest.mark.usefixtures("short")
async def test_a_stream_begins_after_the_event_that_the_reader_names(desk: Desk) -> None:
    worker = await desk.worker()
    whole = await events(desk, worker.session_id)
    assert whole.headers["content-type"].startswith("text/event-stream")
    assert whole.headers["cache-control"] == "no-store"
    assert [line for line in whole.text.split("\n") if line.startswith("id:")] == ["id: 1", "id: 2"]
    rest = await events(desk, worker.session_id, Last_Event_ID="1")
    assert [line for line in rest.text.split("\n") if line.startswith("id:")] == ["id: 2"]


@pytest.mark.usefixtures("short")
async def test_a_stream_is_refused_before_it_begins(desk: Desk) -> None:
    worker = await desk.worker()
    for told, status, code in (
        (await events(desk, worker.session_id, Last_Event_ID="x"), 400, "malformed_header"),
        (await events(desk, desk.ids.new()), 404, "not_found"),
        (await events(desk, worker.session_id, "plc_x"), 401, "unauthenticated"),
    ):
        assert (told.status_code, told.json()["code"]) == (status, code)


@pytest.mark.usefixtures("short")
async def test_who_stands_beyond_the_last_event_is_told_and_who_stands_at_it_waits(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    beyond = encode_cursor([3])
    for told in (
        await desk.get(f"{worker.path}/events?after=3"),
        await desk.get(f"{worker.path}/events?after={2**53 - 1}"),
        await desk.get(f"{worker.path}/events?cursor={beyond}"),
        await events(desk, worker.session_id, Last_Event_ID="3"),
    ):
        assert (told.status_code, told.json()["code"]) == (404, "cursor_unknown")
    at_the_end = await desk.get(f"{worker.path}/events?after=2")
    assert (at_the_end.status_code, at_the_end.json()["items"]) == (200, [])
    assert (await events(desk, worker.session_id, Last_Event_ID="2")).status_code == 200


async def test_a_service_with_too_many_streams_gives_out_no_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "WATCHERS_MAX", 0)
    worker = await desk.worker()
    told = await events(desk, worker.session_id)
    assert (told.status_code, told.json()["code"]) == (503, "too_many_watchers")
    assert told.headers["retry-after"]
    assert (await desk.get(f"{worker.path}/events")).status_code == 200


async def test_a_stream_takes_no_place_of_a_request_and_ends_with_the_service(
    desk: Desk, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "REQUESTS_MAX", 1)
    monkeypatch.setattr(run, "GRACE_SECONDS", 60)
    worker = await desk.worker()
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
            async with client.stream("GET", f"{worker.path}/events", headers=ACCEPTED) as sent:
                lines = sent.aiter_lines()
                assert await anext(lines) == "retry: 2000"
                assert (await client.get(worker.path)).status_code == 200
                running.should_exit = True
                async with asyncio.timeout(SECONDS_MAX):
                    seen = [line async for line in lines if line.startswith("id:")]
                assert seen == ["id: 1", "id: 2"]
            await task
