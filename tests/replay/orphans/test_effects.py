"""What a lost call took is taken again once its receipt comes with its arguments."""

import json
from typing import Any

import pytest
from litestar import Litestar
from tests.replay.desk import Desk, Worker
from tests.replay.orphans.test_service import Forgotten, plain

from placet.authority.server_keys import ServerKeys
from placet.evidence.grant import sign_grant
from placet.policy.evaluate import arguments_hash

ORDER = "ord_00000001"


class Lost:
    """A refund that was granted, and that the database does not know of."""

    def __init__(self, desk: Desk, keys: ServerKeys, artifact_hash: str) -> None:
        """Be granted under the desk's contract."""
        self.forgotten = Forgotten(desk, keys.grant)
        self.arguments = json.dumps({"order_id": ORDER, "amount_cents": 4000})
        self.granted = self.forgotten.grant(
            arguments_hash=arguments_hash(self.arguments.encode()).hex(),
            artifact_hash=artifact_hash,
        )

    async def keep(self, **more: object) -> dict[str, Any]:
        """Report that it succeeded, or what is said."""
        sent = plain(sign_grant(self.granted, self.forgotten.key))
        answered = await self.forgotten.send(sent, self.granted, **more)
        made: dict[str, Any] = answered.json()
        return made


@pytest.fixture
async def lost(desk: Desk, app: Litestar) -> Lost:
    session = await Worker(desk, await desk.session()).read()
    return Lost(desk, app.state[ServerKeys.__name__], session["compiled_session_hash"])


async def refund(desk: Desk, order: str = ORDER, cents: int = 4000) -> dict[str, Any]:
    worker = await desk.worker()
    await worker.look_up(order)
    (call,) = await worker.propose(("issue_refund", {"order_id": order, "amount_cents": cents}))
    return call


async def test_an_effect_that_was_had_in_what_was_lost_is_not_had_again(
    desk: Desk, lost: Lost
) -> None:
    await lost.keep(arguments=lost.arguments)
    (seen,) = await lost.forgotten.listed()
    assert seen["effect_key"] is not None
    for cents in (4000, 1):
        call = await refund(desk, cents=cents)
        assert [one["code"] for one in call["reasons"]] == ["effect_key_taken"]
    assert (await refund(desk, "ord_00000002"))["verdict"] == "allow"


async def test_a_receipt_without_arguments_takes_no_effect(desk: Desk, lost: Lost) -> None:
    await lost.keep()
    assert (await refund(desk))["verdict"] == "allow"


async def test_of_a_contract_that_is_lost_too_no_effect_is_known(desk: Desk, lost: Lost) -> None:
    lost.granted = lost.forgotten.grant(arguments_hash=lost.granted.arguments_hash)
    assert (await lost.keep(arguments=lost.arguments))["evidence_level"] == "client_reported"
    assert (await lost.forgotten.listed())[0]["effect_key"] is None
    assert (await refund(desk))["verdict"] == "allow"


async def test_a_claimed_failure_does_not_free_the_effect(desk: Desk, lost: Lost) -> None:
    await lost.keep(arguments=lost.arguments, status="failed")
    assert (await refund(desk))["verdict"] == "deny"


@pytest.mark.parametrize("arguments", ['{"order_id": "ord_00000009"}', "no", "[]"])
async def test_other_arguments_than_were_granted_are_refused(lost: Lost, arguments: str) -> None:
    refused = await lost.keep(arguments=arguments)
    assert (refused["code"], refused["reason"]) == ("orphan_refused", "arguments")
    assert await lost.forgotten.listed() == []
