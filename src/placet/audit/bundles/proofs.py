"""The proofs that go with a bundle: where its streams stand in the log, and how the log grew."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from placet.audit.bundles import store
from placet.authority.checkpoints import service as checkpoints
from placet.authority.key_changes import store as key_changes
from placet.evidence.bundle import ConsistencyLine, InclusionLine, StreamHead
from placet.evidence.log import service as log
from placet.kernel.principal import Principal
from placet.storage.database import Database, Reading

PROOFS: Final = 200
"""Streams whose place in the log is proved in one transaction."""


async def list_proofs(
    db: Database,
    principal: Principal,
    heads: Sequence[StreamHead],
    size: int,
    held: int | None,
) -> AsyncGenerator[InclusionLine | ConsistencyLine]:
    """Yield where each stream's last event in the log stands, and how the log grew to `size`.

    Where a key of ours has ended, also its last event below the place of that end in the log.
    `held` is the size of the checkpoint that the log is shown to have grown from.
    """
    async with db.reading(principal) as tx:
        ends = sorted({told.log_size for told in await key_changes.list_told(tx)} | {size})
    for at in range(0, len(heads), PROOFS):
        async with db.reading(principal) as tx:
            found = await _inclusions(tx, heads[at : at + PROOFS], ends, size)
        for line in found:
            yield line
    if held is not None and 0 < held < size:
        async with db.reading(principal) as tx:
            path = await checkpoints.consistency(tx, held, size)
        yield ConsistencyLine(from_size=held, to_size=size, path=tuple(step.hex() for step in path))


async def _inclusions(
    tx: Reading, heads: Sequence[StreamHead], ends: Sequence[int], size: int
) -> list[InclusionLine]:
    """Return for each stream where its last event below each of these places in the log stands."""
    streams = [(head.stream_id, head.head_seq) for head in heads]
    places = [await store.list_places(tx, streams, min(end, size)) for end in ends]
    # A stream in which nothing happened between two ends has the same place below both.
    found = [
        (stream, *place)
        for stream, _ in streams
        for place in dict.fromkeys(below[stream] for below in places if stream in below)
    ]
    paths = await log.paths(tx, [index for _, _, index in found], size)
    return [
        InclusionLine(
            stream_id=stream,
            seq=seq,
            index=index,
            size=size,
            path=tuple(step.hex() for step in path),
        )
        for (stream, seq, index), path in zip(found, paths, strict=True)
    ]
