"""Questions about all calls under one artifact, answered by counting in the database."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.events.tables import EVENT, EVENT_BODY
from placet.replay.calls.events import CallSettled
from placet.replay.calls.model import CallStatus, ExecutionState
from placet.replay.calls.tables import PENDING_CALL
from placet.replay.observed.model import CallWindow, DecidedCalls, ToolCalls
from placet.replay.sessions.tables import REPLAY_SESSION
from placet.storage.database import Reading, Writing

GROUPS_MAX: Final = 5_000
"""Sorts of decisions that one question tells apart, the most frequent first."""

_CODES: Final[sa.ColumnClause[str]] = sa.literal_column("'$[*].code'::jsonpath")
_RULES: Final[sa.ColumnClause[str]] = sa.literal_column("'$[*].rule'::jsonpath")
_CALL = PENDING_CALL.c
_SESSION = REPLAY_SESSION.c
_OPEN: Final = sa.text(
    "SELECT min(xact_start) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
)


async def settled_until(tx: Writing) -> datetime:
    """Return the moment up to which every call that was decided can be seen by now.

    Ask for it before what is counted up to it, and in a transaction that sees what others commit.
    """
    # Race: the clock is read first, so a transaction that begins meanwhile is later than it.
    now = await tx.now()
    ((oldest,),) = await tx.rows(_OPEN)
    return now if oldest is None else min(now, oldest)


async def count_decisions(
    tx: Reading, window: CallWindow, known: Collection[str]
) -> list[DecidedCalls]:
    """Return how the calls that were proposed in a window were decided.

    A model may make up any number of names: calls of tools that are not `known` count as of one
    tool with no name, so that they push out no other sort.
    """
    is_known = _CALL.tool_name == sa.any_(sa.literal(list(known), postgresql.ARRAY(sa.Text)))
    tool = sa.case((is_known, _CALL.tool_name), else_=sa.literal_column("''::text"))
    codes = sa.func.jsonb_path_query_array(_CALL.reasons, _CODES)
    rules = sa.func.jsonb_path_query_array(_CALL.reasons, _RULES)
    times = sa.func.count().label("times")
    query = (
        sa.select(
            tool.label("tool"),
            _CALL.verdict,
            _CALL.layer,
            codes.label("codes"),
            rules.label("rules"),
            times,
            sa.func.max(_CALL.proposed_at).label("last_at"),
        )
        .select_from(_calls())
        .where(*_within(tx, window))
        .where(*_proposed(window))
        .group_by(sa.literal_column("1"), _CALL.verdict, _CALL.layer, codes, rules)
        .order_by(times.desc(), sa.literal_column("1"), rules)
        .limit(GROUPS_MAX)
    )
    return await tx.list(DecidedCalls, query)


async def count_calls(tx: Reading, window: CallWindow) -> int:
    """Return how many calls were proposed in a window."""
    ((total,),) = await tx.rows(
        sa.select(sa.func.count())
        .select_from(_calls())
        .where(*_within(tx, window))
        .where(*_proposed(window))
    )
    return int(total)


async def count_successes(tx: Reading, window: CallWindow) -> list[ToolCalls]:
    """Return how many calls of each tool were settled as succeeded in a window."""
    query = (
        sa.select(
            _CALL.tool_name.label("tool"),
            sa.func.count().label("times"),
            sa.func.max(_CALL.settled_at).label("last_at"),
        )
        .select_from(_calls())
        .where(
            *_within(tx, window),
            _CALL.execution_state == ExecutionState.SUCCEEDED,
            _CALL.settled_at > window.after,
            _CALL.settled_at <= window.until,
        )
        .group_by(_CALL.tool_name)
        .order_by(_CALL.tool_name)
    )
    return await tx.list(ToolCalls, query)


async def count_misplaced(tx: Reading, window: CallWindow) -> list[ToolCalls]:
    """Return, by tool, the commits of a window that found their session in another phase."""
    # As `json` and without `->>`: what a body remembers of a call is looked over, never converted.
    body = sa.cast(sa.func.convert_from(EVENT_BODY.c.body, "UTF8"), postgresql.JSON)
    tool = sa.func.btrim(sa.cast(body["tool"], sa.Text), '"')
    settled = REPLAY_SESSION.join(
        EVENT,
        sa.and_(EVENT.c.tenant_id == _SESSION.tenant_id, EVENT.c.stream_id == _SESSION.session_id),
    )
    said = settled.join(
        EVENT_BODY,
        sa.and_(
            EVENT_BODY.c.tenant_id == EVENT.c.tenant_id,
            EVENT_BODY.c.stream_id == EVENT.c.stream_id,
            EVENT_BODY.c.seq == EVENT.c.seq,
        ),
    )
    query = (
        sa.select(
            tool.label("tool"),
            sa.func.count().label("times"),
            sa.func.max(EVENT.c.at).label("last_at"),
        )
        .select_from(said)
        .where(
            *_within(tx, window),
            EVENT.c.type == CallSettled.__name__,
            EVENT.c.at > window.after,
            EVENT.c.at <= window.until,
            sa.cast(body["phase_conflict"], sa.Text) == "true",
        )
        .group_by(tool)
        .order_by(tool)
    )
    return await tx.list(ToolCalls, query)


def _calls() -> sa.Join:
    return REPLAY_SESSION.join(
        PENDING_CALL,
        sa.and_(_CALL.tenant_id == _SESSION.tenant_id, _CALL.session_id == _SESSION.session_id),
    )


def _proposed(window: CallWindow) -> tuple[sa.ColumnElement[bool], ...]:
    """Return what was proposed in a window; a call that somebody edited is not there twice."""
    return (
        _CALL.proposed_at > window.after,
        _CALL.proposed_at <= window.until,
        _CALL.status != CallStatus.SUPERSEDED,
    )


def _within(tx: Reading, window: CallWindow) -> tuple[sa.ColumnElement[bool], ...]:
    """Return which sessions can have something in a window: every change of one is an event."""
    return (
        _SESSION.tenant_id == tx.tenant_id,
        _SESSION.artifact_id == window.artifact_id,
        _SESSION.last_event_at > window.after,
    )
