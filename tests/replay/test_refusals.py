"""Every way to be refused while an agent runs: the right code, and nothing written anywhere.

Each case is brought about over HTTP; all that is stored for the tenant is compared before and after
the refused request.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from litestar import Litestar
from tests.conftest import Server, found
from tests.invariants.guards import MUTANTS
from tests.invariants.mutants import installed
from tests.replay import refused
from tests.replay.asks.people import ESCALATE, AskDesk
from tests.replay.desk import Desk
from tests.replay.refused import ENOUGH, NOTE, PREFLIGHT, Scene
from tests.server.stored import Stored, looking
from tests.server.test_busy import exhausted

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.policies import Policies
from placet.server.problems import MEDIA_TYPE
from placet.storage.database import Database, HotPool, HotRow

Body = Callable[[Scene], dict[str, Any]]


@pytest.fixture
async def admin(server: Server, database_name: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


async def built(app: Litestar, desk: Desk, admin: "asyncpg.Connection[Any]") -> Scene:
    """Open a session and bring it under way."""
    worker = await desk.worker(ttl_seconds=60)
    (call,) = await worker.propose(NOTE)
    (asked,) = await worker.propose(ESCALATE)
    people = AskDesk(desk.client, desk.db, desk.ids, desk.workplace)
    said = await people.vote(worker.session_id, desk.signer, asked)
    assert said.status_code == 201, said.text
    runtime = app.state[Runtime.__name__]
    return Scene(desk, worker, admin, runtime, await worker.prepare(), call, asked)


@pytest.fixture(scope="module")
async def shared(app: Litestar, client: httpx.AsyncClient, db: Database, ids: Ids) -> Desk:
    """A desk whose sessions end one by one, and none of which ends another."""
    desk = Desk(client, db, ids, await found(db, ids))
    await desk.approve(app.state[ServerKeys.__name__])
    return desk


@pytest.fixture
async def scene(app: Litestar, shared: Desk, admin: "asyncpg.Connection[Any]") -> Scene:
    return await built(app, shared, admin)


async def stored(scene: Scene) -> Stored:
    return await looking(scene.admin, [scene.desk.workplace.tenant_id])


def told(answered: httpx.Response) -> tuple[int, str, str]:
    """Return status, code and action of a refusal, once it is seen to be a whole one."""
    problem = answered.json()
    assert answered.headers["Content-Type"] == MEDIA_TYPE, answered.text
    assert problem["status"] == answered.status_code
    assert problem["request_id"] == answered.headers["X-Request-ID"]
    assert problem["hint"]
    return answered.status_code, problem["code"], problem["action"]


ENDS: dict[str, Callable[[Scene], Awaitable[httpx.Response]]] = {
    "session_killed": refused.killed,
    "session_closing": refused.closing,
    "session_completed": refused.completed,
    "session_compromised": refused.compromised,
    "session_expired": refused.expired,
    "tenant_killed": refused.tenant_killed,
    "agent_killed": refused.agent_killed,
    "artifact_revoked": refused.revoked,
    "authority_expired": refused.outlived,
}
WIDE = {"tenant_killed", "agent_killed", "artifact_revoked"}
ACTS: dict[str, tuple[str, Body]] = {
    "preflight": ("preflight", lambda _: PREFLIGHT),
    "proposal": ("proposals", Scene.proposal),
    "calls": (
        "calls",
        lambda _: {"tool_calls": [{"id": "a", "name": NOTE[0], "arguments": json.dumps(NOTE[1])}]},
    ),
    "start": ("calls/%call%/start", lambda scene: {"start_id": scene.id()}),
    "claim": ("calls/%approved%/claim", lambda scene: {"claim_id": scene.id()}),
}


async def post(scene: Scene, verb: str, body: Body, key: str | None = None) -> httpx.Response:
    """Ask something of the session."""
    path = verb.replace("%call%", scene.call["call_id"])
    path = path.replace("%approved%", scene.approved["call_id"])
    return await scene.worker.post(path, body(scene), key)


def lease(action: str, holder: str = "") -> tuple[str, Body]:
    """Return a question about the lease."""
    return "lease", lambda scene: {
        "action": action,
        "holder": holder or scene.worker.holder,
        "request_id": scene.id(),
    }


@pytest.mark.parametrize("code", ENDS)
async def test_what_is_over_takes_nothing_that_would_act(
    app: Litestar, shared: Desk, admin: "asyncpg.Connection[Any]", code: str
) -> None:
    desk = shared
    if code in WIDE:
        desk = Desk(shared.client, shared.db, shared.ids, await found(shared.db, shared.ids))
        await desk.approve(app.state[ServerKeys.__name__])
    scene = await built(app, desk, admin)
    ended = await ENDS[code](scene)
    assert ended.status_code in {200, 201}, ended.text
    kept = await stored(scene)
    # What closes has a writer too, who reports and settles what is still out.
    more = {} if code == "session_closing" else {"lease": lease("grant")}
    answers = {verb: told(await post(scene, *asked)) for verb, asked in (ACTS | more).items()}
    assert answers == dict.fromkeys(answers, (410, code, "stop"))
    assert await kept.changed() == set()


@dataclass(frozen=True)
class Case:
    """Something that is refused: what came before, what is asked, and by what it is answered."""

    code: str
    status: int
    action: str
    before: Callable[[Scene], Awaitable[None]]
    asked: tuple[str, Body]
    is_operator: bool = False

    def __str__(self) -> str:
        """Return it as the id of a test."""
        verb = self.asked[0].rpartition("/")[2]
        return f"{self.code}-{self.before.__name__}-{verb}"


CASES = (
    Case("stale_control", 409, "new_preflight", refused.labelled, ACTS["proposal"]),
    Case("stale_control", 409, "new_preflight", refused.filtered, ACTS["start"]),
    Case(
        "prepared_request_consumed",
        409,
        "new_preflight",
        refused.consumed,
        ("proposals", lambda scene: scene.proposal("another")),
    ),
    Case("prepared_request_expired", 409, "new_preflight", refused.run_out, ACTS["proposal"]),
    Case(
        "request_hash_mismatch",
        409,
        "new_preflight",
        refused.nothing,
        ("proposals", lambda scene: scene.proposal(request_hash="cd" * 32)),
    ),
    *(Case("lease_lost", 409, "stop", refused.stolen, asked) for asked in ACTS.values()),
    Case("lease_lost", 409, "stop", refused.stolen, ("close", lambda _: {})),
    Case("lease_lost", 409, "stop", refused.stolen, lease("renew")),
    Case("lease_held", 409, "wait", refused.nothing, lease("grant", "another")),
    Case("transition_not_allowed", 409, "reload", refused.begun, ACTS["start"]),
    Case("ask_closed", 409, "reload", refused.claimed, ACTS["claim"]),
    Case(
        "idempotency_conflict",
        409,
        "stop",
        refused.told_once,
        ("receipts", lambda scene: scene.worker.receipt(scene.call, "failed", idempotency_key="k")),
    ),
    Case(
        "idempotency_conflict",
        409,
        "stop",
        refused.settled_once,
        ("settlements", lambda scene: scene.settlement(settlement_id=refused.SETTLEMENT)),
        is_operator=True,
    ),
    Case("evidence_too_weak", 409, "stop", refused.nothing, ("settlements", Scene.settlement)),
    Case(
        "outcome_not_final",
        422,
        "stop",
        refused.nothing,
        ("settlements", lambda scene: scene.settlement(outcome="unknown")),
        is_operator=True,
    ),
    Case(
        "label_taken",
        409,
        "stop",
        refused.labelled,
        ("labels", lambda _: {"add": {"tier": "silver"}}),
    ),
    Case("scope_missing", 403, "stop", refused.nothing, ACTS["preflight"], is_operator=True),
    Case("scope_missing", 403, "stop", refused.nothing, ("kill", lambda _: ENOUGH)),
    Case("not_found", 404, "stop", refused.elsewhere, ACTS["preflight"]),
)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_refused_request_writes_nothing(scene: Scene, case: Case) -> None:
    await case.before(scene)
    kept = await stored(scene)
    key = scene.desk.operator_key if case.is_operator else None
    answered = await post(scene, *case.asked, key)
    assert told(answered) == (case.status, case.code, case.action)
    assert await kept.changed() == set()


async def test_a_request_that_waits_for_another_is_told_when_to_come_back(scene: Scene) -> None:
    kept = await stored(scene)
    async with scene.admin.transaction():
        await scene.sql("SELECT FROM placet.replay_session WHERE session_id = $1 FOR UPDATE")
        answered = await post(scene, *ACTS["proposal"])
    assert told(answered) == (409, "request_in_progress", "retry_same")
    assert int(answered.headers["Retry-After"]) >= 1
    assert await kept.changed() == set()
    assert (await post(scene, *ACTS["proposal"])).status_code == 200
    assert await kept.changed() >= {"replay_prepared_request", "replay_pending_call", "event"}


Arguments = tuple[object, ...]


class _Meddling(HotPool):
    """The same connections, where something comes between a decision and the writing of it."""

    def __init__(self, hot: HotPool, between: Callable[[Arguments], Awaitable[Arguments]]) -> None:
        vars(self).update(vars(hot))
        self._between = between

    async def rows(
        self, query: str, *arguments: object, reserved: bool = False, owed: bool = False
    ) -> list[HotRow]:
        if "propose_v1" in query:
            arguments = await self._between(arguments)
        return await super().rows(query, *arguments, reserved=reserved, owed=owed)

    async def together(
        self, name: str, key: Hashable, session: UUID, arguments: Arguments, *, owed: bool = False
    ) -> HotRow:
        if name == "propose_v1":
            arguments = await self._between(arguments)
        return await super().together(name, key, session, arguments, owed=owed)


async def meddled(
    scene: Scene, between: Callable[[Arguments], Awaitable[Arguments]]
) -> tuple[int, str, str]:
    """Propose, with something coming between each time."""
    hot = scene.runtime.db.hot
    scene.runtime.db.hot = _Meddling(hot, between)
    try:
        return told(await post(scene, *ACTS["proposal"]))
    finally:
        scene.runtime.db.hot = hot


async def test_a_decision_whose_time_is_over_each_time_is_not_written(scene: Scene) -> None:
    async def too_late(arguments: Arguments) -> Arguments:
        assert isinstance(arguments[9], int)
        return (*arguments[:11], datetime(2000, 1, 1, tzinfo=UTC), *arguments[12:])

    kept = await stored(scene)
    assert await meddled(scene, too_late) == (409, "stale_time", "retry_same")
    assert await kept.changed() == set()
    assert (await post(scene, *ACTS["proposal"])).status_code == 200


async def test_a_decision_whose_facts_move_each_time_is_not_written(scene: Scene) -> None:
    calls = await scene.worker.propose(*[NOTE] * 8)
    scene.prepared = await scene.worker.prepare()
    kept = await stored(scene)

    async def moved(arguments: Arguments) -> Arguments:
        await scene.worker.report(calls.pop())
        return arguments

    assert await meddled(scene, moved) == (409, "stale_state", "retry_same")
    assert "replay_prepared_request" not in await kept.changed()
    again = await post(scene, *ACTS["proposal"])
    assert (again.status_code, again.json()["replayed"]) == (200, False)


async def test_an_artifact_that_was_changed_where_it_is_stored_decides_nothing(
    app: Litestar, shared: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    desk = Desk(shared.client, shared.db, shared.ids, await found(shared.db, shared.ids))
    await desk.approve(app.state[ServerKeys.__name__])
    scene = await built(app, desk, admin)
    table = "ALTER TABLE placet.authority_artifact"
    await admin.execute(f"{table} DISABLE TRIGGER append_only")
    await admin.execute(
        "UPDATE placet.authority_artifact SET runtime_projection_json ="
        " convert_to(replace(convert_from(runtime_projection_json, 'UTF8'), '50000', '99999'),"
        " 'UTF8') WHERE tenant_id = $1",
        desk.workplace.tenant_id,
    )
    await admin.execute(f"{table} ENABLE ALWAYS TRIGGER append_only")
    kept, remembered = await stored(scene), scene.runtime.policies
    scene.runtime.policies = Policies()
    try:
        answered = await post(scene, *ACTS["proposal"])
    finally:
        scene.runtime.policies = remembered
    assert told(answered) == (503, "artifact_doubtful", "stop")
    assert await kept.changed() == set()


async def test_without_a_connection_nothing_is_decided_and_nothing_is_written(
    app: Litestar, scene: Scene
) -> None:
    kept = await stored(scene)
    patient = scene.desk.client
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://placet.test") as impatient,
        exhausted(app),
    ):
        scene.desk.client = impatient
        answered = await post(scene, *ACTS["proposal"])
    scene.desk.client = patient
    assert told(answered) == (503, "governance_unavailable", "wait")
    assert int(answered.headers["Retry-After"]) >= 1
    assert await kept.changed() == set()
    assert (await post(scene, *ACTS["proposal"])).status_code == 200


async def test_a_request_that_is_consumed_before_it_is_checked_is_seen(
    server: Server, database_name: str, scene: Scene
) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == "write_before_a_check")
    (case,) = (case for case in CASES if case.code == "request_hash_mismatch")
    owner = await asyncpg.connect(server.url("placet_migrator", database_name))
    await owner.execute("SET ROLE placet_owner")
    async with installed(owner, mutant):
        kept = await stored(scene)
        answered = await post(scene, *case.asked)
        changed = await kept.changed()
    await owner.close()
    assert told(answered)[1] == case.code
    assert "replay_prepared_request" in changed
