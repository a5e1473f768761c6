"""A session that comes to a terminal phase cancels its asks in the same commit, however it came."""

import copy
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Workplace
from tests.replay.asks.people import ESCALATE, AskDesk, asking
from tests.replay.desk import Worker

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage.database import Database

End = Callable[[AskDesk, Worker], Awaitable[None]]
FINISH: dict[str, Any] = {
    "tool": "finish",
    "side_effect": "read",
    "evidence_class": "ack_only",
    "commit_requirement": "none",
    "phases": {"valid_in": ["intake"], "advances_to": "verified"},
    "input_schema": {"type": "object"},
}
ASKED = {**FINISH, "tool": "finish_asked", "decision": "ask"}


@pytest.fixture
async def desk(
    client: httpx.AsyncClient, app: Litestar, db: Database, ids: Ids, workplace: Workplace
) -> AskDesk:
    """A desk whose second phase is the last."""
    made = AskDesk(client, db, ids, workplace)
    document = copy.deepcopy(asking())
    document["session"] |= {
        "phases": [{"name": "intake", "initial": True}, {"name": "verified", "terminal": True}],
        "transitions": {"intake": ["verified"]},
    }
    kept = [tool for tool in document["tools"] if tool["tool"] in {"note", "escalate"}]
    lookup = next(tool for tool in document["tools"] if tool["tool"] == "lookup_order")
    lookup["phases"]["valid_in"] = ["intake"]
    document["tools"] = [*kept, lookup, FINISH, ASKED]
    await made.approve_asking(app.state[ServerKeys.__name__], document)
    return made


async def by_a_receipt(_: AskDesk, worker: Worker) -> None:
    await worker.look_up("ord_00000001")


async def by_a_settlement(desk: AskDesk, worker: Worker) -> None:
    (call,) = await worker.propose(("lookup_order", {"order_id": "ord_00000001"}))
    await worker.report(call, "timed_out")
    asked = {
        "settlement_id": str(desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "succeeded",
        "reason": "looked at the books",
    }
    settled = await worker.post("settlements", asked, desk.operator_key)
    assert settled.status_code == 200, settled.text


async def by_a_proposal(_: AskDesk, worker: Worker) -> None:
    (call,) = await worker.propose(("finish", {}))
    await worker.report(call)


async def by_a_claim(desk: AskDesk, worker: Worker) -> None:
    (call,) = await worker.propose(("finish_asked", {}))
    await desk.yes(worker, call)
    claimed = await desk.claim(worker, call)
    assert claimed.json()["calls"][0]["status"] == "granted", claimed.text


@pytest.mark.parametrize("end", [by_a_receipt, by_a_settlement, by_a_proposal, by_a_claim])
async def test_nobody_is_asked_any_more(desk: AskDesk, end: End) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    await end(desk, worker)
    assert (await worker.read())["status"] == "closing"
    shown = await worker.read("pending")
    assert call["call_id"] not in {one["call_id"] for one in shown["pending"]}
    assert (await desk.ask(call, worker.session_id))["call_status"] == "cancelled"
