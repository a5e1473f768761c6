"""Which events enter in a round, decided from rows that may lie."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from placet.events.model import LogPending, SealPending, StreamId, StreamKind
from placet.evidence.log.model import Range
from placet.evidence.log.rules import (
    count_of,
    decide_round,
    mark_after,
    owed_after,
)
from placet.kernel.ids import TenantId

TENANT = TenantId(UUID(int=9))
A, B, C = (StreamId(UUID(int=n)) for n in (1, 2, 3))


def at(second: int) -> datetime:
    return datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)


def row(stream: StreamId, from_seq: int, to_seq: int, second: int = 0) -> LogPending:
    return LogPending(
        tenant_id=TENANT, stream_id=stream, from_seq=from_seq, to_seq=to_seq, at=at(second)
    )


def seal(second: int) -> SealPending:
    return SealPending(
        tenant_id=TENANT,
        stream_id=A,
        kind=StreamKind.SESSION,
        last_seq=1,
        last_leaf=bytes(32),
        status="completed",
        at=at(second),
    )


def span(stream: StreamId, from_seq: int, to_seq: int) -> Range:
    return Range(stream_id=stream, from_seq=from_seq, to_seq=to_seq)


rows = st.lists(
    st.builds(
        lambda stream, first, more: row(stream, first, first + more),
        st.sampled_from([A, B, C]),
        st.integers(1, 30),
        st.integers(0, 10),
    ),
    max_size=20,
)


def test_rows_enter_in_turn_until_there_is_no_room() -> None:
    taken = decide_round([row(A, 1, 3), row(B, 1, 2), row(C, 1, 9)], {}, 7)
    assert taken.ranges == [span(A, 1, 3), span(B, 1, 2), span(C, 1, 2)]
    assert [each.stream_id for each in taken.done] == [A, B]


def test_a_row_that_did_not_fit_goes_on_where_its_entries_end() -> None:
    taken = decide_round([row(C, 1, 9)], {C: 2}, 100)
    assert taken.ranges == [span(C, 3, 9)]
    assert taken.done == [row(C, 1, 9)]


def test_a_row_whose_events_have_entered_goes_without_a_trace() -> None:
    taken = decide_round([row(A, 1, 3), row(B, 4, 4)], {A: 3, B: 3}, 5)
    assert taken.ranges == [span(B, 4, 4)]
    assert taken.done == [row(A, 1, 3), row(B, 4, 4)]


def test_what_a_lost_row_told_of_enters_with_the_next_one() -> None:
    taken = decide_round([row(A, 7, 8)], {A: 3}, 10)
    assert taken.ranges == [span(A, 4, 8)]


@given(rows, st.integers(1, 40))
def test_streams_go_on_without_a_gap_and_never_beyond_the_room(
    waiting: list[LogPending], room: int
) -> None:
    taken = decide_round(waiting, {A: 5}, room)
    assert count_of(taken.ranges) <= room
    reached = {A: 5}
    for each in taken.ranges:
        assert each.from_seq == reached.get(each.stream_id, 0) + 1 <= each.to_seq
        reached[each.stream_id] = each.to_seq
    for done in taken.done:
        assert done.to_seq <= reached[done.stream_id]


@given(rows)
def test_rounds_come_to_an_end_with_everything_in(waiting: list[LogPending]) -> None:
    waiting = list({(r.stream_id, r.from_seq): r for r in waiting}.values())
    owed = {
        r.stream_id: max(o.to_seq for o in waiting if o.stream_id == r.stream_id) for r in waiting
    }
    entered: dict[StreamId, int] = {}
    for _ in range(1_000):
        if not waiting:
            break
        taken = decide_round(waiting, entered, 3)
        entered |= {each.stream_id: each.to_seq for each in taken.ranges}
        waiting = [r for r in waiting if r not in taken.done]
    assert waiting == []
    assert entered == owed


def test_the_next_look_begins_with_the_row_that_did_not_fit_or_with_the_last_one() -> None:
    rows = [row(A, 1, 3, 5), row(B, 1, 9, 6), row(C, 1, 1, 7)]
    assert mark_after(decide_round(rows, {}, 5), [], 2, at(1)) == at(6)
    assert mark_after(decide_round(rows, {}, 50), [], 2, at(1)) == at(7)
    assert mark_after(decide_round([], {}, 50), [], 2, at(1)) == at(1)
    assert mark_after(decide_round([], {}, 50), [], 2, None) is None


def test_the_next_look_begins_no_later_than_an_end_behind_which_there_may_be_more() -> None:
    taken = decide_round([row(A, 1, 3, 9)], {}, 5)
    assert mark_after(taken, [seal(3), seal(4)], 2, at(1)) == at(4)
    assert mark_after(taken, [seal(3)], 2, at(1)) == at(9)


def test_events_of_the_quiet_stream_ask_for_no_checkpoint() -> None:
    quiet = C
    assert owed_after([span(C, 1, 1)], 10, 8, quiet) == 8
    assert owed_after([span(A, 1, 2), span(C, 1, 1)], 10, 8, quiet) == 12
    assert owed_after([span(C, 1, 1), span(A, 1, 2)], 10, 8, quiet) == 13
