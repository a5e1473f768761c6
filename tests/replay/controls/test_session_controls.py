"""Labels, tools taken away and reports of a bypass, over HTTP."""

import json
from typing import Any

import httpx
import pytest
from tests.replay.desk import CONTRACT, Desk, Worker

from placet.events import store as events
from placet.events.model import StreamId
from placet.replay.calls.fold import fold
from placet.replay.controls.model import LabelsCleared, SessionLabelled, ToolsFiltered
from placet.replay.sessions import store as sessions
from placet.replay.sessions.rules import encode_state

NOTE = ("note", {"text": "a"})
LOOKUP = ("lookup_order", {"order_id": "ord_00000001"})


def refused(answered: httpx.Response) -> tuple[int, str]:
    return answered.status_code, answered.json()["code"]


async def control(worker: Worker, verb: str, body: object, key: str = "") -> dict[str, Any]:
    """Put a control on a worker's session, by its own key unless another is given."""
    answered = await worker.post(verb, body, key or None)
    assert answered.status_code == 200, answered.text
    made: dict[str, Any] = answered.json()
    return made


async def check_fold(desk: Desk, worker: Worker) -> None:
    """Hold that state, labels and filter are what the session's events lead to."""
    async with desk.db.reading(desk.workplace.founder) as tx:
        session = await sessions.get_session(tx, worker.session_id)
        told = await events.list_events(tx, StreamId(worker.session_id), after=0, limit=1000)
    assert encode_state(fold((e.type, e.body or b"") for e in told)) == session.state
    labels: dict[str, str] = {}
    filtered: set[str] = set()
    for event in told:
        said = json.loads(event.body or b"{}")
        if event.type == SessionLabelled.__name__:
            labels |= said["labels"]
        elif event.type == LabelsCleared.__name__:
            labels = {name: value for name, value in labels.items() if name not in said["names"]}
        elif event.type == ToolsFiltered.__name__:
            filtered |= set(said["tools"])
    assert (labels, sorted(filtered)) == (session.labels, session.filtered)


