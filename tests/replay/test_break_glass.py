"""Sessions under what stood by, over HTTP: they begin while it is in force, and end with it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar
from msgspec.structs import asdict
from tests.conftest import Server
from tests.replay.desk import AGENT, CONTRACT, Desk, Worker
from tests.studio.break_glass.passing import Pass, passing
from tests.studio.break_glass.scene import ROLES, signed
from tests.studio.story import Signer

from placet.authority.checkpoints.service import make_checkpoint
from placet.authority.server_keys import ServerKeys
from placet.evidence.vote import CheckpointSeen, VotePurpose
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.endings import END_SESSIONS, end_sessions
from placet.storage.work import WorkDue
from placet.studio.break_glass.model import ActivationAnswer, SignActivation

PATH = "/api/v1/studio/break-glass"
ESCALATE = ("escalate", {"reason": "r"})
NOTE = ("note", {"text": "called back"})
PLAN = f"/api/v1/governance/plan?agent={AGENT}&environment=staging"

OPEN_HANDED: dict[str, Any] = CONTRACT | {
    "tools": [
        tool | {"decision": "allow"} if tool["tool"] == "escalate" else tool
        for tool in CONTRACT["tools"]
    ]
}


@pytest.fixture
def let(server: Server, database_name: str) -> Pass:
    return passing(server, database_name)


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    found = app.state[Runtime.__name__]
    assert isinstance(found, Runtime)
    return found


class Emergency:
    """What stands by for a desk, and two operators with keys."""

    def __init__(self, desk: Desk, ada: Signer, bob: Signer, standby: UUID) -> None:
        """Stand on an approval that was given for break-glass."""
        self.desk = desk
        self.ada = ada
        self.bob = bob
        self.standby = standby
        self.activation = UUID(int=0)

    async def open(self, latest: CheckpointSeen | None = None) -> httpx.Response:
        """Open an activation as one operator, who was shown this checkpoint."""
        desk, workspace = self.desk, self.desk.workspace
        shown = (
            await desk.get(f"/api/v1/studio/approvals/{self.standby}", self.ada.api_key)
        ).json()
        request = f"/api/v1/studio/approval-requests/{shown['request_id']}"
        hash_ = (await desk.get(request, self.ada.api_key)).json()["artifact_hash"]
        said: dict[str, object] = {
            "tenant_id": workspace.tenant_id,
            "workspace_id": workspace.workspace_id,
            "environment": workspace.environment,
            "activation_id": desk.ids.new(),
            "approval_id": self.standby,
            "artifact_hash": hash_,
            "minutes": 30,
            "reason": "the provider is down",
            "latest_checkpoint": latest,
        }
        return await desk.post(PATH, _body(signed(self.ada, said)), self.ada.api_key)

    async def sign(self) -> tuple[int, dict[str, Any]]:
        """Open an activation as one operator, and confirm it as the other."""
        return await self.confirm(await self.open())

    async def confirm(self, opened: httpx.Response) -> tuple[int, dict[str, Any]]:
        """Confirm an activation that is open, as the other operator."""
        assert opened.status_code == 201, opened.text
        answer = msgspec.json.decode(opened.content, type=ActivationAnswer)
        self.activation = answer.activation_id
        vote = _body(signed(self.bob, asdict(answer.vote_fields)))
        path = f"{PATH}/{answer.activation_id}/confirm"
        answered = await self.desk.post(path, vote, self.bob.api_key)
        return answered.status_code, answered.json()

    async def end(self) -> dict[str, Any]:
        """End the activation before its time."""
        path = f"{PATH}/{self.activation}/end"
        answered = await self.desk.post(path, {"reason": "it is back"}, self.bob.api_key)
        assert answered.status_code == 200, answered.text
        ended: dict[str, Any] = answered.json()
        return ended


def _body(asked: SignActivation) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(asked), type=dict[str, Any])


@pytest.fixture
async def emergency(desk: Desk) -> Emergency:
    ada, bob = [Signer(*await desk.workplace.person(name, *ROLES)) for name in ("ada", "bob")]
    for signer in (ada, bob):
        await desk.story.workspace(signer, agent=f"desk-of-{signer.key.key_id[:8]}")
    _, _, request = await desk.story.asked(desk.workspace, OPEN_HANDED, VotePurpose.BREAK_GLASS)
    answer = await desk.story.vote(request, desk.signer)
    assert answer.approval_id is not None
    return Emergency(desk, ada, bob, answer.approval_id)


async def outcome(worker: Worker, call: tuple[str, object]) -> str:
    (made,) = await worker.propose(call)
    return str(made["status"])


async def refused(worker: Worker) -> tuple[int, str]:
    answered = await worker.post("preflight", {"request_hash": "ab" * 32})
    assert answered.status_code == 410, answered.text
    return answered.status_code, str(answered.json()["code"])


async def test_a_session_opened_meanwhile_runs_under_what_stood_by_and_ends_with_it(
    desk: Desk, emergency: Emergency
) -> None:
    before = await desk.worker()
    status, active = await emergency.sign()
    assert (status, active["status"]) == (200, "active")
    during = await desk.worker()
    assert await outcome(during, ESCALATE) == "granted"
    assert await outcome(before, ESCALATE) == "awaiting_approval"
    ended = await emergency.end()
    assert (ended["status"], ended["sessions_open"]) == ("ended", 1)
    assert await refused(during) == (410, "authority_expired")
    assert (await during.read())["status"] == "expired"
    assert await outcome(before, NOTE) == "granted"
    after = await desk.worker()
    assert await outcome(after, ESCALATE) == "awaiting_approval"


async def test_both_votes_name_the_checkpoint_that_whoever_opened_it_was_shown(
    desk: Desk, emergency: Emergency
) -> None:
    made = await make_checkpoint(desk.db, desk.workplace.founder, ServerKeys.generate(), desk.ids)
    other = CheckpointSeen(size=made.size, root="ab" * 32)
    refused = await emergency.open(other)
    assert refused.status_code == 422, refused.text
    assert [each["code"] for each in refused.json()["reasons"]] == ["signed_otherwise"]
    seen = CheckpointSeen(size=made.size, root=made.root.hex())
    opened = await emergency.open(seen)
    assert opened.json()["vote_fields"]["latest_checkpoint"] == asdict(seen)
    status, active = await emergency.confirm(opened)
    assert (status, active["status"]) == (200, "active")


async def test_what_was_prepared_and_granted_before_the_end_is_not_granted_or_started_after_it(
    desk: Desk, emergency: Emergency
) -> None:
    await emergency.sign()
    worker = await desk.worker()
    (call,) = await worker.propose(ESCALATE)
    prepared = await worker.prepare()
    await emergency.end()
    proposed = await worker.post("proposals", worker.proposal(prepared, NOTE))
    assert (proposed.status_code, proposed.json()["code"]) == (410, "authority_expired")
    assert "a break-glass ended, in time or early" in proposed.json()["detail"]
    started = await worker.start(call)
    assert (started.status_code, started.json()["code"]) == (410, "authority_expired")
    assert (await worker.report(call))["call_id"] == call["call_id"]


async def test_it_ends_by_the_clock_without_anybody_writing_it_down(
    desk: Desk, emergency: Emergency, let: Pass
) -> None:
    await emergency.sign()
    worker = await desk.worker()
    await let(emergency.activation, timedelta(minutes=30) - timedelta(seconds=30))
    assert await outcome(worker, NOTE) == "granted"
    await let(emergency.activation, timedelta(seconds=30))
    assert await refused(worker) == (410, "authority_expired")
    after = await desk.worker()
    assert await outcome(after, ESCALATE) == "awaiting_approval"


async def test_a_worker_writes_down_the_sessions_that_ended_with_it(
    desk: Desk, emergency: Emergency, runtime: Runtime
) -> None:
    await emergency.sign()
    worker = await desk.worker()
    session = await worker.read()
    async with desk.db.reading(desk.runtime) as tx:
        now = await tx.now()
    work = WorkDue(
        tenant_id=desk.workplace.tenant_id,
        kind=END_SESSIONS,
        ref=UUID(session["artifact_id"]),
        due_at=now,
    )
    assert await end_sessions(desk.db, runtime.ids, work) == 0
    await emergency.end()
    assert await end_sessions(desk.db, runtime.ids, work) == 1
    session = await worker.read()
    assert (session["status"], session["ended_why"]) == ("expired", "its activation ended")


async def test_the_plan_tells_of_it_and_its_tag_changes_with_it_and_with_its_end(
    desk: Desk, emergency: Emergency, let: Pass
) -> None:
    async def look(tag: str = "") -> tuple[int, str, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {desk.runtime_key}"}
        if tag:
            headers["If-None-Match"] = tag
        answered = await desk.client.get(PLAN, headers=headers)
        body = answered.json() if answered.status_code == 200 else {}
        return answered.status_code, answered.headers["etag"], body

    _, before, plain = await look()
    assert plain["activation_id"] is None
    assert (await look(before))[0] == 304
    await emergency.sign()
    status, during, plan = await look(before)
    assert (status, plan["activation_id"]) == (200, str(emergency.activation))
    assert (plan["status"], plan["approval_id"]) == ("ENFORCING", str(emergency.standby))
    assert (await look(during))[0] == 304
    await let(emergency.activation, timedelta(minutes=30))
    status, after, plan = await look(during)
    assert (status, plan["activation_id"]) == (200, None)
    assert (plan["approval_id"], plan["compiled_hash"]) == (
        str(desk.approval_id),
        plain["compiled_hash"],
    )
    assert len({before, during, after}) == 3


async def test_a_kill_of_the_tenant_is_not_lifted(desk: Desk, emergency: Emergency) -> None:
    opened = await emergency.open()
    await desk.kill_tenant()
    status, answer = await emergency.confirm(opened)
    assert (status, answer["code"]) == (422, "break_glass_refused")
    assert [reason["code"] for reason in answer["reasons"]] == ["killed"]


async def test_under_a_kill_of_the_tenant_nothing_is_opened(
    desk: Desk, emergency: Emergency
) -> None:
    await desk.kill_tenant()
    opened = await emergency.open()
    assert (opened.status_code, opened.json()["code"]) == (422, "break_glass_refused")
    assert [reason["code"] for reason in opened.json()["reasons"]] == ["killed"]


async def test_a_kill_while_it_is_active_stops_it_too(desk: Desk, emergency: Emergency) -> None:
    await emergency.sign()
    worker = await desk.worker()
    await desk.kill_tenant()
    assert await refused(worker) == (410, "tenant_killed")


async def test_a_revocation_kills_the_sessions_under_it(desk: Desk, emergency: Emergency) -> None:
    await emergency.sign()
    worker = await desk.worker()
    path = f"/api/v1/studio/approvals/{emergency.standby}/revoke"
    revoked = await desk.post(path, {"reason": "wrong"}, desk.operator_key)
    assert revoked.json()["sessions_open"] == 1
    assert await refused(worker) == (410, "artifact_revoked")
    after = await desk.worker()
    assert await outcome(after, ESCALATE) == "awaiting_approval"


async def test_the_list_is_paged_and_shows_each_as_it_counts(
    desk: Desk, emergency: Emergency
) -> None:
    await emergency.sign()
    await emergency.end()
    first = emergency.activation
    status, answer = await emergency.sign()
    assert (status, answer["reasons"][0]["code"]) == (422, "pair_rests")
    path = f"/api/v1/studio/workspaces/{desk.workspace.workspace_id}/break-glass"
    page = (await desk.get(f"{path}?limit=1", emergency.ada.api_key)).json()
    rest = await desk.get(f"{path}?cursor={page['next_cursor']}", emergency.ada.api_key)
    assert [item["status"] for item in page["items"]] == ["open"]
    assert [(item["activation_id"], item["status"]) for item in rest.json()["items"]] == [
        (str(first), "ended")
    ]
