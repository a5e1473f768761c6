"""Searching the index, and taking away what is found."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC

import msgspec
from msgspec.structs import replace

from placet.audit.search import store
from placet.audit.search.model import (
    INDEX_FORM,
    WALKED_MAX,
    AuditEvent,
    AuditExported,
    AuditFilter,
    EventsFound,
    ExportEnd,
    ExportHead,
    ExportLine,
    Field,
    Place,
    SearchOrder,
    Walk,
)
from placet.audit.search.rules import encode_place, taken, view_of
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence.log.store import find_head
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.storage.database import Database, Reading, Writing

PAGE = 200
"""Events that an export reads in one transaction."""


class Extent(Value, frozen=True):
    """How many entries the index holds, and how many the log has."""

    indexed_through: int
    log_size: int


class Stretch(Value, frozen=True):
    """Events that were found, in their order, and where to go on; None stands for the end."""

    found: list[AuditEvent]
    place: Place | None


async def extent(tx: Reading) -> Extent:
    """Return how far the index is; one of another form counts for nothing."""
    progress, head = await store.find_progress(tx), await find_head(tx)
    is_of_today = progress is not None and progress.form == INDEX_FORM
    return Extent(
        indexed_through=progress.indexed_through if progress and is_of_today else 0,
        log_size=head.size if head else 0,
    )


async def search(
    tx: Reading, asked: AuditFilter, order: SearchOrder, place: Place | None, limit: int
) -> EventsFound:
    """Return a page of the events that every filter fits, behind `place`."""
    known = await extent(tx)
    size = known.indexed_through if place is None else min(place.size, known.indexed_through)
    how = Walk(
        asked=asked,
        terms=await _in_turn(tx, asked),
        order=order,
        size=size,
        place=place,
        limit=limit,
    )
    stretch = await _stretch(tx, how)
    return EventsFound(
        items=[view_of(event) for event in stretch.found],
        next_cursor=None if stretch.place is None else encode_place(stretch.place),
        indexed_through=known.indexed_through,
        log_size=known.log_size,
    )


async def begin_export(tx: Writing, asked: AuditFilter, order: SearchOrder, ids: Ids) -> ExportHead:
    """Tell of an export, and return its first line."""
    known = await extent(tx)
    export_id = ids.new()
    said = AuditExported(export_id=export_id, filter=asked, indexed_through=known.indexed_through)
    tenancy = tenant_stream(tx.tenant_id, StreamKind.TENANCY)
    _, at = await events.append(tx, tenancy, StreamKind.TENANCY, [new_event(ids, said)])
    return ExportHead(
        export_id=export_id,
        tenant_id=tx.tenant_id,
        filter=asked,
        order=order,
        exported_at=at.astimezone(UTC),
        indexed_through=known.indexed_through,
        log_size=known.log_size,
    )


async def write_export(
    db: Database, principal: Principal, head: ExportHead
) -> AsyncIterator[bytes]:
    """Yield the lines of an export, each page read in a short transaction of its own.

    Ends without a manifest where the index is made anew meanwhile: nobody takes less for all.
    """
    digest, count = hashlib.sha256(), 0
    line = _line(head)
    digest.update(line)
    yield line
    async with db.reading(principal) as tx:
        terms = await _in_turn(tx, head.filter)
    how: Walk | None = Walk(
        asked=head.filter,
        terms=terms,
        order=head.order,
        size=head.indexed_through,
        place=None,
        limit=PAGE,
    )
    while how is not None:
        async with db.reading(principal) as tx:
            if (await extent(tx)).indexed_through < head.indexed_through:
                return
            stretch = await _stretch(tx, how)
        for event in stretch.found:
            line = _line(ExportLine(event=view_of(event)))
            digest.update(line)
            count += 1
            yield line
        how = None if stretch.place is None else replace(how, place=stretch.place)
    yield _line(ExportEnd(events=count, sha256=digest.hexdigest()))


async def _stretch(tx: Reading, how: Walk) -> Stretch:
    """Return up to so many events, having walked a bounded number of entries."""
    indexes: list[int] = []
    place, left, room = how.place, WALKED_MAX, how.limit + 1
    while left > 0 and len(indexes) < how.limit:
        step = min(left, room)
        walked = await store.walk(tx, replace(how, place=place, limit=step))
        fitting, last = taken(walked, how.limit - len(indexes))
        indexes += fitting
        if len(walked) < step and (last is None or last == walked[-1]):
            place = None
            break
        if last is not None:
            place = Place(order=how.order, at=last.at, index=last.index, size=how.size)
        left -= len(walked)
        room *= 2
    rows = {event.index: event for event in await store.list_events(tx, indexes)}
    return Stretch(found=[rows[index] for index in indexes if index in rows], place=place)


async def _in_turn(tx: Reading, asked: AuditFilter) -> list[tuple[Field, str]]:
    """Return the filters, the one with the fewest entries first."""
    terms = asked.terms()
    if len(terms) < 2:  # noqa: PLR2004 -- one needs no choice
        return terms
    counted = [(await store.count_entries(tx, asked, term), term) for term in terms]
    return [term for _, term in sorted(counted)]


def _line(document: Value) -> bytes:
    return msgspec.json.encode(document) + b"\n"
