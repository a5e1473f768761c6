"""Signed votes on calls that wait, over HTTP."""

import json
from uuid import UUID

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from tests.conftest import Server
from tests.replay.asks.people import ESCALATE, HOLD, WIRE, AskDesk

from placet.authority.checkpoints.service import make_checkpoint
from placet.authority.server_keys import ServerKeys
from placet.evidence.vote import CheckpointSeen
from placet.kernel import foreign
from placet.kernel.hashing import digest

NOTE = ("note", {"text": "x"})


def codes(answered: httpx.Response) -> list[str]:
    assert answered.status_code == 422, answered.text
    return [reason["code"] for reason in answered.json()["reasons"]]


async def test_a_yes_of_everybody_who_is_asked_approves_the_call_and_grants_nothing(
    desk: AskDesk,
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(WIRE)
    assert call["status"] == "awaiting_approval"
    first = await desk.vote(worker.session_id, desk.ada, call)
    assert first.status_code == 201, first.text
    (said,) = first.json()["calls"]
    assert said["status"] == "open"
    assert [(t["role"], t["approvals"], t["count"]) for t in said["tally"]] == [
        ("approver", 1, 2),
        ("legal", 0, 1),
    ]
    second = await desk.vote(worker.session_id, desk.ben, call)
    assert second.json()["calls"][0]["status"] == "approved"
    shown = await desk.ask(call, worker.session_id)
    assert (shown["status"], shown["call_status"]) == ("approved", "awaiting_approval")
    assert [vote["decision"] for vote in shown["votes"]] == ["approve", "approve"]


async def test_one_rejection_denies_the_call_for_good(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call, note) = await worker.propose(WIRE, NOTE)
    assert note["status"] == "granted"
    said = await desk.vote(
        worker.session_id, desk.ben, call, decision="reject", reason="wrong account"
    )
    assert said.json()["calls"][0]["status"] == "rejected"
    shown = await desk.ask(call, worker.session_id)
    assert (shown["status"], shown["call_status"]) == ("rejected", "denied")
    late = await desk.vote(worker.session_id, desk.ada, call)
    assert (late.status_code, late.json()["code"]) == (409, "ask_closed")


async def test_calls_of_one_step_are_answered_by_one_vote(desk: AskDesk) -> None:
    worker = await desk.worker()
    one, two = await worker.propose(ESCALATE, HOLD)
    answered = await desk.vote(worker.session_id, desk.ben, one, two)
    assert [call["status"] for call in answered.json()["calls"]] == ["approved", "approved"]
    (other,) = await worker.propose(ESCALATE)
    (third,) = await worker.propose(ESCALATE)
    assert "several_steps" in codes(await desk.vote(worker.session_id, desk.ben, other, third))


async def test_a_rejection_ends_the_whole_step_where_a_response_is_granted_as_a_whole(
    whole_desk: AskDesk,
) -> None:
    desk = whole_desk
    worker = await desk.worker()
    escalate, hold, note = await worker.propose(ESCALATE, HOLD, NOTE)
    assert note["status"] == "held"
    await desk.vote(worker.session_id, desk.ada, escalate, decision="reject", reason="no")
    for call, status in ((escalate, "denied"), (hold, "cancelled")):
        assert (await desk.ask(call, worker.session_id))["call_status"] == status
    assert (await worker.read("pending"))["pending"] == []


async def test_the_view_hides_what_the_contract_redacts_and_proves_it(desk: AskDesk) -> None:
    worker = await desk.worker()
    call, _ = await worker.propose(WIRE, NOTE)
    shown = await desk.ask(call, worker.session_id)
    again = await desk.ask(call, worker.session_id, desk.ben.api_key)
    assert again["view"] == shown["view"]
    assert shown["view_hash"] == digest("ask_view", shown["view"].encode()).hex()
    view = json.loads(shown["view"])
    assert "4111" not in shown["view"]
    assert json.loads(view["arguments"])["card"] == {
        "codes": ["[redacted]", "[redacted]"],
        "number": "[redacted]",
    }
    assert view["arguments_hash"] == call["arguments_hash"]
    assert [beside["tool"] for beside in view["beside"]] == ["note"]
    assert view["all_of"] == [{"count": 2, "role": "approver"}, {"count": 1, "role": "legal"}]
    hashes = {one["pointer"]: one["hash"] for one in view["redacted"]}
    assert set(hashes) == {"/card/number", "/card/codes/0", "/card/codes/1"}
    salt = await _salt(desk, worker.session_id, UUID(call["call_id"]))
    pointer = b"/card/number"
    found = digest("redacted", salt, pointer, b"\x00", foreign.encode("4111"))
    assert hashes["/card/number"] == found.hex()


async def _salt(desk: AskDesk, session_id: UUID, call_id: UUID) -> bytes:
    query = sa.text(
        "SELECT b.salt FROM placet.event AS e JOIN placet.event_body AS b"
        " USING (tenant_id, stream_id, seq) WHERE e.stream_id = :session"
        " AND e.type = 'CallProposed'"
        " AND convert_from(b.body, 'UTF8')::jsonb ->> 'call_id' = :call"
    ).bindparams(session=session_id, call=str(call_id))
    async with desk.db.reading(desk.workplace.founder) as tx:
        ((salt,),) = await tx.rows(query)
    return bytes(salt)


async def test_the_first_vote_freezes_what_the_next_voter_is_shown(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(WIRE)
    shown = await desk.ask(call, worker.session_id)
    await desk.vote(worker.session_id, desk.ada, call)
    after = await desk.ask(call, worker.session_id)
    assert (after["view"], after["view_hash"]) == (shown["view"], shown["view_hash"])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"workspace_id": UUID(int=1)}, "signed_otherwise"),
        ({"session_id": UUID(int=1)}, "signed_otherwise"),
        ({"tenant_id": UUID(int=1)}, "signed_otherwise"),
        ({"voter_id": UUID(int=1)}, "signed_otherwise"),
        ({"key_id": "00" * 32}, "signed_otherwise"),
        ({"reason": None}, "reason_missing"),
    ],
)
async def test_a_vote_that_says_otherwise_counts_for_nothing(
    desk: AskDesk, changed: dict[str, object], code: str
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(WIRE)
    reason = {"reason": "I called"} | changed
    assert codes(await desk.vote(worker.session_id, desk.ada, call, **reason)) == [code]  # type: ignore[arg-type]  # one case is of the reason
    assert (await desk.ask(call, worker.session_id))["votes"] == []


async def test_a_vote_on_other_bytes_than_were_shown_counts_for_nothing(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(WIRE)
    shown = await desk.ask(call, worker.session_id)
    for name in ("view_hash", "arguments_hash"):
        fields = shown["vote_fields"] | {
            "calls": [shown["vote_fields"]["calls"][0] | {name: "ab" * 32}]
        }
        vote = desk.ballot(desk.ada, [shown | {"vote_fields": fields}])
        handed = await desk.hand_in(worker.session_id, desk.ada, call, vote)
        assert codes(handed) == ["signed_otherwise"]


async def test_a_vote_names_the_newest_checkpoint_that_its_voter_was_shown(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(WIRE)
    made = await make_checkpoint(desk.db, desk.workplace.founder, ServerKeys.generate(), desk.ids)
    shown = await desk.ask(call, worker.session_id)
    seen = {"size": made.size, "root": made.root.hex()}
    assert shown["vote_fields"]["latest_checkpoint"] == seen
    other = CheckpointSeen(size=made.size, root="ab" * 32)
    vote = desk.ballot(desk.ada, [shown], latest_checkpoint=other)
    handed = await desk.hand_in(worker.session_id, desk.ada, call, vote)
    assert codes(handed) == ["signed_otherwise"]
    named = desk.ballot(desk.ada, [shown])
    assert named.latest_checkpoint == CheckpointSeen(size=made.size, root=made.root.hex())
    handed = await desk.hand_in(worker.session_id, desk.ada, call, named)
    assert handed.status_code == 201, handed.text


async def test_only_whom_the_contract_names_may_answer_and_once(desk: AskDesk) -> None:
    worker = await desk.worker()
    hold, wire = await worker.propose(HOLD, WIRE)
    assert codes(await desk.vote(worker.session_id, desk.ada, hold)) == ["role_missing"]
    stranger = await desk.story.signer("eve")
    assert codes(await desk.vote(worker.session_id, stranger, hold)) == ["key_unknown"]
    assert (await desk.vote(worker.session_id, desk.ada, wire)).status_code == 201
    assert codes(await desk.vote(worker.session_id, desk.ada, wire)) == ["voted_already"]


async def test_asks_are_listed_until_they_are_answered_and_to_nobody_elses_agent(
    desk: AskDesk,
) -> None:
    worker = await desk.worker()
    escalate, hold = await worker.propose(ESCALATE, HOLD)
    listed = await desk.get("/api/v1/replay/asks?limit=1", desk.ada.api_key)
    body = listed.json()
    more = await desk.get(f"/api/v1/replay/asks?cursor={body['next_cursor']}", desk.ada.api_key)
    found = [*body["items"], *more.json()["items"]]
    assert {one["call_id"] for one in found} == {escalate["call_id"], hold["call_id"]}
    assert more.json()["next_cursor"] is None
    await desk.vote(worker.session_id, desk.ben, hold, decision="reject", reason="no")
    left = await desk.get("/api/v1/replay/asks", desk.ada.api_key)
    assert [one["call_id"] for one in left.json()["items"]] == [escalate["call_id"]]
    assert (await desk.get("/api/v1/replay/asks")).status_code == 403


async def test_a_call_whose_proposal_was_erased_hides_no_other_ask(
    desk: AskDesk, server: Server, database_name: str
) -> None:
    worker = await desk.worker()
    (wire,) = await worker.propose(WIRE)
    (hold,) = await worker.propose(HOLD)
    admin = await asyncpg.connect(server.admin(database_name))
    async with admin.transaction():
        table = "ALTER TABLE placet.event_body"
        await admin.execute(f"{table} DISABLE TRIGGER append_only")
        await admin.execute(
            "DELETE FROM placet.event_body WHERE stream_id = $1"
            " AND convert_from(body, 'UTF8')::jsonb ->> 'call_id' = $2",
            worker.session_id,
            wire["call_id"],
        )
        await admin.execute(f"{table} ENABLE ALWAYS TRIGGER append_only")
    await admin.close()
    first = (await desk.get("/api/v1/replay/asks?limit=1", desk.ada.api_key)).json()
    next_page = f"/api/v1/replay/asks?cursor={first['next_cursor']}"
    rest = (await desk.get(next_page, desk.ada.api_key)).json()
    found = [*first["items"], *rest["items"]]
    assert [one["call_id"] for one in found] == [hold["call_id"]]


async def test_a_vote_is_told_in_both_streams(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    answered = await desk.vote(worker.session_id, desk.ada, call, reason="fine")
    (event,) = [e for e in await worker.events() if e["type"] == "AskVoted"]
    assert event["body"]["vote_id"] == answered.json()["vote_id"]
    assert (event["body"]["outcome"], event["body"]["reason"]) == ("approved", "fine")


async def test_a_killed_session_asks_nobody_any_more(desk: AskDesk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    shown = await desk.ask(call, worker.session_id)
    await desk.post(f"{worker.path}/kill", {"reason": "enough"}, desk.operator_key)
    vote = desk.ballot(desk.ada, [shown])
    late = await desk.hand_in(worker.session_id, desk.ada, call, vote)
    assert (late.status_code, late.json()["code"]) == (409, "ask_closed")
    assert (await desk.ask(call, worker.session_id))["call_status"] == "cancelled"
