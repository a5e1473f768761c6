"""What a tool's host signs of a call that nobody knew anything of, or that it never let in."""

import io
import itertools
from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.conftest import found
from tests.replay.passing import Pass, let_time_pass, sweep_all
from tests.replay.test_levels import (
    CONTRACT,
    PRODUCTION,
    Shop,
    WatchedDesk,
    attestation,
    grant_of,
)

from placet.authority.server_keys import ServerKeys
from placet.evidence.ed25519 import SigningKey
from placet.evidence.verify import verify_bundle
from placet.kernel.ids import Ids
from placet.replay.calls.runtime import Runtime
from placet.storage.database import Database

__all__ = ["let_time_pass"]

NUMBERS = itertools.count(2_000)


@pytest.fixture(scope="module")
async def watched(app: Litestar, client: httpx.AsyncClient, db: Database, ids: Ids) -> WatchedDesk:
    """A desk in production: every test has a session of its own on it."""
    desk = WatchedDesk(client, db, ids, await found(db, ids))
    await desk.approve(app.state[ServerKeys.__name__], CONTRACT, PRODUCTION)
    return desk


@pytest.fixture
async def shop(watched: WatchedDesk) -> Shop:
    return Shop(watched, await watched.worker(), PRODUCTION)


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    made = app.state[Runtime.__name__]
    assert isinstance(made, Runtime)
    return made


async def unknown(shop: Shop, runtime: Runtime, let_time_pass: Pass, name: str) -> dict[str, Any]:
    call = await shop.call(name)
    if not call["start_required"]:
        assert (await shop.worker.start(call)).status_code == 200
    await let_time_pass(shop.worker)
    await sweep_all(runtime)
    return call


@pytest.mark.parametrize("status", ["succeeded", "failed"])
async def test_a_hosts_word_that_comes_in_order_settles_a_call_that_was_unknown(
    shop: Shop, runtime: Runtime, let_time_pass: Pass, status: str
) -> None:
    key, _ = await shop.register()
    call = await unknown(shop, runtime, let_time_pass, "pay")
    own = await shop.report(call, status, None)
    assert (own["call_status"], own["settled"]) == ("unknown", False)
    told = await shop.report(call, status, key)
    assert (told["call_status"], told["execution_state"], told["settled"]) == (
        "settled",
        status,
        True,
    )
    said = (await shop.worker.events())[-1]
    assert (said["type"], said["body"]["receipt_id"]) == ("CallSettled", told["receipt_id"])


async def test_a_hosts_word_settles_a_call_that_was_reported_as_timed_out(shop: Shop) -> None:
    key, _ = await shop.register()
    call = await shop.call("pay")
    await shop.worker.report(call, "timed_out")
    assert (await shop.report(call, "succeeded", key))["call_status"] == "settled"


async def test_a_hosts_word_that_comes_late_or_against_another_settles_no_unknown_call(
    shop: Shop, runtime: Runtime, let_time_pass: Pass
) -> None:
    key, _ = await shop.register()
    call = await unknown(shop, runtime, let_time_pass, "note")
    successor, receipt_id = await shop.report_late(call, key)
    shop.worker = successor
    against = await shop.report(call, "failed", key)
    assert (against["conflicting"], against["call_status"]) == (True, "unknown")
    assert (await shop.cite(successor, call, receipt_id)).json()["call_status"] == "settled"


