"""Other arguments in the place of a call that waits: asked about anew, claimed as any."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from tests.replay.asks.people import ESCALATE, HOLD, WIRE, AskDesk
from tests.replay.asks.test_claims import NOTE, check_fold, code, granted
from tests.replay.asks.test_waiting import only_what_is_told_wakes, polling, waits
from tests.replay.desk import Worker
from tests.replay.passing import Pass, let_time_pass, sweep_all

from placet.replay.asks import editing
from placet.replay.asks import store as asks
from placet.replay.asks.waiting import AskWaits
from placet.replay.calls.runtime import Runtime
from placet.replay.observed import store as observed
from placet.replay.observed.model import CallWindow
from placet.replay.recordings import store as recordings
from placet.replay.sessions import store as sessions

__all__ = ["let_time_pass", "only_what_is_told_wakes", "waits"]
CALMER = {"reason": "the customer asks"}


def flaws(answered: httpx.Response) -> list[str]:
    assert answered.status_code == 422, answered.text
    assert answered.json()["code"] == "edit_refused"
    return [reason["code"] for reason in answered.json()["reasons"]]


async def look(desk: AskDesk, worker: Worker, call: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.get(f"{worker.path}/calls/{call['call_id']}")).json()
    return found


async def test_an_edit_makes_a_new_call_that_is_asked_about_until_the_same_deadline(
    desk: AskDesk,
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    before = await desk.ask(call, worker.session_id)
    ask = await desk.edited(worker, call, CALMER)
    view = json.loads(ask["view"])
    assert json.loads(view["arguments"]) == CALMER
    assert (ask["deadline"], ask["step"]) == (before["deadline"], before["step"])
    assert view["tool_call_id"] == call["tool_call_id"]
    assert view["arguments_hash"] != call["arguments_hash"]
    assert view["edited"]["call_id"] == call["call_id"]
    assert view["edited"]["reason"] == "the amount is wrong"
    assert view["beside"] == []
    old, new = await look(desk, worker, call), await look(desk, worker, ask)
    assert (old["status"], old["superseded_by"]) == ("superseded", ask["call_id"])
    assert (new["status"], json.loads(new["arguments"])) == ("awaiting_approval", CALMER)
    listed = (await desk.get("/api/v1/replay/asks", desk.ada.api_key)).json()["items"]
    assert [one["call_id"] for one in listed] == [ask["call_id"]]
    await check_fold(desk, worker)


async def test_an_edit_grants_nothing_and_a_yes_to_the_new_call_lets_it_be_claimed(
    desk: AskDesk,
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    ask = await desk.edited(worker, call, CALMER)
    assert code(await desk.claim(worker, ask)) == (409, "ask_open")
    assert code(await desk.claim(worker, call)) == (409, "ask_closed")
    await desk.yes(worker, ask)
    (one,) = granted(await desk.claim(worker, ask))
    assert (one["call_id"], one["status"]) == (ask["call_id"], "granted")
    assert one["tool_call_id"] == call["tool_call_id"]
    assert one["arguments_hash"] == json.loads(ask["view"])["arguments_hash"]
    receipt = await worker.report(one, output={"ok": True})
    assert (receipt["call_status"], receipt["commit_state"]) == ("settled", "committed")
    await check_fold(desk, worker)


async def test_votes_on_the_old_call_count_for_nothing_and_none_come_after(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(WIRE)
    shown = await desk.ask(call, worker.session_id)
    await desk.vote(worker.session_id, desk.ada, call)
    ask = await desk.edited(worker, call, {**WIRE[1], "card": {}, "cents": 7}, desk.ben)
    assert [role["approvals"] for role in ask["tally"]] == [0, 0]
    late = await desk.hand_in(worker.session_id, desk.ben, call, desk.ballot(desk.ben, [shown]))
    assert code(late) == (409, "ask_closed")
    first = await desk.vote(worker.session_id, desk.ada, ask)
    assert first.json()["calls"][0]["status"] == "open"
    second = await desk.vote(worker.session_id, desk.ben, ask)
    assert second.json()["calls"][0]["status"] == "approved"


async def test_what_nobody_is_shown_stays_as_it_is_where_the_editor_leaves_its_mark(
    desk: AskDesk,
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(WIRE)
    shown = json.loads(json.loads((await desk.ask(call, worker.session_id))["view"])["arguments"])
    ask = await desk.edited(worker, call, {**shown, "cents": 7})
    assert "4111" not in ask["view"]
    whole = json.loads((await look(desk, worker, ask))["arguments"])
    assert whole == {**WIRE[1], "cents": 7}
    redacted = json.loads(ask["view"])["redacted"]
    assert {one["pointer"] for one in redacted} == {
        "/card/number",
        "/card/codes/0",
        "/card/codes/1",
    }
    more = {**shown, "card": {"codes": ["[redacted]"] * 3}}
    assert flaws(await desk.edit(worker, ask, more)) == ["arguments_refused"]


async def test_a_key_that_runs_no_agent_is_not_told_the_new_arguments(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(WIRE)
    ask = await desk.edited(worker, call, {**WIRE[1], "cents": 7})
    path = f"{worker.path}/calls/{ask['call_id']}"
    assert (await desk.get(path, desk.ada.api_key)).json()["arguments"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        "no json",
        "[]",
        '{"account":"a","account":"b"}',
        {"cents": 5},
        WIRE[1],
    ],
    ids=["no json", "no object", "a key twice", "no effect key", "the same"],
)
async def test_what_no_facts_could_let_pass_is_refused_at_once(
    desk: AskDesk, arguments: object
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(WIRE)
    before = await worker.events()
    assert flaws(await desk.edit(worker, call, arguments)) == ["arguments_refused"]
    assert await worker.events() == before
    assert (await look(desk, worker, call))["status"] == "awaiting_approval"


async def test_only_whom_the_call_asks_may_edit_it(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(HOLD)
    other = {"case": "c2"}
    assert flaws(await desk.edit(worker, call, other, desk.ada)) == ["role_missing"]
    stranger = await desk.story.signer("eve")
    assert flaws(await desk.edit(worker, call, other, stranger)) == ["not_an_approver"]
    refused = await desk.post(
        f"{worker.path}/calls/{call['call_id']}/edit", {"arguments": "{}", "reason": "x"}
    )
    assert code(refused) == (403, "scope_missing")
    assert (await desk.edit(worker, call, other, desk.ben)).status_code == 201


async def test_the_new_effect_is_taken_at_the_claim_and_the_old_one_is_not(desk: AskDesk) -> None:
    worker, other = await desk.worker(), await desk.worker()
    (call,) = await worker.propose(HOLD)
    ask = await desk.edited(worker, call, {"case": "c2"}, desk.ben)
    await desk.yes(worker, ask)
    assert granted(await desk.claim(worker, ask))[0]["status"] == "granted"
    old, new = await other.propose(HOLD, ("hold_case", {"case": "c2"}))
    await desk.yes(other, old, new)
    assert granted(await desk.claim(other, old))[0]["status"] == "granted"
    (refused,) = granted(await desk.claim(other, new))
    assert refused["reasons"][0]["code"] == "effect_key_taken"


async def test_the_other_calls_of_a_whole_response_wait_for_the_new_one(
    whole_desk: AskDesk,
) -> None:
    desk = whole_desk
    worker = await desk.worker()
    one, two, note = await worker.propose(ESCALATE, HOLD, NOTE)
    await desk.yes(worker, two)
    ask = await desk.edited(worker, one, CALMER)
    assert code(await desk.claim(worker, two)) == (409, "ask_open")
    await desk.yes(worker, ask)
    calls = granted(await desk.claim(worker, two))
    assert {call["call_id"] for call in calls} == {two["call_id"], note["call_id"], ask["call_id"]}
    assert {call["status"] for call in calls} == {"granted"}
    await check_fold(desk, worker)


async def test_a_rejected_edit_ends_a_whole_response(whole_desk: AskDesk) -> None:
    desk = whole_desk
    worker = await desk.worker()
    one, note = await worker.propose(ESCALATE, NOTE)
    ask = await desk.edited(worker, one, CALMER)
    await desk.vote(worker.session_id, desk.ada, ask, decision="reject", reason="no")
    assert (await look(desk, worker, ask))["status"] == "denied"
    assert (await look(desk, worker, note))["status"] == "blocked"


async def test_an_edit_may_be_edited_and_the_way_leads_to_the_last_one(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    second = await desk.edited(worker, call, CALMER)
    third = await desk.edited(worker, second, {"reason": "quite calm"})
    assert (await look(desk, worker, call))["superseded_by"] == second["call_id"]
    assert (await look(desk, worker, second))["superseded_by"] == third["call_id"]
    await desk.yes(worker, third)
    assert granted(await desk.claim(worker, third))[0]["status"] == "granted"


async def test_the_edits_of_a_response_have_a_bound(
    desk: AskDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editing, "EDITS_MAX", 2)
    worker = await desk.worker()
    one, two = await worker.propose(ESCALATE, ESCALATE)
    first = await desk.edited(worker, one, {"reason": "1"})
    await desk.edited(worker, two, {"reason": "2"})
    assert flaws(await desk.edit(worker, first, {"reason": "3"})) == ["too_many"]


async def test_nobody_edits_what_waits_no_more(desk: AskDesk, let_time_pass: Pass) -> None:
    worker = await desk.worker()
    one, two, three = await worker.propose(ESCALATE, ESCALATE, ESCALATE)
    await desk.yes(worker, one)
    assert code(await desk.edit(worker, one, CALMER)) == (409, "ask_closed")
    await desk.vote(worker.session_id, desk.ada, two, decision="reject", reason="no")
    assert code(await desk.edit(worker, two, CALMER)) == (409, "ask_closed")
    await let_time_pass(worker)
    assert code(await desk.edit(worker, three, CALMER)) == (409, "ask_closed")


async def test_an_edited_call_runs_out_at_the_deadline_of_the_first(
    desk: AskDesk, app: Litestar, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    ask = await desk.edited(worker, call, CALMER)
    await let_time_pass(worker)
    await sweep_all(app.state[Runtime.__name__])
    assert (await look(desk, worker, ask))["status"] == "expired"
    assert (await look(desk, worker, call))["status"] == "superseded"


async def test_an_edit_wakes_who_waits_and_names_the_new_call(
    desk: AskDesk, waits: AskWaits
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    task = await polling(desk, worker, call, waits)
    ask = await desk.edited(worker, call, CALMER)
    assert (await task).json()["superseded_by"] == ask["call_id"]


async def test_whoever_takes_over_reads_the_new_call_and_claims_it(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    ask = await desk.edited(worker, call, CALMER)
    (pending,) = (await worker.read("pending"))["pending"]
    assert (pending["call_id"], json.loads(pending["arguments"])) == (ask["call_id"], CALMER)
    await desk.yes(worker, ask)
    await worker.lease("grant")
    assert granted(await desk.claim(worker, ask))[0]["status"] == "granted"


async def test_an_edit_is_told_in_the_session_with_who_made_it(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(WIRE)
    ask = await desk.edited(worker, call, {**WIRE[1], "cents": 7})
    (event,) = [e for e in await worker.events() if e["type"] == "CallEdited"]
    body = event["body"]
    assert (body["call_id"], body["new_call_id"]) == (call["call_id"], ask["call_id"])
    assert body["editor_id"] == str(desk.ada.principal.actor_id)
    assert "4111" not in json.dumps(body)


async def test_an_edited_call_is_recorded_and_counted_once(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    ask = await desk.edited(worker, await desk.edited(worker, call, {"reason": "1"}), CALMER)
    async with desk.db.reading(desk.workplace.founder) as tx:
        now = await tx.now()
        recording = await recordings.read_session(tx, worker.session_id, until=now, calls_max=9)
        first, last = UUID(call["call_id"]), UUID(ask["call_id"])
        assert await recordings.has_early(tx, worker.session_id, [last], 1)
        assert not await recordings.has_early(tx, worker.session_id, [first], 9)
        session = await sessions.get_session(tx, worker.session_id)
        window = CallWindow(
            artifact_id=session.artifact_id, after=now - timedelta(days=1), until=now
        )
        assert await observed.count_calls(tx, window) == 1
        decisions = await observed.count_decisions(tx, window, ["escalate"])
        assert await asks.follow_edits(tx, worker.session_id, [first]) == [last]
    assert [(one.call_id, one.arguments) for one in recording.calls] == [
        (last, b'{"reason":"the customer asks"}')
    ]
    assert [(one.tool, one.times) for one in decisions] == [("escalate", 1)]


async def test_a_repeated_edit_is_made_once(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    path = f"{worker.path}/calls/{call['call_id']}/edit"
    asked = {"arguments": json.dumps(CALMER), "reason": "calmer"}
    one, two = [
        await desk.post(path, asked, desk.ada.api_key, Idempotency_Key="once") for _ in range(2)
    ]
    assert one.json() == two.json()
    assert [e["type"] for e in await worker.events()].count("CallEdited") == 1
