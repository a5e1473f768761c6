"""Taking snapshots of sessions, and holding a session to its events."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from placet.events import store as events
from placet.events.model import RecordedEvent, StreamId
from placet.kernel.principal import Principal
from placet.kernel.refusals import NotFound
from placet.replay.sessions.model import ReplaySession
from placet.replay.sessions.rules import encode_state
from placet.replay.sessions.views import check_reach
from placet.replay.snapshots import store
from placet.replay.snapshots.model import (
    FOLD_FORM,
    SNAPSHOTS_KEPT,
    HistoryFlaw,
    HistoryUnreadable,
    PlacedSnapshot,
    ReplaySessionSnapshot,
    SessionChecked,
    SnapshotWithState,
)
from placet.replay.snapshots.rules import (
    START,
    Chained,
    Folded,
    differing,
    digest_of,
    first_untold,
    fits,
    is_damaged,
    latest_sound,
    unreadable,
    whole_view_of,
)
from placet.storage.database import Database, Writing

PAGE: Final = 500
"""Events folded at a time. Each page is read in a short transaction: events never change."""


async def fold_session(
    db: Database, principal: Principal, session_id: UUID, seq: int | None
) -> Folded:
    """Return what a session's events lead to up to `seq`, or up to the latest.

    It begins at the latest snapshot that is sound. Refuses `not_found` for a session that the key
    may not see and for an event that is not there yet, `history_unreadable`.
    """
    session, snapshots = await read_kept(db, principal, session_id)
    end = session.next_seq - 1 if seq is None else seq
    if end >= session.next_seq:
        raise NotFound(detail=f"this session has no event {end} yet")
    return await fold_on(db, principal, session, latest_sound(snapshots, end), end)


async def keep_snapshot(tx: Writing, session: UUID, folded: Folded) -> SnapshotWithState:
    """Keep what a session's events lead to, in place of anything else that stands there.

    Returns what was folded, which does not stay where as many later ones stand as are kept.
    """
    bare = ReplaySessionSnapshot(
        tenant_id=tx.tenant_id,
        session_id=StreamId(session),
        seq=folded.seq,
        form=FOLD_FORM,
        head=folded.head,
        state=encode_state(folded.state),
        digest=b"",
        taken_at=await tx.now(),
    )
    made = msgspec.structs.replace(bare, digest=digest_of(bare))
    await store.keep_snapshot(tx, made)
    stands = await store.find_snapshot(tx, session, folded.seq)
    return whole_view_of(stands or PlacedSnapshot(**msgspec.structs.asdict(made), leaf=folded.head))


async def check_session(
    db: Database, principal: Principal, session_id: UUID, *, whole: bool
) -> SessionChecked:
    """Hold a session's state to its events, from the latest sound snapshot on or from the first.

    The `whole` check holds every snapshot to them too. Refuses `not_found`.
    """
    session, snapshots = await read_kept(db, principal, session_id)
    end = session.next_seq - 1
    folded = begun = START if whole else latest_sound(snapshots, end)
    wrong = {one.seq for one in snapshots if is_damaged(one)}
    flaw: HistoryUnreadable | None = None
    head = session.head
    try:
        for one in reversed(snapshots if whole else ()):
            folded = await fold_on(db, principal, session, folded, one.seq)
            if not fits(one, folded):
                wrong.add(one.seq)
        folded = await fold_on(db, principal, session, folded, end)
        head = folded.head
    except HistoryUnreadable as fault:
        flaw = fault
    if flaw is not None and flaw.flaw is HistoryFlaw.ERASED:
        flaw, head = await _look_past(db, principal, session, flaw)
    differs = [] if flaw else differing(session.state, folded.state)
    if head != session.head:
        differs.append("head")
    return SessionChecked(
        session_id=session_id,
        seq=folded.seq,
        since=begun.seq,
        sound=flaw is None and not differs,
        differs=differs,
        wrong_snapshots=sorted(wrong),
        flaw=None if flaw is None else flaw.flaw,
        flawed_seq=None if flaw is None else flaw.seq,
    )


async def _look_past(
    db: Database, principal: Principal, session: ReplaySession, erased: HistoryUnreadable
) -> tuple[HistoryUnreadable, bytes]:
    """Return what stands in the way of a fold, other than what was rightly erased, and the head.

    That is `erased` itself where the chain holds to its end and events tell of each body that went.
    """
    chained, end = Chained(), session.next_seq - 1
    try:
        while chained.seq < end:
            until = min(chained.seq + PAGE, end)
            page = await _read_page(db, principal, session, chained.seq, until)
            chained = chained.then(page, until)
    except HistoryUnreadable as fault:
        return fault, session.head
    async with db.reading(principal) as tx:
        told = await store.list_erased(tx, session.session_id)
    untold = first_untold(chained.missing, told)
    flaw = erased if untold is None else unreadable(HistoryFlaw.UNTOLD, untold)
    return flaw, chained.head


async def _read_page(
    db: Database, principal: Principal, session: ReplaySession, after: int, until: int
) -> list[RecordedEvent]:
    async with db.reading(principal) as tx:
        return await events.list_events(tx, session.session_id, after=after, limit=until - after)


async def read_kept(
    db: Database, principal: Principal, session_id: UUID
) -> tuple[ReplaySession, Sequence[PlacedSnapshot]]:
    """Return a session and its snapshots, the latest first, as of one moment."""
    async with db.reading(principal) as tx:
        session = await check_reach(tx, principal, session_id)
        # Race: another is kept before the oldest is removed.
        limit = 2 * SNAPSHOTS_KEPT
        return session, await store.list_snapshots(
            tx, session_id, below=session.next_seq, limit=limit
        )


async def fold_on(
    db: Database, principal: Principal, session: ReplaySession, folded: Folded, end: int
) -> Folded:
    """Return where a fold stands after the events up to `end`. Refuses `history_unreadable`."""
    while folded.seq < end:
        until = min(folded.seq + PAGE, end)
        page = await _read_page(db, principal, session, folded.seq, until)
        folded = folded.then(page, until)
    return folded
