"""Which events enter the log in a round, and where the nodes of its tree are kept."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from placet.events.model import LogPending, StreamId
from placet.evidence.log.model import TILE_HEIGHT, Range, Taken
from placet.evidence.merkle import Node
from placet.kernel.hashing import DIGEST_BYTES

TILE_WIDTH: Final = 1 << TILE_HEIGHT


def decide_round(
    rows: Sequence[LogPending],
    entered: Mapping[StreamId, int],
    cursor: StreamId,
    room: int,
) -> Taken:
    """Return what enters, given the rows in turn and how far each stream has entered.

    What a row says of where it begins is not believed: a stream goes on where its entries end. A
    row that does not fit whole stays, and its stream waits until the others had their turn.
    """
    ranges: list[Range] = []
    done: list[tuple[StreamId, int]] = []
    reached = dict(entered)
    for row in rows:
        start = reached.get(row.stream_id, 0) + 1
        end = min(row.to_seq, start + room - 1)
        if end >= start:
            ranges.append(Range(stream_id=row.stream_id, from_seq=start, to_seq=end))
            reached[row.stream_id] = end
            room -= end - start + 1
            cursor = row.stream_id
        if end < row.to_seq:
            break
        done.append((row.stream_id, row.from_seq))
    return Taken(ranges=ranges, done=done, cursor=cursor)


def count_of(ranges: Iterable[Range]) -> int:
    """Return how many events ranges hold."""
    return sum(each.to_seq - each.from_seq + 1 for each in ranges)


def owed_after(ranges: Sequence[Range], size: int, owed: int, quiet: StreamId) -> int:
    """Return how many entries there are up to the last one that asks for a checkpoint.

    `size` and `owed` are those before the ranges entered; events of the stream `quiet` ask for
    none.
    """
    for each in ranges:
        size += each.to_seq - each.from_seq + 1
        if each.stream_id != quiet:
            owed = size
    return owed


def place_of(node: Node) -> tuple[int, int, int]:
    """Return what a node is computed from: a level of tiles, and `start` and `end` in it.

    Level 0 is the entries; level n holds the nodes of level `TILE_HEIGHT * n` of the tree.
    """
    level, index = node
    tile, low = divmod(level, TILE_HEIGHT)
    return tile, index << low, (index + 1) << low


def tiles_with(made: Mapping[Node, bytes]) -> dict[tuple[int, int], tuple[int, bytes]]:
    """Return what is added to which tile: by level and index, from which place on, and the hashes.

    `made` holds nodes in the order in which they became whole.
    """
    found: dict[tuple[int, int], tuple[int, bytes]] = {}
    for (level, index), hashed in made.items():
        if level % TILE_HEIGHT == 0:
            place = (level // TILE_HEIGHT, index // TILE_WIDTH)
            start, before = found.get(place, (index % TILE_WIDTH, b""))
            found[place] = (start, before + hashed)
    return found


def hashes_in(tile: bytes) -> list[bytes]:
    """Return the hashes of a tile."""
    return [tile[at : at + DIGEST_BYTES] for at in range(0, len(tile), DIGEST_BYTES)]
