"""Races of writers for one stream. Each returns the claims that did not hold."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from tests.events.kept import Store
from tests.events.meeting import Work, came_to, code_of, meet

from placet.events.forks.service import fork
from placet.events.model import GENESIS, NewEvent, StreamId, StreamKind, tenant_stream
from placet.events.places.model import Appended, Batch, SequenceMoved, StreamFence
from placet.events.places.service import append
from placet.events.store import append as append_plainly
from placet.storage.database import Writing

Scene = Callable[[Store], Awaitable[list[str]]]


def appending(
    stream: StreamId,
    events: Sequence[NewEvent],
    expected: int | None = None,
    fence: tuple[int, int] | None = None,
) -> Work:
    """Return the work of appending these."""

    def work(tx: Writing) -> Awaitable[Appended]:
        pair = None if fence is None else StreamFence(epoch=fence[0], n=fence[1])
        batch = Batch(stream_id=stream, events=tuple(events), expected_seq=expected, fence=pair)
        return append(tx, batch)

    return work


def broken(claims: Mapping[str, bool]) -> list[str]:
    """Return the claims that do not hold."""
    return [claim for claim, holds in claims.items() if not holds]


async def is_chained(store: Store, stream: StreamId, count: int) -> dict[str, bool]:
    """Return that a stream has so many events, without a gap and each behind the one before."""
    events = await store.all(stream)
    leaves = [GENESIS, *(event.leaf for event in events)]
    return {
        f"there are {count} events": len(events) == count,
        "no number is left out": [event.seq for event in events] == [*range(1, len(events) + 1)],
        "each is chained": [event.prev for event in events] == leaves[:-1],
    }


async def two_expect_the_same(store: Store) -> list[str]:
    """Of two that know the same end, one writes and the other is told where the stream ends."""
    stream = store.stream()
    await store.append(stream, store.steps(1))
    met = await meet(
        store,
        appending(stream, store.steps(2), expected=1),
        appending(stream, store.steps(1), expected=1),
    )
    moved = met.second
    return broken(
        {
            "the second waits": met.waited,
            "it is told the end": isinstance(moved, SequenceMoved) and moved.actual == 3,
        }
        | await is_chained(store, stream, 3)
    )


async def two_make_a_stream(store: Store) -> list[str]:
    """Of two that make a stream, one writes and the other is told where it ends."""
    stream = store.stream()
    met = await meet(
        store,
        appending(stream, store.steps(1), expected=0),
        appending(stream, store.steps(1), expected=0),
    )
    return broken(
        {"the second waits": met.waited, "it is refused": code_of(met.second) == "sequence_moved"}
        | await is_chained(store, stream, 1)
    )


async def two_make_a_stream_and_expect_nothing(store: Store) -> list[str]:
    """Of two that make a stream and expect nothing, the second writes behind the first."""
    stream = store.stream()
    met = await meet(store, appending(stream, store.steps(1)), appending(stream, store.steps(1)))
    return broken(
        {"the second waits": met.waited, "it is written": code_of(met.second) == "ok"}
        | await is_chained(store, stream, 2)
    )


async def the_same_batch_twice_at_once(store: Store) -> list[str]:
    """The same batch twice at once is written once, and both are answered alike."""
    stream = store.stream()
    await store.append(stream, store.steps(1))
    batch = store.steps(2)
    again = [store.again(event) for event in batch]
    met = await meet(
        store, appending(stream, batch, expected=1), appending(stream, again, expected=1)
    )
    seqs = [one.seqs if isinstance(one, Appended) else () for one in (met.first, met.second)]
    return broken(
        {"the second waits": met.waited, "both have the numbers": seqs == [(2, 3), (2, 3)]}
        | await is_chained(store, stream, 3)
    )


async def two_events_under_one_id(store: Store) -> list[str]:
    """Of two events under one id, the first stands and the second is a conflict."""
    stream = store.stream()
    await store.append(stream, store.steps(1))
    (event,) = store.steps(1)
    met = await meet(store, appending(stream, [event]), appending(stream, [store.other(event)]))
    return broken(
        {"the second waits": met.waited, "it is refused": code_of(met.second) == "event_id_taken"}
        | await is_chained(store, stream, 2)
    )


async def a_lower_fence_behind_a_higher(store: Store) -> list[str]:
    """Whoever comes with the lower fence while the higher one writes is shut out."""
    stream = store.stream()
    await store.append(stream, store.steps(1), fence=(1, 4))
    outcomes = []
    for lower in ((1, 4), None):
        met = await meet(
            store,
            appending(stream, store.steps(1), fence=(1, 5)),
            appending(stream, store.steps(1), fence=lower),
        )
        outcomes += [met.waited, code_of(met.second) == "stream_fenced"]
    return broken({"it waits, and is shut out": all(outcomes)} | await is_chained(store, stream, 3))


async def two_raise_the_fence(store: Store) -> list[str]:
    """Of two that raise the fence, the higher one is in force, whichever came first."""
    ended = []
    for first, second in (((1, 5), (1, 6)), ((1, 9), (1, 6))):
        stream = store.stream()
        await store.append(stream, store.steps(1))
        met = await meet(
            store,
            appending(stream, store.steps(1), fence=first),
            appending(stream, store.steps(1), fence=second),
        )
        last = (await store.all(stream))[-1]
        ended.append((code_of(met.second), (last.epoch, last.fence)))
    return broken({"the higher one stays": ended == [("ok", (1, 6)), ("stream_fenced", (1, 9))]})


async def a_fork_beside_an_append(store: Store) -> list[str]:
    """A fork waits for nobody who appends to its origin, and stands where it was asked for."""
    stream = store.stream()
    await store.append(stream, store.steps(2))
    met = await meet(
        store,
        appending(stream, store.steps(1)),
        lambda tx: fork(tx, stream, 2, store.ids),
    )
    return broken(
        {"the fork does not wait": not met.waited, "it is made": code_of(met.second) == "ok"}
        | await is_chained(store, stream, 3)
    )


async def an_append_beside_a_fork_to_read(store: Store) -> list[str]:
    """Nobody is quick enough to write into a fork of what tells of authority."""
    origin = tenant_stream(store.who.tenant_id, StreamKind.AUTHORITY)
    async with store.db.writing(store.who) as tx:
        await append_plainly(tx, origin, StreamKind.AUTHORITY, store.steps(1))
    made: list[StreamId] = []

    async def forking(tx: Writing) -> None:
        made.append((await fork(tx, origin, 1, store.ids)).stream_id)

    async def writing(tx: Writing) -> object:
        return await appending(made[0], store.steps(1))(tx)

    met = await meet(store, forking, writing)
    return broken(
        {
            "the writer waits for the fork": met.waited,
            "and is refused": code_of(met.second) == "stream_read_only",
        }
        | await is_chained(store, made[0], 1)
    )


async def a_parent_after_the_fork(store: Store) -> list[str]:
    """What came into the origin after the fork is no parent in the fork."""
    stream = store.stream()
    before, later = store.steps(2)
    await store.append(stream, [before, later])
    async with store.db.writing(store.who) as tx:
        made = await fork(tx, stream, 1, store.ids)
    stems = []
    for parent in (before, later):
        child = store.step(1, parent.event_id)
        stems.append(code_of(await came_to(partial(store.append, made.stream_id, [child]))))
    return broken({"only what was before": stems == ["ok", "parent_unknown"]})


async def a_batch_out_of_its_place(store: Store) -> list[str]:
    """A batch whose first events stand elsewhere than expected, or in between, is refused."""
    stream = store.stream()
    first, second, third, fourth = store.steps(4)
    await store.append(stream, [first, second])
    swapped = await came_to(lambda: store.append(stream, [second, first, third], expected=0))
    mixed = await came_to(lambda: store.append(stream, [fourth, first]))
    return broken(
        {
            "the swapped one": code_of(swapped) == "sequence_moved",
            "the mixed one": code_of(mixed) == "batch_mixed",
        }
    )


SCENES: tuple[Scene, ...] = (
    two_expect_the_same,
    two_make_a_stream,
    two_make_a_stream_and_expect_nothing,
    the_same_batch_twice_at_once,
    two_events_under_one_id,
    a_lower_fence_behind_a_higher,
    two_raise_the_fence,
    a_fork_beside_an_append,
    an_append_beside_a_fork_to_read,
    a_parent_after_the_fork,
    a_batch_out_of_its_place,
)
