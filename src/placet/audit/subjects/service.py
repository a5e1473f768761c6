"""Asking that somebody's data go, and doing it stream by stream."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from placet.audit.erasures import store as erasures
from placet.audit.erasures.model import (
    Erasable,
    ErasureWhy,
    StreamClass,
    StreamOpen,
)
from placet.audit.erasures.service import Erasing, erase_batch
from placet.audit.subjects import rules, store
from placet.audit.subjects.kept.service import count_kept
from placet.audit.subjects.looks.service import Found, look, speaking_of
from placet.audit.subjects.model import (
    ERASE_SUBJECT,
    EraseSubject,
    FoundStatus,
    KeptPlace,
    RequestShown,
    RequestStatus,
    StreamShown,
    SubjectErasureAsked,
    SubjectErasureFinished,
    SubjectRequest,
    SubjectStream,
)
from placet.audit.subjects.places import IN_BODIES, KEPT_BODIES, UNSEARCHED
from placet.events import store as events
from placet.events.model import SALT_BYTES, StreamId, StreamKind, new_event, tenant_stream
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.storage.database import Database, Reading, Writing
from placet.storage.work import put_due

LOOKS_AGAIN_AFTER: Final = timedelta(minutes=15)
"""How long a request waits for streams to close before it looks again."""


async def ask_erasure(tx: Writing, asked: EraseSubject, ids: Ids) -> RequestShown:
    """Note somebody's wish; a worker looks for their data next. Refuses `subject_in_reason`."""
    rules.check_reason(asked)
    salt = ids.token(SALT_BYTES)
    request = SubjectRequest(
        tenant_id=tx.tenant_id,
        request_id=ids.new(),
        subject=asked.subject,
        principal=asked.principal,
        salt=salt,
        subject_hash=rules.subject_hash(salt, asked.subject, asked.principal),
        reason=asked.reason,
        dry_run=asked.dry_run,
        status=RequestStatus.OPEN,
        kept=[],
        asked_by=tx.actor_id,
        asked_at=await tx.now(),
        looked_at=None,
        finished_at=None,
    )
    await store.insert_request(tx, request)
    await put_due(tx, ERASE_SUBJECT, request.request_id, request.asked_at)
    said = SubjectErasureAsked(
        request_id=request.request_id,
        subject_hash=request.subject_hash.hex(),
        dry_run=request.dry_run,
        reason=request.reason,
    )
    shown = await show(tx, request)
    await _tell(tx, said, ids)
    return shown


async def carry_out(db: Database, who: Principal, request_id: UUID, ids: Ids) -> bool:
    """Look for what a request asks to erase, erase it where it may go, and note what is left.

    Returns whether it is done. Each page and each batch is a transaction of its own, so a request
    whose worker died is simply carried out again.
    """
    async with db.reading(who) as tx:
        request = await store.get_request(tx, request_id)
    if request.status is RequestStatus.DONE:
        return True
    work = _Work(db=db, who=who, request=request, ids=ids)
    for stream, what in (await look(db, who, request)).items():
        await _take_stream(work, stream, what)
    return await _finish(work)


async def show(tx: Reading, request: SubjectRequest) -> RequestShown:
    """Return a request with what came of it so far."""
    (shown,) = await show_all(tx, [request], store.STREAMS_SHOWN)
    return shown


async def show_all(
    tx: Reading, requests: Sequence[SubjectRequest], limit: int
) -> list[RequestShown]:
    """Return requests with what came of them so far, and up to `limit` streams of each."""
    ids = [each.request_id for each in requests]
    sums = await store.sum_streams(tx, ids)
    streams: dict[UUID, list[SubjectStream]] = {each: [] for each in ids}
    for stream in await store.list_streams(tx, ids, limit):
        streams[stream.request_id].append(stream)
    return [_shown(each, sums[each.request_id], streams[each.request_id]) for each in requests]


def _shown(
    request: SubjectRequest,
    sums: Mapping[FoundStatus, tuple[int, int]],
    streams: Sequence[SubjectStream],
) -> RequestShown:
    return RequestShown(
        request_id=request.request_id,
        status=request.status,
        dry_run=request.dry_run,
        subject_hash=request.subject_hash.hex(),
        salt=request.salt.hex() or None,
        reason=request.reason,
        asked_by=request.asked_by,
        asked_at=request.asked_at,
        finished_at=request.finished_at,
        bodies_found=sum(bodies for _, bodies in sums.values()),
        bodies_erased=sums.get(FoundStatus.ERASED, (0, 0))[1],
        streams=[
            StreamShown(
                stream_id=each.stream_id,
                stream_class=each.stream_class,
                status=each.status,
                bodies=each.bodies,
            )
            for each in streams
        ],
        kept=request.kept,
        unsearched=list(UNSEARCHED),
    )


