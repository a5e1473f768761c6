"""What the database writes down when a session ends."""

import io

import pytest
from tests.replay.desk import Desk, Worker

from placet.evidence.verify import verify_bundle
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


async def test_a_bundle_brings_the_seals_of_the_sessions_that_ended(desk: Desk) -> None:
    ended, going = await desk.worker(), await desk.worker()
    (call,) = await ended.propose(("note", {"text": "a"}))
    await ended.post("kill", {"reason": "enough"}, desk.operator_key)
    await ended.report(call)
    founder = desk.workplace.founder_key
    for path, seals in (
        (f"{ended.path}/bundle", 1),
        (f"{going.path}/bundle", 0),
        ("/api/v1/replay/bundle", 1),
    ):
        report = verify_bundle(io.BytesIO((await desk.get(path, founder)).content))
        assert (report.flaw, report.seals) == (None, seals), path
