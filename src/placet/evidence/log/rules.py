"""Which events enter the log in a round, and whether they ask for a checkpoint."""

from collections.abc import Iterable, Mapping, Sequence

from placet.events.model import LogPending, StreamId
from placet.evidence.log.model import Range, Taken


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
