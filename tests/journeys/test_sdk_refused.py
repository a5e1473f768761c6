"""What the client does with each refusal: send again, raise it, or give up the lease."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.journeys.conftest import ENFORCE, RefundDesk
from tests.journeys.test_sdk_away import open_statuses, refunding

from placet.kernel.refusals import GovernanceUnavailable, Refusal, refusal_for
from placet.replay.sessions.refusals import NoAuthority
from placet.sdk import known_refusals
from placet.sdk.client import Client
from placet.sdk.endpoints import NextRequest, ToolCall
from placet.sdk.govern import governed
from placet.sdk.notes import tell
from placet.sdk.outcomes import Ending
from placet.sdk.retry import Patience
from placet.sdk.session import Session
from placet.sdk.transport import HttpRequest, HttpResponse, HttpxTransport
from placet.sdk.turn import Tools
from placet.server.problems import MEDIA_TYPE, document, status_of

assert known_refusals, "it brings in every class"

AGAIN: dict[str, dict[str, Any]] = {
    "stale_state": {},
    "stale_time": {},
    "request_in_progress": {"retry_after_seconds": 0},
    "asks_full": {},
    "allowance_full": {},
    "rate_limited": {"retry_after_seconds": 0},
    "governance_unavailable": {"retry_after_seconds": 0},
}
"""Passes: the same request goes out again, and the tool runs once."""

RAISED: dict[str, dict[str, Any]] = {
    "malformed_body": {"errors": []},
    "malformed_header": {"header": "Placet-Binding"},
    "unauthenticated": {},
    "forbidden": {},
    "scope_missing": {"scope": "runtime"},
    "not_found": {},
    "method_not_allowed": {},
    "idempotency_conflict": {},
    "idempotency_key_required": {},
    "precondition_required": {},
    "etag_mismatch": {},
    "body_too_large": {},
    "unsupported_media_type": {},
    "transition_not_allowed": {},
    "session_closing": {},
    "a_code_of_a_newer_service": {},
}
"""Raised at once, as they came; the session goes on."""

FOR_GOOD = ("malformed_body", "idempotency_conflict", "body_too_large", "session_closing")
"""What is said of one receipt; after anything else it is owed."""

SAID_LESS = ("malformed_body", "body_too_large")
"""Said of what a receipt tells beside its end: it is sent once more without that."""

OVER: dict[str, dict[str, Any]] = {
    "lease_lost": {},
    "session_killed": {},
    "session_completed": {},
    "session_expired": {},
    "session_compromised": {},
    "artifact_revoked": {},
    "authority_expired": {},
    "agent_killed": {},
    "tenant_killed": {},
}
"""Raised at once, and nothing is begun in this session any more."""

PREPARED_ANEW = (
    "stale_control",
    "prepared_request_expired",
    "prepared_request_consumed",
    "request_hash_mismatch",
)
"""A turn that prepared its request by itself does so once more."""


class Refusing:
    """A line on which the service seems to refuse what is asked of a path, so many times."""

    def __init__(self, url: str) -> None:
        """Refuse nothing yet."""
        self.refusals: dict[str, list[Refusal]] = {}
        self.seen: list[str] = []
        self.bodies: dict[str, list[dict[str, Any]]] = {}
        self.inner = HttpxTransport(url)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer with the refusal that is due, or hand over to the service."""
        ending = request.path.split("?")[0].rpartition("/")[2]
        self.seen.append(ending)
        if request.body is not None:
            self.bodies.setdefault(ending, []).append(msgspec.json.decode(request.body))
        due = self.refusals.get(ending)
        return answer_of(due.pop(0), request.path) if due else await self.inner.send(request)

    def another(self) -> HttpxTransport:
        """Return a line on which nothing is refused."""
        return self.inner.another()

    async def close(self) -> None:
        """Close the connection."""
        await self.inner.close()


