"""Questions about asks, and the functions that count a vote and write a claim."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.authority.controls import store as controls
from placet.events.tables import EVENT, EVENT_BODY
from placet.kernel.principal import Principal
from placet.kernel.refusals import NotFound
from placet.replay.asks.model import (
    CallEdited,
    ReplayAsk,
    ReplayAskEdit,
    ReplayAskVote,
)
from placet.replay.asks.tables import ASK, ASK_EDIT, ASK_VOTE
from placet.replay.asks.writes import ClaimWrite, EditWrite, VoteWrite
from placet.replay.calls.events import CallProposed
from placet.replay.calls.model import CallStatus, ReplayPendingCall
from placet.replay.calls.next_call import NOTHING_LEFT
from placet.replay.calls.tables import PENDING_CALL
from placet.replay.calls.writes import Caller, Decided
from placet.replay.sessions.model import SessionStatus
from placet.replay.sessions.tables import REPLAY_SESSION
from placet.storage.database import HotPool, Reading, Writing

CHANNEL: Final = "placet_ask"
"""Where it is told in which session a vote was counted."""

_NEAR: Final = timedelta(seconds=5)
"""How far the event that proposed a call may lie from the time in the call's row."""

_VOTE: Final = sa.text(
    "SELECT code, closed FROM placet.ask_vote_v1"
    "(:session, :voter, :vote, :decision, :key, :envelope, :reason, :whole,"
    " CAST(:calls AS jsonb), :events, :types, :salts, :bodies)"
).bindparams(
    sa.bindparam("session", type_=sa.Uuid),
    sa.bindparam("voter", type_=sa.Uuid),
    sa.bindparam("vote", type_=sa.Uuid),
    sa.bindparam("decision", type_=sa.Text),
    sa.bindparam("key", type_=sa.Text),
    sa.bindparam("envelope", type_=sa.LargeBinary),
    sa.bindparam("reason", type_=sa.Text),
    sa.bindparam("whole", type_=sa.Boolean),
    sa.bindparam("calls", type_=sa.Text),
    sa.bindparam("events", type_=postgresql.ARRAY(sa.Uuid)),
    sa.bindparam("types", type_=postgresql.ARRAY(sa.Text)),
    sa.bindparam("salts", type_=postgresql.ARRAY(sa.LargeBinary)),
    sa.bindparam("bodies", type_=postgresql.ARRAY(sa.LargeBinary)),
)
_EDIT: Final = sa.text(
    "SELECT code FROM placet.ask_edit_v1"
    "(:session, :call, :new, :ordinal, :seen, :editor, :reason, :arguments, :hash, :effect,"
    " :events, :types, :salts, :bodies)"
).bindparams(
    sa.bindparam("session", type_=sa.Uuid),
    sa.bindparam("call", type_=sa.Uuid),
    sa.bindparam("new", type_=sa.Uuid),
    sa.bindparam("ordinal", type_=sa.BigInteger),
    sa.bindparam("seen", type_=sa.BigInteger),
    sa.bindparam("editor", type_=sa.Uuid),
    sa.bindparam("reason", type_=sa.Text),
    sa.bindparam("arguments", type_=sa.LargeBinary),
    sa.bindparam("hash", type_=sa.LargeBinary),
    sa.bindparam("effect", type_=sa.LargeBinary),
    sa.bindparam("events", type_=postgresql.ARRAY(sa.Uuid)),
    sa.bindparam("types", type_=postgresql.ARRAY(sa.Text)),
    sa.bindparam("salts", type_=postgresql.ARRAY(sa.LargeBinary)),
    sa.bindparam("bodies", type_=postgresql.ARRAY(sa.LargeBinary)),
)
_CLAIM: Final = (
    "SELECT * FROM placet.claim_v1("
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,"
    " $21, $22, $23, $24)"
)
_TELL: Final = sa.text("SELECT pg_notify(:channel, :session)")


async def claim(
    hot: HotPool, caller: Caller, decided: Decided, write: ClaimWrite
) -> asyncpg.Record:
    """Grant or refuse what people said yes to, in one round trip, or answer with a code."""
    left = None if write.left == NOTHING_LEFT else msgspec.json.encode(write.left).decode()
    return await hot.call(
        _CLAIM,
        *caller.arguments(),
        write.call_id,
        write.claim_id,
        write.approved,
        *decided.arguments(),
        msgspec.json.encode(write.rows).decode(),
        write.answer,
        write.state,
        write.phase,
        write.closes,
        write.granted,
        left,
        [event.event_id for event in write.events],
        [event.type for event in write.events],
        [event.salt for event in write.events],
        [event.body for event in write.events],
    )


