"""What becomes of a receipt: delivered, refused for good, or still owed."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from placet.evidence.fields import Fence
from placet.kernel.clock import SystemClock
from placet.kernel.ids import SystemIds
from placet.kernel.refusals import refusal_for
from placet.replay.calls.model import ReceiptStatus
from placet.sdk.caller import Caller
from placet.sdk.endpoints import Endpoints, Owed, Receipt
from placet.sdk.errors import OutboxFull
from placet.sdk.journal import Journal
from placet.sdk.lease import Lease
from placet.sdk.outbox import REFUSED_MAX, Outbox
from placet.sdk.retry import Patience
from placet.sdk.transport import HttpRequest, HttpResponse
from placet.sdk.unguarded import Unguarded

SESSION = UUID(int=7)
HASTY = Patience(total=0.0, attempt=1.0)
FENCE = Fence(epoch=1, n=1)
PROBLEM = "application/problem+json"


class Answering:
    """A line on which every receipt is answered alike, after others had their turn."""

    def __init__(self, status: int, body: bytes, media_type: str = PROBLEM) -> None:
        """Answer so."""
        self.answer = HttpResponse(status=status, headers={"content-type": media_type}, body=body)
        self.seen = 0
        self.asked = asyncio.Event()
        self.held: asyncio.Event | None = None

    async def send(self, _: HttpRequest) -> HttpResponse:
        """Answer."""
        self.seen += 1
        self.asked.set()
        await (asyncio.sleep(0) if self.held is None else self.held.wait())
        return self.answer

    def another(self) -> "Answering":
        """Return itself."""
        return self

    async def close(self) -> None:
        """Keep nothing."""


def endpoints(line: Answering) -> Endpoints:
    return Endpoints(Caller(line, "plc_x", SystemClock(), SystemIds()), HASTY)


def refusing(status: int, code: str) -> Answering:
    return Answering(status, b'{"code":"%s","action":"stop"}' % code.encode())


def owed(number: int, output: str | None = None, grant: str | None = None) -> Owed:
    receipt = Receipt(
        call_id=UUID(int=number),
        idempotency_key=str(number),
        status=ReceiptStatus.SUCCEEDED,
        arguments_hash="0" * 64,
        output=output,
    )
    return Owed(receipt=receipt, grant=grant)


def outbox_with(journal: Journal) -> Outbox:
    journal.leased(FENCE)
    outbox = Outbox(SESSION, Lease("worker"), journal)
    for one in (owed(1), owed(2)):
        journal.begins(one.receipt.call_id)
        journal.owes(one)
        outbox.owe(one)
    return outbox


PASSES = [
    *(Answering(status, b"<html>", "text/html") for status in (401, 403, 404, 413, 429)),
    refusing(401, "unauthenticated"),
    refusing(403, "forbidden"),
    refusing(409, "request_in_progress"),
    refusing(409, "stale_state"),
    refusing(409, "a_code_of_a_newer_service"),
]


@pytest.mark.parametrize("line", PASSES, ids=lambda one: f"{one.answer.status}-{one.answer.body}")
async def test_a_receipt_that_is_refused_for_what_may_pass_is_owed_and_the_next_one_is_tried(
    tmp_path: Path, line: Answering
) -> None:
    journal = Journal(tmp_path, SESSION).open()
    outbox = outbox_with(journal)
    await outbox.deliver(endpoints(line), HASTY)
    assert (line.seen, len(outbox), outbox.refused) == (2, 2, [])
    assert len(journal.owed()) == len(journal.begun()) == 2
    await outbox.report(endpoints(line), owed(3), HASTY)
    assert len(outbox) == 3
    journal.close()


@pytest.mark.parametrize("code", ["malformed_body", "body_too_large", "invalid", "not_found"])
async def test_a_call_whose_receipt_is_refused_for_good_stays_one_that_may_have_begun(
    tmp_path: Path, code: str
) -> None:
    assert refusal_for({"code": code}).code() == code
    journal = Journal(tmp_path, SESSION).open()
    outbox = outbox_with(journal)
    await outbox.deliver(endpoints(refusing(422, code)), HASTY)
    assert (len(outbox), len(outbox.refused)) == (0, 2)
    assert (journal.owed(), len(journal.begun())) == ([], 2)
    journal.close()


async def test_the_first_receipt_that_nobody_answers_ends_the_round(tmp_path: Path) -> None:
    journal = Journal(tmp_path, SESSION).open()
    outbox, line = outbox_with(journal), Answering(503, b"")
    await outbox.deliver(endpoints(line), HASTY)
    assert (line.seen, len(outbox)) == (1, 2)
    journal.close()


async def test_two_may_deliver_at_once() -> None:
    outbox = Outbox(SESSION, Lease("worker"))
    outbox.owe(*[owed(number) for number in range(5)])
    line = refusing(422, "invalid")
    await asyncio.gather(*[outbox.deliver(endpoints(line), HASTY) for _ in range(2)])
    assert (line.seen, len(outbox), len(outbox.refused)) == (5, 0, 5)


async def test_a_receipt_under_way_counts_as_owed_and_is_kept_where_nobody_waits_any_more() -> None:
    outbox = Outbox(SESSION, Lease("worker"))
    outbox.owe(owed(1))
    line = refusing(422, "invalid")
    line.held = asyncio.Event()
    delivering = asyncio.ensure_future(outbox.deliver(endpoints(line), HASTY))
    await line.asked.wait()
    assert len(outbox) == 1
    delivering.cancel()
    await asyncio.wait([delivering])
    line.held.set()
    await outbox.deliver(endpoints(line), HASTY)
    assert (len(outbox), len(outbox.refused)) == (0, 1)


def test_a_call_finds_no_place_where_too_many_receipts_are_owed_or_awaited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("placet.sdk.outbox.OWED_MAX", 3)
    outbox = Outbox(SESSION, Lease("worker"))
    outbox.owe(owed(1))
    outbox.expect(UUID(int=2))
    outbox.expect(UUID(int=3))
    with pytest.raises(OutboxFull, match="3 receipts") as caught:
        outbox.expect(UUID(int=4))
    assert (caught.value.owed, caught.value.size > 0) == (3, True)
    outbox.expect_none(UUID(int=3))
    outbox.expect(UUID(int=4))
    # What has run is told of all the same.
    outbox.owe(owed(5))
    assert len(outbox) == 2


async def test_a_call_finds_no_place_where_what_is_owed_is_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("placet.sdk.outbox.OWED_BYTES_MAX", 1_000)
    outbox = Outbox(SESSION, Lease("worker"))
    outbox.owe(owed(1, f'"{"x" * 1_000}"'))
    with pytest.raises(OutboxFull):
        outbox.check_room()
    await outbox.deliver(endpoints(refusing(422, "invalid")), HASTY)
    outbox.check_room()


@pytest.mark.parametrize("line", [refusing(422, "invalid"), Answering(503, b"")])
async def test_a_place_is_free_again_once_its_receipt_is_delivered_refused_or_owed(
    monkeypatch: pytest.MonkeyPatch, line: Answering
) -> None:
    monkeypatch.setattr("placet.sdk.outbox.OWED_MAX", 2)
    outbox = Outbox(SESSION, Lease("worker"))
    outbox.expect(UUID(int=1))
    await outbox.report(endpoints(line), owed(1), HASTY)
    outbox.check_room()
    assert len(outbox) + len(outbox.refused) == 1


async def test_what_was_refused_for_good_is_kept_only_of_late_and_counted() -> None:
    outbox = Outbox(SESSION, Lease("worker"))
    line = endpoints(refusing(422, "invalid"))
    for number in range(REFUSED_MAX + 2):
        await outbox.report(line, owed(number), HASTY)
    kept = outbox.refused
    assert (len(kept), outbox.refused_count) == (REFUSED_MAX, REFUSED_MAX + 2)
    assert kept[0].call_id == UUID(int=2)


async def test_a_receipt_whose_sending_is_cancelled_is_owed() -> None:
    outbox, line = Outbox(SESSION, Lease("worker")), refusing(422, "invalid")
    line.held = asyncio.Event()
    reporting = asyncio.ensure_future(outbox.report(endpoints(line), owed(1), HASTY))
    await line.asked.wait()
    reporting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reporting
    assert len(outbox) == 1


async def test_a_receipt_that_nobody_delivers_any_more_is_told_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox = Outbox(SESSION, Lease("worker"))
    outbox.leave()
    await outbox.report(endpoints(Answering(503, b"")), owed(1), HASTY)
    (told,) = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert told == f"receipt of call {UUID(int=1)} was not delivered: its session was left"


class Portal(Answering):
    """A line on which the service knows of no call, and something in between answers the rest."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        if request.path.endswith("/receipts"):
            headers = {"content-type": PROBLEM}
            body = b'{"code":"not_found","action":"stop"}'
            return HttpResponse(status=404, headers=headers, body=body)
        return await super().send(request)


@pytest.mark.parametrize("status", [200, 302])
async def test_an_orphan_that_something_in_between_answered_is_still_owed(status: int) -> None:
    outbox = Outbox(SESSION, Lease("worker"))
    outbox.owe(owed(1, grant="e30"))
    line = Portal(status, b"<html>", "text/html")
    await outbox.deliver(endpoints(line), HASTY)
    assert (line.seen, len(outbox), outbox.refused) == (1, 1, [])


async def test_unguarded_calls_that_something_in_between_was_told_of_are_still_to_be_told() -> None:
    unguarded = Unguarded(SESSION, SystemClock(), SystemIds())
    unguarded.ran()
    await unguarded.tell(endpoints(Answering(200, b"<html>", "text/html")), HASTY)
    assert len(unguarded) == 1