async def test_labels_that_are_sent_again_do_not_come_back_after_they_were_cleared(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    path, asked = f"{worker.path}/labels", {"add": {"pii": "yes"}}
    once = {"Idempotency_Key": desk.ids.new().hex}
    first = (await desk.post(path, asked, **once)).json()
    idle = {"Idempotency_Key": desk.ids.new().hex}
    stood = (await desk.post(path, asked, **idle)).json()
    assert stood == first | {"replayed": True}
    await control(worker, "labels", {"clear": ["pii"]}, desk.operator_key)
    before = await worker.events()
    for again in (once, idle):
        assert (await desk.post(path, asked, **again)).json() == first | {"replayed": True}
    assert (await control(worker, "labels", {"add": {"b": "c"}}))["labels"] == {"b": "c"}
    other = await desk.post(path, {"add": {"pii": "no"}}, **once)
    assert refused(other) == (409, "idempotency_conflict")
    another = await desk.worker()
    elsewhere = await desk.post(f"{another.path}/labels", asked, **once)
    assert refused(elsewhere) == (409, "idempotency_conflict")
    assert (await another.read())["labels"] == {}
    assert len(await worker.events()) == len(before) + 1
    await check_fold(desk, worker)


async def test_an_agent_adds_labels_and_only_an_operator_changes_or_clears_one(desk: Desk) -> None:
    worker = await desk.worker()
    first = await control(worker, "labels", {"add": {"pii": "yes"}})
    assert (first["labels"], first["control_revision"], first["replayed"]) == (
        {"pii": "yes"},
        1,
        False,
    )
    again = await control(worker, "labels", {"add": {"pii": "yes"}})
    assert again == first | {"replayed": True}
    changed = await worker.post("labels", {"add": {"pii": "no", "b": "c"}})
    assert refused(changed) == (409, "label_taken")
    assert refused(await worker.post("labels", {"clear": ["pii"]})) == (403, "scope_missing")
    key = desk.operator_key
    assert (await control(worker, "labels", {"add": {"pii": "no"}}, key))["labels"] == {"pii": "no"}
    assert (await control(worker, "labels", {"clear": ["pii", "x"]}, key))["labels"] == {}
    assert (await control(worker, "labels", {"clear": ["pii"]}, key))["replayed"]
    types = [event["type"] for event in await worker.events()]
    assert types.count("SessionLabelled") == 2
    assert types.count("LabelsCleared") == 1
    await check_fold(desk, worker)


async def test_a_label_is_read_by_the_next_decision_and_what_was_prepared_before_is_stale(
    desk: Desk,
) -> None:
    rule = {"when": {"pii": "yes"}, "deny": ["note"]}
    document = {**CONTRACT, "session": {**CONTRACT["session"], "labels": [rule]}}
    await desk.approve_again(document)
    worker = await desk.worker()
    (before,) = await worker.propose(NOTE)
    assert before["status"] == "granted"
    prepared = await worker.prepare()
    await control(worker, "labels", {"add": {"pii": "yes"}})
    stale = await worker.post("proposals", worker.proposal(prepared, NOTE))
    assert refused(stale) == (409, "stale_control")
    note, lookup = await worker.propose(NOTE, LOOKUP)
    assert (note["status"], note["layer"], lookup["status"]) == ("blocked", 9, "granted")
    await control(worker, "labels", {"clear": ["pii"]}, desk.operator_key)
    (after,) = await worker.propose(NOTE)
    assert after["status"] == "granted"
    await check_fold(desk, worker)


async def test_a_tool_that_was_taken_away_is_neither_offered_nor_granted_nor_started(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    (out,) = await worker.propose(NOTE)
    asked = {"tools": ["note", "a_tool_of_nobody"], "reason": "it floods"}
    answer = await control(worker, "tool-filter", asked, desk.operator_key)
    assert answer["filtered_tools"] == ["a_tool_of_nobody", "note"]
    assert refused(await worker.start(out)) == (409, "stale_control")
    prepared = await worker.prepare()
    assert "note" not in prepared["tools"]
    note, lookup = await worker.propose(NOTE, LOOKUP)
    assert [reason["code"] for reason in note["reasons"]] == ["manual_filter"]
    assert lookup["status"] == "granted"
    more = {"tools": ["escalate"], "reason": "that too"}
    wider = await control(worker, "tool-filter", more, desk.operator_key)
    assert wider["filtered_tools"] == ["a_tool_of_nobody", "escalate", "note"]
    again = await control(worker, "tool-filter", asked, desk.operator_key)
    assert again == wider | {"replayed": True}
    await check_fold(desk, worker)


async def test_an_agent_takes_no_tool_away(desk: Desk) -> None:
    worker = await desk.worker()
    answered = await worker.post("tool-filter", {"tools": ["note"], "reason": "no"})
    assert refused(answered) == (403, "scope_missing")
    assert "note" in (await worker.prepare())["tools"]


async def test_a_bypassed_session_takes_receipts_and_nothing_else_and_may_be_killed(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(NOTE)
    await worker.propose(("escalate", {"reason": "r"}))
    prepared = await worker.prepare()
    first = await control(worker, "report-bypass", {"reason": "it called the bank itself"})
    assert (first["status"], first["control_revision"]) == ("compromised", 1)
    again = await control(worker, "report-bypass", {"reason": "again"})
    assert again == first | {"replayed": True}
    for answered in (
        await worker.post("proposals", worker.proposal(prepared, NOTE)),
        await worker.start(call),
        await worker.post("preflight", {"request_hash": "ab" * 32}),
        await worker.lease("renew"),
        await worker.post("labels", {"add": {"a": "b"}}),
        await worker.post("tool-filter", {"tools": ["note"], "reason": "r"}, desk.operator_key),
    ):
        assert refused(answered) == (410, "session_compromised")
    assert (await worker.report(call))["late"]
    session = await worker.read("pending")
    assert (session["status"], session["ended_why"]) == ("compromised", "it called the bank itself")
    assert [pending["call_id"] for pending in session["pending"]] == [call["call_id"]]
    killed = await worker.post("kill", {"reason": "enough"}, desk.operator_key)
    assert (killed.status_code, killed.json()["status"]) == (200, "killed")


async def test_a_bypass_of_a_killed_session_is_kept_and_it_stays_killed(desk: Desk) -> None:
    worker = await desk.worker()
    await worker.post("kill", {"reason": "enough"}, desk.operator_key)
    kept = await control(worker, "report-bypass", {"reason": "it went on"})
    assert (kept["status"], kept["replayed"]) == ("killed", False)
    assert [event["type"] for event in await worker.events()][-1] == "SessionBypassed"
    assert (await worker.read())["status"] == "killed"


async def test_a_session_has_no_labels_without_end(desk: Desk) -> None:
    worker = await desk.worker()
    many = {f"l{n}": "x" for n in range(200)}
    await control(worker, "labels", {"add": many})
    more = {f"m{n}": "x" for n in range(57)}
    assert refused(await worker.post("labels", {"add": more})) == (422, "controls_full")
    more.popitem()
    assert len((await control(worker, "labels", {"add": more}))["labels"]) == 256


@pytest.mark.parametrize("body", [{}, {"add": {"a": "b"}, "clear": ["c"]}])
async def test_labels_are_either_added_or_cleared(desk: Desk, body: dict[str, Any]) -> None:
    worker = await desk.worker()
    answered = await worker.post("labels", body, desk.operator_key)
    assert refused(answered) == (400, "malformed_body")
