"""A bundle of a whole tenant has an event for each entry of its log, whoever writes meanwhile."""

import asyncio
import io

import pytest
from tests.audit.bundles.taking import Auditor, auditor_of, closed, streams_in, worked
from tests.replay.desk import Desk

from placet.events.model import StreamKind, new_event, tenant_stream
from placet.events.store import append
from placet.evidence.verify import verify_bundle
from placet.kernel.value import Value


class PolicyNoted(Value, frozen=True):
    """An event of people that no verifier reads."""

    n: int


@pytest.fixture
async def auditor(desk: Desk) -> Auditor:
    """An auditor of the desk's tenant."""
    return await auditor_of(desk)


async def test_each_entry_of_the_log_is_an_event_of_the_bundle(
    desk: Desk, auditor: Auditor
) -> None:
    await closed(desk)
    report = verify_bundle(io.BytesIO(await auditor.bytes_of()))
    assert report.flaw is None
    assert report.events == report.logged == report.log_size
    assert any("all of the log" in one for one in report.proved)


async def test_so_it_is_while_sessions_open_write_and_end(desk: Desk, auditor: Auditor) -> None:
    done = asyncio.Event()

    async def work() -> None:
        while not done.is_set():
            await worked(desk)
            await closed(desk)

    at_work = [asyncio.create_task(work()) for _ in range(3)]
    try:
        counted = []
        for _ in range(3):
            lines = await auditor.take()
            counted.append(sum(streams_in(lines).values()))
    finally:
        done.set()
        await asyncio.gather(*at_work)
    assert counted == sorted(set(counted))


async def test_people_who_change_what_calls_rest_on_keep_no_export_waiting(
    desk: Desk, auditor: Auditor
) -> None:
    await worked(desk)
    done = asyncio.Event()

    async def write() -> None:
        while not done.is_set():
            async with desk.db.writing(desk.workplace.founder) as tx:
                stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
                said = [new_event(desk.ids, PolicyNoted(n=1)) for _ in range(3)]
                await append(tx, stream, StreamKind.AUTHORITY, said)

    at_work = asyncio.create_task(write())
    try:
        for _ in range(6):
            await auditor.take()
    finally:
        done.set()
        await at_work
