"""Which events enter the log in a round, and whether they ask for a checkpoint."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from placet.events.model import LogPending, SealPending, StreamId
from placet.evidence.log.model import Range, Taken


def decide_round(rows: Sequence[LogPending], entered: Mapping[StreamId, int], room: int) -> Taken:
    """Return what enters, given the rows, the oldest first, and how far each stream has entered.

    What a row says of where it begins is not believed: a stream goes on where its entries end. A
    row that does not fit whole stays, and so do those behind it.
    """
    ranges: list[Range] = []
    done: list[LogPending] = []
    reached = dict(entered)
    mark = None
    for row in rows:
        start = reached.get(row.stream_id, 0) + 1
        end = min(row.to_seq, start + room - 1)
        mark = row.at
        if end >= start:
            ranges.append(Range(stream_id=row.stream_id, from_seq=start, to_seq=end))
            reached[row.stream_id] = end
            room -= end - start + 1
        if end < row.to_seq:
            break
        done.append(row)
    return Taken(ranges=ranges, done=done, mark=mark)


def mark_after(
    taken: Taken, seals: Sequence[SealPending], room: int, mark: datetime | None
) -> datetime | None:
    """Return where the next look begins, given what this one met and where it began.

    There may be more behind the last of `room` ends of streams.
    """
    reached = mark if taken.mark is None else taken.mark
    if len(seals) < room or reached is None:
        return reached
    return min(reached, seals[-1].at)


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
