"""What waits for people takes nothing; its claim takes as a proposal does."""

from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Workplace
from tests.replay.asks.people import AskDesk
from tests.replay.slices.purse import books, paid, pay, purse

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage.database import Database

ASKED: dict[str, object] = {"tool": "pay_asked", "lte": 100}


@pytest.fixture
async def desk(
    client: httpx.AsyncClient, app: Litestar, db: Database, ids: Ids, workplace: Workplace
) -> AskDesk:
    """A desk where people are asked about every payment."""
    made = AskDesk(client, db, ids, workplace)
    await made.approve_asking(app.state[ServerKeys.__name__], purse(ASKED), names=())
    return made


def outcome(answered: httpx.Response) -> dict[str, Any]:
    assert answered.status_code == 200, answered.text
    (call,) = answered.json()["calls"]
    made: dict[str, Any] = call
    return made


async def test_of_two_approved_payments_the_bound_lets_one_be_claimed(desk: AskDesk) -> None:
    one, other = await desk.worker(), await desk.worker()
    (first,) = await one.propose(pay(60, "pay_asked"))
    (second,) = await other.propose(pay(60, "pay_asked"))
    assert (first["status"], second["status"]) == ("awaiting_approval",) * 2
    await desk.yes(one, first)
    await desk.yes(other, second)
    assert await books(desk) == {}
    granted = outcome(await desk.claim(one, first))
    assert granted["status"] == "granted"
    refused = outcome(await desk.claim(other, second))
    assert (refused["status"], refused["layer"]) == ("denied", 9)
    assert (await books(desk))["paid_0"][0] == 60
    assert await paid(other, 41, name="pay_asked") == ["deny"]
    await one.report(granted, "failed")
    assert await paid(other, 100, name="pay_asked") == ["ask"]


async def test_a_claim_that_was_given_again_takes_once(desk: AskDesk) -> None:
    one = await desk.worker()
    (call,) = await one.propose(pay(60, "pay_asked"))
    await desk.yes(one, call)
    claim = desk.ids.new()
    for _ in range(2):
        assert outcome(await desk.claim(one, call, claim))["status"] == "granted"
    assert (await books(desk))["paid_0"][0] == 60
