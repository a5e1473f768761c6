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
from placet.sdk.journal import Journal
from placet.sdk.lease import Lease
from placet.sdk.outbox import Outbox
from placet.sdk.retry import Patience
from placet.sdk.transport import HttpRequest, HttpResponse

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


def owed(number: int) -> Owed:
    receipt = Receipt(
        call_id=UUID(int=number),
        idempotency_key=str(number),
        status=ReceiptStatus.SUCCEEDED,
        arguments_hash="0" * 64,
    )
    return Owed(receipt=receipt)


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
