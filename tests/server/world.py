"""Two tenants with something of every sort in them, for requests that must all be refused."""

import base64
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx
import msgspec
from tests.authority.lifts.signing import body_of, enrolled, vote_on
from tests.conftest import Workplace, found
from tests.replay.desk import Desk, Worker
from tests.studio.break_glass.scene import Scene
from tests.studio.drift.sightings import new_tool
from tests.studio.enrolments import people
from tests.studio.story import Signer, Story

from placet.authority.server_keys import ServerKeys
from placet.evidence.ed25519 import SigningKey
from placet.evidence.lift_vote import LiftAct
from placet.kernel.ids import ActorId, Ids
from placet.kernel.principal import Environment, Principal, Scope
from placet.storage.database import Database, Writing
from placet.studio.approvals import store as approvals
from placet.studio.drafts.model import Comment
from placet.studio.drift import service as drift
from placet.studio.drift.model import DriftDecision, DriftStatus
from placet.tenancy import service as tenancy
from placet.tenancy.model import (
    ActorKind,
    ApiKeyId,
    CreateActor,
    GrantRole,
    IssueApiKey,
    IssuedApiKey,
    Role,
)
from placet.tenancy.rules import format_key, make_key_id

ENDPOINTS: Final = "/api/v1/webhooks/endpoints"
PEOPLE: Final = ("actor", "viewer", "revoked", "expired", "disabled")


