"""Sharing the recordings of a preview among workers, and putting together what they say.

Sessions go to whoever is free, a few at a time and in any order; what they come to is added in the
order of the recordings. A session that is more than half of all calls is judged by two workers at
once, one for each side.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import structs

from placet.replay.recordings.model import Recording
from placet.studio.impact.messages import (
    ANSWER,
    Answer,
    Batch,
    Held,
    Material,
    Part,
    Ready,
    Refused,
    Which,
    frame_of,
)
from placet.studio.impact.model import CandidateInvalid
from placet.studio.impact.workers import WORKERS_MAX, Worker, broken

ALONE_MAX: Final = 500
"""Calls for which a second worker is not worth its loading."""

BATCH_CALLS: Final = 400
"""A batch is full when it has so many calls; a session is never in two."""

PIECE_CALLS: Final = 100
"""Calls of a session that are encoded at a time, so that nobody waits long for the event loop."""

T = TypeVar("T")


def workers_for(recordings: Sequence[Recording]) -> int:
    """Return how many workers these recordings are worth."""
    return WORKERS_MAX if sum(len(one.calls) for one in recordings) > ALONE_MAX else 1


async def judge_all(
    workers: Sequence[Worker], material: Material, recordings: Sequence[Recording]
) -> tuple[Ready, list[Part]]:
    """Return what was loaded, and the parts of all recordings in order.

    Refuses `candidate_invalid` and `preview_broken`.
    """
    ready = await _load(workers, material)
    batches = list(enumerate(_batches(recordings)))
    parts: dict[int, Part] = {}
    if len(workers) > 1 and ready.is_against and not ready.is_same:
        most = sum(len(one.calls) for one in recordings) // 2
        long = [(place, one) for place, one in batches if len(one[0].calls) > most]
        for place, batch in long:
            parts[place] = await _judge_apart(workers[0], workers[1], batch)
            batches.remove((place, batch))
    waiting = iter(batches)
    await _together(_serve(worker, waiting, parts) for worker in workers)
    return ready, [parts[place] for place in sorted(parts)]


async def _load(workers: Sequence[Worker], material: Material) -> Ready:
    frame = frame_of(material)
    answers = await _together(_ask(worker, [frame]) for worker in workers)
    match answers[0]:
        case Refused() as refused:
            raise CandidateInvalid(detail=refused.detail, findings=refused.findings)
        case Ready() as ready:
            return ready
    raise broken(detail="a worker answered another question")


async def _serve(
    worker: Worker, waiting: Iterator[tuple[int, list[Recording]]], parts: dict[int, Part]
) -> None:
    """Have one worker judge batches for as long as any wait."""
    for place, batch in waiting:
        parts[place] = _part_of(await _ask(worker, _frames(batch, Which.BOTH)))


async def _judge_apart(one: Worker, other: Worker, batch: list[Recording]) -> Part:
    """Have two workers judge the same recordings, one for each side, and compare."""
    held, told = await _together(
        [
            one.ask(_frames(batch, Which.CANDIDATE)),
            other.ask(_frames(batch, Which.IN_FORCE)),
        ]
    )
    if not isinstance(_answer(held), Held):
        raise broken(detail="a worker answered another question")
    return _part_of(await _ask(one, [frame_of(told)]))


async def _ask(worker: Worker, frames: Iterable[bytes]) -> Answer:
    return _answer(await worker.ask(frames))


def _answer(raw: bytes) -> Answer:
    try:
        return ANSWER.decode(raw)
    except msgspec.DecodeError as fault:
        raise broken(detail="a worker answered what nobody can read") from fault


def _part_of(answer: Answer) -> Part:
    if not isinstance(answer, Part):
        raise broken(detail="a worker answered another question")
    return answer


async def _together(works: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """Return what all come to; with the first fault all end, and the fault is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in works]
    except ExceptionGroup as faults:
        raise faults.exceptions[0] from faults
    return [one.result() for one in tasks]


def _batches(recordings: Sequence[Recording]) -> Iterator[list[Recording]]:
    batch: list[Recording] = []
    calls = 0
    for one in recordings:
        if batch and calls + len(one.calls) > BATCH_CALLS:
            yield batch
            batch, calls = [], 0
        batch.append(one)
        calls += len(one.calls)
    if batch:
        yield batch


def _frames(batch: Sequence[Recording], which: Which) -> Iterator[bytes]:
    """Yield a batch in pieces."""
    for one in batch:
        for start in range(0, len(one.calls), PIECE_CALLS):
            piece = structs.replace(one, calls=one.calls[start : start + PIECE_CALLS])
            yield frame_of(Batch(recordings=[piece], which=which, is_last=False))
    yield frame_of(Batch(recordings=[], which=which, is_last=True))
