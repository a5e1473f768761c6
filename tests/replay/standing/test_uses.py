"""What standing grants answer, over HTTP: counted at the grant, and never more than they allow."""

import json

import asyncpg
import sqlalchemy as sa
from tests.conftest import Server
from tests.replay.asks.people import ESCALATE, HOLD, AskDesk
from tests.replay.asks.test_claims import NOTE, check_fold
from tests.replay.standing.people import given, revoke, shown, statuses

from placet.authority import store as authority
from placet.authority.model import KeyRevocation

GRANTED, ASKED = "granted", "awaiting_approval"


async def test_a_call_that_one_matches_is_granted_and_the_event_names_it(desk: AskDesk) -> None:
    standing_id = await given(desk)
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    assert (call["status"], call["verdict"], call["layer"]) == (GRANTED, "ask", 11)
    assert call["grant"] is not None
    (event,) = [e for e in await worker.events() if e["type"] == "CallProposed"]
    assert event["body"]["standing"] == str(standing_id)
    assert (await shown(desk, standing_id))["used"] == 1
    await worker.report(call, output={"ok": True})
    await check_fold(desk, worker)


async def test_it_answers_as_many_calls_as_it_says_over_all_sessions(desk: AskDesk) -> None:
    standing_id = await given(desk, uses=3)
    one, two = await desk.worker(), await desk.worker()
    assert await statuses(one, ESCALATE, ESCALATE) == [GRANTED, GRANTED]
    assert await statuses(two, ESCALATE, ESCALATE) == [GRANTED, ASKED]
    assert await statuses(one, ESCALATE) == [ASKED]
    assert (await shown(desk, standing_id))["used"] == 3
    async with desk.db.reading(desk.workplace.founder) as tx:
        rows = await tx.rows(
            sa.text("SELECT number, call_id FROM placet.replay_standing_use ORDER BY number")
        )
    assert [row.number for row in rows] == [1, 2, 3]
    assert len({row.call_id for row in rows}) == 3


async def test_arguments_that_break_one_rule_of_it_are_asked_about(desk: AskDesk) -> None:
    await given(desk, arguments=[{"path": "$.reason", "matches": "shouts", "length_lte": 30}])
    worker = await desk.worker()
    assert await statuses(worker, ("escalate", {"reason": "the customer asks"})) == [ASKED]
    assert await statuses(worker, ("escalate", {"reason": "shouts" * 9})) == [ASKED]
    assert await statuses(worker, ESCALATE) == [GRANTED]


async def test_a_process_that_does_not_know_a_new_one_is_told(desk: AskDesk) -> None:
    worker = await desk.worker()
    assert await statuses(worker, ESCALATE) == [ASKED]
    await given(desk)
    assert await statuses(worker, ESCALATE) == [GRANTED]


async def test_nothing_is_granted_by_a_revoked_one(desk: AskDesk) -> None:
    standing_id = await given(desk)
    worker = await desk.worker()
    assert await statuses(worker, ESCALATE) == [GRANTED]
    assert (await revoke(desk, standing_id)).status_code == 200
    assert await statuses(worker, ESCALATE) == [ASKED]
    again = await revoke(desk, standing_id)
    assert (again.status_code, again.json()["code"]) == (409, "transition_not_allowed")


async def test_nothing_is_granted_by_one_that_has_run_out(
    desk: AskDesk, server: Server, database_name: str
) -> None:
    standing_id = await given(desk)
    worker = await desk.worker()
    assert await statuses(worker, ESCALATE) == [GRANTED]
    admin = await asyncpg.connect(server.admin(database_name))
    await admin.execute(
        "UPDATE placet.replay_standing_grant SET expires_at = clock_timestamp()"
        " WHERE standing_id = $1",
        standing_id,
    )
    await admin.close()
    assert await statuses(worker, ESCALATE) == [ASKED]


async def test_the_end_of_the_signers_key_ends_it(desk: AskDesk) -> None:
    await given(desk)
    worker = await desk.worker()
    async with desk.db.writing(desk.workplace.founder) as tx:
        await authority.insert_revocation(
            tx,
            KeyRevocation(
                tenant_id=tx.tenant_id,
                key_id=desk.ada.key.key_id,
                revoked_by=tx.actor_id,
                reason="lost",
                revoked_at=await tx.now(),
            ),
        )
    assert await statuses(worker, ESCALATE) == [ASKED]


async def test_a_response_that_runs_as_a_whole_is_answered_as_a_whole_or_not(
    whole_desk: AskDesk,
) -> None:
    desk = whole_desk
    standing_id = await given(desk, uses=9)
    worker = await desk.worker()
    assert await statuses(worker, ESCALATE, HOLD, NOTE) == [ASKED, ASKED, "held"]
    assert (await shown(desk, standing_id))["used"] == 0
    assert await statuses(worker, ESCALATE, NOTE) == [GRANTED, GRANTED]
    assert (await shown(desk, standing_id))["used"] == 1
    await check_fold(desk, worker)


async def test_what_the_rules_refuse_is_refused_whatever_stands(desk: AskDesk) -> None:
    await given(desk, desk.ben, tool="hold_case", arguments=[{"path": "$.case", "exists": True}])
    one, two = await desk.worker(), await desk.worker()
    assert await statuses(one, HOLD) == [GRANTED]
    (refused,) = await two.propose(HOLD)
    assert refused["status"] == "blocked"
    assert refused["reasons"][0]["code"] == "effect_key_taken"
    assert (await desk.kill("tool", "hold_case")).status_code == 201
    (killed,) = await two.propose(("hold_case", {"case": "c9"}))
    assert killed["status"] == "blocked"


async def test_calls_at_once_are_answered_too(desk: AskDesk) -> None:
    standing_id = await given(desk)
    worker = await desk.worker()
    name, arguments = ESCALATE
    call = {"id": "c", "name": name, "arguments": json.dumps(arguments)}
    answered = await worker.post("calls", {"tool_calls": [call]})
    assert [one["status"] for one in answered.json()["calls"]] == [GRANTED], answered.text
    assert (await shown(desk, standing_id))["used"] == 1
