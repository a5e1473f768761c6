"""Going on with what is open goes on to its end, whatever becomes of one call."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from msgspec.structs import asdict
from tests.sdk.test_asks import SESSION, VIEW, Hasty, answer

from placet.evidence.ed25519 import SigningKey
from placet.kernel.foreign import Json
from placet.kernel.principal import Environment
from placet.kernel.refusals import Refusal
from placet.replay.sessions.refusals import LeaseLost
from placet.sdk.answers import PendingCall, ReadToAsk
from placet.sdk.client import Client
from placet.sdk.outcomes import Ending
from placet.sdk.reconcile import Reading
from placet.sdk.resuming import Resumed
from placet.sdk.transport import HttpRequest, HttpResponse
from placet.sdk.turn import Tools

READ = ReadToAsk(tool="look", arguments="{}", not_before=datetime(2020, 1, 1, tzinfo=UTC))


def left(number: int, status: str, arguments: str | None, read: ReadToAsk | None) -> PendingCall:
    """Return a call of a turn of its own."""
    return PendingCall(
        call_id=UUID(int=number),
        tool="pay",
        status=status,
        execution_state="not_started",
        commit_state="not_committed",
        prepared_request_id=UUID(int=100 + number),
        tool_call_id=f"c{number}",
        arguments_hash="a" * 64,
        arguments=arguments,
        reconcile=read,
    )


DOUBTED = left(3, "unknown", "{}", READ)
MOVES = left(4, "awaiting_approval", "{}", None)
LONG = left(5, "awaiting_approval", None, None)


class Crowded(Hasty):
    """A service that shows two open calls at a time, and refuses what is asked of each."""

    def __init__(self, refusal: str) -> None:
        """Take the code of what is said to whoever claims."""
        super().__init__(may_be_claimed=True)
        self._refusal = refusal

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer at once."""
        path, _, query = request.path.partition("?")
        if "pending" in query:
            shown = [DOUBTED, LONG] if self.claims else [DOUBTED, MOVES]
            pending: list[Json] = [asdict(call) for call in shown]
            return answer(VIEW | {"pending": pending, "more_pending": not self.claims})
        if path.endswith("/preflight"):
            return refused("no_authority")
        if path.endswith("/claim"):
            self.claims += 1
            return refused(self._refusal)
        if "/calls/" in path:
            told: Json = {
                "call_id": path.rpartition("/")[2],
                "tool": "pay",
                "status": "awaiting_approval",
                "may_be_claimed": True,
            }
            return answer(told)
        return await super().send(request)


def refused(code: str) -> HttpResponse:
    """Return a conflict."""
    told: Json = {"code": code, "detail": "it moved"}
    return answer(told, status=409, kind="application/problem+json")


def do() -> None:
    """Do what no test here comes to."""


async def resumed_at(service: Crowded) -> Resumed:
    tools: Tools = {"look": do, "pay": do}
    async with (
        Client(
            "http://127.0.0.1:1",
            "plc_stg_abcdefghijkl_secretsecretsecret",
            transport=service,
            environment=Environment.STAGING,
            grant_keys=[SigningKey.generate().public],
            reports=False,
        ) as client,
        client.session(SESSION) as session,
    ):
        return await session.resume(tools)


async def test_one_call_that_is_refused_keeps_none_of_the_others_from_going_on() -> None:
    resumed = await resumed_at(Crowded("transition_not_allowed"))
    assert {at: told.reading for at, told in resumed.reconciled.items()} == {
        DOUBTED.call_id: Reading.NOT_READ
    }
    assert [(one.call_id, one.ending) for one in resumed.outcomes] == [
        (MOVES.call_id, Ending.WAITING),
        (LONG.call_id, Ending.NOT_RUN),
    ]


class Halting(Crowded):
    """A service that lets one call be resumed, and then refuses something to the whole session."""

    def __init__(self, refusal: str, *, at: str) -> None:
        """Take the code, and whether it is said to the second claim or the second look."""
        super().__init__(refusal)
        self._at = at
        self._looks = 0

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer at once."""
        path, _, query = request.path.partition("?")
        if "pending" in query:
            self._looks += 1
            if self._at == "look" and self._looks > 1:
                return refused(self._refusal)
            pending: list[Json] = [asdict(call) for call in (LONG, MOVES)]
            return answer(VIEW | {"pending": pending, "more_pending": self._at == "look"})
        if path.endswith("/claim") and self._at == "look":
            return refused("transition_not_allowed")
        return await super().send(request)


def ended(resumed: Resumed) -> tuple[str, list[UUID]]:
    """Return what ended a going on, and of which calls it was said."""
    assert resumed.stopped is not None
    assert isinstance(resumed.stopped.refusal, Refusal)
    return resumed.stopped.refusal.code(), resumed.stopped.call_ids


@pytest.mark.parametrize("code", ["lease_lost", "session_killed", "unauthenticated"])
async def test_what_had_become_of_calls_is_told_with_the_refusal_that_ended_it_and_its_calls(
    code: str,
) -> None:
    resumed = await resumed_at(Halting(code, at="claim"))
    assert [(one.call_id, one.ending) for one in resumed.outcomes] == [
        (LONG.call_id, Ending.NOT_RUN)
    ]
    assert ended(resumed) == (code, [MOVES.call_id])


async def test_a_refusal_that_is_said_of_no_call_names_none() -> None:
    resumed = await resumed_at(Halting("session_killed", at="look"))
    assert [one.call_id for one in resumed.outcomes] == [LONG.call_id, MOVES.call_id]
    assert ended(resumed) == ("session_killed", [])


async def test_whoever_comes_to_the_end_was_not_stopped() -> None:
    assert (await resumed_at(Crowded("transition_not_allowed"))).stopped is None


async def test_a_lost_lease_ends_the_going_on() -> None:
    with pytest.raises(LeaseLost):
        await resumed_at(Crowded("lease_lost"))
