"""A kill of the service under load: what was acknowledged is there, once, and the rest is whole.

`PLACET_ROUNDS` says how many services are killed, one by default; more of them take more load each.
"""

import asyncio
from os import environ

import pytest
from tests.invariants.load import Ack, Load
from tests.invariants.service import Service
from tests.invariants.stage import NOTE, Stage
from tests.replay.desk import Worker

from placet.replay.calls.fold import fold
from placet.replay.sessions.rules import encode_state

ROUNDS = int(environ.get("PLACET_ROUNDS", "1"))
ACKS = 120 if ROUNDS == 1 else 500
WORKERS = 4
_TWICE = "SELECT {} FROM placet.{} WHERE session_id = ANY ($1) GROUP BY 1 HAVING count(*) > 1"
DOUBLED = (
    _TWICE.format("prepared_request_id", "replay_pending_call"),
    _TWICE.format("pending_call_id", "replay_execution_receipt"),
)


async def killed(stage: Stage) -> tuple[list[Worker], list[Ack]]:
    """Kill a service in the midst of work. Returns who worked, and what was acknowledged."""
    async with Service(stage.place.folder, stage.place.database_url) as dying:
        workers = [dying.worker(await stage.desk.worker(ttl_seconds=60)) for _ in range(WORKERS)]
        load = Load(dying, ACKS)
        await asyncio.gather(*(load.govern(worker) for worker in workers))
    return workers, load.acks


@pytest.mark.parametrize("_", range(ROUNDS))
async def test_what_was_acknowledged_survives_a_kill_of_the_service_and_happened_once(
    stage: Stage, service: Service, _: int
) -> None:
    workers, acks = await killed(stage)
    assert len(acks) >= ACKS
    assert [ack.verb for ack in acks if not await ack.holds(service)] == []
    sessions = [worker.session_id for worker in workers]
    for query in DOUBLED:
        assert await stage.watch.fetch(query, sessions) == []
    for worker in workers:
        state, events = await stage.states(worker)
        assert encode_state(fold(events)) == state


async def test_what_was_never_acknowledged_is_not_taken_for_it(
    stage: Stage, service: Service
) -> None:
    worker = await stage.desk.worker()
    proposal = worker.proposal(await worker.prepare(), NOTE)
    assert not await Ack(worker, "proposals", proposal, ("None",)).holds(service)
