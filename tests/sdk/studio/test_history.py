"""Events that were given are held to each other."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from placet.replay.export.model import EventView
from placet.sdk.studio.history import HistoryBroken, unbroken

AT = datetime(2026, 1, 1, tzinfo=UTC)


def chained(count: int) -> list[EventView]:
    leaves = ["00" * 32, *(hashlib.sha256(bytes([n])).hexdigest() for n in range(count))]
    return [
        EventView(
            seq=seq,
            event_id=UUID(int=seq),
            type="LeaseGranted",
            at=AT,
            actor_id=UUID(int=0),
            epoch=1,
            fence=1,
            control_epoch=0,
            control_revision=0,
            prev=leaves[seq - 1],
            body_hash="00" * 32,
            leaf=leaves[seq],
            body=msgspec.Raw(b"{}"),
        )
        for seq in range(1, count + 1)
    ]


async def read(events: Sequence[EventView], after: int = 0) -> list[int]:
    async def given() -> AsyncIterator[EventView]:
        for event in events:
            yield event

    return [event.seq async for event in unbroken(given(), after=after)]


async def test_events_in_their_order_are_passed_on_from_wherever_one_begins() -> None:
    whole = chained(5)
    assert await read(whole) == [1, 2, 3, 4, 5]
    assert await read(whole[3:], after=3) == [4, 5]
    assert await read([]) == []


@pytest.mark.parametrize("place", range(4))
async def test_a_gap_a_swap_and_an_event_of_another_chain_are_told_where_they_are(
    place: int,
) -> None:
    whole = chained(5)
    gone = whole[:place] + whole[place + 1 :]
    swapped = [*whole[:place], whole[place + 1], whole[place], *whole[place + 2 :]]
    for wrong in (gone, swapped):
        with pytest.raises(HistoryBroken, match=f"event {place + 1} is missing"):
            await read(wrong)
    forged = [*whole[:place], replace(whole[place], prev="ab" * 32), *whole[place + 1 :]]
    with pytest.raises(HistoryBroken, match=f"event {place + 1} does not follow"):
        await read(forged)


async def test_the_same_event_twice_is_no_history() -> None:
    whole = chained(2)
    with pytest.raises(HistoryBroken):
        await read([*whole, whole[-1]])
