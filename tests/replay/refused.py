"""A session in which something of every sort is under way, and the ways in which it may end."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
from tests.replay.desk import AGENT, REQUEST_HASH, Desk, Worker

from placet.events.model import new_event
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions import store as sessions
from placet.replay.sessions.expiry import WHY, ending_of
from placet.replay.sessions.model import SessionStopped

NOTE = ("note", {"text": "called back"})
PREFLIGHT = {"request_hash": REQUEST_HASH}
ENOUGH = {"reason": "enough"}
SETTLEMENT = "0190a000-0000-7000-8000-000000000001"


@dataclass
class Scene:
    """A session with a prepared request, a granted call, and one that people approved."""

    desk: Desk
    worker: Worker
    admin: "asyncpg.Connection[Any]"
    runtime: Runtime
    prepared: dict[str, Any]
    call: dict[str, Any]
    approved: dict[str, Any]

    def id(self) -> str:
        """Return an id of nothing."""
        return str(self.desk.ids.new())

    async def sql(self, statement: str) -> None:
        """Change something of the session as only time can."""
        await self.admin.execute(statement, self.worker.session_id)

    def proposal(self, text: str = "called back", **changed: str) -> dict[str, Any]:
        """Return a response to the prepared request."""
        return self.worker.proposal(self.prepared, ("note", {"text": text})) | changed

    def settlement(self, **changed: object) -> dict[str, Any]:
        """Return a settlement of the granted call."""
        return {
            "settlement_id": self.id(),
            "call_id": self.call["call_id"],
            "outcome": "succeeded",
            "reason": "looked at the books",
            **changed,
        }


async def killed(scene: Scene) -> httpx.Response:
    return await scene.worker.post("kill", ENOUGH, scene.desk.operator_key)


async def closing(scene: Scene) -> httpx.Response:
    return await scene.worker.post("close", {})


async def completed(scene: Scene) -> httpx.Response:
    await scene.worker.report(scene.call)
    return await scene.worker.post("close", {})


async def compromised(scene: Scene) -> httpx.Response:
    return await scene.worker.post("report-bypass", {"reason": "it went round"})


async def expired(scene: Scene) -> httpx.Response:
    worker, runtime = scene.worker, scene.runtime
    await scene.sql(
        "UPDATE placet.replay_pending_call SET deadline_at = now() - interval '1 second'"
        " WHERE session_id = $1 AND deadline_at IS NOT NULL"
    )
    async with scene.desk.db.reading(scene.desk.workplace.founder) as tx:
        session = await sessions.get_session(tx, worker.session_id)
    said = new_event(runtime.ids, SessionStopped(reason=WHY, limit="max_seconds"))
    tenant = scene.desk.workplace.tenant_id
    ended = await sessions.end_session(runtime.db.hot, tenant, ending_of(session), said)
    assert ended == "ok"
    return await scene.desk.get(worker.path)


async def tenant_killed(scene: Scene) -> httpx.Response:
    return await scene.desk.kill_tenant()


async def agent_killed(scene: Scene) -> httpx.Response:
    return await scene.desk.kill("agent", AGENT)


async def revoked(scene: Scene) -> httpx.Response:
    path = f"/api/v1/studio/approvals/{scene.desk.approval_id}/revoke"
    return await scene.desk.post(path, ENOUGH, scene.desk.operator_key)


async def outlived(scene: Scene) -> httpx.Response:
    await scene.sql(
        "UPDATE placet.replay_session SET authority_until = now() - interval '1 second'"
        " WHERE session_id = $1"
    )
    return await scene.desk.get(scene.worker.path)


async def labelled(scene: Scene) -> None:
    done = await scene.worker.post("labels", {"add": {"tier": "gold"}})
    assert done.status_code == 200, done.text


async def consumed(scene: Scene) -> None:
    done = await scene.worker.post("proposals", scene.worker.proposal(scene.prepared, NOTE))
    assert done.status_code == 200, done.text


async def run_out(scene: Scene) -> None:
    await scene.sql(
        "UPDATE placet.replay_prepared_request SET expires_at = now() - interval '1 second'"
        " WHERE session_id = $1 AND consumed_at IS NULL"
    )


async def begun(scene: Scene) -> None:
    assert (await scene.worker.start(scene.call)).status_code == 200


async def claimed(scene: Scene) -> None:
    path = f"calls/{scene.approved['call_id']}/claim"
    done = await scene.worker.post(path, {"claim_id": scene.id()})
    assert done.status_code == 200, done.text


async def stolen(scene: Scene) -> None:
    thief = Worker(scene.desk, scene.worker.session_id)
    assert (await thief.lease("steal", reason="it hangs")).status_code == 200


async def nothing(scene: Scene) -> None:
    assert scene.worker.binding


async def filtered(scene: Scene) -> None:
    """Take the tool of the granted call away."""
    asked = {"tools": ["note"], "reason": "it floods"}
    done = await scene.worker.post("tool-filter", asked, scene.desk.operator_key)
    assert done.status_code == 200, done.text


async def told_once(scene: Scene) -> None:
    """Report on the granted call under the key `k`."""
    await scene.worker.report(scene.call, idempotency_key="k")


async def settled_once(scene: Scene) -> None:
    """Settle the granted call, for another reason than is told later."""
    asked = scene.settlement(settlement_id=SETTLEMENT, reason="the bank said so")
    done = await scene.worker.post("settlements", asked, scene.desk.operator_key)
    assert done.status_code == 200, done.text


async def elsewhere(scene: Scene) -> None:
    """Look for a session that is not there."""
    scene.worker.path = scene.worker.path.replace(str(scene.worker.session_id), scene.id())