async def get_call(tx: Reading, session_id: UUID, call_id: UUID) -> ReplayPendingCall:
    """Return a call. Refuses `not_found`."""
    found = await tx.find(
        ReplayPendingCall, _calls(tx, session_id).where(PENDING_CALL.c.call_id == call_id)
    )
    if found is None:
        raise NotFound(detail="there is no such thing here")
    return found


async def list_step(tx: Reading, call: ReplayPendingCall) -> list[ReplayPendingCall]:
    """Return every call of the step that a call is of, in the order of the response."""
    query = _calls(tx, call.session_id).where(
        PENDING_CALL.c.prepared_request_id == call.prepared_request_id
    )
    return await tx.list(ReplayPendingCall, query.order_by(PENDING_CALL.c.ordinal))


async def list_waiting(
    tx: Reading,
    principal: Principal,
    *,
    after: tuple[datetime, UUID] | None,
    now: datetime,
    limit: int,
) -> list[ReplayPendingCall]:
    """Return up to `limit` calls that wait for people, the one with the nearest deadline first.

    Only what may still be granted: those of a session that goes on, within its authority's time,
    and that no kill reaches now. Lifting the kill brings back what has not run out by then.
    `after` is the deadline and the id of the last one that was shown.
    """
    c, session = PENDING_CALL.c, REPLAY_SESSION.c
    joined = PENDING_CALL.join(
        REPLAY_SESSION,
        sa.and_(c.tenant_id == session.tenant_id, c.session_id == session.session_id),
    )
    query = (
        sa.select(PENDING_CALL)
        .select_from(joined)
        .where(
            c.tenant_id == tx.tenant_id,
            c.deadline_at.is_not(None),
            c.deadline_at > now,
            c.status == CallStatus.AWAITING_APPROVAL,
            session.status == SessionStatus.ACTIVE,
            sa.or_(session.authority_until.is_(None), session.authority_until > now),
            sa.not_(
                controls.is_killed(
                    tx.tenant_id,
                    agent=session.agent,
                    tool=c.tool_name,
                    artifact=session.artifact_id,
                )
            ),
        )
    )
    if principal.agent is not None:
        query = query.where(session.agent == principal.agent)
    if principal.environment is not None:
        query = query.where(session.environment == principal.environment)
    if after is not None:
        query = query.where(sa.tuple_(c.deadline_at, c.call_id) > sa.tuple_(*after))
    return await tx.list(ReplayPendingCall, query.order_by(c.deadline_at, c.call_id).limit(limit))


async def list_asks(
    tx: Reading, session_id: UUID, call_ids: Sequence[UUID]
) -> dict[UUID, ReplayAsk]:
    """Return what was voted on of these calls, by the call; one without votes is left out."""
    found = await tx.list(
        ReplayAsk,
        sa.select(ASK).where(
            ASK.c.tenant_id == tx.tenant_id,
            ASK.c.session_id == session_id,
            ASK.c.call_id.in_(call_ids),
        ),
    )
    return {ask.call_id: ask for ask in found}


async def list_votes(
    tx: Reading, session_id: UUID, call_ids: Sequence[UUID]
) -> list[ReplayAskVote]:
    """Return the votes on these calls, in the order in which they were cast."""
    return await tx.list(
        ReplayAskVote,
        sa.select(ASK_VOTE)
        .where(
            ASK_VOTE.c.tenant_id == tx.tenant_id,
            ASK_VOTE.c.session_id == session_id,
            ASK_VOTE.c.call_id.in_(call_ids),
        )
        .order_by(ASK_VOTE.c.voted_at, ASK_VOTE.c.vote_id),
    )


async def list_edits(
    tx: Reading, session_id: UUID, call_ids: Sequence[UUID]
) -> list[ReplayAskEdit]:
    """Return the edits that put these calls in the place of others, or others in theirs."""
    named = (ASK_EDIT.c.call_id.in_(call_ids), ASK_EDIT.c.new_call_id.in_(call_ids))
    return await tx.list(
        ReplayAskEdit,
        sa.select(ASK_EDIT).where(
            ASK_EDIT.c.tenant_id == tx.tenant_id,
            ASK_EDIT.c.session_id == session_id,
            sa.or_(*named),
        ),
    )


