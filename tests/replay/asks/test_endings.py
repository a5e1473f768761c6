"""What is asked of nobody any more: calls of a session that grants nothing more."""

import json
from typing import Any

import pytest
from litestar import Litestar
from tests.replay.asks.people import ESCALATE, WIRE, AskDesk
from tests.replay.desk import AGENT, Worker
from tests.replay.passing import sweep_all

from placet.kernel.paging import encode_cursor
from placet.replay.calls.runtime import Runtime
from placet.studio.asks.model import ARGUMENTS_MAX

ASKS = "/api/v1/replay/asks"


async def closing(desk: AskDesk) -> tuple[Worker, dict[str, Any], dict[str, Any]]:
    """Return a session that closes by itself, a call that is out in it, and one that waits."""
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    out, call = await worker.propose(("note", {"text": "still out"}), ESCALATE)
    (last,) = await worker.propose(("close_case", {"case_id": "1"}))
    await worker.report(last)
    return worker, out, call


async def test_a_closing_session_asks_nobody_and_no_vote_counts_in_it(desk: AskDesk) -> None:
    worker, _, call = await closing(desk)
    assert (await worker.read())["status"] == "closing"
    assert (await desk.get(ASKS, desk.ada.api_key)).json()["items"] == []
    late = await desk.vote(worker.session_id, desk.ada, call)
    assert (late.status_code, late.json()["code"]) == (409, "ask_closed")


async def test_a_closing_session_ends_once_what_is_out_is_reported_and_waits_for_no_ask(
    desk: AskDesk, app: Litestar
) -> None:
    worker, out, call = await closing(desk)
    runtime = app.state[Runtime.__name__]
    await sweep_all(runtime)
    assert (await desk.ask(call, worker.session_id))["call_status"] == "cancelled"
    assert (await worker.read())["status"] == "closing"
    await worker.report(out)
    await sweep_all(runtime)
    assert (await worker.read())["status"] == "completed"


@pytest.mark.parametrize(
    "deadline", ["0001-01-01T00:00:00+23:00", "2030-01-01T00:00:00", "soon", 7]
)
async def test_a_cursor_that_was_never_given_is_a_malformed_query(
    desk: AskDesk, deadline: str | int
) -> None:
    cursor = encode_cursor([deadline, "00000000-0000-0000-0000-000000000001"])
    answered = await desk.get(f"{ASKS}?cursor={cursor}", desk.ada.api_key)
    assert (answered.status_code, answered.json()["code"]) == (400, "malformed_query")


async def test_a_key_that_runs_no_agent_reads_no_argument_that_the_contract_hides(
    desk: AskDesk,
) -> None:
    worker = await desk.worker()
    await worker.propose(WIRE)
    path = f"{worker.path}?include=pending"
    shown = (await desk.get(path, desk.ada.api_key)).json()["pending"][0]["arguments"]
    whole = (await desk.get(path)).json()["pending"][0]["arguments"]
    hidden = {"codes": ["[redacted]", "[redacted]"], "number": "[redacted]"}
    assert json.loads(shown) == {**WIRE[1], "card": hidden}
    assert json.loads(whole) == WIRE[1]


async def test_a_session_asks_people_about_256_calls_at_most(desk: AskDesk) -> None:
    worker = await desk.worker()
    for _ in range(2):
        asked = await worker.propose(*[ESCALATE] * 128)
        assert {one["status"] for one in asked} == {"awaiting_approval"}
    more = await worker.try_propose(ESCALATE)
    assert (more.status_code, more.json()["code"]) == (409, "asks_full")
    (note,) = await worker.propose(("note", {"text": "x"}))
    assert note["status"] == "granted"


@pytest.mark.parametrize(
    ("kind", "target"), [("tenant", ""), ("agent", AGENT), ("tool", "escalate")]
)
async def test_what_a_kill_holds_back_is_not_listed_until_that_is_lifted(
    desk: AskDesk, kind: str, target: str
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    killed = await desk.kill(kind, target)
    assert (await desk.get(ASKS, desk.ada.api_key)).json()["items"] == []
    await desk.lift(killed)
    (listed,) = (await desk.get(ASKS, desk.ada.api_key)).json()["items"]
    assert listed["call_id"] == call["call_id"]


async def test_a_kill_of_another_tool_holds_back_no_ask(desk: AskDesk) -> None:
    worker = await desk.worker()
    await worker.propose(ESCALATE)
    await desk.kill("tool", "note")
    await desk.kill("agent", "another-agent")
    assert len((await desk.get(ASKS, desk.ada.api_key)).json()["items"]) == 1


async def test_a_list_shows_the_beginning_of_long_arguments_and_one_ask_shows_all(
    desk: AskDesk,
) -> None:
    worker = await desk.worker()
    wish = {"reason": "x" * 5_000}
    (long,) = await worker.propose(("escalate", wish))
    await worker.propose(ESCALATE, WIRE)
    items = (await desk.get(ASKS, desk.ada.api_key)).json()["items"]
    listed = {one["call_id"]: one for one in items}
    cut = listed.pop(long["call_id"])
    assert (len(cut["arguments"]), cut["arguments_cut"]) == (ARGUMENTS_MAX, True)
    for one in listed.values():
        assert not one["arguments_cut"]
        assert "4111" not in one["arguments"]
        json.loads(one["arguments"])
    shown = await desk.ask(long, worker.session_id)
    assert json.loads(json.loads(shown["view"])["arguments"]) == wish
