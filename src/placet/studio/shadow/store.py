"""Questions about shadows, and their guarded changes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.events.tables import EVENT
from placet.kernel.principal import Environment
from placet.replay.sessions.tables import REPLAY_SESSION
from placet.storage.database import Reading, Writing, fields_of
from placet.studio.shadow.model import (
    LATE_START,
    Behind,
    Lag,
    Shadow,
    ShadowCursor,
    ShadowEnd,
    ShadowNotFound,
    ShadowStatus,
    ShadowTally,
)
from placet.studio.shadow.tables import CURSOR, SHADOW, TALLY

_INSERT_MAX = 1_000


async def insert_shadow(tx: Writing, shadow: Shadow) -> bool:
    """Add a shadow. Returns False if its workspace has a running one."""
    # Race: of two that are started at once, the second waits here for the first and adds nothing.
    added = postgresql.insert(SHADOW).values(fields_of(shadow)).on_conflict_do_nothing()
    return await tx.change(added) == 1


async def insert_cursors(tx: Writing, cursors: Sequence[ShadowCursor]) -> None:
    """Say how far sessions are that were open before a shadow."""
    for first in range(0, len(cursors), _INSERT_MAX):
        rows = [fields_of(one) for one in cursors[first : first + _INSERT_MAX]]
        await tx.change(sa.insert(CURSOR).values(rows))


async def find_running(tx: Reading, workspace_id: UUID) -> Shadow | None:
    """Return the running shadow of a workspace."""
    query = _shadow(tx).where(
        SHADOW.c.workspace_id == workspace_id, SHADOW.c.status == ShadowStatus.RUNNING
    )
    return await tx.find(Shadow, query)


async def get_latest_of(tx: Reading, snapshot_id: UUID) -> Shadow:
    """Return the latest shadow of a snapshot. Refuses `shadow_not_found`."""
    query = _shadow(tx).where(SHADOW.c.snapshot_id == snapshot_id)
    found = await tx.find(Shadow, query.order_by(SHADOW.c.shadow_id.desc()).limit(1))
    if found is None:
        raise ShadowNotFound(detail="this snapshot was never put beside the artifact in force")
    return found


def hold_statement(tx: Reading, shadow_id: UUID) -> sa.Select[tuple[object, ...]]:
    """Return the question that also keeps a running shadow as it is until the transaction ends."""
    # Race: what counts and what ends a shadow wait here for each other; after its end none counts.
    return (
        _shadow(tx)
        .where(SHADOW.c.shadow_id == shadow_id, SHADOW.c.status == ShadowStatus.RUNNING)
        .with_for_update()
    )


async def hold_running(tx: Writing, shadow_id: UUID) -> Shadow | None:
    """Return a running shadow and keep it so until the transaction ends; None if it has ended."""
    return await tx.find(Shadow, hold_statement(tx, shadow_id))


async def advance_to_ended(tx: Writing, shadow: Shadow, why: ShadowEnd) -> bool:
    """End a running shadow. Returns False if it had ended before."""
    ended = (
        sa.update(SHADOW)
        .where(
            SHADOW.c.tenant_id == tx.tenant_id,
            SHADOW.c.shadow_id == shadow.shadow_id,
            SHADOW.c.status == ShadowStatus.RUNNING,
        )
        .values(status=ShadowStatus.ENDED, ended_why=why, ended_at=sa.func.clock_timestamp())
    )
    return await tx.change(ended) == 1


def cursor_statement(shadow: Shadow, behind: Behind, seq: int) -> sa.Insert:
    """Return the move of a cursor, which holds only from where it was read."""
    # Invariant: a call is counted once, by whoever moves the cursor past it.
    moved = postgresql.insert(CURSOR).values(
        tenant_id=shadow.tenant_id,
        shadow_id=shadow.shadow_id,
        session_id=behind.session_id,
        seq=seq,
    )
    return moved.on_conflict_do_update(
        index_elements=["tenant_id", "shadow_id", "session_id"],
        set_={"seq": moved.excluded.seq},
        where=CURSOR.c.seq == behind.seq,
    )


async def advance_cursor(tx: Writing, shadow: Shadow, behind: Behind, seq: int) -> bool:
    """Move a cursor on. Returns False if somebody has moved it since it was read."""
    return await tx.change(cursor_statement(shadow, behind, seq)) == 1


async def add_tally(tx: Writing, tally: ShadowTally) -> None:
    """Add to a count; the first example of its kind stays."""
    added = postgresql.insert(TALLY).values(fields_of(tally))
    await tx.change(
        added.on_conflict_do_update(
            index_elements=["tenant_id", "shadow_id", "tool", "before", "after", "unjudged"],
            set_={"calls": TALLY.c.calls + added.excluded.calls},
        )
    )


async def add_left_out(tx: Writing, shadow: Shadow, calls: int) -> None:
    """Add to the calls that were not judged."""
    await tx.change(
        sa.update(SHADOW)
        .where(SHADOW.c.tenant_id == tx.tenant_id, SHADOW.c.shadow_id == shadow.shadow_id)
        .values(left_out=SHADOW.c.left_out + calls)
    )


async def list_tallies(tx: Reading, shadow_id: UUID) -> list[ShadowTally]:
    """Return everything that a shadow has counted: as many rows as tools, times nine at most."""
    return await tx.list(
        ShadowTally,
        sa.select(TALLY)
        .where(TALLY.c.tenant_id == tx.tenant_id, TALLY.c.shadow_id == shadow_id)
        .order_by(TALLY.c.tool, TALLY.c.before, TALLY.c.after, TALLY.c.unjudged),
    )


async def list_ends(
    tx: Reading, agent: str, environment: Environment, artifact_id: UUID
) -> list[Behind]:
    """Return where streams end now: of all open sessions under an artifact, and of recent ones."""
    s = REPLAY_SESSION.c
    since = sa.func.clock_timestamp() - 2 * LATE_START
    end = s.next_seq - 1
    columns: tuple[sa.ColumnElement[Any], ...] = (
        s.session_id,
        end.label("seq"),
        end.label("last_seq"),
    )
    mine = sa.select(*columns).where(s.tenant_id == tx.tenant_id, s.artifact_id == artifact_id)
    ends = sa.union(
        mine.where(s.ended_at.is_(None)),
        mine.where(s.agent == agent, s.environment == environment, s.created_at >= since),
    ).subquery()
    return await tx.list(Behind, sa.select(ends).order_by(ends.c.session_id))


async def list_behind(tx: Reading, shadow: Shadow, limit: int) -> list[Behind]:
    """Return up to `limit` sessions with events that a shadow has not looked at."""
    behind = _behind(tx, shadow)
    return await tx.list(Behind, sa.select(behind).order_by(behind.c.session_id).limit(limit))


async def read_lag(tx: Reading, shadow: Shadow) -> Lag:
    """Return how far a shadow is behind what has happened."""
    behind = _behind(tx, shadow)
    age = sa.extract("epoch", sa.func.clock_timestamp() - sa.func.min(EVENT.c.at))
    events = sa.func.coalesce(sa.func.sum(behind.c.last_seq - behind.c.seq), 0)
    columns: tuple[sa.ColumnElement[Any], ...] = (
        sa.func.count().label("sessions"),
        sa.cast(events, sa.BigInteger).label("events"),
        sa.cast(sa.func.coalesce(sa.func.floor(age), 0), sa.BigInteger).label("seconds"),
    )
    query = sa.select(*columns).select_from(
        behind.join(
            EVENT,
            sa.and_(
                EVENT.c.tenant_id == tx.tenant_id,
                EVENT.c.stream_id == behind.c.session_id,
                EVENT.c.seq == behind.c.seq + 1,
            ),
        )
    )
    (lag,) = await tx.list(Lag, query)
    return lag


def _behind(tx: Reading, shadow: Shadow) -> sa.Subquery:
    """Return the sessions whose streams have grown past a shadow's cursors.

    Those that were open at its start have a cursor since then; of the others, those count that were
    opened since. A session that was opened just before and was not seen then is looked at from its
    beginning: what was proposed before the start is not counted, whoever looks.
    """
    s, late = REPLAY_SESSION.c, shadow.started_at - LATE_START
    joined = sa.and_(
        CURSOR.c.tenant_id == s.tenant_id,
        CURSOR.c.shadow_id == shadow.shadow_id,
        CURSOR.c.session_id == s.session_id,
    )
    seq = sa.func.coalesce(CURSOR.c.seq, 0)
    columns = (s.session_id, seq.label("seq"), (s.next_seq - 1).label("last_seq"))
    mine = (
        s.tenant_id == tx.tenant_id,
        s.agent == shadow.agent,
        s.environment == shadow.environment,
        s.artifact_id == shadow.artifact_id,
        s.next_seq - 1 > seq,
    )
    since = sa.select(*columns).select_from(REPLAY_SESSION.outerjoin(CURSOR, joined))
    before = sa.select(*columns).select_from(REPLAY_SESSION.join(CURSOR, joined))
    return sa.union_all(
        since.where(*mine, s.created_at >= late), before.where(*mine, s.created_at < late)
    ).subquery()


def _shadow(tx: Reading) -> sa.Select[tuple[object, ...]]:
    return sa.select(SHADOW).where(SHADOW.c.tenant_id == tx.tenant_id)