@dataclasses.dataclass(slots=True)
class _Work:
    """A request that is being carried out: which streams wait, and how many bodies stay."""

    db: Database
    who: Principal
    request: SubjectRequest
    ids: Ids
    due: set[UUID] = dataclasses.field(default_factory=set)
    bodies_kept: int = 0


async def _take_stream(work: _Work, stream: UUID, what: Found) -> None:
    """Erase what was found in a stream, or note that it is found, due, or stays."""
    async with work.db.reading(work.who) as tx:
        stream_class = await erasures.find_class(tx, stream)
    if stream_class is None:
        work.bodies_kept += len(what.seqs)
        return
    place = await _place_of(work, stream, stream_class, what)
    async with work.db.reading(work.who) as tx:
        present = await erasures.list_present(tx, place)
    work.bodies_kept += len(what.seqs.difference(present))
    if not present:
        return
    if work.request.dry_run:
        await _note(work, place, FoundStatus.FOUND, len(present))
        return
    try:
        await _erase_all(work, place)
    except StreamOpen:
        await _note(work, place, FoundStatus.DUE, len(present))
        work.due.add(stream)


async def _place_of(work: _Work, stream: UUID, stream_class: StreamClass, what: Found) -> Erasable:
    """Return the bodies that go: those that hold the subject, and all that speak of their calls."""
    if what.is_whole:
        return Erasable(stream_id=stream, stream_class=stream_class)
    seqs = what.seqs
    if stream_class is StreamClass.SESSION:
        seqs = await speaking_of(work.db, work.who, stream, what)
    return Erasable(stream_id=stream, stream_class=stream_class, seqs=tuple(sorted(seqs)))


async def _erase_all(work: _Work, place: Erasable) -> None:
    """Erase batch by batch, each in a transaction. Refuses `stream_open`."""
    erasing = Erasing(
        stream_id=place.stream_id,
        why=ErasureWhy.SUBJECT,
        reason=work.request.reason,
        seqs=place.seqs,
        request_id=work.request.request_id,
    )
    is_last = False
    while not is_last:
        async with work.db.writing(work.who) as tx:
            batch = await erase_batch(tx, erasing, work.ids)
            if batch.bodies:
                await _note_in(tx, work, place, FoundStatus.ERASED, batch.bodies)
        is_last = batch.is_last


async def _note(work: _Work, place: Erasable, status: FoundStatus, bodies: int) -> None:
    async with work.db.writing(work.who) as tx:
        await _note_in(tx, work, place, status, bodies)


async def _note_in(
    tx: Writing, work: _Work, place: Erasable, status: FoundStatus, bodies: int
) -> None:
    noted = SubjectStream(
        tenant_id=tx.tenant_id,
        request_id=work.request.request_id,
        stream_id=StreamId(place.stream_id),
        stream_class=place.stream_class,
        status=status,
        bodies=bodies,
        noted_at=await tx.now(),
    )
    await store.note_stream(tx, noted)


async def _finish(work: _Work) -> bool:
    """Note where a request stands after a look. Returns whether it is done."""
    request = work.request
    kept = await count_kept(work.db, work.who, request.subject)
    if work.bodies_kept:
        kept.insert(0, KeptPlace(place=IN_BODIES, rows=work.bodies_kept, why=KEPT_BODIES))
    status = RequestStatus.WAITING if work.due else RequestStatus.DONE
    async with work.db.writing(work.who) as tx:
        await store.settle_due(tx, request.request_id, sorted(work.due))
        is_ours = await store.advance_request(tx, request.request_id, status, kept, await tx.now())
        if is_ours and status is RequestStatus.DONE and not request.dry_run:
            sums = await store.sum_streams(tx, [request.request_id])
            streams, bodies = sums[request.request_id].get(FoundStatus.ERASED, (0, 0))
            said = SubjectErasureFinished(
                request_id=request.request_id,
                subject_hash=request.subject_hash.hex(),
                streams=streams,
                bodies=bodies,
                kept=sum(each.rows for each in kept),
            )
            await _tell(tx, said, work.ids)
    return status is RequestStatus.DONE


async def _tell(tx: Writing, said: Value, ids: Ids) -> None:
    stream = tenant_stream(tx.tenant_id, StreamKind.ERASURES)
    await events.append(tx, stream, StreamKind.ERASURES, [new_event(ids, said)])
