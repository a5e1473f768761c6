"""What standing grants answer, over HTTP: counted at the grant, and never more than they allow."""

import io
import json

import asyncpg
import pytest
import sqlalchemy as sa
from tests.conftest import Server
from tests.replay.asks.people import ESCALATE, HOLD, AskDesk
from tests.replay.asks.test_claims import NOTE, check_fold
from tests.replay.standing.people import given, revoke, shown, statuses

from placet.authority import store as authority
from placet.authority.model import KeyRevocation
from placet.evidence.verify import verify_bundle

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


async def test_the_bundle_holds_each_use_to_what_was_signed(desk: AskDesk) -> None:
    standing_id = await given(desk)
    worker = await desk.worker()
    await worker.propose(ESCALATE, ESCALATE)
    await revoke(desk, standing_id)
    key = desk.workplace.founder_key
    whole = verify_bundle(io.BytesIO((await desk.get("/api/v1/replay/bundle", key)).content))
    assert whole.flaw is None
    assert any("2 calls were granted by a yes" in sentence for sentence in whole.proved)
    alone = verify_bundle(io.BytesIO((await desk.get(f"{worker.path}/bundle", key)).content))
    assert alone.flaw is None
    assert any("beforehand to 2 calls" in sentence for sentence in alone.not_proved)


ENDINGS = {
    "the signer is disabled": """
        UPDATE placet.tenancy_actor SET status = 'disabled'
        WHERE actor_id = $1 AND actor_id <> $2""",
    "the workspace is archived": """
        UPDATE placet.studio_workspace SET status = 'archived', active_draft_id = NULL,
            active_draft_snapshot_id = NULL, active_approval_id = NULL
        WHERE workspace_id = $2 AND workspace_id <> $1""",
    "the signer was removed": """
        INSERT INTO placet.studio_workspace_removal (
            tenant_id, removal_id, workspace_id, actor_id, removed_by, reason, removed_at)
        SELECT tenant_id, actor_id, $2, actor_id, actor_id, 'left', clock_timestamp()
        FROM placet.tenancy_actor WHERE actor_id = $1""",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
async def test_it_ends_with_the_place_of_its_signer(
    desk: AskDesk, server: Server, database_name: str, ending: str
) -> None:
    await given(desk, uses=9)
    worker = await desk.worker()
    assert await statuses(worker, ESCALATE) == [GRANTED]
    admin = await asyncpg.connect(server.admin(database_name))
    done = await admin.execute(ending, desk.ada.principal.actor_id, desk.workspace.workspace_id)
    await admin.close()
    assert done.endswith(" 1")
    assert await statuses(worker, ESCALATE) == [ASKED]


@pytest.mark.parametrize(
    ("column", "value", "counts"),
    [
        ("activation_id", "00000000-0000-0000-0000-000000000001", False),
        ("mode", "shadow", False),
        ("agent", "another", False),
        ("environment", "production", False),
        ("status", "active", True),
    ],
)
async def test_it_answers_nothing_under_break_glass_in_shadow_or_elsewhere(
    desk: AskDesk, column: str, value: str, *, counts: bool
) -> None:
    standing_id = await given(desk)
    worker = await desk.worker()
    calls = [
        {
            "call_id": str(desk.ids.new()),
            "ordinal": 0,
            "tool_name": "escalate",
            "status": "awaiting_approval",
            "standing_seen": [],
        }
    ]
    taking = [calls[0] | {"status": "granted", "standing_id": str(standing_id)}]
    query = sa.text(
        "SELECT jsonb_array_length(placet.standing_facts_v1(n)) AS facts,"
        " placet.standing_unseen_v1(n, CAST(:calls AS jsonb), clock_timestamp()) AS unseen"
        " FROM placet.replay_session AS r,"
        " jsonb_populate_record(r, jsonb_build_object(CAST(:column AS text), CAST(:value AS text)))"
        " AS n WHERE r.session_id = :session"
    ).bindparams(
        calls=json.dumps(calls),
        column=column,
        value=value,
        session=worker.session_id,
    )
    take = sa.text(
        "SELECT placet.standing_take_v1(n, CAST(:calls AS jsonb), clock_timestamp())"
        " FROM placet.replay_session AS r,"
        " jsonb_populate_record(r, jsonb_build_object(CAST(:column AS text), CAST(:value AS text)))"
        " AS n WHERE r.session_id = :session"
    ).bindparams(calls=json.dumps(taking), column=column, value=value, session=worker.session_id)
    async with desk.db.reading(desk.workplace.founder) as tx:
        (row,) = await tx.rows(query)
    assert (row.facts, row.unseen) == (int(counts), counts)
    if not counts:
        async with desk.db.writing(desk.workplace.founder) as tx:
            (taken,) = await tx.rows(take)
        assert not taken[0]
