"""What makes a snapshot sound, and folding a session's events from where one stands."""

from collections.abc import Iterable, Sequence
from typing import Final, Self

import msgspec

from placet.events.model import GENESIS, RecordedEvent
from placet.kernel.hashing import digest
from placet.kernel.value import Value
from placet.replay.calls.fold import fold, is_read
from placet.replay.sessions.rules import decode_state, encode_state, opening_state
from placet.replay.sessions.state import SessionState
from placet.replay.snapshots.model import (
    FOLD_FORM,
    ErasedSpan,
    HistoryFlaw,
    HistoryUnreadable,
    PlacedSnapshot,
    ReplaySessionSnapshot,
    SnapshotView,
    SnapshotWithState,
)


class Folded(Value, frozen=True):
    """Where a fold stands: the last event's sequence number and leaf, and the state after it."""

    seq: int
    head: bytes
    state: SessionState

    def then(self, events: Iterable[RecordedEvent], until: int) -> Self:
        """Return where the fold stands after the next events, up to `until`.

        Refuses `history_unreadable` where one is missing, erased or not chained to the one before.
        """
        seq, head = self.seq, self.head
        told: list[tuple[str, bytes]] = []
        for event in events:
            _check_place(event, seq, head)
            if event.body is not None:
                told.append((event.type, event.body))
            elif is_read(event.type):
                raise unreadable(HistoryFlaw.ERASED, event.seq)
            seq, head = event.seq, event.leaf
        _check_end(seq, until)
        return msgspec.structs.replace(self, seq=seq, head=head, state=fold(told, self.state))


START: Final = Folded(seq=0, head=GENESIS, state=opening_state(None))
"""Where the fold of every session begins."""


class Chained(Value, frozen=True):
    """How far a chain was followed, whatever its events say, and which of them have no body."""

    seq: int = 0
    head: bytes = GENESIS
    missing: tuple[int, ...] = ()

    def then(self, events: Sequence[RecordedEvent], until: int) -> Self:
        """Return where the chain stands after the next events, up to `until`.

        Refuses `history_unreadable` where one is missing or not chained to the one before.
        """
        seq, head = self.seq, self.head
        for event in events:
            _check_place(event, seq, head)
            seq, head = event.seq, event.leaf
        _check_end(seq, until)
        missing = tuple(event.seq for event in events if event.body is None)
        return msgspec.structs.replace(self, seq=seq, head=head, missing=self.missing + missing)


def first_untold(missing: Iterable[int], told: Iterable[ErasedSpan]) -> int | None:
    """Return the first event whose body is missing and that no erasure accounts for, or None.

    An erasure accounts for so many bodies between two sequences. Each is put to the one that ends
    first, of those that have room: if that leaves one over, every other way does too.
    """
    room = [[one.to_seq, one.from_seq, one.count] for one in told]
    room.sort()
    for seq in missing:
        fitting = (one for one in room if one[1] <= seq <= one[0] and one[2])
        found = next(fitting, None)
        if found is None:
            return seq
        found[2] -= 1
    return None


def digest_of(snapshot: ReplaySessionSnapshot) -> bytes:
    """Return the digest that binds a snapshot's state to its place and to the fold that made it."""
    return digest(
        "session_snapshot",
        snapshot.form.to_bytes(4),
        snapshot.tenant_id.bytes,
        snapshot.session_id.bytes,
        snapshot.seq.to_bytes(8),
        snapshot.head,
        snapshot.state,
    )


def is_sound(snapshot: PlacedSnapshot) -> bool:
    """Tell whether a fold may begin at this snapshot."""
    return (
        snapshot.form == FOLD_FORM
        and snapshot.digest == digest_of(snapshot)
        and snapshot.head == snapshot.leaf
    )


def folded_of(snapshot: ReplaySessionSnapshot) -> Folded:
    """Return where the fold stands at a snapshot that is sound."""
    return Folded(seq=snapshot.seq, head=snapshot.head, state=decode_state(snapshot.state))


def latest_sound(snapshots: Iterable[PlacedSnapshot], end: int) -> Folded:
    """Return where to begin a fold up to `end`: at the latest snapshot that serves, or the start.

    The snapshots come in their order, the latest first.
    """
    served = (one for one in snapshots if one.seq <= end and is_sound(one))
    found = next(served, None)
    return START if found is None else folded_of(found)


def is_damaged(snapshot: PlacedSnapshot) -> bool:
    """Tell whether a snapshot of today's form is not sound; those of older forms are only old."""
    return snapshot.form == FOLD_FORM and not is_sound(snapshot)


def fits(snapshot: PlacedSnapshot, folded: Folded) -> bool:
    """Tell whether a snapshot is what the events up to its place lead to."""
    return snapshot.head == folded.head and snapshot.state == encode_state(folded.state)


def differing(kept: bytes, folded: SessionState) -> list[str]:
    """Return the names of the facts that are kept otherwise than the events lead to.

    Bytes that are no state at all differ in `*`, and so do two forms of the same state.
    """
    if kept == encode_state(folded):
        return []
    try:
        found = decode_state(kept)
    except msgspec.MsgspecError:
        return ["*"]
    names = [
        name
        for name in SessionState.__struct_fields__
        if getattr(found, name) != getattr(folded, name)
    ]
    return names or ["*"]


def view_of(snapshot: PlacedSnapshot) -> SnapshotView:
    """Return a snapshot as it is listed."""
    return SnapshotView(
        session_id=snapshot.session_id,
        seq=snapshot.seq,
        head=snapshot.head.hex(),
        digest=snapshot.digest.hex(),
        sound=is_sound(snapshot),
        taken_at=snapshot.taken_at,
    )


def whole_view_of(snapshot: PlacedSnapshot) -> SnapshotWithState:
    """Return a snapshot with its state; null where its bytes are no JSON."""
    return SnapshotWithState(
        **msgspec.structs.asdict(view_of(snapshot)), state=msgspec.Raw(_json(snapshot.state))
    )


def _json(state: bytes) -> bytes:
    try:
        msgspec.json.decode(state)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return b"null"
    return state


def _check_place(event: RecordedEvent, seq: int, head: bytes) -> None:
    """Refuse `history_unreadable` for an event that does not follow this one."""
    if event.seq != seq + 1:
        raise unreadable(HistoryFlaw.MISSING, seq + 1)
    if event.prev != head:
        raise unreadable(HistoryFlaw.UNLINKED, event.seq)


def _check_end(seq: int, until: int) -> None:
    if seq < until:
        raise unreadable(HistoryFlaw.MISSING, seq + 1)


def unreadable(flaw: HistoryFlaw, seq: int) -> HistoryUnreadable:
    """Return the refusal to fold what has this flaw."""
    return HistoryUnreadable(
        detail=f"the event {seq} is {flaw}, and what follows it cannot be told", flaw=flaw, seq=seq
    )
