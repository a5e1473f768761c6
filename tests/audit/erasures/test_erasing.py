"""Erasing bodies of one stream: what goes, what is told, and what is refused."""

import io
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.audit.erasures.ended import ADDRESS, close, ended, erase, spoken, stands_in, told
from tests.conftest import Server, found
from tests.replay.desk import Desk
from tests.replay.passing import OVER

from placet.audit.erasures import store
from placet.audit.erasures.model import (
    BodiesErased,
    ErasureWhy,
    StreamKept,
    StreamOpen,
    StreamUnknown,
)
from placet.events.model import StreamId, StreamKind, new_event, tenant_stream
from placet.events.store import list_events
from placet.evidence.verify import verify_bundle
from placet.storage.database import Database

KINDS = [StreamKind.TENANCY, StreamKind.AUTHORITY, StreamKind.CONTROL, StreamKind.ERASURES]


@pytest.fixture
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


async def bodies(desk: Desk, stream: UUID) -> dict[int, bytes | None]:
    async with desk.db.reading(desk.workplace.founder) as tx:
        return {e.seq: e.body for e in await list_events(tx, stream, after=0, limit=500)}  # type: ignore[arg-type]  # a session's id


async def calling(
    desk: Desk, stream: UUID, seqs: list[int], said: BodiesErased | None = None
) -> str:
    """Call the database function as the application can, with whatever it likes."""
    honest = BodiesErased(
        erasure_id=desk.ids.new(),
        stream_id=stream,
        from_seq=min(seqs),
        to_seq=max(seqs),
        count=len(seqs),
        why=ErasureWhy.SUBJECT,
        reason="asked by letter",
    )
    said = said or honest
    async with desk.db.writing(desk.workplace.founder) as tx:
        return await store.erase(tx, said, seqs, new_event(desk.ids, said))


async def test_a_closed_session_loses_its_bodies_and_tells_of_it_once(desk: Desk) -> None:
    worker = await ended(desk)
    events = len(await worker.events())
    assert await erase(desk, worker.session_id) == events
    assert set((await bodies(desk, worker.session_id)).values()) == {None}
    assert [event["body"] for event in await worker.events()] == [None] * events
    ((kind, body),) = await told(desk)
    said = json.loads(body or b"")
    assert kind == BodiesErased.__name__
    assert (said["stream_id"], said["from_seq"], said["to_seq"], said["count"]) == (
        str(worker.session_id),
        1,
        events,
        events,
    )
    assert await erase(desk, worker.session_id) == 0
    assert len(await told(desk)) == 1