def answer_of(refusal: Refusal, path: str) -> HttpResponse:
    """Return what the service answers where it refuses so."""
    told = document(refusal, instance=path, request_id="r")
    if type(refusal) is Refusal:
        told |= {"code": "a_code_of_a_newer_service", "action": "stop", "status": 409}
    status = 409 if type(refusal) is Refusal else int(status_of(type(refusal)))
    return HttpResponse(
        status=status, headers={"content-type": MEDIA_TYPE}, body=msgspec.json.encode(told)
    )


def made(code: str, members: dict[str, Any]) -> Refusal:
    return refusal_for({"code": code, "detail": "so it is", **members})


@pytest.fixture
def line(desk: RefundDesk) -> Refusing:
    return Refusing(desk.url)


@pytest.fixture
async def client(desk: RefundDesk, line: Refusing) -> AsyncIterator[Client]:
    patience = Patience(total=8.0, attempt=20.0, pause=0.001)
    async with desk.client(transport=line, patience=patience, reports=False) as one:
        yield one


@pytest.fixture
async def session(client: Client) -> AsyncIterator[Session]:
    async with client.session(mode=ENFORCE) as one:
        yield one


async def test_what_passes_is_asked_for_again_and_the_tool_runs_once(
    session: Session, line: Refusing
) -> None:
    for at in ("calls", "start", "receipts"):
        for code, members in AGAIN.items():
            issue_refund, paid = refunding()
            line.refusals = {at: [made(code, members)] * 2}
            line.seen.clear()
            assert await issue_refund(f"{at}-{code}", 100) == "rf_1", (at, code)
            assert (len(paid), line.seen.count(at), session.owed) == (1, 3, 0), (at, code)
    assert await open_statuses(session) == []


async def test_what_does_not_pass_is_raised_as_it_came_and_the_session_goes_on(
    session: Session, line: Refusing
) -> None:
    for code, members in RAISED.items():
        issue_refund, paid = refunding()
        line.refusals = {"calls": [made(code, members)]}
        line.seen.clear()
        with pytest.raises(Refusal) as caught:
            await issue_refund(code, 100)
        assert type(caught.value) is type(made(code, members)), code
        assert (paid, line.seen) == ([], ["calls"]), code
        assert await issue_refund(code, 100) == "rf_1", code
    assert await open_statuses(session) == []


async def test_what_ends_the_lease_is_raised_and_nothing_is_begun_after_it(
    client: Client, line: Refusing
) -> None:
    for code, members in OVER.items():
        issue_refund, paid = refunding()
        async with client.session(mode=ENFORCE) as session:
            line.refusals = {"calls": [made(code, members)]}
            line.seen.clear()
            for _ in range(2):
                with pytest.raises(Refusal) as caught:
                    await issue_refund(code, 100)
                assert caught.value.code() == code
            assert (paid, line.seen, session.lease.is_lost) == ([], ["calls"], True), code


async def test_a_turn_prepares_anew_where_its_own_preflight_does_not_hold_but_not_for_ever(
    session: Session, line: Refusing
) -> None:
    tools: Tools = {"lookup_order": lambda order_id: order_id}
    call = [{"id": "c", "function": {"name": "lookup_order", "arguments": '{"order_id":"o"}'}}]
    for code in PREPARED_ANEW:
        line.refusals = {"proposals": [made(code, {})] * 2}
        (outcome,) = await session.run_turn(call, tools)  # type: ignore[arg-type]  # -- it is JSON
        assert outcome.ending is Ending.SUCCEEDED, code
        line.refusals = {"proposals": [made(code, {})] * 3}
        with pytest.raises(Refusal) as caught:
            await session.run_turn(call, tools)  # type: ignore[arg-type]  # -- it is JSON
        assert caught.value.code() == code
        line.refusals = {"proposals": [made(code, {})]}
        prepared = await session.preflight(offered_tools=["lookup_order"])
        with pytest.raises(Refusal):
            await session.run_turn(call, tools, prepared)  # type: ignore[arg-type]  # -- it is JSON
    assert not session.lease.is_lost


