"""Races with an edit of a call that waits for people."""

from uuid import UUID

from tests.invariants.asked import claimed, made_approved
from tests.invariants.claims import broken, ended
from tests.invariants.hands import Hand
from tests.invariants.stage import Stage
from tests.replay.asks.people import ESCALATE

from placet.events.model import NewEvent, new_event
from placet.evidence.ask_vote import AskDecision
from placet.kernel.hashing import digest
from placet.replay.asks.model import AskStatus, AskVoted, CallEdited
from placet.replay.calls.answers import CallOutcome

ARGUMENTS = b'{"reason":"the customer asks"}'


async def an_edit_before_a_vote(stage: Stage) -> list[str]:
    """I7: nobody says yes to a call that was edited meanwhile."""
    one = await stage.worker()
    call = await one.call(*ESCALATE)
    editor, voter = stage.operator(one), stage.operator(one, 2)
    met = await stage.meet(editor, lambda: _edit(editor, call), voter, lambda: _vote(voter, call))
    return broken(
        {
            "the vote waits for the edit": met.waited,
            "the edit is made": met.first == "ok",
            "the vote is told that the ask is closed": met.second == "ask_closed",
        }
    )


async def a_vote_before_an_edit(stage: Stage) -> list[str]:
    """I7: an edit that saw no vote takes none away."""
    one = await stage.worker()
    call = await one.call(*ESCALATE)
    editor, voter = stage.operator(one), stage.operator(one, 2)
    met = await stage.meet(voter, lambda: _vote(voter, call), editor, lambda: _edit(editor, call))
    return broken(
        {
            "the edit waits for the vote": met.waited,
            "the vote counts": met.first == "ok",
            "the edit is to look again": met.second == "redo",
        }
    )


async def a_claim_before_an_edit(stage: Stage) -> list[str]:
    """I8: what was granted is edited by nobody."""
    one, call = await made_approved(stage)
    editor = stage.operator(one)
    met = await stage.meet(
        one, lambda: claimed(one, call), editor, lambda: _edit(editor, call, seen=1)
    )
    rows = await stage.calls(one)
    return broken(
        {
            "the edit waits for the claim": met.waited,
            "the edit is told that the ask is closed": met.second == "ask_closed",
            "one call is there, and granted": [row["status"] for row in rows] == ["granted"],
        }
    )


async def an_edit_before_a_claim(stage: Stage) -> list[str]:
    """I8: what was edited is granted to nobody, whoever approved it."""
    one, call = await made_approved(stage)
    editor = stage.operator(one)
    met = await stage.meet(
        editor, lambda: _edit(editor, call, seen=1), one, lambda: claimed(one, call)
    )
    rows = await stage.calls(one)
    return broken(
        {
            "the claim waits for the edit": met.waited,
            "nothing is granted": not any(row["granted_at"] for row in rows),
            "the new call waits": [row["status"] for row in rows]
            == ["superseded", "awaiting_approval"],
        }
        | ended(met.second, "ask_closed")
    )


async def a_kill_before_an_edit(stage: Stage) -> list[str]:
    """I11: nothing waits in a killed session."""
    one = await stage.worker()
    call = await one.call(*ESCALATE)
    killer, editor = stage.operator(one), stage.operator(one, 2)
    met = await stage.meet(killer, killer.kill, editor, lambda: _edit(editor, call))
    rows = await stage.calls(one)
    return broken(
        {
            "the edit waits for the kill": met.waited,
            "the edit is told that the ask is closed": met.second == "ask_closed",
            "nothing waits": [row["status"] for row in rows] == ["cancelled"],
        }
    )


async def two_edits_at_once(stage: Stage) -> list[str]:
    """I8: one call has one call in its place."""
    one = await stage.worker()
    call = await one.call(*ESCALATE)
    first, second = stage.operator(one), stage.operator(one, 2)
    met = await stage.meet(first, lambda: _edit(first, call), second, lambda: _edit(second, call))
    rows = await stage.calls(one)
    return broken(
        {
            "the second waits for the first": met.waited,
            "the second is told that the ask is closed": met.second == "ask_closed",
            "two calls are there": len(rows) == 2,
        }
    )


async def _edit(hand: Hand, call: CallOutcome, *, seen: int = 0) -> object:
    new, editor_id = hand.ids.new(), hand.who.actor_id
    said = CallEdited(
        call_id=call.call_id,
        new_call_id=new,
        prepared_request_id=new,
        ordinal=1000,
        tool_call_id=call.tool_call_id,
        tool=call.tool,
        arguments_hash=digest("arguments", ARGUMENTS).hex(),
        effect_key=None,
        editor_id=editor_id,
        reason="calmer",
    )
    event = new_event(hand.ids, said)
    return await _called(
        hand,
        "ask_edit_v1($1, $2, $3, 1000, $4, $5, 'calmer', $6, $7, NULL,"
        " ARRAY[$8::uuid], ARRAY[$9], ARRAY[$10::bytea], ARRAY[$11::bytea])",
        *(hand.session_id, call.call_id, new, seen, editor_id),
        *(ARGUMENTS, digest("arguments", ARGUMENTS)),
        *_columns(event),
    )


async def _vote(hand: Hand, call: CallOutcome) -> object:
    said = AskVoted(
        vote_id=hand.ids.new(),
        call_id=call.call_id,
        tool=call.tool,
        voter_id=hand.who.actor_id,
        decision=AskDecision.APPROVE,
        reason=None,
        view_hash="00" * 32,
        outcome=AskStatus.APPROVED,
    )
    asked = (
        f'[{{"call_id": "{call.call_id}", "status": "approved", "view": "\\\\x00",'
        ' "view_hash": "\\\\x00", "seen": 0}]'
    )
    event = new_event(hand.ids, said)
    return await _called(
        hand,
        "ask_vote_v1($1, $2, $3, 'approve', $4, $5, NULL, false, $6,"
        " ARRAY[$7::uuid], ARRAY[$8], ARRAY[$9::bytea], ARRAY[$10::bytea])",
        *(hand.session_id, hand.who.actor_id, said.vote_id, "00" * 32, b"{}", asked),
        *_columns(event),
    )


async def _called(hand: Hand, function: str, *arguments: object) -> object:
    """Call a function of the current tenant's transaction, and return its code."""
    connection = hand.side.connection
    async with connection.transaction():
        tenant = str(hand.who.tenant_id)
        await connection.execute("SELECT set_config('placet.tenant', $1, true)", tenant)
        query = f"SELECT code FROM placet.{function}"  # noqa: S608 -- one of the two above
        return await connection.fetchval(query, *arguments)


def _columns(event: NewEvent) -> tuple[UUID, str, bytes, bytes]:
    return event.event_id, event.type, event.salt, event.body
