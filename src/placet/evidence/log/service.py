"""A round of a tenant's log, and proofs from it."""

from collections.abc import Collection, Sequence
from typing import Final

from msgspec.structs import replace

from placet.events.model import SealPending, StreamId, StreamKind, new_event, tenant_stream
from placet.events.store import append
from placet.evidence import merkle
from placet.evidence.log import rules, store, tiles
from placet.evidence.log.model import (
    ENTRIES_AT_ONCE,
    NEWEST,
    SEALS_AT_ONCE,
    Included,
    LogDamaged,
    LogHead,
    Round,
    StreamSealed,
    Taken,
)
from placet.kernel.ids import Ids
from placet.kernel.refusals import NotFound
from placet.storage.database import Reading, Writing

AGAIN_SECONDS: Final = 60


async def advance(
    tx: Writing, ids: Ids, *, room: int = ENTRIES_AT_ONCE, part: int | None = None
) -> Round | None:
    """Do one round: up to `room` events enter, and a number of ends of streams are told.

    What was written since the last round is looked at, or what waits of one `part` of the log's
    time. None if somebody else is at it. Refuses `log_damaged`, and then nothing was done.
    """
    head = await store.take_head(tx)
    if head is None:
        return None
    rows = await store.list_pending(tx, part, room)
    entered = await store.list_entered(tx, {row.stream_id for row in rows})
    taken = rules.decide_round(rows, entered, room)
    seals = await store.list_seals(tx, part, SEALS_AT_ONCE)
    after = head
    if taken.ranges:
        after = await _enter(tx, head, taken)
    if part is None or part == NEWEST:
        after = replace(after, mark=rules.mark_after(taken, seals, SEALS_AT_ONCE, head.mark))
    if taken.done or seals:
        await store.drop_taken(tx, taken.done, seals)
    if seals:
        await _tell(tx, ids, seals)
    done = Round(
        entered=after.size - head.size,
        sealed=len(seals),
        size=after.size,
        # One row may hold many events, and one that does not fit is not done with.
        is_full=len(rows) == room or len(taken.done) < len(rows) or len(seals) == SEALS_AT_ONCE,
    )
    if (after != head or seals) and not await store.advance_head(tx, head.size, after):
        raise LogDamaged(
            detail=f"the log has no {head.size} entries any more", retry_after_seconds=AGAIN_SECONDS
        )
    return done


async def inclusion(tx: Reading, stream: StreamId, seq: int, size: int) -> Included:
    """Prove that an event is among the first `size` entries. Refuses `not_found`, `log_damaged`."""
    head = await store.find_head(tx)
    entry = await store.find_entry(tx, stream, seq)
    if head is None or entry is None or not entry.index < size <= head.size:
        raise NotFound(detail=f"the first {size} entries of the log do not hold this event")
    path = await _hashes(tx, merkle.inclusion_spans(entry.index, size))
    return Included(index=entry.index, size=size, leaf=entry.leaf, path=path)


async def paths(tx: Reading, indexes: Sequence[int], size: int) -> list[list[bytes]]:
    """Return for each of these entries the path that proves it among the first `size`.

    Whoever asks knows that all of them are there. Refuses `log_damaged`.
    """
    spans = [merkle.inclusion_spans(index, size) for index in indexes]
    known = await _known(tx, {span for path in spans for span in path})
    return [[known[span] for span in path] for path in spans]


async def consistency(tx: Reading, from_size: int, to_size: int) -> list[bytes]:
    """Prove that the first `from_size` entries are the first of `to_size`.

    Refuses `not_found` for sizes that the log never had, `log_damaged`.
    """
    head = await store.find_head(tx)
    if not 0 <= from_size <= to_size <= (head.size if head else 0):
        raise NotFound(detail=f"the log has no {from_size} of {to_size} entries")
    return await _hashes(tx, merkle.consistency_spans(from_size, to_size))


async def root_at(tx: Reading, size: int) -> bytes:
    """Return the root of the first `size` entries, of which there are. Refuses `log_damaged`."""
    return (await _hashes(tx, [(0, size)]))[0] if size else merkle.EMPTY_ROOT


async def _enter(tx: Writing, head: LogHead, taken: Taken) -> LogHead:
    """Write entries and tiles, and return the head that goes with them."""
    nodes = merkle.nodes_of((0, head.size))
    known = await store.list_nodes(tx, nodes)
    edge = [known[node] for node in nodes if node in known]
    if len(edge) < len(nodes) or merkle.fold(edge) != head.root:
        raise LogDamaged(
            detail="what is kept of the tree does not give the root of the log",
            retry_after_seconds=AGAIN_SECONDS,
        )
    leaves = await store.enter(tx, head.size, taken.ranges)
    if len(leaves) != rules.count_of(taken.ranges):
        raise LogDamaged(
            detail="events that wait for the log are not there", retry_after_seconds=AGAIN_SECONDS
        )
    grown = merkle.grow(head.size, edge, [merkle.leaf_hash(leaf) for leaf in leaves])
    if not await store.keep_tiles(tx, tiles.tiles_with(grown.made)):
        raise LogDamaged(
            detail="a tile does not end where the log does", retry_after_seconds=AGAIN_SECONDS
        )
    quiet = tenant_stream(tx.tenant_id, StreamKind.CHECKPOINTS)
    return LogHead(
        tenant_id=tx.tenant_id,
        size=grown.size,
        root=merkle.fold(grown.edge),
        mark=head.mark,
        owed=rules.owed_after(taken.ranges, head.size, head.owed, quiet),
    )


async def _tell(tx: Writing, ids: Ids, seals: list[SealPending]) -> None:
    """Tell of streams that ended, in the tenant's stream of seals."""
    events = [
        new_event(
            ids,
            StreamSealed(
                stream_id=seal.stream_id,
                kind=seal.kind,
                last_seq=seal.last_seq,
                last_leaf=seal.last_leaf.hex(),
                status=seal.status,
            ),
        )
        for seal in seals
    ]
    stream = tenant_stream(tx.tenant_id, StreamKind.SEALS)
    await append(tx, stream, StreamKind.SEALS, events)


async def _hashes(tx: Reading, spans: list[merkle.Span]) -> list[bytes]:
    known = await _known(tx, spans)
    return [known[span] for span in spans]


async def _known(tx: Reading, spans: Collection[merkle.Span]) -> dict[merkle.Span, bytes]:
    """Return the hash of each of these spans. Refuses `log_damaged`."""
    nodes = await store.list_nodes(tx, {node for span in spans for node in merkle.nodes_of(span)})
    try:
        return dict(zip(spans, merkle.hashes_of(spans, nodes), strict=True))
    except KeyError as fault:
        raise LogDamaged(
            detail="what is kept of the tree has a gap", retry_after_seconds=AGAIN_SECONDS
        ) from fault