async def test_a_refused_start_begins_nothing_and_gives_the_call_back_unless_it_is_in_doubt(
    session: Session, line: Refusing
) -> None:
    issue_refund, paid = refunding()
    for code, left in (("tool_killed", 0), ("stale_control", 0), ("transition_not_allowed", 1)):
        line.refusals = {"start": [made(code, {})]}
        with pytest.raises(Refusal) as caught:
            await issue_refund(code, 100)
        assert caught.value.code() == code
        assert (paid, session.lease.is_lost) == ([], False), code
        assert len(await open_statuses(session)) == left, code


async def test_a_refused_receipt_takes_nothing_from_the_tools_caller(
    session: Session, line: Refusing
) -> None:
    outbox, seen = session.attached.outbox, 0
    for code, members in RAISED.items():
        if code == "not_found":
            continue
        issue_refund, paid = refunding()
        line.refusals = {"receipts": [made(code, members)] * (2 if code in SAID_LESS else 1)}
        assert await issue_refund(code, 100) == "rf_1"
        is_owed = code not in FOR_GOOD
        refused, seen = len(outbox.refused) - seen, len(outbox.refused)
        assert (len(paid), session.owed, refused) == (1, is_owed, not is_owed), code
        await outbox.deliver(session.means.endpoints, session.means.patience)
        assert session.owed == 0, code
    line.refusals = {"receipts": [made("governance_unavailable", {"retry_after_seconds": 9})]}
    assert await issue_refund("owed", 100) == "rf_1"
    assert (session.owed, len(outbox.refused)) == (1, seen)


@pytest.mark.parametrize("code", SAID_LESS)
async def test_a_receipt_that_cannot_be_taken_as_it_is_is_sent_with_its_end_alone(
    session: Session, line: Refusing, code: str
) -> None:
    @governed
    async def lookup_order(order_id: str) -> str:
        tell(external_ref=order_id, cost_micros=5)
        return "found"

    line.refusals = {"receipts": [made(code, RAISED[code])]}
    assert await lookup_order("ord_1") == "found"
    assert line.seen.count("receipts") == 2
    first, second = line.bodies["receipts"]
    assert (first["output"], first["external_ref"]) == ('"found"', "ord_1")
    assert (second["output"], second["external_ref"], second["cost_micros"]) == (None, None, 5)
    assert second["idempotency_key"] == first["idempotency_key"]
    assert (session.attached.outbox.refused, await open_statuses(session)) == ([], [])


async def test_a_request_that_cannot_be_prepared_costs_no_receipt(
    session: Session, line: Refusing
) -> None:
    def lookup_order(order_id: str) -> str:
        return order_id

    call = ToolCall(id="c1", name="lookup_order", arguments='{"order_id":"ord_1"}')
    step = await session.run_step(
        [call], {"lookup_order": lookup_order}, then=lambda _: NextRequest(request_hash="none")
    )
    assert ([one.ending for one in step.outcomes], step.prepared) == ([Ending.SUCCEEDED], None)
    assert line.seen.count("receipts") == 2
    assert (session.attached.outbox.refused, await open_statuses(session)) == ([], [])


async def test_entering_waits_for_a_lease_and_raises_where_nothing_is_approved(
    client: Client, line: Refusing
) -> None:
    held = {"holder": "another", "lease_expires_at": "2026-01-01T00:00:00Z"}
    line.refusals = {"lease": [made("lease_held", held)] * 2}
    async with client.session(mode=ENFORCE):
        assert line.seen.count("lease") == 3
    line.refusals = {"sessions": [made("no_authority", {})]}
    with pytest.raises(NoAuthority):
        async with client.session(mode=ENFORCE):
            pytest.fail("nothing is approved")
    line.refusals = {"sessions": [made("governance_unavailable", {"retry_after_seconds": 9})]}
    with pytest.raises(GovernanceUnavailable):
        async with client.session(mode=ENFORCE):
            pytest.fail("nobody answers")


def test_the_page_tells_of_every_code_that_is_treated_in_a_way_of_its_own() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/govern-a-tool.md").read_text()
    table = page.split("| the service answers | the client |")[1].split("\n\n")[0]
    assert [code for code in (*AGAIN, *OVER, *PREPARED_ANEW) if f"`{code}`" not in table] == []