async def test_no_column_of_any_table_holds_what_was_erased(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    text = f"{desk.ids.new().hex}@example.org"
    worker = await ended(desk, text)
    before = await stands_in(admin, text)
    assert before >= {
        "event_body.body",
        "replay_execution_receipt.output",
        "replay_execution_receipt.external_ref",
        "replay_execution_receipt.idempotency_key",
        "replay_pending_call.arguments",
    }
    await erase(desk, worker.session_id)
    assert await stands_in(admin, text) == set()


async def test_what_is_left_verifies_and_says_what_it_could_not_read(desk: Desk) -> None:
    worker = await ended(desk)
    await erase(desk, worker.session_id)
    founder = desk.workplace.founder_key
    for path in (f"{worker.path}/bundle", "/api/v1/replay/bundle"):
        report = verify_bundle(io.BytesIO((await desk.get(path, founder)).content))
        assert report.flaw is None, path
        assert report.bodies_erased > 0


async def test_some_bodies_of_a_session_go_and_the_rest_verifies(desk: Desk) -> None:
    worker = await ended(desk)
    seqs = [e["seq"] for e in await worker.events() if e["type"] == "CallProposed"]
    assert await erase(desk, worker.session_id, seqs) == len(seqs)
    left = await bodies(desk, worker.session_id)
    assert {seq for seq, body in left.items() if body is None} == set(seqs)
    bundle = (await desk.get(f"{worker.path}/bundle", desk.workplace.founder_key)).content
    report = verify_bundle(io.BytesIO(bundle))
    assert (report.flaw, report.bodies_erased) == (None, len(seqs))


async def test_an_open_session_is_refused_and_stays_whole(desk: Desk) -> None:
    worker = await spoken(desk)
    with pytest.raises(StreamOpen) as refused:
        await erase(desk, worker.session_id)
    assert refused.value.why == "open"
    assert None not in (await bodies(desk, worker.session_id)).values()
    assert await told(desk) == []


async def test_a_session_with_a_call_that_nobody_knows_of_waits_until_it_is_settled(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await spoken(desk)
    (call,) = await worker.propose(("note", {"text": "b"}))
    await worker.report(call, "unknown")
    await worker.post("kill", {"reason": "enough"}, desk.operator_key)
    await admin.execute(OVER, worker.session_id)
    with pytest.raises(StreamOpen) as refused:
        await erase(desk, worker.session_id)
    assert refused.value.why == "unsettled"
    settled = await worker.post(
        "settlements",
        {
            "settlement_id": str(desk.ids.new()),
            "call_id": call["call_id"],
            "outcome": "failed",
            "reason": f"of {ADDRESS}",
        },
        desk.operator_key,
    )
    assert settled.status_code == 200, settled.text
    assert await erase(desk, worker.session_id) > 0


@pytest.mark.parametrize("kind", KINDS)
async def test_what_proves_who_may_do_what_is_never_erased(desk: Desk, kind: StreamKind) -> None:
    await erase(desk, (await ended(desk)).session_id)
    if kind is StreamKind.CONTROL:
        await desk.kill("tool", "note")
    stream = tenant_stream(desk.workplace.tenant_id, kind)
    assert await bodies(desk, stream)
    with pytest.raises(StreamKept):
        await erase(desk, stream)
    assert await calling(desk, stream, [1]) == "kept"
    assert None not in (await bodies(desk, stream)).values()


async def test_another_tenants_session_is_unknown_here(desk: Desk, db: Database) -> None:
    worker = await ended(desk)
    other = Desk(desk.client, db, desk.ids, await found(db, desk.ids))
    with pytest.raises(StreamUnknown):
        await erase(other, worker.session_id)
    assert await calling(other, worker.session_id, [1]) == "unknown"
    assert None not in (await bodies(desk, worker.session_id)).values()
    assert await told(other) == []


@pytest.mark.parametrize(
    "wrong", [{"count": 9}, {"from_seq": 2}, {"to_seq": 1}, {"stream_id": UUID(int=7)}]
)
async def test_an_event_that_says_otherwise_than_what_is_done_is_refused(
    desk: Desk, wrong: dict[str, Any]
) -> None:
    worker = await ended(desk)
    fields: dict[str, Any] = {
        "erasure_id": desk.ids.new(),
        "stream_id": worker.session_id,
        "from_seq": 1,
        "to_seq": 2,
        "count": 2,
        "why": ErasureWhy.SUBJECT,
        "reason": "no",
    }
    said = BodiesErased(**(fields | wrong))
    code = await calling(desk, said.stream_id, [1, 2], said)
    assert code == ("unknown" if "stream_id" in wrong else "misstated")
    assert None not in (await bodies(desk, worker.session_id)).values()
    assert await told(desk) == []


async def test_an_archived_workspace_loses_what_people_wrote_in_words_and_nothing_else(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    text = f"moved to {desk.ids.new().hex}"
    workspace = desk.workspace.workspace_id
    path = f"/api/v1/studio/workspaces/{workspace}/archive"
    archived = await desk.post(path, {"reason": text}, desk.workplace.founder_key)
    assert archived.status_code == 200, archived.text
    # What it has in force goes on, and so the workspace is not closed.
    with pytest.raises(StreamOpen):
        await erase(desk, workspace)
    revoke = f"/api/v1/studio/approvals/{desk.approval_id}/revoke"
    revoked = await desk.post(revoke, {"reason": "over"}, desk.operator_key)
    assert revoked.status_code == 200, revoked.text
    assert await erase(desk, workspace) == 1
    assert await stands_in(admin, text) == set()
    async with desk.db.reading(desk.workplace.founder) as tx:
        left = await list_events(tx, StreamId(workspace), after=0, limit=500)
    assert {e.type for e in left if e.body is None} == {"WorkspaceArchived"}
    assert await erase(desk, workspace) == 0
    assert await calling(desk, workspace, [1]) == "redo"


async def test_the_application_itself_may_delete_no_body(
    desk: Desk, database_url: str, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await ended(desk)
    await erase(desk, worker.session_id, [1])
    app = await asyncpg.connect(database_url)
    await app.execute(f"SET placet.tenant = '{desk.workplace.tenant_id}'")
    for statement in (
        "DELETE FROM placet.event_body",
        "UPDATE placet.event_body SET body = ''",
        "UPDATE placet.replay_execution_receipt SET output = NULL",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    await app.close()
    # Of a stream of which some bodies were erased, the others stay: also for a superuser.
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await admin.execute(
            "DELETE FROM placet.event_body WHERE stream_id = $1 AND seq = 2", worker.session_id
        )
    for change in ("output = 'forged'", "status = 'failed'", "output = NULL, late = true"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await admin.execute(
                f"UPDATE placet.replay_execution_receipt SET {change} WHERE session_id = $1",  # noqa: S608 -- named above
                worker.session_id,
            )


async def test_snapshots_of_a_session_go_with_its_bodies_and_come_no_more(desk: Desk) -> None:
    worker = await ended(desk)
    path = f"{worker.path}/snapshots"
    taken = await desk.post(path, {}, desk.operator_key)
    assert taken.status_code == 201
    seqs = [e["seq"] for e in await worker.events() if e["type"] == "ReceiptReceived"]
    await erase(desk, worker.session_id, seqs)
    assert (await desk.get(path, desk.operator_key)).json()["items"] == []
    again = await desk.post(path, {}, desk.operator_key)
    assert again.status_code == 201, again.text
    assert (await desk.get(path, desk.operator_key)).json()["items"] == []


async def test_whoever_asks_again_is_told_that_the_answer_was_erased(desk: Desk) -> None:
    worker = await spoken(desk)
    prepared = await worker.prepare()
    asked = worker.proposal(prepared, ("note", {"text": ADDRESS}))
    first = await worker.post("proposals", asked)
    (call,) = first.json()["calls"]
    await worker.report(call)
    await close(worker)
    assert (await worker.post("proposals", asked)).status_code == 200
    await erase(desk, worker.session_id)
    again = await worker.post("proposals", asked)
    assert (again.status_code, again.json()["code"]) == (404, "not_found")


async def test_a_late_receipt_of_an_erased_call_is_kept_with_its_body(desk: Desk) -> None:
    worker = await spoken(desk)
    (call,) = await worker.propose(("note", {"text": "b"}))
    await worker.report(call)
    await close(worker)
    erased = await erase(desk, worker.session_id)
    late = await worker.report(call, output={"again": ADDRESS})
    assert (late["late"], late["conflicting"]) == (True, False)
    left = await bodies(desk, worker.session_id)
    assert [seq for seq, body in left.items() if body is not None] == [erased + 1]
    assert await erase(desk, worker.session_id) == 1
