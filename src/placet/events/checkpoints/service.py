"""Appending with a checkpoint, and folding a stream from its latest sound one."""

from typing import Final, TypeVar

from msgspec.structs import replace

from placet.events import store as events
from placet.events.checkpoints import store
from placet.events.checkpoints.model import (
    CHECKPOINTS_KEPT,
    STATE_BYTES_MAX,
    EventFoldCheckpoint,
    Fold,
    Folded,
    FoldState,
    StateTooLarge,
)
from placet.events.checkpoints.rules import begun, digest_of, folded_on, latest_sound
from placet.events.model import StreamId
from placet.events.places.model import Appended, Batch, Position
from placet.events.places.service import append
from placet.storage.database import Reading, Writing

PAGE: Final = 500
_END: Final = 2**63 - 1
S = TypeVar("S")


async def append_folded(tx: Writing, batch: Batch, after: FoldState) -> Appended:
    """Append a batch and keep the state that it leads to, both or neither.

    A batch that was there already keeps nothing. Refuses what `append` does, `state_too_large`.
    """
    appended = await append(tx, batch)
    if appended.written:
        await keep(tx, batch.stream_id, appended.position, after)
    return appended


async def keep(tx: Writing, stream: StreamId, at: Position, state: FoldState) -> None:
    """Keep the state that a stream's events lead to at a position. Refuses `state_too_large`."""
    if len(state.state) > STATE_BYTES_MAX:
        raise StateTooLarge(detail=f"the state has {len(state.state):,} bytes")
    bare = EventFoldCheckpoint(
        tenant_id=tx.tenant_id,
        stream_id=stream,
        fold=state.fold,
        seq=at.seq,
        form=state.form,
        head=at.leaf,
        state=state.state,
        digest=b"",
        taken_at=await tx.now(),
    )
    await store.keep_checkpoint(tx, replace(bare, digest=digest_of(bare)))


async def latest_checkpoint(
    tx: Reading, stream: StreamId, fold: str, form: int, *, until: int | None = None
) -> EventFoldCheckpoint | None:
    """Return the latest checkpoint that is sound, verified here; None means to fold the whole.

    With `until`, the latest that stands at or below that sequence number.
    """
    end = _END if until is None else until
    # Race: another is kept before the oldest is removed.
    kept = await store.list_checkpoints(tx, stream, fold, until=end, limit=2 * CHECKPOINTS_KEPT)
    return latest_sound(kept, form)


async def fold_stream(
    tx: Reading, stream: StreamId, fold: Fold[S], *, until: int | None = None
) -> Folded[S]:
    """Return what a stream's events lead to, up to `until` or to its end as this transaction sees.

    It begins at the latest sound checkpoint. Refuses `stream_unreadable`.
    """
    kept = await latest_checkpoint(tx, stream, fold.name, fold.form, until=until)
    folded = begun(fold, kept)
    while until is None or folded.seq < until:
        room = PAGE if until is None else min(PAGE, until - folded.seq)
        page = await events.list_events(tx, stream, after=folded.seq, limit=room)
        folded = folded_on(fold, folded, page)
        if len(page) < room:
            break
    return folded


def state_of(fold: Fold[S], state: S) -> FoldState:
    """Return a fold's state as it is kept."""
    return FoldState(fold=fold.name, form=fold.form, state=fold.encode(state))
