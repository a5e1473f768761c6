"""A read that tells what became of an unknown call, over HTTP."""

import asyncio
import itertools
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.conftest import found
from tests.replay.desk import AGENT, Worker
from tests.replay.passing import Pass, let_calls_be_over, let_time_pass, sweep_all
from tests.replay.test_levels import ANY, PRODUCTION, STAGING, Shop, WatchedDesk, tool

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.replay.calls.runtime import Runtime
from placet.storage.database import Database

__all__ = ["let_calls_be_over", "let_time_pass"]

NUMBERS = itertools.count(1_000)
FAILED = {"outcome": "failed"}
LOOK: dict[str, Any] = {
    "tool": "look",
    "arguments": {"n": "$.n"},
    "succeeded_when": [{"path": "$.state", "equals": "paid"}],
    "failed_when": [{"path": "$.state", "equals": "none"}],
}
CONTRACT: dict[str, Any] = {
    "schema_version": "1",
    "agent": AGENT,
    "session": {"limits": {"max_calls_per_tool": {"pay": 10}}},
    "tools": [
        tool("look", "read", "ack_only"),
        tool("other", "read", "ack_only"),
        tool("note", "write", "ack_only"),
        tool("pay", "financial", "local_transaction") | {"reconcile": LOOK, "input_schema": ANY},
    ],
}


@pytest.fixture(scope="module")
async def watched(
    request: pytest.FixtureRequest, app: Litestar, client: httpx.AsyncClient, db: Database, ids: Ids
) -> WatchedDesk:
    """One desk per environment, in production: every test has a session of its own on it."""
    desk = WatchedDesk(client, db, ids, await found(db, ids))
    where = getattr(request, "param", PRODUCTION)
    await desk.approve(app.state[ServerKeys.__name__], CONTRACT, where)
    return desk


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    made = app.state[Runtime.__name__]
    assert isinstance(made, Runtime)
    return made


class Doubt:
    """A session with a payment of which nobody can say what became."""

    def __init__(self, shop: Shop, call: dict[str, Any], number: int) -> None:
        """Know the call and the number that it paid for."""
        self.shop = shop
        self.worker = shop.worker
        self.call = call
        self.number = number

    async def read(
        self, output: object, name: str = "look", n: int | None = None, **more: object
    ) -> dict[str, Any]:
        """Have the read governed, and report what it answered."""
        (read,) = await self.worker.propose((name, {"n": self.number if n is None else n}))
        assert read["status"] == "granted", read
        await self.worker.report(read, "succeeded", output, **more)
        return read

    async def read_by(self, output: object, key: Any) -> dict[str, Any]:  # noqa: ANN401 -- a key or none
        """Have the read governed, and its host sign what it answered."""
        (read,) = await self.worker.propose(("look", {"n": self.number}))
        word = attested(read, output, key)
        await self.worker.report(read, "succeeded", output, attestation=word)
        return read

    def asking(self, read: dict[str, Any], **more: object) -> dict[str, Any]:
        """Return the body of a settlement by that read."""
        return {
            "settlement_id": str(self.shop.desk.ids.new()),
            "call_id": self.call["call_id"],
            "reason": "the read says so",
            "reconciled_by": read["call_id"],
            **more,
        }

    async def settle(self, read: dict[str, Any], **more: object) -> httpx.Response:
        """Settle by citing that read."""
        return await self.worker.post("settlements", self.asking(read, **more))

    async def settled(self, read: dict[str, Any]) -> dict[str, Any]:
        """Settle by citing that read, which is taken."""
        answered = await self.settle(read)
        assert answered.status_code == 200, answered.text
        made: dict[str, Any] = answered.json()
        return made

    async def refused(self, read: dict[str, Any], **more: object) -> str:
        """Settle by citing that read, which is refused, and nothing is written."""
        before = await self.worker.events()
        answered = await self.settle(read, **more)
        assert answered.status_code == 409, answered.text
        assert await self.worker.events() == before
        made: str = answered.json().get("reason", answered.json()["code"])
        return made


def attested(call: dict[str, Any], output: object, key: Any) -> dict[str, Any]:  # noqa: ANN401 -- a signing key
    from tests.replay.test_levels import attestation  # noqa: PLC0415 -- one name, one use

    return attestation(call, "succeeded", output, key)


@pytest.fixture
async def shop(watched: WatchedDesk) -> Shop:
    environment = watched.runtime.environment
    assert environment is not None
    return Shop(watched, await watched.worker(), environment)


@pytest.fixture
async def doubt(recent: Doubt, let_calls_be_over: Pass) -> Doubt:
    """A payment that began, of which nobody said anything in time, and that can act no more."""
    await let_calls_be_over(recent.worker)
    return recent


