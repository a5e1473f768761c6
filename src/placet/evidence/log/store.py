"""Questions to a log, and the changes of a round."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.events.model import LogPending, SealPending, StreamId, StreamKind
from placet.evidence.log.model import LogEntry, LogHead, Range
from placet.evidence.log.tables import LOG, LOG_ENTRY, LOG_TILE
from placet.evidence.log.tiles import TILE_HEIGHT, TILE_WIDTH, hashes_in, place_of
from placet.evidence.merkle import EMPTY_ROOT, Node, leaf_hash, node_hash
from placet.kernel.hashing import DIGEST_BYTES
from placet.storage.database import Reading, Writing

_UUIDS: Final = postgresql.ARRAY(sa.Uuid)
_NUMBERS: Final = postgresql.ARRAY(sa.BigInteger)
_TIMES: Final = postgresql.ARRAY(sa.DateTime(timezone=True))


def _with_arrays(
    text: str, **types: postgresql.ARRAY[UUID] | postgresql.ARRAY[int]
) -> sa.TextClause:
    return sa.text(text).bindparams(
        sa.bindparam("tenant", type_=sa.Uuid),
        *(sa.bindparam(name, type_=kind) for name, kind in types.items()),
    )


_ENTERED: Final = _with_arrays(
    """
    SELECT s.stream_id, e.seq
    FROM unnest(:streams) AS s(stream_id) CROSS JOIN LATERAL (
        SELECT l.seq FROM placet.evidence_log_entry AS l
        WHERE l.tenant_id = :tenant AND l.stream_id = s.stream_id
        ORDER BY l.seq DESC LIMIT 1) AS e
    """,
    streams=_UUIDS,
)
_ENTER: Final = _with_arrays(
    """
    INSERT INTO placet.evidence_log_entry (tenant_id, index, stream_id, seq, leaf)
    SELECT e.tenant_id, :size + row_number() OVER (ORDER BY r.place, e.seq) - 1,
           e.stream_id, e.seq, e.leaf
    FROM unnest(:streams, :froms, :tos) WITH ORDINALITY AS r(stream_id, from_seq, to_seq, place)
    JOIN placet.event AS e ON e.tenant_id = :tenant AND e.stream_id = r.stream_id
        AND e.seq BETWEEN r.from_seq AND r.to_seq
    RETURNING index AS place, leaf
    """,
    streams=_UUIDS,
    froms=_NUMBERS,
    tos=_NUMBERS,
).bindparams(sa.bindparam("size", type_=sa.BigInteger))
_PENDING: Final = sa.text(
    "SELECT tenant_id, stream_id, from_seq, to_seq, at FROM placet.log_rows_v1(:part, :limit)"
).bindparams(sa.bindparam("part", type_=sa.BigInteger), sa.bindparam("limit", type_=sa.BigInteger))
_SEALS: Final = sa.text(
    "SELECT tenant_id, stream_id, kind, last_seq, last_leaf, status, at"
    " FROM placet.log_seals_v1(:part, :limit)"
).bindparams(sa.bindparam("part", type_=sa.BigInteger), sa.bindparam("limit", type_=sa.BigInteger))
_TAKEN: Final = sa.text(
    "SELECT placet.log_taken_v1(:times, :streams, :froms, :sealed_times, :sealed)"
).bindparams(
    sa.bindparam("times", type_=_TIMES),
    sa.bindparam("streams", type_=_UUIDS),
    sa.bindparam("froms", type_=_NUMBERS),
    sa.bindparam("sealed_times", type_=_TIMES),
    sa.bindparam("sealed", type_=_UUIDS),
)
# A lateral with a limit is read by the key, whatever the planner knows of the table: of a log that
# grew since it was last looked at it believes that a whole scan is cheaper.
_LEAVES: Final = _with_arrays(
    """
    SELECT array_agg(e.index) AS places, array_agg(e.leaf) AS leaves
    FROM unnest(:froms, :tos) AS r(start, stop) CROSS JOIN LATERAL (
        SELECT l.index, l.leaf FROM placet.evidence_log_entry AS l
        WHERE l.tenant_id = :tenant AND l.index >= r.start AND l.index < r.stop
        ORDER BY l.index LIMIT r.stop - r.start) AS e
    """,
    froms=_NUMBERS,
    tos=_NUMBERS,
)
_TILES: Final = _with_arrays(
    """
    SELECT r.level, r.index AS place, t.hashes
    FROM unnest(:levels, :indexes) AS r(level, index) CROSS JOIN LATERAL (
        SELECT l.hashes FROM placet.evidence_log_tile AS l
        WHERE l.tenant_id = :tenant AND l.level = r.level AND l.index = r.index LIMIT 1) AS t
    """,
    levels=_NUMBERS,
    indexes=_NUMBERS,
)


_BEHIND: Final = sa.text(
    f"""
    SELECT t.level, t.index AS place FROM placet.evidence_log_tile AS t
    WHERE t.tenant_id = :tenant AND t.hashes <> '' AND (
        t.level NOT BETWEEN 1 AND 7
        OR t.index >= ((:size >> ({TILE_HEIGHT} * t.level)::int) + {TILE_WIDTH - 1}) / {TILE_WIDTH})
    """  # noqa: S608 -- numbers of ours
).bindparams(sa.bindparam("tenant", type_=sa.Uuid), sa.bindparam("size", type_=sa.BigInteger))
_FOREIGN: Final = sa.text(
    """
    SELECT l.index AS place FROM placet.evidence_log_entry AS l LEFT JOIN placet.event AS e
        ON e.tenant_id = l.tenant_id AND e.stream_id = l.stream_id AND e.seq = l.seq
    WHERE l.tenant_id = :tenant AND l.index >= :start AND l.index < :stop
        AND e.leaf IS DISTINCT FROM l.leaf
    ORDER BY l.index LIMIT 1
    """
).bindparams(
    sa.bindparam("tenant", type_=sa.Uuid),
    sa.bindparam("start", type_=sa.BigInteger),
    sa.bindparam("stop", type_=sa.BigInteger),
)


async def find_head(tx: Reading) -> LogHead | None:
    """Return the head of the tenant's log, or None before there is one."""
    return await tx.find(LogHead, sa.select(LOG).where(LOG.c.tenant_id == tx.tenant_id))


