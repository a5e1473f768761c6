"""What waits for people marks nothing and is judged all the same; its claim marks."""

from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Workplace
from tests.replay.asks.people import AskDesk
from tests.replay.tallies.wide import Bounds, marks, pay, wide

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage.database import Database

ASKED: Bounds = {"tool": "pay_asked", "op": "distinct", "path": "$.to", "lte": 1}


@pytest.fixture
async def desk(
    client: httpx.AsyncClient, app: Litestar, db: Database, ids: Ids, workplace: Workplace
) -> AskDesk:
    """A desk where people are asked about every payment."""
    made = AskDesk(client, db, ids, workplace)
    await made.approve_asking(app.state[ServerKeys.__name__], wide(ASKED), names=())
    return made


def outcome(answered: httpx.Response) -> dict[str, Any]:
    assert answered.status_code == 200, answered.text
    (call,) = answered.json()["calls"]
    made: dict[str, Any] = call
    return made


async def test_of_two_approved_payments_the_bound_lets_one_be_claimed(desk: AskDesk) -> None:
    one, other, third = await desk.worker(), await desk.worker(), await desk.worker()
    (first,) = await one.propose(pay(1, "a", "pay_asked"))
    (second,) = await other.propose(pay(1, "b", "pay_asked"))
    assert (first["status"], second["status"]) == ("awaiting_approval",) * 2
    await desk.yes(one, first)
    await desk.yes(other, second)
    assert await marks(desk) == []
    granted = outcome(await desk.claim(one, first))
    assert granted["status"] == "granted"
    refused = outcome(await desk.claim(other, second))
    assert (refused["status"], refused["layer"]) == ("denied", 9)
    # Nobody is asked about what the bound forbids, whoever does not know yet what others did.
    (unasked,) = await third.propose(pay(1, "c", "pay_asked"))
    assert unasked["verdict"] == "deny"
    await one.report(granted, "failed")
    (asked,) = await other.propose(pay(1, "b", "pay_asked"))
    assert asked["verdict"] == "ask"


async def test_a_claim_that_was_given_again_marks_once(desk: AskDesk) -> None:
    one = await desk.worker()
    (call,) = await one.propose(pay(1, "a", "pay_asked"))
    await desk.yes(one, call)
    claim = desk.ids.new()
    for _ in range(2):
        assert outcome(await desk.claim(one, call, claim))["status"] == "granted"
    assert len(await marks(desk)) == 1