@pytest.mark.parametrize("revoked", [False, True], ids=["counts", "revoked"])
async def test_an_operator_takes_a_hosts_word_for_a_failure_while_the_grant_lives(
    shop: Shop, *, revoked: bool
) -> None:
    key, host_id = await shop.register()
    call = await shop.call("pay")
    await shop.worker.report(call, "timed_out")
    successor, receipt_id = await shop.report_late(call, key, "failed")
    if revoked:
        await shop.revoke(host_id)
    asked = {
        "settlement_id": str(shop.desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "failed",
        "reason": "its host says so",
        "receipt_id": receipt_id,
    }
    told = (await successor.post("settlements", asked, shop.desk.operator_key)).json()
    if revoked:
        assert told["code"] == "transition_not_allowed"
    else:
        assert (told["call_status"], told["execution_state"]) == ("settled", "failed")


async def test_no_operator_ends_a_granted_call_by_its_hosts_word_while_the_grant_lives(
    shop: Shop, let_time_pass: Pass
) -> None:
    key, _ = await shop.register()
    call = await shop.call("pay")
    successor, receipt_id = await shop.report_late(call, key, "failed")
    asked = {
        "settlement_id": str(shop.desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "failed",
        "reason": "its host says so",
        "receipt_id": receipt_id,
    }
    refused = await successor.post("settlements", asked, shop.desk.operator_key)
    assert (refused.status_code, refused.json().get("code")) == (409, "transition_not_allowed")
    await let_time_pass(successor)
    told = await successor.post("settlements", asked, shop.desk.operator_key)
    assert told.json()["execution_state"] == "failed"


async def test_a_hosts_word_that_is_not_enough_is_kept_and_the_call_stays_unknown(
    shop: Shop, runtime: Runtime, let_time_pass: Pass
) -> None:
    key, _ = await shop.register()
    call = await unknown(shop, runtime, let_time_pass, "guess")
    body = shop.worker.receipt(
        call, "succeeded", {"id": 1}, attestation=attestation(call, "succeeded", {"id": 1}, key)
    )
    first = (await shop.worker.post("receipts", body | {"cost_micros": 7})).json()
    assert (first["attestation"], first["call_status"]) == ("taken", "unknown")
    await shop.worker.report(call, "succeeded", {"id": 1}, cost_micros=9)
    before = await shop.worker.events()
    again = (await shop.worker.post("receipts", body | {"cost_micros": 7})).json()
    assert again == first | {"replayed": True, "state_version": again["state_version"]}
    assert await shop.worker.events() == before


async def test_a_hosts_word_that_was_kept_alone_settles_an_unknown_call_by_its_retry(
    shop: Shop, runtime: Runtime, let_time_pass: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = await shop.register()
    call = await unknown(shop, runtime, let_time_pass, "pay")
    word = attestation(call, "succeeded", {"id": 1}, key)
    body = shop.worker.receipt(call, "succeeded", {"id": 1}, attestation=word)
    with monkeypatch.context() as once:
        once.setattr("placet.replay.calls.report.ATTEMPTS", 1)
        kept = (await shop.worker.post("receipts", body)).json()
    assert (kept["attestation"], kept["settled"]) == ("taken", False)
    settled = (await shop.worker.post("receipts", body)).json()
    assert (settled["settled"], settled["replayed"]) == (True, True)


async def test_a_call_that_its_host_never_let_in_is_abandoned_and_frees_what_it_held(
    shop: Shop,
) -> None:
    key, _ = await shop.register()
    again = ("pay", {"n": next(NUMBERS)})
    (call,) = await shop.worker.propose(again)
    told = await refuse(shop, call, key)
    assert (told["call_status"], told["execution_state"]) == ("abandoned", "not_started")
    assert (told["commit_state"], told["settled"]) == ("refused", True)
    said = (await shop.worker.events())[-1]
    assert (said["type"], said["body"]["receipt_id"]) == ("CallAbandoned", told["receipt_id"])
    (freed,) = await shop.worker.propose(again)
    assert freed["status"] == "granted"
    assert (await shop.worker.start(call)).json()["code"] == "transition_not_allowed"


async def test_a_call_that_was_started_and_never_let_in_has_failed(shop: Shop) -> None:
    key, _ = await shop.register()
    told = await refuse(shop, await shop.call("pay"), key)
    assert (told["call_status"], told["execution_state"]) == ("settled", "failed")


async def test_an_unknown_call_that_was_never_let_in_has_failed(
    shop: Shop, runtime: Runtime, let_time_pass: Pass
) -> None:
    key, _ = await shop.register()
    call = await unknown(shop, runtime, let_time_pass, "pay")
    assert (await refuse(shop, call, key))["execution_state"] == "failed"


async def test_that_a_call_was_never_let_in_is_nobodys_word_but_its_hosts(shop: Shop) -> None:
    key, host_id = await shop.register()
    await shop.revoke(host_id)
    (call,) = await shop.worker.propose(("pay", {"n": next(NUMBERS)}))
    told = await refuse(shop, call, key)
    assert (told["attestation"], told["call_status"]) == ("host", "granted")


@pytest.fixture
async def anew(app: Litestar, client: httpx.AsyncClient, db: Database, ids: Ids) -> Shop:
    """A desk whose tools no host ever ran."""
    desk = WatchedDesk(client, db, ids, await found(db, ids))
    await desk.approve(app.state[ServerKeys.__name__], CONTRACT, PRODUCTION)
    return Shop(desk, await desk.worker(), PRODUCTION)


async def test_a_host_that_came_after_the_grant_frees_nothing_while_the_grant_is_good(
    anew: Shop,
) -> None:
    before, after = ("pay", {"n": next(NUMBERS)}), ("pay", {"n": next(NUMBERS)})
    (call,) = await anew.worker.propose(before)
    assert grant_of(call).audience is None
    key, host_id = await anew.register()
    told = await refuse(anew, call, key)
    assert (told["attestation"], told["call_status"], told["settled"]) == (
        "taken",
        "granted",
        False,
    )
    (taken,) = await anew.worker.propose(before)
    assert taken["status"] != "granted"
    (bound,) = await anew.worker.propose(after)
    assert grant_of(bound).audience == host_id
    assert (await refuse(anew, bound, key))["call_status"] == "abandoned"
    (freed,) = await anew.worker.propose(after)
    assert freed["status"] == "granted"


@pytest.mark.parametrize("tools", [["note"], ["pay"]])
async def test_one_of_several_hosts_frees_nothing_before_the_grants_end(
    anew: Shop, runtime: Runtime, let_time_pass: Pass, tools: list[str]
) -> None:
    key, _ = await anew.register()
    await anew.register(name="booth", tools=tools)
    alone = tools == ["note"]
    calls = [("pay", {"n": next(NUMBERS)}) for _ in range(3)]
    plain, started, timed_out = [(await anew.worker.propose(call))[0] for call in calls]
    assert (grant_of(plain).audience is not None) is alone
    assert (await anew.worker.start(started)).status_code == 200
    await anew.worker.report(timed_out, "timed_out")
    told = [await refuse(anew, call, key) for call in (plain, started, timed_out)]
    assert [one["attestation"] for one in told] == ["taken"] * 3
    ends = ["abandoned", "settled", "settled"] if alone else ["granted", "granted", "unknown"]
    assert [one["call_status"] for one in told] == ends
    again = [(await anew.worker.propose(call))[0]["status"] == "granted" for call in calls]
    assert again == [alone] * 3
    if not alone:
        cited = {
            "settlement_id": str(anew.worker.desk.ids.new()),
            "call_id": timed_out["call_id"],
            "outcome": "failed",
            "receipt_id": told[2]["receipt_id"],
            "reason": "its host says so",
        }
        for key_of in (None, anew.worker.desk.operator_key):
            refused = await anew.worker.post("settlements", cited, key_of)
            assert (refused.status_code, refused.json().get("code")) == (
                409,
                "transition_not_allowed",
            )
        await let_time_pass(anew.worker)
        await sweep_all(runtime)
        ended = await refuse(anew, timed_out, key)
        assert (ended["call_status"], ended["execution_state"]) == ("settled", "failed")
        freed = [(await anew.worker.propose(call))[0]["status"] for call in calls]
        assert freed == ["granted"] * 3


async def refuse(shop: Shop, call: dict[str, Any], key: SigningKey) -> dict[str, Any]:
    """Report that a call failed, with its host's word that it was never let in."""
    word = attestation(call, "never_begun", None, key)
    return await shop.worker.report(call, "failed", attestation=word)


async def test_a_bundle_holds_every_hosts_word_to_its_key_and_to_its_end(
    shop: Shop, runtime: Runtime, let_time_pass: Pass
) -> None:
    key, host_id = await shop.register()
    await shop.report(await shop.call("pay"), "succeeded", key)
    await refuse(shop, (await shop.worker.propose(("pay", {"n": next(NUMBERS)})))[0], key)
    call = await unknown(shop, runtime, let_time_pass, "note")
    await shop.revoke(host_id)
    await shop.report(call, "failed", key)
    path = f"{shop.worker.path}/bundle"
    for one, proved in ((path, False), ("/api/v1/replay/bundle", True)):
        answered = await shop.desk.get(one, shop.desk.workplace.founder_key)
        report = verify_bundle(io.BytesIO(answered.content))
        assert report.flaw is None
        assert report.attestations >= 2
        assert any("keys of hosts" in sentence for sentence in report.not_proved) is not proved
    tampered = answered.content.replace(b'"type":"ToolHostRevoked"', b'"type":"ToolHostRevoken"', 1)
    assert not verify_bundle(io.BytesIO(tampered)).is_good