@pytest.fixture
async def recent(shop: Shop, runtime: Runtime, let_time_pass: Pass) -> Doubt:
    """A payment that began, and whose grant has just run out."""
    number = next(NUMBERS)
    (call,) = await shop.worker.propose(("pay", {"n": number}))
    assert (await shop.worker.start(call)).status_code == 200
    await let_time_pass(shop.worker)
    await sweep_all(runtime)
    return Doubt(shop, call, number)


async def test_a_take_over_reads_which_read_tells_of_an_unknown_call(doubt: Doubt) -> None:
    (seen,) = (await doubt.worker.read("pending"))["pending"]
    assert (seen["status"], seen["reconcile"]["tool"]) == ("unknown", "look")
    assert seen["reconcile"]["arguments"] == f'{{"n":{doubt.number}}}'
    since, until, then = (
        datetime.fromisoformat(at)
        for at in (seen["granted_at"], seen["grant_expires_at"], seen["reconcile"]["not_before"])
    )
    assert then - until == until - since > timedelta(seconds=1)
    shown = await doubt.shop.desk.get(
        f"{doubt.worker.path}?include=pending", doubt.shop.desk.operator_key
    )
    assert shown.json()["pending"][0]["reconcile"]["arguments"] is None


async def test_a_call_that_nobody_doubts_names_no_read(shop: Shop) -> None:
    await shop.worker.propose(("pay", {"n": next(NUMBERS)}))
    (seen,) = (await shop.worker.read("pending"))["pending"]
    assert (seen["status"], seen["reconcile"]) == ("granted", None)


@pytest.mark.parametrize("watched", [STAGING, PRODUCTION], ids=str, indirect=True)
async def test_a_read_settles_as_far_as_its_word_is_good_enough(doubt: Doubt) -> None:
    read = await doubt.read({"state": "paid"})
    if doubt.shop.environment is PRODUCTION:
        assert await doubt.refused(read) == "evidence_too_weak"
        return
    told = await doubt.settled(read)
    assert (told["outcome"], told["commit_state"]) == ("succeeded", "committed")
    assert told["evidence_level"] == "client_reported"
    said = (await doubt.worker.events())[-1]
    assert (said["type"], said["body"]["reconciled_by"]) == ("CallSettled", read["call_id"])


@pytest.mark.parametrize(("state", "outcome"), [("paid", "succeeded"), ("none", "failed")])
async def test_a_read_that_its_host_signed_is_verified_from_outside(
    doubt: Doubt, state: str, outcome: str
) -> None:
    key, _ = await doubt.shop.register(tools=["look"])
    told = await doubt.settled(await doubt.read_by({"state": state}, key))
    assert (told["outcome"], told["evidence_level"]) == (outcome, "externally_verified")
    (again,) = await doubt.worker.propose(("pay", {"n": doubt.number}))
    assert (again["status"] == "granted") is (outcome == "failed")


async def test_a_hosts_word_on_a_read_is_its_reporters_own_once_the_key_is_revoked(
    doubt: Doubt,
) -> None:
    key, host_id = await doubt.shop.register(tools=["look"])
    read = await doubt.read_by({"state": "none"}, key)
    await doubt.shop.revoke(host_id)
    assert await doubt.refused(read) == "evidence_too_weak"


async def test_a_read_that_says_nothing_yet_leaves_all_as_it_was(doubt: Doubt) -> None:
    read = await doubt.read({"state": "pending"})
    before = await doubt.worker.events()
    told = await doubt.settled(read)
    assert (told["outcome"], told["call_status"], told["execution_state"]) == (
        None,
        "unknown",
        "unknown",
    )
    assert await doubt.worker.events() == before


async def test_the_same_settlement_again_gets_the_first_answer(doubt: Doubt) -> None:
    key, _ = await doubt.shop.register(tools=["look"])
    read = await doubt.read_by({"state": "paid"}, key)
    asked = doubt.asking(read)
    first = (await doubt.worker.post("settlements", asked)).json()
    again = (await doubt.worker.post("settlements", asked)).json()
    assert again == first | {"replayed": True}
    for change in (FAILED, {"reconciled_by": str(doubt.shop.desk.ids.new())}):
        other = await doubt.worker.post("settlements", asked | change)
        assert other.json()["code"] == "idempotency_conflict"


async def test_a_read_that_the_rule_does_not_make_counts_for_nothing(doubt: Doubt) -> None:
    reads = {
        "tool": await doubt.read({"state": "paid"}, name="other"),
        "arguments": await doubt.read({"state": "paid"}, n=doubt.number + 1),
        "no_output": await doubt.read(None),
    }
    for reason, read in reads.items():
        assert await doubt.refused(read) == reason
    missing = await doubt.settle({"call_id": str(doubt.shop.desk.ids.new())})
    assert missing.json()["code"] == "not_found"


