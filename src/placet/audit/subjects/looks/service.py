"""Looking for somebody's data in all that a tenant's streams say, page by page."""

import asyncio
import dataclasses
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from placet.audit.subjects.looks import store
from placet.audit.subjects.looks.model import Key, Met, Named, Table, Wanted
from placet.audit.subjects.model import SubjectRequest
from placet.audit.subjects.rules import holds, needles
from placet.kernel.principal import Principal
from placet.storage.database import Database


@dataclasses.dataclass(slots=True)
class Found:
    """What of a stream holds the subject: all of it, or bodies and what is said of calls."""

    is_whole: bool = False
    seqs: set[int] = dataclasses.field(default_factory=set)
    calls: set[UUID] = dataclasses.field(default_factory=set)

    def add(self, met: Met) -> None:
        """Note a row that holds it."""
        if met.seq is not None:
            self.seqs.add(met.seq)
        elif met.call is not None:
            self.calls.add(met.call)
        else:
            self.is_whole = True


async def look(db: Database, who: Principal, request: SubjectRequest) -> dict[UUID, Found]:
    """Return what holds the subject of a request, by stream. Each page is a transaction."""
    found: defaultdict[UUID, Found] = defaultdict(Found)
    subject = Wanted(subject=request.subject, needles=tuple(needles(request.subject)))
    wishes: list[tuple[Table, Wanted]] = [
        (table, subject) for table in Table if table is not Table.PRINCIPALS
    ]
    if request.principal is not None:
        wishes.append((Table.PRINCIPALS, Wanted(subject=request.principal, needles=())))
    for table, wanted in wishes:
        async for page in _pages(db, who, table, wanted):
            # Long texts are read as JSON: nobody else waits for them.
            for met in await asyncio.to_thread(_holding, page, wanted.subject):
                found[met.stream].add(met)
    return dict(found)


async def speaking_of(db: Database, who: Principal, session: UUID, found: Found) -> set[int]:
    """Return the events of a session that were found, and all that speak of a call of these."""
    named = [each async for each in _named(db, who, session)]
    calls = found.calls.union(*[each.calls for each in named if each.seq in found.seqs])
    return found.seqs.union(each.seq for each in named if calls.intersection(each.calls))


def _holding(page: Sequence[Met], subject: str) -> list[Met]:
    return [
        met for met in page if met.is_told or (met.text is not None and holds(met.text, subject))
    ]


async def _pages(
    db: Database, who: Principal, table: Table, wanted: Wanted
) -> AsyncIterator[list[Met]]:
    """Yield every page of a table, each read in a transaction of its own."""
    after: Key | None = None
    while True:
        async with db.reading(who) as tx:
            page = await store.page(tx, table, wanted, after)
        if not page:
            return
        yield page
        after = page[-1].key


async def _named(db: Database, who: Principal, session: UUID) -> AsyncIterator[Named]:
    after = 0
    while True:
        async with db.reading(who) as tx:
            page = await store.page_named(tx, session, after)
        for each in page:
            yield each
        if not page:
            return
        after = page[-1].seq