class World:
    """The keys and the ids of a tenant, and of another beside it, by name."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.keys: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self.documents: dict[str, str] = {}
        self.tenants: list[UUID] = []

    def filled(self, text: str) -> str:
        """Return the text with `%name%` replaced by what has that name."""
        for name, value in self.documents.items():
            text = text.replace(f'"%{name}%"', value)
        for name, value in (self.ids | self.keys).items():
            text = text.replace(f"%{name}%", value)
        return text

    def bearer(self, key: str) -> dict[str, str]:
        """Return the header that carries a key."""
        return {"Authorization": f"Bearer {self.keys[key]}"}


class Builder:
    """Fills a world by the ways that the product itself offers."""

    def __init__(
        self, client: httpx.AsyncClient, db: Database, ids: Ids, server_keys: ServerKeys
    ) -> None:
        """Stand on a running service."""
        self.world = World()
        self._client = client
        self._db = db
        self._ids = ids
        self._server_keys = server_keys

    async def build(self, admin_url: str) -> World:
        """Return the world. `admin_url` is where a key's time can be made to run out."""
        own = await found(self._db, self._ids)
        other = await found(self._db, self._ids)
        self.world.tenants = [own.tenant_id, other.tenant_id]
        self.world.keys |= {"admin": own.founder_key, "foreign_admin": other.founder_key}
        self.world.ids["foreign_tenant"] = str(other.tenant_id)
        await self._people(own)
        await self._foreigners(other)
        await self._authority(own, "")
        await self._authority(other, "foreign_")
        await _expire(admin_url, self.world.ids["expired_key_id"])
        await _keep_leases(admin_url, self.world.tenants)
        self._strangers()
        return self.world

    async def _people(self, own: Workplace) -> None:
        world = self.world
        async with self._db.writing(own.founder) as tx:
            for name in PEOPLE:
                actor = await tenancy.create_actor(
                    tx, CreateActor(kind=ActorKind.PERSON, name=name), self._ids
                )
                issued = await self._viewer_key(tx, actor.actor_id)
                world.ids["actor" if name == "actor" else f"{name}_actor"] = str(actor.actor_id)
                world.ids["key_id" if name == "actor" else f"{name}_key_id"] = issued.key.key_id
                world.keys[f"{name}_key" if name == "actor" else name] = str(issued.api_key)
            await tenancy.revoke_key(tx, ApiKeyId(world.ids["revoked_key_id"]), self._ids)
            await tenancy.disable_actor(tx, ActorId(UUID(world.ids["disabled_actor"])), self._ids)
        for name, scope in (("author", Scope.AUTHOR), ("operate", Scope.OPERATE)):
            world.keys[name] = await self._narrow_key(own.founder, scope)
        agent, world.keys["other_runtime"] = await own.agent("other-desk", Environment.STAGING)
        world.ids["agent"] = str(agent.actor_id)

    async def _foreigners(self, other: Workplace) -> None:
        async with self._db.writing(other.founder) as tx:
            actor = await tenancy.create_actor(
                tx, CreateActor(kind=ActorKind.PERSON, name="F"), self._ids
            )
            issued = await self._viewer_key(tx, actor.actor_id)
        self.world.ids |= {
            "foreign_actor": str(actor.actor_id),
            "foreign_key_id": issued.key.key_id,
        }

    async def _authority(self, workplace: Workplace, prefix: str) -> None:
        """Make what leads to an approval, and a session that works under one."""
        story = Story(self._db, self._ids, workplace, self._server_keys)
        desk = Desk(self._client, self._db, self._ids, workplace)
        await desk.approve(self._server_keys)
        self.world.keys[f"{prefix}runtime"] = desk.runtime_key
        signer = await story.signer("bob")
        endpoint = await self._endpoint(desk)
        workspace = await story.workspace(signer, agent="second-desk")
        _, snapshot, request = await story.asked(workspace)
        third = await story.workspace(signer, agent="third-desk")
        draft = await story.draft(third)
        await story.command(draft, Comment(text="begun"))
        newcomer = await story.signer("cy")
        enrolment = await people.asked(story, third.workspace_id, newcomer)
        made = {
            "workspace": workspace.workspace_id,
            "source": (await story.source(workspace)).source_id,
            "snapshot": snapshot.snapshot_id,
            "request": request.request_id,
            "third": third.workspace_id,
            "draft": draft.draft_id,
            "enrolment": enrolment.enrolment_id,
            "person_key": signer.key.key_id,
            "endpoint": endpoint,
        }
        told = f"{ENDPOINTS}/{endpoint}/deliveries"
        waiting = (await desk.get(told, workplace.founder_key)).json()["items"]
        made["delivery"] = waiting[0]["event_id"]
        shown = (await desk.get("/api/v1/studio/workspaces", workplace.founder_key)).json()
        (made["approval"],) = {item["active_approval_id"] for item in shown["items"]} - {None}
        made |= await self._drift(story, UUID(str(made["approval"])))
        made["activation"] = await self._activation(story)
        made |= await self._control(desk)
        made |= await self._tool_host(desk)
        made |= await self._issuer(desk)
        self.world.ids |= {f"{prefix}{name}": str(value) for name, value in made.items()}
        await self._session(desk, prefix)
        if not prefix:
            self.world.keys["approver"] = signer.api_key
            await self._ballots(story, signer)

    async def _drift(self, story: Story, approval_id: UUID) -> dict[str, UUID]:
        """Open two drift items under an approval, and resolve one of them."""
        async with self._db.writing(story.founder) as tx:
            approval = await approvals.get_approval(tx, approval_id)
            opened = [
                await drift.open_drift(tx, new_tool(approval, tool), self._ids)
                for tool in ("wire_money", "erase_all")
            ]
            first, second = (item.item_id for item, _ in opened if item is not None)
            resolved = DriftDecision(status=DriftStatus.RESOLVED, reason="gone")
            await drift.decide_item(tx, second, resolved, self._ids)
        return {"drift": first, "resolved_drift": second}

    async def _activation(self, story: Story) -> UUID:
        """Approve something to stand by, and have one operator open an activation of it."""
        scene = await Scene.build(story, agent="sixth-desk")
        return (await scene.open(scene.ada)).activation_id

    async def _control(self, desk: Desk) -> dict[str, str]:
        """Stop a tool that nobody has, and have one operator ask for the end of that."""
        path = "/api/v1/authority/controls"
        asked = {"kind": "tool", "target": "nowhere", "effect": "kill", "reason": "a drill"}
        control = await desk.post(path, asked, desk.operator_key)
        assert control.status_code == 201, control.text
        control_id = control.json()["control_id"]
        key = await enrolled(self._db, desk.operator)
        vote = vote_on(control.json(), LiftAct.ASK, self._ids.new(), desk.operator, key)
        lift = await desk.post(f"{path}/{control_id}/lifts", body_of(vote, key), desk.operator_key)
        assert lift.status_code == 201, lift.text
        return {"control": control_id, "lift": lift.json()["lift_id"]}

    async def _tool_host(self, desk: Desk) -> dict[str, str]:
        """Register a host of a tool that nobody has."""
        key = base64.b64encode(SigningKey.generate().public.raw).decode()
        asked = {
            "name": "nowhere",
            "environment": "development",
            "strength": "proxied",
            "tools": ["nowhere"],
            "public_key": key,
        }
        path = "/api/v1/authority/tool-hosts"
        host = await desk.post(path, asked, desk.workplace.founder_key)
        assert host.status_code == 201, host.text
        return {"tool_host": host.json()["host_id"], "tool_host_key": key}

    async def _issuer(self, desk: Desk) -> dict[str, str]:
        """Register an issuer of an agent that nobody has."""
        key = base64.b64encode(SigningKey.generate().public.raw).decode()
        asked = {
            "name": "nobody",
            "agent": "nobody",
            "environment": "development",
            "public_key": key,
        }
        made = await desk.post("/api/v1/authority/issuers", asked, desk.workplace.founder_key)
        assert made.status_code == 201, made.text
        return {"issuer": made.json()["issuer_id"], "issuer_key": key}

    async def _endpoint(self, desk: Desk) -> UUID:
        """Name an endpoint, which is never called, and return its id."""
        asked = {"url": "https://example.com/hook", "name": "tests"}
        answered = await desk.post(ENDPOINTS, asked, desk.workplace.founder_key)
        assert answered.status_code == 201, answered.text
        return UUID(answered.json()["endpoint"]["endpoint_id"])

    async def _ballots(self, story: Story, signer: Signer) -> None:
        """Keep votes that must not count: over other bytes, by another key, for another request."""
        workspace = await story.workspace(signer, agent="fourth-desk")
        _, _, request = await story.asked(workspace)
        good = bytes((await story.ballot(request, signer)).envelope)
        envelope = msgspec.json.decode(good)
        stranger = Signer(signer.principal, signer.api_key, SigningKey.generate())
        by_stranger = bytes((await story.ballot(request, stranger)).envelope)
        worse = envelope | {"payload": envelope["payload"][:-4] + "AAAA"}
        self.world.ids["voted_request"] = str(request.request_id)
        self.world.documents = {
            "good_envelope": good.decode(),
            "stranger_envelope": by_stranger.decode(),
            "changed_envelope": msgspec.json.encode(worse).decode(),
        }

    async def _session(self, desk: Desk, prefix: str) -> None:
        ids = self.world.ids
        asked = {"kind": "service", "name": "once"}
        key = desk.workplace.founder_key
        once = await desk.post("/api/v1/tenancy/actors", asked, key, Idempotency_Key="used-key")
        assert once.status_code == 201, once.text
        worker = await desk.worker(ttl_seconds=60)
        used = await worker.prepare()
        asked = worker.proposal(used, ("lookup_order", {"order_id": "ord_00000001"}))
        answered = await worker.post("proposals", asked)
        assert answered.status_code == 200, answered.text
        (call,) = answered.json()["calls"]
        free = await worker.prepare()
        ids |= {
            f"{prefix}session": str(worker.session_id),
            f"{prefix}binding": worker.binding,
            f"{prefix}call": call["call_id"],
            f"{prefix}arguments_hash": call["arguments_hash"],
            f"{prefix}used": used["prepared_request_id"],
            f"{prefix}prepared": free["prepared_request_id"],
        }
        if not prefix:
            await self._ended(desk)

    async def _ended(self, desk: Desk) -> None:
        """Make sessions that ask people, that were killed, and whose lease somebody else holds."""
        asking = await desk.worker(ttl_seconds=60)
        (asked,) = await asking.propose(("escalate", {"reason": "the customer shouts"}))
        assert asked["status"] == "awaiting_approval", asked
        killed = await desk.worker(ttl_seconds=60)
        stopped = await killed.post("kill", {"reason": "enough"}, desk.operator_key)
        assert stopped.status_code == 200, stopped.text
        frozen = await desk.worker(ttl_seconds=60)
        old = frozen.binding
        thief = Worker(desk, frozen.session_id)
        stolen = await thief.lease("steal", reason="the worker is frozen")
        assert stolen.status_code == 200, stolen.text
        self.world.keys["operator"] = desk.operator_key
        self.world.ids |= {
            "killed": str(killed.session_id),
            "killed_binding": killed.binding,
            "asking": str(asking.session_id),
            "asking_binding": asking.binding,
            "asked_call": asked["call_id"],
            "stolen": str(frozen.session_id),
            "old_binding": old,
        }

    async def _viewer_key(self, tx: Writing, actor: ActorId) -> IssuedApiKey:
        await tenancy.grant_role(tx, GrantRole(actor_id=actor, role=Role.VIEWER), self._ids)
        asked = IssueApiKey(actor_id=actor, name="key", scopes=[Scope.READ])
        return await tenancy.issue_key(tx, asked, self._ids)

    async def _narrow_key(self, founder: Principal, scope: Scope) -> str:
        """Return a key of the founder that carries one scope."""
        asked = IssueApiKey(actor_id=founder.actor_id, name=scope, scopes=[scope])
        async with self._db.writing(founder) as tx:
            return str((await tenancy.issue_key(tx, asked, self._ids)).api_key)

    def _strangers(self) -> None:
        """Add keys that were never issued: a new one, and a live id with another secret."""
        world, ids = self.world, self._ids
        world.ids["nobody"] = str(ids.new())
        world.keys["unknown"] = format_key(None, make_key_id(ids.token(8)), ids.token(32))
        world.keys["stolen_id"] = format_key(None, ApiKeyId(world.ids["key_id"]), ids.token(32))
        last = world.keys["admin"][-1]
        world.keys["admin_broken"] = world.keys["admin"][:-1] + ("A" if last != "A" else "B")


async def _keep_leases(admin_url: str, tenants: list[UUID]) -> None:
    """Let leases last for as long as the world is looked at; the application gives a minute."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(admin_url)
    await connection.execute(
        "UPDATE placet.replay_session SET lease_expires_at = lease_expires_at + interval '1 day'"
        " WHERE tenant_id = ANY($1::uuid[])",
        tenants,
    )
    await connection.close()


async def _expire(admin_url: str, key_id: str) -> None:
    """Let a key's time run out, as only time itself can: the application may not write this."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(admin_url)
    await connection.execute(
        "UPDATE placet.tenancy_api_key SET expires_at = now() WHERE key_id = $1", key_id
    )
    await connection.close()