async def take_head(tx: Writing) -> LogHead | None:
    """Return the head and hold it to the end of the transaction, making it if it is new.

    None while somebody else holds it: nobody waits here.
    """
    held = (
        sa.select(LOG)
        .where(LOG.c.tenant_id == tx.tenant_id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    found = await tx.find(LogHead, held)
    if found is not None or await find_head(tx) is not None:
        return found
    new = {"size": 0, "root": EMPTY_ROOT, "mark": None, "owed": 0}
    begin = postgresql.insert(LOG).values(tenant_id=tx.tenant_id, **new).on_conflict_do_nothing()
    await tx.change(begin)
    return await tx.find(LogHead, held)


async def hold_head(tx: Writing) -> LogHead | None:
    """Hold the head, if there is one, to the end of the transaction, waiting for whoever has it."""
    held = sa.select(LOG).where(LOG.c.tenant_id == tx.tenant_id).with_for_update(key_share=True)
    return await tx.find(LogHead, held)


async def list_pending(tx: Reading, part: int | None, limit: int) -> list[LogPending]:
    """Return rows that wait, the oldest first: what is new, or what a part of the time left."""
    rows = await tx.rows(_PENDING.bindparams(part=part, limit=limit))
    return [LogPending(**row._asdict()) for row in rows]


async def list_seals(tx: Reading, part: int | None, limit: int) -> list[SealPending]:
    """Return ends of streams that wait to be told, from the same time."""
    rows = await tx.rows(_SEALS.bindparams(part=part, limit=limit))
    return [SealPending(**row._asdict() | {"kind": StreamKind(row.kind)}) for row in rows]


async def drop_taken(tx: Writing, rows: Sequence[LogPending], seals: Sequence[SealPending]) -> None:
    """Remove rows whose events have entered, and ends of streams that are told."""
    await tx.rows(
        _TAKEN.bindparams(
            times=[row.at for row in rows],
            streams=[row.stream_id for row in rows],
            froms=[row.from_seq for row in rows],
            sealed_times=[seal.at for seal in seals],
            sealed=[seal.stream_id for seal in seals],
        )
    )


async def list_entered(tx: Reading, streams: Collection[StreamId]) -> dict[StreamId, int]:
    """Return the last sequence of each of these streams that has entered, if any has."""
    rows = await tx.rows(_ENTERED.bindparams(tenant=tx.tenant_id, streams=list(streams)))
    return {StreamId(row.stream_id): int(row.seq) for row in rows}


async def enter(tx: Writing, size: int, ranges: Sequence[Range]) -> list[bytes]:
    """Write the events of these ranges behind `size` entries, and return their leaves in order."""
    rows = await tx.rows(
        _ENTER.bindparams(
            tenant=tx.tenant_id,
            size=size,
            streams=[each.stream_id for each in ranges],
            froms=[each.from_seq for each in ranges],
            tos=[each.to_seq for each in ranges],
        )
    )
    leaves = {int(row.place): bytes(row.leaf) for row in rows}
    return [leaves[index] for index in sorted(leaves)]


async def keep_tiles(tx: Writing, added: Mapping[tuple[int, int], tuple[int, bytes]]) -> bool:
    """Add hashes to tiles, each from its place on. Tells whether every place was free."""
    for (level, index), (start, hashes) in added.items():
        new = postgresql.insert(LOG_TILE).values(
            tenant_id=tx.tenant_id, level=level, index=index, hashes=hashes
        )
        grown = new.on_conflict_do_update(
            constraint=LOG_TILE.primary_key,
            set_={"hashes": LOG_TILE.c.hashes.op("||")(new.excluded.hashes)},
            where=sa.func.octet_length(LOG_TILE.c.hashes) == start * DIGEST_BYTES,
        )
        if await tx.change(grown) != 1:
            return False
    return True


async def put_tiles(tx: Writing, whole: Mapping[tuple[int, int], bytes]) -> int:
    """Have tiles hold these hashes. Returns how many did not."""
    if not whole:
        return 0
    rows = [
        {"tenant_id": tx.tenant_id, "level": level, "index": index, "hashes": hashes}
        for (level, index), hashes in whole.items()
    ]
    new = postgresql.insert(LOG_TILE).values(rows)
    return await tx.change(
        new.on_conflict_do_update(
            constraint=LOG_TILE.primary_key,
            set_={"hashes": new.excluded.hashes},
            where=LOG_TILE.c.hashes != new.excluded.hashes,
        )
    )


async def list_tiles_behind(tx: Reading, size: int) -> list[tuple[int, int]]:
    """Return tiles that hold something and have no place in a log of this size."""
    rows = await tx.rows(_BEHIND.bindparams(tenant=tx.tenant_id, size=size))
    return [(int(row.level), int(row.place)) for row in rows]


async def advance_head(tx: Writing, size: int, head: LogHead) -> bool:
    """Move the head on if the log still has `size` entries."""
    moved = {name: getattr(head, name) for name in LOG.info["updates"]}
    change = sa.update(LOG).where(LOG.c.tenant_id == tx.tenant_id, LOG.c.size == size)
    return await tx.change(change.values(moved)) == 1


async def list_nodes(tx: Reading, nodes: Iterable[Node]) -> dict[Node, bytes]:
    """Return the hashes of nodes of the tree, those of them that are kept whole.

    Each part of the tree is read and hashed once, of however many nodes it is.
    """
    places = {node: place_of(node) for node in nodes}
    known = await _list_leaves(tx, [(at, to) for level, at, to in places.values() if level == 0])
    tiles = {(level, start // TILE_WIDTH) for level, start, _ in places.values() if level}
    known |= await _list_tiles(tx, tiles)
    hashes = {node: _hash_of(node, known) for node in places}
    return {node: hashed for node, hashed in hashes.items() if hashed is not None}


async def find_entry(tx: Reading, stream: StreamId, seq: int) -> LogEntry | None:
    """Return the entry of an event, or None before it has entered."""
    query = sa.select(LOG_ENTRY).where(
        LOG_ENTRY.c.tenant_id == tx.tenant_id,
        LOG_ENTRY.c.stream_id == stream,
        LOG_ENTRY.c.seq == seq,
    )
    return await tx.find(LogEntry, query)


async def find_last_entry(tx: Reading, stream: StreamId, before_index: int) -> LogEntry | None:
    """Return the entry of a stream's last event among the first `before_index` entries."""
    query = sa.select(LOG_ENTRY).where(
        LOG_ENTRY.c.tenant_id == tx.tenant_id,
        LOG_ENTRY.c.stream_id == stream,
        LOG_ENTRY.c.index < before_index,
    )
    return await tx.find(LogEntry, query.order_by(LOG_ENTRY.c.seq.desc()).limit(1))


async def count_entered(tx: Reading, places: Sequence[tuple[UUID, int]], before_index: int) -> int:
    """Return how many of these events, by stream and sequence, are among the first entries."""
    c = LOG_ENTRY.c
    query = sa.select(sa.func.count()).where(
        c.tenant_id == tx.tenant_id,
        c.index < before_index,
        sa.tuple_(c.stream_id, c.seq).in_(places),
    )
    return int((await tx.rows(query))[0][0])


async def list_entries(tx: Reading, *, start: int, limit: int) -> list[LogEntry]:
    """Return up to `limit` entries from index `start` on, in order."""
    query = sa.select(LOG_ENTRY).where(
        LOG_ENTRY.c.tenant_id == tx.tenant_id, LOG_ENTRY.c.index >= start
    )
    return await tx.list(LogEntry, query.order_by(LOG_ENTRY.c.index).limit(limit))


def _hash_of(node: Node, known: dict[Node, bytes]) -> bytes | None:
    """Return the hash of a node from what is kept below it, or None where something is missing.

    What is hashed on the way is added to `known`.
    """
    found = known.get(node)
    level, index = node
    if found is None and level % TILE_HEIGHT:
        left = _hash_of((level - 1, 2 * index), known)
        right = _hash_of((level - 1, 2 * index + 1), known)
        if left is not None and right is not None:
            found = known[node] = node_hash(left, right)
    return found


async def list_leaves(tx: Reading, start: int, end: int) -> list[bytes]:
    """Return the leaves of entries from `start` on, up to `end` or the first that is not there."""
    rows = await tx.rows(_LEAVES.bindparams(tenant=tx.tenant_id, froms=[start], tos=[end]))
    places, leaves = rows[0].places or [], rows[0].leaves or []
    gapless = [leaf for at, leaf in enumerate(leaves) if places[at] == start + at]
    return [bytes(leaf) for leaf in gapless]


async def find_foreign(tx: Reading, start: int, end: int) -> int | None:
    """Return the first entry from `start` on and before `end` whose leaf is not its event's."""
    rows = await tx.rows(_FOREIGN.bindparams(tenant=tx.tenant_id, start=start, stop=end))
    return int(rows[0].place) if rows else None


async def _list_leaves(tx: Reading, spans: Sequence[tuple[int, int]]) -> dict[Node, bytes]:
    """Return the nodes that entries are, of each block of entries from its first that is asked."""
    blocks: dict[int, tuple[int, int]] = {}
    for start, stop in spans:
        first, last = blocks.get(start // TILE_WIDTH, (start, stop))
        blocks[start // TILE_WIDTH] = (min(start, first), max(stop, last))
    if not blocks:
        return {}
    froms, tos = [first for first, _ in blocks.values()], [last for _, last in blocks.values()]
    rows = await tx.rows(_LEAVES.bindparams(tenant=tx.tenant_id, froms=froms, tos=tos))
    places, leaves = rows[0].places or [], rows[0].leaves or []
    return {(0, place): leaf_hash(leaf) for place, leaf in zip(places, leaves, strict=True)}


async def _list_tiles(tx: Reading, places: Collection[tuple[int, int]]) -> dict[Node, bytes]:
    """Return the nodes that these tiles hold."""
    if not places:
        return {}
    levels, indexes = [place[0] for place in places], [place[1] for place in places]
    rows = await tx.rows(_TILES.bindparams(tenant=tx.tenant_id, levels=levels, indexes=indexes))
    return {
        (TILE_HEIGHT * row.level, TILE_WIDTH * row.place + at): hashed
        for row in rows
        for at, hashed in enumerate(hashes_in(bytes(row.hashes)))
    }
