"""Waiting for people asks the service as seldom as it may."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from placet.evidence.ed25519 import SigningKey
from placet.evidence.fields import Fence
from placet.kernel.foreign import Json
from placet.kernel.principal import Environment
from placet.kernel.refusals import Conflict, Forbidden
from placet.replay.calls.model import CallStatus, Verdict
from placet.replay.sessions.lease_model import LeaseAnswer
from placet.sdk.answers import Claimed, ProposedCall, ReceiptAnswer
from placet.sdk.asks import PAUSE_SECONDS, PAUSE_SECONDS_MAX, answered, pause_seconds
from placet.sdk.client import Client
from placet.sdk.transport import HttpRequest, HttpResponse, Transport

SESSION, CALL, OTHER = UUID(int=1), UUID(int=3), UUID(int=4)
WAITS = ProposedCall(
    call_id=CALL,
    tool_call_id="c1",
    tool="pay",
    verdict=Verdict.ALLOW,
    status=CallStatus.AWAITING_APPROVAL,
)
GRANTED = replace(WAITS, status=CallStatus.GRANTED, arguments_hash="a" * 64)
BOTH = (WAITS, replace(WAITS, call_id=OTHER, tool_call_id="c2"))
TOLD = ReceiptAnswer(
    receipt_id=UUID(int=5),
    call_id=CALL,
    call_status="failed",
    execution_state="completed",
    commit_state="not_committed",
    evidence_level="reported",
)
VIEW: dict[str, Json] = {
    "session_id": str(SESSION),
    "agent": "refunds",
    "environment": "staging",
    "mode": "enforce",
    "status": "active",
    "state_version": 1,
    "control_revision": 0,
}
LEASE = LeaseAnswer(
    outcome="granted",
    holder="h",
    fence=Fence(epoch=1, n=1),
    lease_expires_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    ttl_seconds=15,
    binding="b",
    state_version=1,
    control_revision=0,
)


class Hasty:
    """A service that never waits: the call is as it was, and no claim of it is taken."""

    def __init__(self, *, may_be_claimed: bool) -> None:
        """Remember nothing yet."""
        self.may_be_claimed = may_be_claimed
        self.looks: list[str] = []
        self.claims = 0

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer at once."""
        if f"/calls/{CALL}/claim" in request.path:
            self.claims += 1
            told: Json = {"code": "ask_closed", "detail": "it moved"}
            return answer(told, status=409, kind="application/problem+json")
        if f"/calls/{CALL}" in request.path:
            self.looks.append(request.path.partition("?")[2])
            return answer(
                {
                    "call_id": str(CALL),
                    "tool": "pay",
                    "status": "awaiting_approval",
                    "may_be_claimed": self.may_be_claimed,
                }
            )
        return answer(LEASE if request.path.endswith("/lease") else VIEW)

    def another(self) -> Transport:
        """Return this one."""
        return self

    async def close(self) -> None:
        """Do nothing."""


def answer(body: object, status: int = 200, kind: str = "application/json") -> HttpResponse:
    raw = msgspec.json.encode(body)
    return HttpResponse(status=status, headers={"content-type": kind}, body=raw)


class Halting(Hasty):
    """A service that grants the first of two calls, and is cut off at the second."""

    def __init__(self, cut: Callable[[], None] | None = None) -> None:
        """Take what happens at the second; without it, the second is refused."""
        super().__init__(may_be_claimed=True)
        self._cut = cut
        self.receipts: list[dict[str, Json]] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer at once."""
        if f"/calls/{CALL}/claim" in request.path:
            return answer(Claimed(calls=[GRANTED], binding="b"))
        if f"/calls/{OTHER}" in request.path:
            if self._cut is not None:
                self._cut()
                await asyncio.Event().wait()
            told: Json = {"code": "forbidden", "detail": "it may not be read"}
            return answer(told, status=403, kind="application/problem+json")
        if request.path.endswith("/receipts"):
            self.receipts.append(msgspec.json.decode(request.body or b""))
            return answer(TOLD)
        return await super().send(request)


async def wait_at(
    service: Hasty, seconds: float, calls: Sequence[ProposedCall] = (WAITS,)
) -> list[ProposedCall]:
    async with (
        Client(
            "http://127.0.0.1:1",
            "plc_stg_abcdefghijkl_secretsecretsecret",
            transport=service,
            environment=Environment.STAGING,
            grant_keys=[SigningKey.generate().public],
            reports=False,
        ) as client,
        client.session() as session,
    ):
        return await answered(session, calls, seconds)


async def test_an_answer_that_comes_at_once_and_tells_nothing_is_not_asked_for_at_once() -> None:
    service = Hasty(may_be_claimed=False)
    assert await wait_at(service, 0.5) == [WAITS]
    assert 2 <= len(service.looks) <= 5


async def test_less_than_a_second_is_asked_for_as_one_and_none_as_none() -> None:
    service = Hasty(may_be_claimed=False)
    await wait_at(service, 0.3)
    assert (set(service.looks[:-1]), service.looks[-1]) == ({"wait=1"}, "")


async def test_a_claim_that_is_refused_because_the_call_moved_is_not_repeated_at_once() -> None:
    service = Hasty(may_be_claimed=True)
    with pytest.raises(Conflict):
        await wait_at(service, 0.5)
    assert 2 <= service.claims <= 5


async def test_what_was_granted_is_not_given_up_where_the_next_call_is_refused() -> None:
    service = Halting()
    assert await wait_at(service, 5, BOTH) == [GRANTED, BOTH[1]]
    assert service.receipts == []
    with pytest.raises(Forbidden):
        await wait_at(service, 5, BOTH[1:])


async def test_what_was_granted_is_given_back_by_whoever_is_cancelled_at_the_next_call() -> None:
    def gives_up() -> None:
        waits.cancel()

    service = Halting(gives_up)
    waits = asyncio.ensure_future(wait_at(service, 5, BOTH))
    with pytest.raises(asyncio.CancelledError):
        await waits
    (told,) = service.receipts
    assert (told["call_id"], told["error"]) == (str(CALL), "never_begun")


@pytest.mark.parametrize("luck", [0.0, 0.5, 0.999])
def test_pauses_begin_at_a_fifth_of_a_second_grow_and_are_bounded(luck: float) -> None:
    pauses = [pause_seconds(in_vain, luck) for in_vain in range(1, 200)]
    assert pauses[0] >= PAUSE_SECONDS
    assert pauses[1] == 2 * pauses[0]
    assert pauses == sorted(pauses)
    assert pauses[-1] < 2 * PAUSE_SECONDS_MAX
