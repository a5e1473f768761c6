"""What was copied from a session's calls goes with the bodies that speak of them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar
from tests.audit.erasures.ended import close, ended, erase, stands_in
from tests.conftest import Server, Workplace
from tests.replay.asks.people import AskDesk, asking
from tests.replay.desk import Desk, Worker

from placet.authority.server_keys import ServerKeys
from placet.events.artifacts.model import Subject
from placet.events.artifacts.store import keep_artifact, link_artifact
from placet.events.checkpoints.model import FoldState
from placet.events.checkpoints.service import keep
from placet.events.model import StreamId
from placet.events.places.model import Position
from placet.events.store import find_leaf
from placet.kernel.ids import Ids
from placet.kernel.refusals import NotFound
from placet.storage.database import Database

IMPACT = """\
INSERT INTO placet.studio_impact (tenant_id, impact_id, workspace_id, snapshot_id, candidate_hash,
    compared_with, since, until, calls_max, report_json, report_hash, computed_by, computed_at)
VALUES ($1, $2, $2, $2, '', 'recorded', now() - interval '1 day', now() + interval '1 day', 1, $3,
    '', $2, now())
"""
SHOWN = """\
INSERT INTO placet.studio_impact_session (tenant_id, session_id, impact_id) VALUES ($1, $2, $3)
"""
TALLY = """\
INSERT INTO placet.studio_shadow_tally (tenant_id, shadow_id, tool, before, after, unjudged, calls,
    example)
VALUES ($1, $2, 'note', 'allow', 'deny', false, 1, $3)
"""


@pytest.fixture
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


@pytest.fixture
async def ask_desk(
    client: httpx.AsyncClient, app: Litestar, db: Database, ids: Ids, workplace: Workplace
) -> AskDesk:
    """A desk whose contract asks people."""
    made = AskDesk(client, db, ids, workplace)
    await made.approve_asking(app.state[ServerKeys.__name__], asking())
    return made


async def test_what_people_were_shown_and_wrote_about_a_call_goes_with_it(
    ask_desk: AskDesk, admin: "asyncpg.Connection[Any]"
) -> None:
    desk, text = ask_desk, ask_desk.ids.new().hex
    worker = await desk.worker()
    (call,) = await worker.propose(("escalate", {"reason": f"{text} shouts"}))
    calmer = {"reason": f"{text} asks"}
    edited = (await desk.edit(worker, call, calmer, reason=f"not {text}")).json()["ask"]
    await desk.yes(worker, edited)
    claim_id = desk.ids.new()
    claimed = await desk.claim(worker, edited, claim_id)
    (granted,) = claimed.json()["calls"]
    await worker.report(granted, output={"of": text}, error=f"none for {text}")
    await close(worker)
    assert await stands_in(admin, text) >= {
        "event_body.body",
        "replay_ask.view",
        "replay_ask_edit.reason",
        "replay_execution_receipt.error",
        "replay_execution_receipt.output",
        "replay_pending_call.arguments",
    }
    await erase(desk, worker.session_id)
    assert await stands_in(admin, text) == set()
    shown = await desk.get(
        f"/api/v1/replay/sessions/{worker.session_id}/calls/{edited['call_id']}/ask",
        desk.ada.api_key,
    )
    assert shown.status_code == 404
    assert (await desk.claim(worker, edited, claim_id)).status_code == 404


async def test_previews_and_examples_that_show_a_session_go_and_others_stay(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker, other = await ended(desk), await ended(desk)
    text = desk.ids.new().hex
    tenant = desk.workplace.tenant_id
    await admin.execute("SET session_replication_role = replica")
    for one in (worker, other):
        report, impact = json.dumps(example(one, text)).encode(), desk.ids.new()
        await admin.execute(IMPACT, tenant, impact, report)
        await admin.execute(SHOWN, tenant, one.session_id, impact)
        await admin.execute(TALLY, tenant, desk.ids.new(), json.dumps(example(one, text)))
    await admin.execute("RESET session_replication_role")
    await erase(desk, worker.session_id)
    left = await admin.fetch(
        "SELECT convert_from(report_json, 'UTF8')::jsonb ->> 'session_id' AS session_id"
        " FROM placet.studio_impact WHERE tenant_id = $1",
        tenant,
    )
    assert [row["session_id"] for row in left] == [str(other.session_id)]
    left = await admin.fetchval(
        "SELECT count(*) FROM placet.studio_shadow_tally"
        " WHERE tenant_id = $1 AND strpos(example::text, $2) > 0",
        tenant,
        text,
    )
    assert left == 1
    examples = await admin.fetch(
        "SELECT example ->> 'session_id' AS session_id, example ->> 'arguments' AS arguments"
        " FROM placet.studio_shadow_tally WHERE tenant_id = $1",
        tenant,
    )
    assert {row["session_id"]: row["arguments"] for row in examples} == {
        str(worker.session_id): None,
        str(other.session_id): text,
    }


def example(worker: Worker, text: str) -> dict[str, Any]:
    judgment = {"verdict": "deny", "reasons": [{"code": "a", "rule": "b", "detail": text}]}
    return {
        "session_id": str(worker.session_id),
        "arguments": text,
        "before": judgment,
        "after": judgment,
    }


async def test_an_erased_event_gets_no_artifact_and_its_stream_no_checkpoint(
    desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    worker, text = await ended(desk), desk.ids.new().hex
    stream = StreamId(worker.session_id)
    count = len(await worker.events())
    await erase(desk, worker.session_id, range(1, count))
    linked = {"name": "n", "media_type": "text/plain"}
    async with desk.db.writing(desk.workplace.founder) as tx:
        other = await keep_artifact(tx, b"of what stays")
        await link_artifact(tx, other, Subject(stream_id=stream, seq=count), **linked)
        leaf = await find_leaf(tx, stream, count)
        assert leaf is not None
        state = FoldState(fold="sum", form=1, state=text.encode())
        await keep(tx, stream, Position(seq=count, leaf=leaf), state)

    async def link_again() -> None:
        async with desk.db.writing(desk.workplace.founder) as tx:
            digest = await keep_artifact(tx, text.encode())
            await link_artifact(tx, digest, Subject(stream_id=stream, seq=1), **linked)

    with pytest.raises(NotFound, match="erased"):
        await link_again()
    assert await stands_in(admin, text) == set()
