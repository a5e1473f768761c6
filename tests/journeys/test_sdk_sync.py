"""The same client without an event loop: the same stories, told in plain calls."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.conftest import ENFORCE, RefundDesk

from placet.kernel.foreign import Json
from placet.sdk.endpoints import ToolCall
from placet.sdk.errors import CallBlocked, NoSessionError
from placet.sdk.outcomes import Ending
from placet.sdk.session import Session as AsyncSession
from placet.sdk.sync import Client, Session, governed


@pytest.fixture
def client(desk: RefundDesk) -> Iterator[Client]:
    with Client(desk.url, desk.agent_key) as made:
        yield made


def test_a_plain_tool_runs_governed_in_the_thread_that_called_it(client: Client) -> None:
    @governed
    def lookup_order(order_id: str) -> threading.Thread:
        return threading.current_thread()

    with client.session(mode=ENFORCE) as session:
        assert lookup_order("ord_1") is threading.current_thread()
        assert session.state(pending=True).pending == []
    with pytest.raises(NoSessionError):
        lookup_order("ord_1")


def test_an_async_tool_is_called_without_await(client: Client) -> None:
    with client.session(mode=ENFORCE) as session:

        @session.governed("lookup_order")
        async def look_up(order_id: str) -> dict[str, str]:
            return {"order": order_id}

        assert look_up("ord_1") == {"order": "ord_1"}


def test_a_blocked_call_raises_what_the_other_client_raises(client: Client) -> None:
    @governed
    def issue_refund(order_id: str, amount_cents: int) -> None:
        pytest.fail("it was blocked")

    with client.session(mode=ENFORCE), pytest.raises(CallBlocked):
        issue_refund("ord_1", 0)


def test_an_interrupt_inside_a_tool_leaves_a_doubtful_end_and_is_raised(client: Client) -> None:
    @governed
    def issue_refund(order_id: str, amount_cents: int) -> None:
        raise KeyboardInterrupt

    with client.session(mode=ENFORCE) as session:
        with pytest.raises(KeyboardInterrupt):
            issue_refund("ord_1", 100)
        pending = session.state(pending=True).pending or []
        assert [call.status for call in pending] == ["unknown"]


def test_a_turn_runs_its_plain_tools_here(client: Client) -> None:
    ran: list[threading.Thread] = []

    def lookup_order(order_id: str) -> None:
        ran.append(threading.current_thread())

    calls: Json = [
        {"id": "c1", "function": {"name": "lookup_order", "arguments": '{"order_id":"o"}'}},
        {"id": "c2", "function": {"name": "lookup_order", "arguments": '{"order":"o"}'}},
    ]
    with client.session(mode=ENFORCE) as session:
        prepared = session.preflight(offered_tools=["lookup_order"], messages=["hi"])
        outcomes = session.run_turn(calls, {"lookup_order": lookup_order}, prepared)
    assert [outcome.ending for outcome in outcomes] == [Ending.SUCCEEDED, Ending.BLOCKED]
    assert ran == [threading.current_thread()]


def test_closing_twice_does_nothing(desk: RefundDesk) -> None:
    with Client(desk.url, desk.agent_key) as client:
        client.close()
    client.close()


ASYNC_ALONE = {
    # Words between the parts of the client, and what a program reads through `inner`.
    *("attached", "check", "check_open", "claim", "count_unguarded", "decide", "decide_at_once"),
    *("environment", "expect_none", "fence", "has_journal", "is_attached", "is_noted", "keys"),
    *("judge_again", "lease", "note_alone", "note_begun", "note_handed_out", "outlive"),
    *("posture_alone", "posture_now", "redeem", "report", "view"),
}


def test_a_session_without_an_event_loop_can_do_what_one_with_it_can() -> None:
    def names(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert names(AsyncSession) - names(Session) == ASYNC_ALONE


def test_what_was_taken_over_and_what_is_owed_is_told_without_an_event_loop(
    client: Client, tmp_path: Path
) -> None:
    with client.session(mode=ENFORCE, journal=tmp_path) as session:
        prepared = session.preflight(offered_tools=["lookup_order"])
        call = ToolCall(id="c", name="lookup_order", arguments='{"order_id":"o"}')
        session.propose(prepared, [call])
    with client.session(session.session_id, journal=tmp_path) as again:
        assert again.taken_over is not None
        assert len(again.taken_over.unknown) == 1
        assert (again.owed, again.unguarded, again.captured) == (0, 0, 0)
        assert again.phase == session.phase