async def follow_edits(tx: Reading, session_id: UUID, call_ids: list[UUID]) -> list[UUID]:
    """Return calls, and in the place of each that was edited the call that it became in the end."""
    while call_ids:
        edits = await list_edits(tx, session_id, call_ids)
        now = {each.call_id: each.new_call_id for each in edits}
        if now.keys().isdisjoint(call_ids):
            break
        call_ids = [now.get(call_id, call_id) for call_id in call_ids]
    return call_ids


async def get_salt(
    tx: Reading, call: ReplayPendingCall, edit: ReplayAskEdit | None = None
) -> bytes:
    """Return the salt of the event that proposed a call, or of the `edit` that it came by.

    Refuses `not_found` once that is erased.
    """
    at = call.proposed_at if edit is None else edit.edited_at
    kind = (CallProposed if edit is None else CallEdited).__name__
    key = "call_id" if edit is None else "new_call_id"
    event, body = EVENT.c, EVENT_BODY.c
    joined = EVENT.join(
        EVENT_BODY,
        sa.and_(
            event.tenant_id == body.tenant_id,
            event.stream_id == body.stream_id,
            event.seq == body.seq,
        ),
    )
    named = sa.cast(sa.func.convert_from(body.body, "UTF8"), postgresql.JSONB)[key].astext
    rows = await tx.rows(
        sa.select(body.salt)
        .select_from(joined)
        .where(
            event.tenant_id == tx.tenant_id,
            event.stream_id == call.session_id,
            event.type == kind,
            event.at.between(at - _NEAR, at + _NEAR),
            named == str(call.call_id),
        )
    )
    if not rows:
        raise NotFound(detail="what proposed this call was erased")
    salt: bytes = rows[0].salt
    return salt


async def count_vote(tx: Writing, write: VoteWrite) -> str:
    """Count a vote. Returns the function's code: `ok`, `redo`, `ask_closed` or `not_found`.

    Comes last in a transaction: the writers of the session wait for it from here on.
    """
    events = write.events
    row = await tx.returning(
        _VOTE.bindparams(
            session=write.session_id,
            voter=write.voter_id,
            vote=write.vote_id,
            decision=write.decision.value,
            key=write.key_id,
            envelope=write.envelope,
            reason=write.reason,
            whole=write.is_whole,
            calls=msgspec.json.encode(write.calls).decode(),
            events=[event.event_id for event in events],
            types=[event.type for event in events],
            salts=[event.salt for event in events],
            bodies=[event.body for event in events],
        )
    )
    assert row is not None, "the function returns one row"  # noqa: S101 -- it has OUT parameters
    return await _told(tx, row.code, write.session_id)


async def edit(tx: Writing, write: EditWrite) -> str:
    """Put an edited call in the place of one that waits. Returns the function's code.

    One of `ok`, `redo`, `ask_closed` and `not_found`. Comes last in a transaction, but for reading.
    """
    row = await tx.returning(
        _EDIT.bindparams(
            session=write.session_id,
            call=write.call_id,
            new=write.new_call_id,
            ordinal=write.ordinal,
            seen=write.seen,
            editor=tx.actor_id,
            reason=write.reason,
            arguments=write.edited.arguments,
            hash=write.edited.arguments_hash,
            effect=write.edited.effect_key,
            events=[event.event_id for event in write.events],
            types=[event.type for event in write.events],
            salts=[event.salt for event in write.events],
            bodies=[event.body for event in write.events],
        )
    )
    assert row is not None, "the function returns one row"  # noqa: S101 -- it has OUT parameters
    return await _told(tx, row.code, write.session_id)


async def _told(tx: Writing, code: str, session_id: UUID) -> str:
    """Return the code that a function answered, and wake who waits where it wrote."""
    if code == "ok":
        await tx.rows(_TELL.bindparams(channel=CHANNEL, session=str(session_id)))
    return code


def _calls(tx: Reading, session_id: UUID) -> sa.Select[tuple[object, ...]]:
    return sa.select(PENDING_CALL).where(
        PENDING_CALL.c.tenant_id == tx.tenant_id, PENDING_CALL.c.session_id == session_id
    )
