"""Following logs: what their entries name is written into the index, in their order."""

import logging
from typing import Final

from msgspec.structs import replace

from placet.audit.search import store
from placet.audit.search.model import INDEX_AUDIT, INDEX_FORM, AuditEvent, LoggedEvent
from placet.audit.search.rules import Erased, erased_by, named, row_of, terms_of
from placet.events.model import StreamKind
from placet.kernel.ids import TenantId
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database, Writing
from placet.storage.work import WorkDue, finish_due, put_due, take_due

ENTRIES_AT_ONCE: Final = 200
"""Entries of a log that one transaction takes in."""

CLEARED_AT_ONCE: Final = 5_000
"""Rows of an outdated index that one transaction removes."""

ERASURES_AT_ONCE: Final = 10
"""Entries that tell of erased bodies, up to 500 each, that one transaction follows."""

ROUNDS_MAX: Final = 25
"""Transactions in which one log is followed before it has to wait for its turn again."""

TENANTS_AT_ONCE: Final = 20
TAKEN_SECONDS: Final = 60
_BARE: Final[dict[str, object]] = {
    "agent_named": None,
    "call_id": None,
    "tool": None,
    "verdict": None,
    "rules": [],
    "arguments_hash": None,
    "effect_key": None,
}
"""What the index has of an event without its body."""

_LOG: Final = logging.getLogger("placet.worker")


async def index_due(db: Database) -> int:
    """Follow every log that has grown, over all tenants. Returns how many had.

    May run on several nodes at once: a log is followed by one of them at a time.
    """
    due = await take_due(db, INDEX_AUDIT, limit=TENANTS_AT_ONCE, lease_seconds=TAKEN_SECONDS)
    for work in due:
        try:
            await _follow(db, work)
        except Exception:  # noqa: BLE001 -- one tenant's fault keeps no other waiting
            _LOG.exception("the index of tenant %s stays behind; it comes round", work.tenant_id)
    return len(due)


async def index_log(db: Database, tenant_id: TenantId, *, rounds: int = ROUNDS_MAX) -> bool:
    """Take in what a tenant's log has. Tells whether nothing is left, as far as was seen."""
    who = acting_for(tenant_id)
    for _ in range(rounds):
        async with db.writing(who) as tx:
            if not await _round(tx):
                return True
    return False


async def make_anew(tx: Writing) -> None:
    """Have the tenant's index thrown away and made from the log again, by whoever is next at it."""
    await store.outdate_progress(tx)
    await put_due(tx, INDEX_AUDIT, tx.tenant_id, await tx.now())


async def _follow(db: Database, work: WorkDue) -> None:
    is_done = await index_log(db, work.tenant_id)
    async with db.writing(acting_for(work.tenant_id)) as tx:
        await finish_due(tx, work, None if is_done else await tx.now())


async def _round(tx: Writing) -> bool:
    """Take in the next entries. Tells whether there may be more; not if somebody else is at it."""
    before = await store.take_progress(tx, INDEX_FORM)
    if before is None:
        return False
    if before.form != INDEX_FORM:
        # Invariant: until the last row is gone, no node of any form takes the rest for an index.
        is_empty = await store.clear(tx, CLEARED_AT_ONCE)
        cleared = replace(before, form=INDEX_FORM if is_empty else 0, indexed_through=0)
        await store.advance_progress(tx, before, cleared)
        return True
    start = before.indexed_through
    found = await store.list_logged(tx, start=start, limit=ENTRIES_AT_ONCE)
    logged = _up_to(found, ERASURES_AT_ONCE)
    if not logged:
        return False
    rows = await _with_tools(tx, [row_of(tx.tenant_id, one) for one in logged])
    await store.insert_rows(tx, rows, [term for row in rows for term in terms_of(row)])
    for one in logged:
        erased = erased_by(one)
        if erased is not None:
            await _forget(tx, erased)
    after = replace(before, indexed_through=logged[-1].index + 1)
    # Race: whoever moved it on since has written these rows, and then these are not written.
    if not await store.advance_progress(tx, before, after):
        message = "the index was moved on by another"
        raise RuntimeError(message)
    return len(logged) < len(found) or len(found) == ENTRIES_AT_ONCE


def _up_to(logged: list[LoggedEvent], count: int) -> list[LoggedEvent]:
    """Return the entries up to the last of so many that tell of erased bodies."""
    ends = [place for place, one in enumerate(logged, 1) if erased_by(one) is not None]
    return logged if len(ends) <= count else logged[: ends[count - 1]]


async def _with_tools(tx: Writing, rows: list[AuditEvent]) -> list[AuditEvent]:
    """Return events with the tool of the call that they name, where they do not name it too."""
    bare = {
        (row.stream_id, row.call_id)
        for row in rows
        if row.call_id is not None and row.tool is None and row.kind == StreamKind.SESSION
    }
    tools = await store.list_tools(tx, bare)
    return [
        replace(row, tool=named(tools.get(row.call_id)))
        if row.call_id is not None and (row.stream_id, row.call_id) in bare
        else row
        for row in rows
    ]


async def _forget(tx: Writing, erased: Erased) -> None:
    """Take away what the index has from bodies that were erased."""
    above = erased.from_seq - 1
    while above < erased.to_seq:
        page = await store.list_bodiless(
            tx, erased.stream_id, above=above, through=erased.to_seq, limit=ENTRIES_AT_ONCE
        )
        if not page:
            return
        full = [(event, replace(event, **_BARE)) for event in page]
        full = [(event, bare) for event, bare in full if event != bare]
        gone = [
            term for event, bare in full for term in terms_of(event) if term not in terms_of(bare)
        ]
        if full:
            await store.strip(tx, [bare.index for _, bare in full], _BARE, gone)
        above = page[-1].seq
