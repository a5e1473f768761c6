"""Looks read page by page, each with few rows and few bytes, and miss nothing."""

import json
import threading

import pytest
from tests.audit.erasures.ended import asked, ended
from tests.events.kept import Store
from tests.replay.desk import Desk
from tests.replay.test_principals import acting_for

from placet.audit.subjects.kept import store as kept
from placet.audit.subjects.kept.service import count_kept
from placet.audit.subjects.looks import service, store
from placet.audit.subjects.looks.model import Key, Met, Table, Wanted
from placet.audit.subjects.looks.service import Found, speaking_of
from placet.audit.subjects.rules import holds
from placet.events.artifacts.model import Subject
from placet.events.artifacts.store import keep_artifact, link_artifact
from placet.events.model import NewEvent, StreamId
from placet.tenancy.model import Role

BODY = 1_000


@pytest.fixture
def text(desk: Desk) -> str:
    """An address that stands nowhere else."""
    return f"{desk.ids.new().hex}@example.org"


async def pages(desk: Desk, table: Table, text: str) -> list[list[Met]]:
    """Return the pages of a look."""
    found: list[list[Met]] = []
    after: Key | None = None
    while not found or found[-1]:
        async with desk.db.reading(desk.workplace.founder) as tx:
            wanted = Wanted(subject=text, needles=(text.encode(),))
            found.append(await store.page(tx, table, wanted, after))
        after = found[-1][-1].key if found[-1] else None
    return found[:-1]


async def run(desk: Desk, *texts: str) -> StreamId:
    """Return the stream of a run whose bodies hold these texts and are as long as `BODY`."""
    steps = Store(desk.db, desk.workplace.founder, desk.ids)
    stream = steps.stream()
    events = [
        NewEvent(
            event_id=desk.ids.new(),
            type="Noted",
            salt=bytes(16),
            body=json.dumps({"of": one, "and": "." * (BODY - 20 - len(one))}).encode(),
        )
        for one in texts
    ]
    await steps.append(stream, events)
    return stream


@pytest.mark.parametrize("bound", ["rows", "bytes"])
async def test_a_page_ends_with_the_row_that_fills_it_and_the_next_goes_on_behind_it(
    desk: Desk, text: str, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    stream = await run(desk, *[text, "nobody"] * 5)
    if bound == "rows":
        monkeypatch.setattr(store, "ROWS_AT_ONCE", 3)
    else:
        monkeypatch.setattr(store, "BYTES_AT_ONCE", 2 * BODY + 1)
    found = await pages(desk, Table.BODIES, text)
    met = [(row.stream, row.seq) for page in found for row in page]
    assert len(met) == len(set(met))
    assert [seq for at, seq in met if at == stream] == [*range(1, 11)]
    of_run = [len(page) for page in found if {row.stream for row in page} == {stream}]
    assert of_run, "no page is of the run alone"
    assert set(of_run) <= {1, 2, 3}
    held = {row.seq for page in found for row in page if text.encode() in (row.text or b"")}
    assert held == {1, 3, 5, 7, 9}


async def test_one_row_that_is_longer_than_a_page_is_a_page(
    desk: Desk, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await run(desk, text, text)
    monkeypatch.setattr(store, "BYTES_AT_ONCE", 1)
    found = await pages(desk, Table.BODIES, text)
    assert {len(page) for page in found} == {1}
    assert [page[0].seq for page in found if page[0].stream == stream] == [1, 2]


async def test_somebodys_data_are_found_wherever_they_stand_however_small_the_pages(
    desk: Desk, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = [await ended(desk, text) for _ in range(2)]
    whole = await acting_for(desk, {"customer": text})
    stream = await run(desk, "nobody", text, "nobody")
    async with desk.db.writing(desk.workplace.founder) as tx:
        for at, name in enumerate(("a", "b", "c")):
            digest = await keep_artifact(tx, f"{at} {text if at else ''}".encode())
            subject = Subject(stream_id=stream, seq=3)
            await link_artifact(tx, digest, subject, name=name, media_type="text/plain")
    large = await asked(desk, text, principal=text, dry_run=True)
    for module in (store, kept):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 2)
        monkeypatch.setattr(module, "BYTES_AT_ONCE", 1)
    small = await asked(desk, text, principal=text, dry_run=True)
    streams = {each.stream_id: each.bodies for each in large.streams}
    assert streams == {each.stream_id: each.bodies for each in small.streams}
    assert set(streams) == {*[one.session_id for one in workers], whole.session_id, stream}
    assert (streams[stream], large.kept) == (2, small.kept)


async def test_texts_are_read_beside_the_loop_that_serves_calls(
    desk: Desk, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await run(desk, text)
    threads: set[int] = set()

    def watched(one: bytes, subject: str) -> bool:
        threads.add(threading.get_ident())
        return holds(one, subject)

    monkeypatch.setattr(service, "holds", watched)
    shown = await asked(desk, text, dry_run=True)
    assert [each.stream_id for each in shown.streams] == [stream]
    assert threads
    assert threading.get_ident() not in threads


async def test_what_is_said_of_a_call_is_found_however_small_the_pages(
    desk: Desk, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await ended(desk, text)
    events = await worker.events()
    (proposed,) = [e["seq"] for e in events if e["type"] == "CallProposed"][1:]
    who, found = desk.workplace.founder, Found(seqs={proposed})
    large = await speaking_of(desk.db, who, worker.session_id, found)
    monkeypatch.setattr(store, "ROWS_AT_ONCE", 1)
    assert await speaking_of(desk.db, who, worker.session_id, found) == large
    told = {e["type"] for e in events if e["seq"] in large}
    assert told >= {"CallProposed", "ReceiptReceived"}
    assert len(large) < len(events)


@pytest.mark.parametrize("bound", ["ROWS_AT_ONCE", "BYTES_AT_ONCE"])
async def test_what_stays_is_counted_once_however_small_the_pages(
    desk: Desk, text: str, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    for _ in range(3):
        await desk.workplace.person(text, Role.VIEWER)
    before = await count_kept(desk.db, desk.workplace.founder, text)
    monkeypatch.setattr(kept, bound, 1)
    after = await count_kept(desk.db, desk.workplace.founder, text)
    assert after == before
    assert {each.place: each.rows for each in after}["tenancy_actor"] == 3