async def test_a_read_that_failed_or_is_still_out_counts_for_nothing(doubt: Doubt) -> None:
    (read,) = await doubt.worker.propose(("look", {"n": doubt.number}))
    assert await doubt.refused(read) == "not_succeeded"
    await doubt.worker.report(read, "failed")
    assert await doubt.refused(read) == "not_succeeded"


async def test_a_read_that_was_granted_while_the_calls_own_grant_was_good_counts_for_nothing(
    shop: Shop,
) -> None:
    number = next(NUMBERS)
    (call,) = await shop.worker.propose(("pay", {"n": number}))
    assert (await shop.worker.start(call)).status_code == 200
    early = Doubt(shop, call, number)
    await shop.worker.report(call, "timed_out")
    read = await early.read({"state": "none"})
    assert await early.refused(read) == "too_early"


async def test_a_read_that_was_granted_while_the_calls_tool_may_still_run_counts_for_nothing(
    recent: Doubt, let_calls_be_over: Pass
) -> None:
    read = await recent.read({"state": "none"})
    assert await recent.refused(read) == "too_early"
    await let_calls_be_over(recent.worker)
    key, _ = await recent.shop.register(tools=["look"])
    told = await recent.settled(await recent.read_by({"state": "none"}, key))
    assert told["outcome"] == "failed"


async def test_a_read_of_which_different_things_are_reported_counts_for_nothing(
    doubt: Doubt,
) -> None:
    read = await doubt.read({"state": "none"})
    await doubt.worker.report(read, "succeeded", {"state": "paid"})
    assert await doubt.refused(read) == "disputed"


async def test_nothing_is_settled_by_a_read_against_what_was_reported_of_the_call(
    doubt: Doubt,
) -> None:
    await doubt.worker.report(doubt.call, "succeeded", {"id": 1})
    read = await doubt.read({"state": "none"})
    assert await doubt.refused(read) == "opposed"


@pytest.mark.parametrize(("of_the_read", "why"), [(False, "opposed"), (True, "disputed")])
async def test_a_report_that_comes_after_the_read_was_judged_is_not_passed_over(
    doubt: Doubt, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, *, of_the_read: bool, why: str
) -> None:
    key, _ = await doubt.shop.register(tools=["look"])
    read = await doubt.read_by({"state": "none"}, key)
    judged, pinned = asyncio.Event(), runtime.pinned

    async def reporting(known: Any) -> Any:  # noqa: ANN401 -- what is pinned, as it is
        if not judged.is_set():
            judged.set()
            told = read if of_the_read else doubt.call
            await doubt.worker.report(told, "succeeded", {"state": "paid"})
        return await pinned(known)

    monkeypatch.setattr(runtime, "pinned", reporting)
    answered = await doubt.settle(read)
    assert (answered.status_code, answered.json().get("reason")) == (409, why)


async def test_a_call_of_a_tool_without_the_rule_is_told_of_by_no_read(
    shop: Shop, runtime: Runtime, let_time_pass: Pass
) -> None:
    (call,) = await shop.worker.propose(("note", {"n": 7}))
    await shop.worker.start(call)
    await let_time_pass(shop.worker)
    await sweep_all(runtime)
    doubt = Doubt(shop, call, 7)
    assert await doubt.refused(await doubt.read({"state": "paid"})) == "no_rule"


async def test_only_an_unknown_call_is_settled_by_a_read(shop: Shop) -> None:
    number = next(NUMBERS)
    (call,) = await shop.worker.propose(("pay", {"n": number}))
    doubt = Doubt(shop, call, number)
    read = await doubt.read({"state": "none"})
    assert await doubt.refused(read) == "transition_not_allowed"


async def test_who_says_otherwise_than_the_read_or_cites_a_receipt_too_is_refused(
    doubt: Doubt,
) -> None:
    key, _ = await doubt.shop.register(tools=["look"])
    read = await doubt.read_by({"state": "paid"}, key)
    assert await doubt.refused(read, **FAILED) == "evidence_too_weak"
    both = await doubt.refused(read, receipt_id=str(doubt.shop.desk.ids.new()))
    assert both == "evidence_too_weak"
    open_ended = await doubt.settle(read, outcome="timed_out")
    assert open_ended.json()["code"] == "outcome_not_final"


async def test_who_lost_the_lease_settles_by_no_read(doubt: Doubt) -> None:
    read = await doubt.read({"state": "paid"})
    heir = Worker(doubt.shop.desk, doubt.worker.session_id)
    assert (await heir.lease("steal", reason="it hangs")).status_code == 200
    assert await doubt.refused(read) == "lease_lost"


async def test_a_read_of_another_session_counts_for_nothing(
    doubt: Doubt, watched: WatchedDesk
) -> None:
    other = Doubt(
        Shop(watched, await watched.worker(), doubt.shop.environment), doubt.call, doubt.number
    )
    read = await other.read({"state": "none"})
    assert (await doubt.settle(read)).json()["code"] == "not_found"
