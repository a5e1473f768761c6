"""A process that has not heard of a restore decides nothing on what it remembers of before."""

from collections.abc import AsyncIterator
from copy import copy
from typing import Any

import httpx
import pytest
from tests.replay.asks.people import AskDesk
from tests.replay.desk import Worker
from tests.replay.restores.conftest import Bench
from tests.server.conftest import started

from placet.replay.calls.runtime import Runtime
from placet.server.app import create_app
from placet.settings import Settings

NOTE = ("note", {"text": "called back"})
HOLD = ("hold_case", {"case": "c1"})
KNOWN = ("state_version", "is_recovering", "tools_told")


@pytest.fixture
async def elsewhere(bench: Bench, fresh_database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Another process of the service, which knows of all that happens."""
    settings = bench.app.state[Settings.__name__]
    async with started(create_app(settings, fresh_database_url)) as app:
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
        async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as client:
            yield client


def remembered(bench: Bench, worker: Worker) -> dict[str, Any]:
    """Return what the bench's process believes of a session."""
    runtime: Runtime = bench.app.state[Runtime.__name__]
    (known,) = [
        one
        for (_, session), one in runtime.memory._known.items()  # noqa: SLF001 -- read, not used
        if session == worker.session_id
    ]
    return {name: getattr(known, name) for name in KNOWN}


async def moved_on(bench: Bench, elsewhere: httpx.AsyncClient) -> tuple[Worker, Worker]:
    """Return a session's worker here, and at the other process, which alone knows of a restore."""
    worker = await bench.desk.worker(ttl_seconds=60)
    await worker.propose(NOTE)
    before = remembered(bench, worker)
    await bench.fail_over()
    await bench.restore()
    there = copy(worker)
    there.desk = copy(bench.desk)
    there.desk.client = elsewhere
    assert (await there.lease()).status_code == 200
    worker.fence, worker.binding = there.fence, there.binding
    assert remembered(bench, worker) == before
    assert (before["is_recovering"], before["tools_told"]) == (False, None)
    return worker, there


def verdicts(answered: httpx.Response) -> list[str]:
    """Return what was decided of each call."""
    assert answered.status_code == 200, answered.text
    return [call["verdict"] for call in answered.json()["calls"]]


@pytest.mark.parametrize("verb", ["preflight", "proposals", "calls"])
async def test_who_believes_that_nothing_was_restored_is_told_under_the_lock(
    bench: Bench, elsewhere: httpx.AsyncClient, verb: str
) -> None:
    worker, there = await moved_on(bench, elsewhere)
    trips = []
    for _ in range(2):
        prepared = await there.prepare()
        proposal = there.proposal(prepared, NOTE)
        before = bench.db.hot.round_trips
        if verb == "preflight":
            assert "issue_refund" not in (await worker.prepare())["tools"]
        elif verb == "proposals":
            assert verdicts(await worker.post(verb, proposal)) == ["ask"]
        else:
            calls = {"tool_calls": proposal["tool_calls"]}
            assert verdicts(await worker.post(verb, calls)) == ["ask"]
        trips.append(bench.db.hot.round_trips - before)
        assert remembered(bench, worker)["is_recovering"]
    # Only where it believed what is not so, it was asked once more.
    assert trips[1] < trips[0]


async def test_a_yes_of_before_a_restore_is_claimed_by_nobody(
    asking_bench: tuple[Bench, AskDesk],
) -> None:
    bench, desk = asking_bench
    worker = await desk.worker(ttl_seconds=60)
    (call,) = await worker.propose(HOLD)
    voted = await desk.vote(worker.session_id, desk.ben, call)
    assert voted.status_code == 201, voted.text
    before = remembered(bench, worker)
    await bench.fail_over()
    await bench.restore()
    assert remembered(bench, worker) == before
    heir = Worker(desk, worker.session_id)
    assert (await heir.lease()).status_code == 200
    claimed = await desk.claim(heir, call)
    assert claimed.json()["code"] == "ask_closed"
    shown = (await heir.read("pending"))["pending"]
    assert [one["status"] for one in shown if one["call_id"] == call["call_id"]] == []
