"""Looking for somebody's data in all that a tenant's streams say, page by page."""

import dataclasses
from collections import defaultdict
from typing import Final
from uuid import UUID

from placet.audit.subjects.looks import store
from placet.audit.subjects.model import SubjectRequest
from placet.audit.subjects.rules import holds, needles
from placet.kernel.principal import Principal
from placet.storage.database import Database

BODIES_AT_ONCE: Final = 2_000
CALLS_AT_ONCE: Final = 1_000
RECEIPTS_AT_ONCE: Final = 200
"""Outputs are long."""

ARTIFACTS_AT_ONCE: Final = 20
"""And so are artifacts."""


@dataclasses.dataclass(slots=True)
class Found:
    """What of a stream holds the subject: all of it, or bodies and what is said of calls."""

    is_whole: bool = False
    seqs: set[int] = dataclasses.field(default_factory=set)
    calls: set[UUID] = dataclasses.field(default_factory=set)


async def look(db: Database, who: Principal, request: SubjectRequest) -> dict[UUID, Found]:
    """Return what holds the subject of a request, by stream. Each page is a transaction."""
    found: defaultdict[UUID, Found] = defaultdict(Found)
    wanted = needles(request.subject)
    await _look_at_bodies(db, who, request.subject, wanted, found)
    await _look_at_calls(db, who, request.subject, wanted, found)
    await _look_at_receipts(db, who, request.subject, wanted, found)
    await _look_at_artifacts(db, who, request.subject, wanted, found)
    if request.principal is not None:
        await _look_at_principals(db, who, request.principal, found)
    return dict(found)


async def _look_at_bodies(
    db: Database, who: Principal, subject: str, wanted: list[bytes], found: defaultdict[UUID, Found]
) -> None:
    after: tuple[UUID, int] | None = None
    while True:
        async with db.reading(who) as tx:
            page = await store.page_bodies(tx, after, wanted, BODIES_AT_ONCE)
        for stream, seq, body in page:
            if body is not None and holds(body, subject):
                found[stream].seqs.add(seq)
        if len(page) < BODIES_AT_ONCE:
            return
        after = page[-1][:2]


async def _look_at_calls(
    db: Database, who: Principal, subject: str, wanted: list[bytes], found: defaultdict[UUID, Found]
) -> None:
    after: tuple[UUID, UUID] | None = None
    while True:
        async with db.reading(who) as tx:
            page = await store.page_calls(tx, after, wanted, CALLS_AT_ONCE)
        for session, call, text in page:
            if text is not None and holds(text, subject):
                found[session].calls.add(call)
        if len(page) < CALLS_AT_ONCE:
            return
        after = page[-1][:2]


async def _look_at_receipts(
    db: Database, who: Principal, subject: str, wanted: list[bytes], found: defaultdict[UUID, Found]
) -> None:
    after: tuple[UUID, UUID] | None = None
    while True:
        async with db.reading(who) as tx:
            page = await store.page_receipts(tx, after, wanted, subject, RECEIPTS_AT_ONCE)
        for session, _, call, is_told, text in page:
            if is_told or (text is not None and holds(text, subject)):
                found[session].calls.add(call)
        if len(page) < RECEIPTS_AT_ONCE:
            return
        after = page[-1][:2]


async def _look_at_artifacts(
    db: Database, who: Principal, subject: str, wanted: list[bytes], found: defaultdict[UUID, Found]
) -> None:
    after: tuple[UUID, int, str] | None = None
    while True:
        async with db.reading(who) as tx:
            page = await store.page_artifacts(tx, after, subject, wanted, ARTIFACTS_AT_ONCE)
        for stream, seq, _, is_told in page:
            if is_told:
                found[stream].seqs.add(seq)
        if len(page) < ARTIFACTS_AT_ONCE:
            return
        after = page[-1][:3]


async def _look_at_principals(
    db: Database, who: Principal, principal: str, found: defaultdict[UUID, Found]
) -> None:
    after: UUID | None = None
    while True:
        async with db.reading(who) as tx:
            page = await store.page_principals(tx, after, principal, CALLS_AT_ONCE)
        for session in page:
            found[session].is_whole = True
        if len(page) < CALLS_AT_ONCE:
            return
        after = page[-1]
