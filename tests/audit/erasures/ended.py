"""A session in which a person's address stands wherever it can, and its end."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from tests.replay.desk import Desk, Worker
from tests.storage import catalog

from placet.audit.erasures.model import ErasureWhy
from placet.audit.erasures.service import Erasing, erase_batch
from placet.audit.subjects import store
from placet.audit.subjects.model import EraseSubject, RequestShown
from placet.audit.subjects.service import ask_erasure, carry_out, show
from placet.events.model import StreamKind, tenant_stream
from placet.events.store import list_events
from placet.kernel.ids import Ids
from placet.storage.database import Writing

ADDRESS = "anna.mustermann@example.org"


async def spoken(desk: Desk, text: str = ADDRESS) -> Worker:
    """Return a worker whose open session speaks of a person in arguments, outputs and words."""
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (call,) = await worker.propose(("note", {"text": f"write to {text} today"}))
    await worker.report(
        call, output={"sent_to": text}, external_ref=f"mail:{text}", idempotency_key=text
    )
    return worker


async def close(worker: Worker) -> None:
    """Close a session in which every call is settled."""
    answered = await worker.post("close", {"reason": "done"})
    assert answered.json()["status"] == "completed", answered.text


async def ended(desk: Desk, text: str = ADDRESS) -> Worker:
    """Return the worker of a session that spoke of a person and has ended."""
    worker = await spoken(desk, text)
    await close(worker)
    return worker


async def erase_some(tx: Writing, erasing: Erasing, ids: Ids) -> int:
    """Erase a batch, and return how many bodies went."""
    return (await erase_batch(tx, erasing, ids)).bodies


async def erase(desk: Desk, stream: UUID, seqs: Sequence[int] | None = None) -> int:
    """Erase bodies of a stream as the founder."""
    erasing = Erasing(
        stream_id=stream,
        why=ErasureWhy.SUBJECT,
        reason="asked by letter",
        seqs=None if seqs is None else tuple(seqs),
    )
    async with desk.db.writing(desk.workplace.founder) as tx:
        return await erase_some(tx, erasing, desk.ids)


async def told(desk: Desk) -> list[tuple[str, bytes | None]]:
    """Return what the tenant's `erasures` stream tells: types and bodies."""
    stream = tenant_stream(desk.workplace.tenant_id, StreamKind.ERASURES)
    async with desk.db.reading(desk.workplace.founder) as tx:
        return [(e.type, e.body) for e in await list_events(tx, stream, after=0, limit=500)]


async def asked(desk: Desk, subject: str = ADDRESS, **more: Any) -> RequestShown:  # noqa: ANN401 -- fields of the request
    """Ask that somebody's data go, and carry it out at once."""
    founder = desk.workplace.founder
    async with desk.db.writing(founder) as tx:
        wish = EraseSubject(subject=subject, reason="asked by letter", **more)
        made = await ask_erasure(tx, wish, desk.ids)
    return await again(desk, made.request_id)


async def again(desk: Desk, request_id: UUID) -> RequestShown:
    """Carry a request out, and return what came of it."""
    await carry_out(desk.db, desk.workplace.founder, request_id, desk.ids)
    async with desk.db.reading(desk.workplace.founder) as tx:
        return await show(tx, await store.get_request(tx, request_id))


async def stands_in(admin: "asyncpg.Connection[Any]", text: str) -> set[str]:
    """Return every column of every table in which a text stands, whatever our code believes."""
    found = set()
    for table, columns in (await catalog.columns(admin)).items():
        for name, kind, _, _ in columns:
            if kind not in {"text", "bytea", "jsonb"}:
                continue
            told = f'"{name}"::text' if kind != "bytea" else f"encode(\"{name}\", 'escape')"
            query = f"SELECT EXISTS (SELECT FROM placet.{table} WHERE strpos({told}, $1) > 0)"  # noqa: S608 -- names from the catalog
            if await admin.fetchval(query, text):
                found.add(f"{table}.{name}")
    return found
