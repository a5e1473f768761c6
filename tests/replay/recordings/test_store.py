"""What is read back of what an agent did: in order, whole, bounded, and as of a moment."""

import json
from datetime import datetime, timedelta

import pytest
from tests.replay.desk import AGENT, Desk

from placet.kernel.principal import Environment
from placet.replay.calls.model import CallStatus, ReceiptStatus, Verdict
from placet.replay.recordings import store
from placet.replay.recordings.model import Found, Recording, Window

ORDER = "ord_abcd1234"


async def window(
    desk: Desk,
    calls_max: int = 100,
    environment: str = "staging",
    since: datetime | None = None,
) -> Found:
    async with desk.db.reading(desk.workplace.founder) as tx:
        now = await tx.now()
        asked = Window(
            agent=AGENT,
            environment=Environment(environment),
            since=since or now - timedelta(days=1),
            until=now,
            calls_max=calls_max,
        )
        return await store.read_window(tx, asked)


def tools(recording: Recording) -> list[str]:
    return [call.tool_name for call in recording.calls]


async def test_sessions_come_whole_and_the_newest_first(desk: Desk) -> None:
    first, second = await desk.worker(), await desk.worker()
    await second.look_up(ORDER)
    await first.look_up(ORDER)
    await first.propose(("note", {"text": "a"}), ("delete_customer", {"customer": "c"}))
    await desk.worker()
    found = await window(desk)
    assert [tools(one) for one in found.recordings] == [
        ["lookup_order"],
        ["lookup_order", "note", "delete_customer"],
    ]
    assert (found.sessions, found.calls, found.is_truncated) == (2, 4, False)
    assert len(found.artifact_ids) == 1
    newest = found.recordings[0].calls[0]
    assert (newest.status, newest.told) == (CallStatus.SETTLED, ReceiptStatus.SUCCEEDED)
    assert newest.output is not None
    assert json.loads(newest.output)["status"] == "delivered"
    denied = found.recordings[1].calls[2]
    assert (denied.verdict, denied.status, denied.told) == (Verdict.DENY, CallStatus.BLOCKED, None)


async def test_a_session_that_is_too_long_is_cut_off_at_its_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PAGE", 2)
    worker = await desk.worker()
    for text in "abcde":
        await worker.propose(("note", {"text": text}))
    whole = await window(desk, calls_max=5)
    assert (whole.calls, whole.is_truncated) == (5, False)
    cut = await window(desk, calls_max=3)
    assert (cut.calls, cut.is_truncated) == (3, True)
    texts = [json.loads(call.arguments or b"{}")["text"] for call in cut.recordings[0].calls]
    assert texts == ["a", "b", "c"]


async def test_how_many_sessions_are_read_together_changes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for calls in (1, 3, 1, 2, 5, 1):
        worker = await desk.worker()
        for number in range(calls):
            await worker.propose(("note", {"text": str(number)}))
    for calls_max in (1, 2, 6, 7, 12, 100):
        read = []
        for page in (250, 6, 4, 1):
            monkeypatch.setattr(store, "PAGE", page)
            found = await window(desk, calls_max=calls_max)
            read.append([[call.call_id for call in one.calls] for one in found.recordings])
            assert (found.calls, found.is_truncated) == (min(calls_max, 13), calls_max < 13)
        assert [read[0]] * 4 == read


async def test_what_is_too_long_to_be_read_is_not_there_but_its_hash_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "TEXT_BYTES_MAX", 40)
    worker = await desk.worker()
    (long,) = await worker.propose(("note", {"text": "x" * 50}))
    (short,) = await worker.propose(("note", {"text": "x"}))
    await worker.report(long, output="y")
    await worker.report(short, output="y" * 50)
    (recording,) = (await window(desk)).recordings
    one, other = recording.calls
    assert (one.arguments, one.output) == (None, b'"y"')
    assert (other.arguments, other.output) == (b'{"text":"x"}', None)
    assert other.told is ReceiptStatus.SUCCEEDED
    assert one.arguments_hash.hex() == long["arguments_hash"]


async def test_reading_ends_where_there_are_too_many_bytes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BYTES_MAX", 30)
    for _ in range(3):
        worker = await desk.worker()
        await worker.propose(("note", {"text": "x" * 20}))
    found = await window(desk)
    assert (found.calls, found.is_truncated) == (1, True)


async def test_nothing_that_happened_at_the_end_of_the_window_or_later_is_read(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    async with desk.db.reading(desk.workplace.founder) as tx:
        until = await tx.now()
    await worker.report(call)
    await worker.propose(("note", {"text": "b"}))
    async with desk.db.reading(desk.workplace.founder) as tx:
        then = await store.read_session(tx, worker.session_id, until=until, calls_max=9)
        now = await store.read_session(tx, worker.session_id, until=await tx.now(), calls_max=9)
    assert [one.told for one in then.calls] == [None]
    assert [one.told for one in now.calls] == [ReceiptStatus.SUCCEEDED, None]


async def test_whatever_was_called_in_the_window_counts_whenever_its_session_was_opened(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle, worker = await desk.worker(), await desk.worker()
    await idle.propose(("note", {"text": "a"}))
    await worker.propose(("note", {"text": "b"}), ("note", {"text": "c"}))
    async with desk.db.reading(desk.workplace.founder) as tx:
        since = await tx.now()
    await idle.read()
    await worker.propose(("note", {"text": "d"}))
    for page in (250, 1):
        monkeypatch.setattr(store, "PAGE", page)
        found = await window(desk, since=since)
        (recording,) = found.recordings
        texts = [
            [json.loads(one.arguments or b"{}")["text"] for one in calls]
            for calls in (recording.calls, recording.counted())
        ]
        assert texts == [["b", "c", "d"], ["d"]]
        assert (found.sessions, found.calls, found.is_truncated) == (1, 1, False)
    cut = await window(desk, since=since, calls_max=2)
    assert (cut.calls, cut.is_truncated) == (0, True)
    monkeypatch.setattr(store, "OPENED_BEFORE_MAX", timedelta())
    assert (await window(desk, since=since)).recordings == []


async def test_another_environment_has_its_own_recordings(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.propose(("note", {"text": "a"}))
    assert (await window(desk, environment="production")).recordings == []
