"""A client asks the read of a contract what became of a call, over real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from tests.conftest import Server
from tests.journeys.conftest import ENFORCE, RefundDesk, Serving
from tests.studio.story import AGENT, LOOKUP, REFUND, Story, contract

from placet.kernel.foreign import Json
from placet.kernel.principal import Environment
from placet.sdk.answers import PendingCall
from placet.sdk.errors import NotDone
from placet.sdk.outcomes import Ending
from placet.sdk.reconcile import Reading, reconcile
from placet.sdk.session import Session
from placet.sdk.turn import Tools

CALL: list[Json] = [
    {
        "id": "c",
        "type": "function",
        "function": {"name": "issue_refund", "arguments": '{"order_id":"ord_1","amount_cents":5}'},
    }
]
RULE = {
    "tool": "lookup_order",
    "arguments": {"order_id": "$.order_id"},
    "succeeded_when": [{"path": "$.refunds", "length_gte": 1}],
    "failed_when": [{"path": "$.state", "equals": "closed"}],
}


class Bank:
    """What lies behind the tools: the refund may or may not have come through."""

    def __init__(self) -> None:
        """Have an order without refunds."""
        self.order: dict[str, Any] = {"state": "open", "refunds": []}
        self.looked: list[str] = []

    async def look_up(self, order_id: str) -> dict[str, Any]:
        """Return the order."""
        self.looked.append(order_id)
        return self.order

    async def refund(self, order_id: str, amount_cents: int) -> None:  # noqa: ARG002 -- the tool's own
        """Fall silent half way."""
        raise TimeoutError

    @property
    def tools(self) -> Tools:
        """Return the tools by name."""
        return {"lookup_order": self.look_up, "issue_refund": self.refund}


@pytest.fixture
async def desk(service: Serving, story: Story) -> RefundDesk:
    """A refund desk whose contract says what tells of a refund."""
    document = contract(LOOKUP, REFUND | {"reconcile": RULE}, gate="strip_partial")
    await story.approved(document, Environment.STAGING)
    _, key = await story.workplace.agent(AGENT, Environment.STAGING)
    return RefundDesk(service, story.workplace, key)


@asynccontextmanager
async def doubting(desk: RefundDesk, bank: Bank) -> AsyncIterator[tuple[Session, PendingCall]]:
    """Hold a session in which nobody knows what became of a refund."""
    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        (outcome,) = await session.run_turn(CALL, bank.tools)
        assert outcome.ending is not Ending.SUCCEEDED
        yield session, await unknown(session)


async def unknown(session: Session) -> PendingCall:
    (call,) = (await session.state(pending=True)).pending or []
    assert call.status == "unknown"
    return call


async def let_lives_pass(
    server: Server, database_name: str, session: Session, lives: int = 3
) -> None:
    """Let so much time pass for a session's calls as their grants are good, so many times."""
    admin = await asyncpg.connect(server.admin(database_name))
    await admin.execute(
        "UPDATE placet.replay_pending_call"
        " SET granted_at = granted_at - $2::float * (grant_expires_at - granted_at),"
        " grant_expires_at = grant_expires_at - $2::float * (grant_expires_at - granted_at)"
        " WHERE session_id = $1",
        session.session_id,
        lives,
    )
    await admin.close()


async def test_a_client_asks_what_became_of_a_call_until_the_read_tells(
    desk: RefundDesk, server: Server, database_name: str
) -> None:
    bank = Bank()
    async with doubting(desk, bank) as (session, call):
        assert "ord_1" not in repr(call.reconcile)
        early = await reconcile(session, call, bank.tools)
        assert (early.reading, bank.looked) == (Reading.TOO_EARLY, [])
        await let_lives_pass(server, database_name, session, lives=1)
        running = await reconcile(session, await unknown(session), bank.tools)
        assert (running.reading, bank.looked) == (Reading.TOO_EARLY, [])
        await let_lives_pass(server, database_name, session)
        untold = await reconcile(session, await unknown(session), bank.tools)
        assert (untold.reading, untold.outcome) == (Reading.UNTOLD, None)
        bank.order["refunds"].append(5)
        told = await reconcile(session, await unknown(session), bank.tools)
        assert (told.reading, told.outcome) == (Reading.SETTLED, "succeeded")
        assert bank.looked == ["ord_1", "ord_1"]
        assert (await session.state(pending=True)).pending == []


async def test_a_client_that_cannot_ask_says_why_and_leaves_the_call_unknown(
    desk: RefundDesk, server: Server, database_name: str
) -> None:
    bank = Bank()

    async def falling(order_id: str) -> None:
        raise NotDone(order_id)

    async with doubting(desk, bank) as (session, _):
        await let_lives_pass(server, database_name, session)
        call = await unknown(session)
        no_tool = await reconcile(session, call, {"issue_refund": bank.refund})
        fell = await reconcile(session, call, {"lookup_order": falling})
        assert (no_tool.reading, fell.reading) == (Reading.NO_TOOL, Reading.NOT_READ)
        assert (await unknown(session)).call_id == call.call_id


async def test_whoever_resumes_a_session_has_the_read_run_for_its_unknown_calls(
    desk: RefundDesk, server: Server, database_name: str
) -> None:
    bank = Bank()
    async with doubting(desk, bank) as (session, call):
        early = await session.resume(bank.tools)
        assert [one.reading for one in early.reconciled.values()] == [Reading.TOO_EARLY]
        await let_lives_pass(server, database_name, session)
        bank.order["refunds"].append(5)
        told = await session.resume(bank.tools)
        assert told.reconciled[call.call_id].reading is Reading.SETTLED
        assert (told.outcomes, (await session.resume(bank.tools)).reconciled) == ([], {})
