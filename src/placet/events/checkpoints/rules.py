"""What makes a fold checkpoint sound, and folding on from where one stands."""

from collections.abc import Iterable
from typing import TypeVar

from placet.events.checkpoints.model import (
    EventFoldCheckpoint,
    Fold,
    Folded,
    PlacedCheckpoint,
    StreamFlaw,
    StreamUnreadable,
)
from placet.events.model import GENESIS, RecordedEvent
from placet.kernel.hashing import digest

S = TypeVar("S")


def digest_of(checkpoint: EventFoldCheckpoint) -> bytes:
    """Return the digest that binds a state to its place and to the fold that made it."""
    fold = checkpoint.fold.encode()
    return digest(
        "fold_checkpoint",
        len(fold).to_bytes(4),
        fold,
        checkpoint.form.to_bytes(4),
        checkpoint.tenant_id.bytes,
        checkpoint.stream_id.bytes,
        checkpoint.seq.to_bytes(8),
        checkpoint.head,
        checkpoint.state,
    )


def is_sound(checkpoint: PlacedCheckpoint, form: int) -> bool:
    """Tell whether a fold of this form may begin at this checkpoint."""
    return (
        checkpoint.form == form
        and checkpoint.head == checkpoint.leaf
        and checkpoint.digest == digest_of(checkpoint)
    )


def latest_sound(checkpoints: Iterable[PlacedCheckpoint], form: int) -> PlacedCheckpoint | None:
    """Return the first of these checkpoints, the latest first, that serves; None where none does.

    Then the fold begins at the stream's first event.
    """
    return next((one for one in checkpoints if is_sound(one, form)), None)


def begun(fold: Fold[S], checkpoint: EventFoldCheckpoint | None) -> Folded[S]:
    """Return where a fold begins: at a checkpoint that is sound, or before the first event."""
    if checkpoint is None:
        return Folded(seq=0, head=GENESIS, state=fold.initial)
    state = fold.decode(checkpoint.state)
    return Folded(seq=checkpoint.seq, head=checkpoint.head, state=state)


def folded_on(fold: Fold[S], folded: Folded[S], events: Iterable[RecordedEvent]) -> Folded[S]:
    """Return where a fold stands after the next events.

    Refuses `stream_unreadable` where one is missing, erased or not chained to the one before.
    """
    seq, head, state = folded.seq, folded.head, folded.state
    for event in events:
        if event.seq != seq + 1:
            raise _unreadable(StreamFlaw.MISSING, seq + 1)
        if event.prev != head:
            raise _unreadable(StreamFlaw.UNLINKED, event.seq)
        if event.body is not None:
            state = fold.step(state, event.type, event.body)
        elif fold.reads(event.type):
            raise _unreadable(StreamFlaw.ERASED, event.seq)
        seq, head = event.seq, event.leaf
    return Folded(seq=seq, head=head, state=state)


def _unreadable(flaw: StreamFlaw, seq: int) -> StreamUnreadable:
    return StreamUnreadable(
        detail=f"the event {seq} is {flaw}, and what follows it cannot be told", flaw=flaw, seq=seq
    )
