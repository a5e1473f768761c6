"""What the database writes down when a session ends."""

import pytest
from tests.replay.desk import Desk, Worker

from placet.replay.seals import store
from placet.replay.seals.model import ReplaySessionSeal


async def seal_of(desk: Desk, worker: Worker) -> ReplaySessionSeal | None:
    async with desk.db.reading(desk.workplace.founder) as tx:
        return await store.find_seal(tx, worker.session_id)


@pytest.mark.parametrize("end", ["killed", "completed"])
async def test_every_end_seals_what_the_stream_was(desk: Desk, end: str) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    assert await seal_of(desk, worker) is None
    if end == "killed":
        await worker.post("kill", {"reason": "enough"}, desk.operator_key)
    else:
        await worker.report(call)
        await worker.post("close", {})
    events = await worker.events()
    seal = await seal_of(desk, worker)
    assert seal is not None
    assert (seal.status, seal.last_seq, seal.head.hex()) == (end, len(events), events[-1]["leaf"])


async def test_what_follows_an_end_leaves_its_seal_as_it_was(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    await worker.post("kill", {"reason": "enough"}, desk.operator_key)
    before = await seal_of(desk, worker)
    await worker.report(call)
    assert len(await worker.events()) > (before.last_seq if before else 0)
    assert await seal_of(desk, worker) == before


async def test_a_session_that_begins_to_close_is_not_sealed(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.propose(("note", {"text": "a"}))
    await worker.post("close", {})
    assert await seal_of(desk, worker) is None
